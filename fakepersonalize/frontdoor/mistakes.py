"""What moto takes for granted about requests to S3: where it is not so, moto would fail, and S3 answers or refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs, unquote, urlsplit
from xml.parsers.expat import ExpatError

from fakepersonalize.permissions.policy import listed

# Sources: https://github.com/aws/aws-cli/issues/2779, https://github.com/aws-samples/aws-serverless-appsync-app/issues/4
# and https://github.com/versity/versitygw/issues/1389 (seen);
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
POLICY_IS_NO_JSON = "Policies must be valid JSON and the first byte must be '{'"
MISSING_IN_POLICY = "Missing required field {element}"
WRONG_IN_POLICY = "Policy has invalid {element}"
NUL_IN_KEY = "Couldn't parse the specified URI."
UNKNOWN_ACL = "Unknown canned acl"  # moto's words
KEYS = ("key_name", "dest_key_name")  # parameters of moto
NO_KEY_TO_COPY = "Invalid copy source object key"
NO_KEY_IN_FORM = (
    "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields."
)
NO_SUCH_PART = (
    "<Error><Code>InvalidPartNumber</Code><Message>The requested partnumber is not satisfiable</Message></Error>"
)
LARGEST = 2**31 - 1
NUMBERS = ("max-keys", "max-parts", "max-uploads", "part-number-marker")  # of queries, from 0 on
MOST_PARTS = 10_000
TEXTS = ("Action", "Resource")  # of a policy, each one or a list

_INTEGER = re.compile(r"-?[0-9]{1,19}")


def prepare() -> None:
    """Make moto's S3 refuse what S3 refuses, once per process."""
    from moto.s3 import models, responses, utils

    uploads, backend = cast(Any, models.MultipartDict), cast(Any, models.S3Backend)
    response = responses.S3Response
    if hasattr(uploads, "__missing__"):
        return
    uploads.__missing__ = _no_such_upload
    for owner, name, check in (
        (backend, "put_bucket_policy", _require_policy),
        (backend, "list_objects_v2", _require_known_token),
        (backend, "delete_object_tagging", _require_object),
        (response, "copy_object", _require_source),
        (response, "upload_part_copy", _require_source),
    ):
        setattr(owner, name, _checking(getattr(owner, name), check))
    for name in ("get_object", "head_object"):
        setattr(response, name, _parting(getattr(response, name)))
    for name in ("put_object", "copy_object", "create_multipart_upload"):
        setattr(backend, name, _keyed(getattr(backend, name)))
    backend.delete_bucket = _at_its_owner(backend.delete_bucket)
    for names, listing in LISTINGS.items():
        for name in names:
            setattr(utils._VersionedKeyStore, name, listing)
    for name in ("_bucket_response", "_key_response"):
        setattr(response, name, _reading(_checking(getattr(response, name), _require_numbers)))


