"""Pages that AWS does not have: ours under `/_fakepersonalize/`, moto's under `/moto-api/`, and who may use them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from fakepersonalize import errors

ADMIN = "/_fakepersonalize"  # no bucket may begin with an underscore
MOTO = "/moto-api"  # moto takes whatever begins so for its own, whoever signs for it
HEALTH = f"{ADMIN}/health/"

# A link on another website may open these pages and everything below those that end in a slash. They change nothing and
# cost next to nothing; new pages of that kind are added here. The snapshot is left out: each one is a file on the disk
# while it is sent.
OPENABLE = tuple(
    f"{ADMIN}/{page}"
    for page in ("clock", "explain/", "faults", "health/", "jobs", "pins", "requests", "settings", "status")
)

# moto's pages and their methods. Off are its recorder, which appends requests with their credentials to a file in the
# working directory, and its dashboard, which loads scripts of other origins.
READING = ("GET", "HEAD")
MOTO_PAGES: Mapping[str, tuple[str, ...]] = {
    "/moto-api/config": (*READING, "POST"),
    "/moto-api/data.json": READING,
    "/moto-api/proxy/passthrough": (*READING, "POST", "DELETE"),
    "/moto-api/reset": ("POST",),
    "/moto-api/reset-auth": ("POST",),
    "/moto-api/seed": ("POST",),
    "/moto-api/state-manager/get-transition": READING,
    "/moto-api/state-manager/set-transition": ("POST",),
    "/moto-api/state-manager/unset-transition": ("POST",),
    "/moto-api/static/": ("POST",),  # answers that tests prepare
}

_FORWARDED = ("forwarded", "x-forwarded-")  # beginnings of the headers that proxies add
_BEARER = "bearer "


def is_admin(path: str) -> bool:
    return path == ADMIN or path.startswith(f"{ADMIN}/")


def is_moto(path: str) -> bool:
    return path.startswith(MOTO)


def is_openable(path: str) -> bool:
    """Say whether a link on another website may open a page."""
    return any(_covers(page, path) for page in OPENABLE)


def moto_methods(path: str) -> tuple[str, ...]:
    """Return the methods that a page of moto takes; none where the page is off or does not exist."""
    return next((methods for page, methods in MOTO_PAGES.items() if _covers(page, path)), ())


def _covers(page: str, path: str) -> bool:
    return path.startswith(page) if page.endswith("/") else path == page


class Guard:
    """Decides who may use the pages: with a `token`, whoever sends it; without the need for one, everybody.

    The token is needed everywhere if the server `listens_widely`, that is, beyond loopback. Otherwise it is needed for
    requests that a proxy forwarded, which may come from anywhere. The address of the peer proves nothing: it may be a
    proxy, a container's gateway or a tunnel.
    """

    def __init__(self, token: str | None = None, listens_widely: bool = False) -> None:
        self._token, self._listens_widely = token, listens_widely

    def refusal(self, path: str, headers: Mapping[str, str]) -> str | None:
        """Return why a request for a page is refused, or None. `headers` has lower-case names."""
        if path.startswith(HEALTH) or not (
            self._listens_widely or any(name.startswith(_FORWARDED) for name in headers)
        ):
            return None
        if self._token is None:
            return errors.NO_ADMIN_TOKEN
        given = headers.get("authorization", "")
        sent = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
        return None if hmac.compare_digest(sent.encode(), self._token.encode()) else errors.NEEDS_ADMIN_TOKEN
