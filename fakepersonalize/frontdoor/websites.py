"""Which requests a browser sends on behalf of another website, and which of those are harmless.

A page anywhere can make a browser send requests to this machine: by images, forms, scripts and links. It cannot read
the answers, because none carries CORS headers, so only requests that change something matter. Browsers say where a
request comes from in `Origin` and, to this machine, in `Sec-Fetch-Site`; scripts of a page can change neither. Source:
https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from collections.abc import Mapping

from fakepersonalize.frontdoor import identity, pages

OWN_SITE = ("none", "same-origin")  # typed or bookmarked; a page of this server
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}  # a link that opens in a tab or a window
SCHEMES = ("http", "https")
S3 = "s3"


def is_foreign(method: str, path: str, headers: Mapping[str, str], query: str) -> bool:
    """Say whether another website caused a request that may not pass. `headers` has lower-case names.

    A client that is no browser sends neither header and always passes; Node.js sends `Sec-Fetch-Mode` alone.
    """
    origin = headers.get("origin")
    if origin is not None and not _is_own(origin, headers.get("host", "")):
        return True
    if headers.get("sec-fetch-site", "none") in OWN_SITE:
        return False
    return not (
        method == "GET"
        and all(headers.get(name) == value for name, value in NAVIGATION.items())
        and (pages.is_openable(path) or _reads_s3(path, headers, query))
    )


def _is_own(origin: str, host: str) -> bool:
    """Compare an Origin with the Host that was asked for: name and port, as the browser spells them in both."""
    scheme, _, authority = origin.partition("://")
    return scheme in SCHEMES and authority.lower() == host.lower()


def _reads_s3(path: str, headers: Mapping[str, str], query: str) -> bool:
    """Say whether a GET can only read from S3, presigned or unsigned."""
    if pages.is_admin(path) or pages.is_moto(path) or identity.actions(query):
        return False
    signed = identity.signature(headers, query)
    if signed:
        return signed.service == S3
    return "_" not in path.removeprefix("/").partition("/")[0]  # moto: /SERVICE_REGION/...; no bucket has one
