"""What policies of buckets say of requests for objects: moto lets each denial hit everybody, whatever its conditions.

Keys of conditions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from fakepersonalize.clients import OWN
from fakepersonalize.frontdoor import identity
from fakepersonalize.frontdoor.identity import Signature
from fakepersonalize.permissions.policy import ALLOW, DENY, Principal, Request, decide

# Of a server on one's own machine nobody expects TLS; on AWS the same request comes over it.
FACTS = {"aws:securetransport": "true", "aws:principalisawsservice": "false", "aws:viaawsservice": "false"}
HEADERS = {"aws:referer": "referer", "aws:useragent": "user-agent"}
# Networks and organisations, which are others here than on AWS: their denials would lock everybody out.
PLACES = (
    *("aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc*", "aws:vpce*"),
    *("aws:principalorg*", "aws:resourceorg*", "aws:sourceorg*"),
)
OF_OBJECTS = "s3:x-amz-*"  # what the request that begins an upload in parts says of the object
VERBS = {"s3:HeadObject": "Get", "s3:GetObject": "Get", "s3:DeleteObject": "Delete"}  # the others put
ASPECTS = {"acl": "Acl", "tagging": "Tagging", "retention": "Retention", "legal-hold": "LegalHold"}
OF_UPLOADS = {"Get": "s3:ListMultipartUploadParts", "Delete": "s3:AbortMultipartUpload", "Put": "s3:PutObject"}
ANYBODY = Principal("Anonymous", "")

_asked: ContextVar[tuple[Any, Any, str]] = ContextVar("asked")  # moto's response, the request and its URL


def prepare() -> None:
    """Make moto's S3 ask us what the policy of a bucket says, once per process."""
    from moto.s3 import models, responses

    bucket, response = cast(Any, models.FakeBucket), cast(Any, responses.S3Response)
    if bucket.get_permission is _permission:
        return
    bucket.get_permission = _permission
    for name in ("_bucket_response", "_key_response"):
        setattr(response, name, _asking(getattr(response, name)))


def _asking(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def asking(response: Any, request: Any, full_url: str) -> Any:
        from moto.s3.exceptions import S3AccessDeniedError

        token = _asked.set((response, request, full_url))
        try:
            answer = method(response, request, full_url)
        finally:
            _asked.reset(token)
        if answer == (403, {}, ""):  # how moto refuses; S3 says why
            raise S3AccessDeniedError
        return answer

    return asking


def _permission(bucket: Any, action: str, resource: str) -> Any:
    from moto.iam.access_control import PermissionResult

    response, request, full_url = _asked.get()
    if bucket.policy is None or getattr(request, "environ", {}).get(OWN) or request.method == "OPTIONS":
        return PermissionResult.NEUTRAL
    query = urlsplit(full_url).query
    found = decide([bucket.policy], _request(bucket, action, resource, response, query))
    if found == DENY:
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if found == ALLOW else PermissionResult.NEUTRAL


def _request(bucket: Any, action: str, resource: str, response: Any, query: str) -> Request:
    headers = {name.lower(): value for name, value in response.headers.items()}
    signed = identity.signature(headers, query)
    principal, facts = _signer(signed, response, headers) if signed else (ANYBODY, _who("Anonymous", "anonymous"))
    fields = parse_qs(query, keep_blank_values=True)
    resource = resource.replace("arn:aws:", f"arn:{bucket.partition}:", 1)
    context = {
        **{f"s3:{name}": value for name, value in headers.items() if name.startswith("x-amz-")},
        **{key: headers[name] for key, name in HEADERS.items() if name in headers},
        **{f"{service}:resourceaccount": bucket.account_id for service in ("aws", "s3")},
        **FACTS,
        **facts,
    }
    unsaid = (*PLACES, OF_OBJECTS) if "uploadId" in fields else PLACES
    return Request(_action(action, fields), resource, principal, context, unsaid)


def _action(named: str, fields: Mapping[str, Any]) -> str:
    """Return the action as policies call it; moto names it by the method of HTTP alone."""
    verb = VERBS.get(named, "Put")
    if "uploadId" in fields:
        return OF_UPLOADS[verb]
    aspect = next((name for field, name in ASPECTS.items() if field in fields), "")
    return f"s3:{verb}Object{'Version' if 'versionId' in fields else ''}{aspect}"


def _signer(signed: Signature, response: Any, headers: Mapping[str, str]) -> tuple[Principal, dict[str, str]]:
    """Return who signed, and what conditions may ask about that."""
    in_header = "authorization" in headers
    principal, facts = _owner(signed.key, response)
    return principal, {
        **facts,
        "aws:principalaccount": response.current_account,
        "s3:authtype": "REST-HEADER" if in_header else "REST-QUERY-STRING",
        "s3:signatureversion": "AWS" if headers.get("authorization", "").startswith("AWS ") else "AWS4-HMAC-SHA256",
    }


def _owner(key: str, response: Any) -> tuple[Principal, dict[str, str]]:
    """Return whose an access key is: a session's, a user's, or that of the account itself, as any unissued one."""
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends
    from moto.utilities.utils import get_partition

    account, partition = response.current_account, get_partition(response.region)
    for role in list(sts_backends[account][partition].assumed_roles):
        if role.access_key_id == key:
            who = _who("AssumedRole", role.user_id, role.role_arn)
            return Principal("AWS", role.arn, (role.role_arn,)), who
    for user in list(iam_backends[account][partition].users.values()):
        if any(issued.access_key_id == key for issued in user.access_keys):
            return Principal("AWS", user.arn), {**_who("User", user.id, user.arn), "aws:username": user.name}
    root = f"arn:{partition}:iam::{account}:root"
    return Principal("AWS", root), _who("Account", account, root)


def _who(kind: str, user_id: str, arn: str | None = None) -> dict[str, str]:
    return {"aws:principaltype": kind, "aws:userid": user_id, **({"aws:principalarn": arn} if arn else {})}