def _lists(keys: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the keys of a bucket and their versions as they were when this began: moto would miss what was deleted."""
    yield from dict(keys).items()


def _items(keys: Any) -> Iterator[tuple[str, Any]]:
    return ((key, versions[-1]) for key, versions in _lists(keys))


def _values(keys: Any) -> Iterator[Any]:
    return (versions[-1] for _, versions in _lists(keys))


LISTINGS = {("lists", "iterlists"): _lists, ("items", "iteritems"): _items, ("values", "itervalues"): _values}


def _no_such_upload(_: Any, upload: str) -> NoReturn:
    from moto.s3.exceptions import NoSuchUpload

    raise NoSuchUpload(upload)


def _at_its_owner(delete_bucket: Callable[..., Any]) -> Callable[..., Any]:
    """Delete a bucket of another account in that account: moto would forget whose it is, and fail."""

    @wraps(delete_bucket)
    def deleted(backend: Any, bucket_name: str) -> Any:
        from moto.s3.models import s3_backends

        owner = s3_backends.bucket_accounts.get(bucket_name)
        if owner and bucket_name not in backend.buckets:
            partition, account = owner
            backend = s3_backends[account][partition]
        return delete_bucket(backend, bucket_name)

    return deleted


def _require_object(backend: Any, bucket_name: str, key_name: str, version_id: str | None = None) -> None:
    from moto.s3.exceptions import MissingKey, MissingVersion

    if backend.get_object(bucket_name, key_name, version_id=version_id) is None:
        raise MissingVersion() if version_id else MissingKey(key=key_name)


def _require_policy(_: Any, bucket_name: str, policy: bytes) -> None:
    """Refuse what is no policy: moto would fail at each later request for an object of the bucket."""
    from moto.s3.exceptions import S3ClientError

    problem = _problem(policy)
    if problem:
        raise S3ClientError("MalformedPolicy", problem)


def _problem(policy: bytes) -> str | None:
    try:
        found = json.loads(policy)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return POLICY_IS_NO_JSON
    if "Statement" not in found:
        return MISSING_IN_POLICY.format(element="Statement")
    return next(filter(None, map(_problem_of, listed(found["Statement"]))), None)


def _problem_of(statement: Any) -> str | None:
    for element in ("Effect", "Principal", "Action", "Resource"):
        names = {element, f"Not{element}"} & {*statement} if isinstance(statement, dict) else ()
        if not names:
            return MISSING_IN_POLICY.format(element=element)
        if element in TEXTS and not all(isinstance(each, str) for name in names for each in listed(statement[name])):
            return WRONG_IN_POLICY.format(element=element.lower())
    return None


def _require_known_token(backend: Any, continuation_token: str | None, **_: Any) -> None:
    from moto.s3.exceptions import InvalidContinuationToken

    if continuation_token and continuation_token not in backend._pagination_tokens:
        raise InvalidContinuationToken


def _keyed(method: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a key with a NUL, at which archives and many programs end a name."""
    positions = [place for place, name in enumerate(signature(method).parameters) if name in KEYS]

    @wraps(method)
    def keyed(*asked: Any, **more: Any) -> Any:
        from moto.s3.exceptions import S3ClientError

        keys = [asked[place] for place in positions if place < len(asked)] + [more.get(name, "") for name in KEYS]
        if any("\0" in key for key in keys):
            raise S3ClientError("InvalidURI", NUL_IN_KEY)
        return method(*asked, **more)

    return keyed


def _require_source(response: Any) -> None:
    from moto.s3.exceptions import S3ClientError

    source = unquote(urlsplit(response.headers["x-amz-copy-source"]).path).lstrip("/")
    if not source.partition("/")[2]:
        raise S3ClientError("InvalidArgument", NO_KEY_TO_COPY)


def _require_numbers(_: Any, __: Any, full_url: str) -> None:
    from moto.s3.exceptions import InvalidMaxPartArgument, InvalidMaxPartNumberArgument, NotAnIntegerException

    for name, (value, *_rest) in parse_qs(urlsplit(full_url).query, keep_blank_values=True).items():
        number = int(value) if _INTEGER.fullmatch(value) else None
        if name == "partNumber" and (number is None or not 1 <= number <= MOST_PARTS):
            raise InvalidMaxPartNumberArgument(cast(Any, value))
        if name in NUMBERS and (number is None or number > LARGEST):
            raise NotAnIntegerException(name, cast(Any, value))
        if name in NUMBERS and number is not None and number < 0:
            raise InvalidMaxPartArgument(name, 0, LARGEST)


def _parting(method: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse the part of an object that it does not have."""

    @wraps(method)
    def parted(response: Any, *asked: Any, **more: Any) -> Any:
        for number in response.querystring.get("partNumber", ()):
            version = response.querystring.get("versionId", [None])[0]
            key = response.backend.get_object(response.bucket_name, response.parse_key_name(), version)
            if key and int(number) not in (key.multipart.parts if key.multipart else (1,)):
                return 416, {"content-type": "application/xml"}, NO_SUCH_PART
        return method(response, *asked, **more)

    return parted


def _checking(method: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    @wraps(method)
    def checked(*asked: Any, **more: Any) -> Any:
        check(*asked, **more)
        return method(*asked, **more)

    return checked


def _reading(method: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse bodies and headers that moto cannot read."""

    @wraps(method)
    def read(response: Any, *asked: Any) -> Any:
        from moto.s3.exceptions import MalformedXML, S3ClientError

        try:
            return method(response, *asked)
        except ExpatError:
            raise MalformedXML from None
        except KeyError as missing:
            if missing.args == ("key",):
                raise S3ClientError("InvalidArgument", NO_KEY_IN_FORM) from None
            if not _lacks(response.body, missing.args[0]):
                raise
            raise MalformedXML from None
        except AssertionError as problem:
            if not str(problem).startswith(UNKNOWN_ACL):
                raise
            raise S3ClientError("InvalidArgument", str(problem)) from None

    return read


def _lacks(body: Any, element: Any) -> bool:
    """Say whether it is an element of XML that moto looked for in vain in a body."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    return isinstance(element, str) and element[:1].isupper() and "<" in text and f"<{element}" not in text
