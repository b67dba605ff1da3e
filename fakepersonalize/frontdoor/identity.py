"""Read off a request who asks, from where, and which service the signature is for.

Pure functions of the headers and the query: nothing is verified, since the emulator holds no secrets of anybody.
How a credential is spelt: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

from fakepersonalize.arns import Scope

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
SIGNING_NAME = "personalize"  # of all three services
TARGET_PREFIX = "AmazonPersonalize"

AccountOfKey = Callable[[str], str | None]

_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")
_OLD_STYLE = re.compile(r"AWS ([^:\s]+):")  # signature version 2, still what boto3 puts into presigned S3 URLs
_ACCOUNT = re.compile(r"[0-9]{12}")
_ISSUED = re.compile(r"(AKIA|ASIA)[A-Z0-9]{16}")  # what IAM and STS hand out
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_READING = ("Get", "List", "Describe")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature says about its maker: access key, region and signing name of the service."""

    key: str
    region: str
    service: str


def signature(headers: Mapping[str, str], query: str) -> Signature | None:
    """Return what the request is signed with, in a header or in the query (presigned); None when it is not signed.

    `headers` has lower-case keys; `query` is the raw query string.
    """
    if authorization := headers.get("authorization"):
        return _in_header(authorization)
    if "X-Amz-Credential=" in query or "AWSAccessKeyId=" in query:
        return _in_query(query)
    return None


def for_personalize(headers: Mapping[str, str], query: str) -> bool:
    """Say whether a request is ours: signed for `personalize`, or carrying a target of Amazon Personalize.

    The path does not count, so buckets named `recommendations` or `events` remain S3's.
    """
    signed = signature(headers, query)
    if signed and signed.service == SIGNING_NAME:
        return True
    return headers.get("x-amz-target", "").startswith(TARGET_PREFIX)


def actions(query: str) -> list[str]:
    """Return the actions that a query names, as those of IAM, STS and others do: `Action=ListRoles`."""
    return parse_qs(query, keep_blank_values=True).get("Action", []) if query else []


def acts_unsigned(headers: Mapping[str, str], query: str) -> bool:
    """Say whether a query names an action that nobody signed for; a presigned URL may only read.

    Any website can make a browser open such a URL, presigned or not, since no signature is verified.
    """
    named = actions(query)
    if not named or "authorization" in headers:
        return False
    return signature(headers, query) is None or not all(action.startswith(_READING) for action in named)


def scope(
    headers: Mapping[str, str], query: str, account_of_key: AccountOfKey, default: str = DEFAULT_ACCOUNT
) -> Scope:
    """Return account and region of a request; an unsigned one belongs to the default account in us-east-1."""
    signed = signature(headers, query)
    if signed is None:
        return Scope(default, DEFAULT_REGION)
    region = signed.region if _REGION.fullmatch(signed.region) else DEFAULT_REGION
    return Scope(account(signed.key, account_of_key, default), region)


def account(key: str, account_of_key: AccountOfKey, default: str = DEFAULT_ACCOUNT) -> str:
    """Decide which account an access key belongs to: its issuer's, the one it spells in digits, or the default.

    This is the only place that decides it; neighbours are told what it returned.
    """
    if _ISSUED.fullmatch(key):
        return account_of_key(key) or default
    return key if _ACCOUNT.fullmatch(key) else default


@lru_cache(maxsize=1024)
def _credential(text: str) -> Signature | None:
    parts = text.rsplit("/", 4)  # key, date, region, service, aws4_request
    return Signature(parts[0], parts[2], parts[3]) if len(parts) == 5 else None


def _in_header(authorization: str) -> Signature | None:
    if found := _CREDENTIAL.search(authorization):
        return _credential(found[1])
    if found := _OLD_STYLE.match(authorization):
        return Signature(found[1], DEFAULT_REGION, "s3")
    return None


def _in_query(query: str) -> Signature | None:
    fields = parse_qs(query)
    if credential := fields.get("X-Amz-Credential"):
        return _credential(credential[0])
    if key := fields.get("AWSAccessKeyId"):
        return Signature(key[0], DEFAULT_REGION, "s3")
    return None
