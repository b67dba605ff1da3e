"""What policies of buckets say of requests to S3: moto lets each denial hit everybody, whatever its conditions.

Where permissions are enforced, they also decide between accounts: a bucket is its owner's, and anybody else needs a
policy that allows the request. ACLs are not looked at.

Keys of conditions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

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
ENFORCED = "fakepersonalize.enforced"  # in the environment of a WSGI request: policies decide between accounts
# Settings of buckets for which moto has no action, as policies call them behind Get and Put.
SETTINGS = {
    "analytics": "AnalyticsConfiguration",
    "encryption": "EncryptionConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "inventory": "InventoryConfiguration",
    "metrics": "MetricsConfiguration",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
}
LISTING, CREATING, DELETING, UPLOADING = "ListBucket", "CreateBucket", "DeleteObject", "PutObject"

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
    for name in ("copy_object", "upload_part_copy"):
        setattr(response, name, _copying(getattr(response, name)))
    response._authenticate_and_authorize_s3_action = _authorizing(response._authenticate_and_authorize_s3_action)


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


def _copying(method: Callable[..., Any]) -> Callable[..., Any]:
    """Ask about the object that is copied as well."""

    @wraps(method)
    def copying(response: Any, *asked: Any, **more: Any) -> Any:
        source = unquote(urlsplit(response.headers["x-amz-copy-source"]).path).lstrip("/")
        name, _, key = source.partition("/")
        _require(response, name, "GetObject", key)
        return method(response, *asked, **more)

    return copying


def _authorizing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Ask about a request for a bucket, whose action moto names; one for an object asks for the bucket's permission."""

    @wraps(method)
    def authorizing(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> Any:
        if not key_name:
            _require_bucket(response, bucket_name)
        return method(response, bucket_name=bucket_name, key_name=key_name)

    return authorizing


def _require_bucket(response: Any, name: str | None) -> None:
    request, full_url = _asked.get()[1:]
    fields = parse_qs(urlsplit(full_url).query, keep_blank_values=True)
    action, setting = response.data.get("Action", LISTING), next((each for each in SETTINGS if each in fields), None)
    if setting:
        action = f"{'Get' if request.method == 'GET' else 'Put'}{SETTINGS[setting]}"
    if action in (CREATING, DELETING):  # it says itself that the name is taken; each object is asked about
        return
    key = response.querystring.get("key", [""])[0] if action == UPLOADING else ""
    _require(response, name, LISTING if action == "HeadBucket" else action, key)


def _require(response: Any, name: str | None, action: str, key: str = "") -> None:
    """Refuse a request of another account for a bucket, or for an object in it, that its policy does not allow."""
    from moto.s3.exceptions import S3AccessDeniedError, S3ClientError

    request, full_url = _asked.get()[1:]
    if not _is_enforced(request):
        return
    query = urlsplit(full_url).query
    if name is None:  # the list of all buckets of an account
        if identity.signature(_headers(response), query) is None:
            raise S3AccessDeniedError
        return
    try:
        bucket = response.backend.get_bucket(name)
    except S3ClientError:  # whoever needs it will say so
        return
    resource = f"arn:aws:s3:::{name}/{key}" if key else f"arn:aws:s3:::{name}"
    asked = _request(bucket, f"s3:{action}", resource, response, query)
    if not _is_owner(bucket, asked) and (bucket.policy is None or decide([bucket.policy], asked) != ALLOW):
        raise S3AccessDeniedError


def _permission(bucket: Any, action: str, resource: str) -> Any:
    from moto.iam.access_control import PermissionResult

    response, request, full_url = _asked.get()
    enforced = _is_enforced(request)
    if (bucket.policy is None and not enforced) or _is_own(request) or request.method == "OPTIONS":
        return PermissionResult.NEUTRAL
    query = urlsplit(full_url).query
    fields = parse_qs(query, keep_blank_values=True)
    asked = _request(bucket, _action(action, fields), resource, response, query)
    found = None if bucket.policy is None else decide([bucket.policy], asked)
    if found == DENY or (enforced and found != ALLOW and not _is_owner(bucket, asked)):
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if found == ALLOW else PermissionResult.NEUTRAL


def _is_own(request: Any) -> bool:
    return bool(getattr(request, "environ", {}).get(OWN))


def _is_enforced(request: Any) -> bool:
    return bool(getattr(request, "environ", {}).get(ENFORCED)) and not _is_own(request)


def _is_owner(bucket: Any, asked: Request) -> bool:
    account: str = bucket.account_id
    return asked.context.get("aws:principalaccount") == account


def _headers(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _request(bucket: Any, action: str, resource: str, response: Any, query: str) -> Request:
    headers = _headers(response)
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
    return Request(action, resource, principal, context, unsaid)


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
