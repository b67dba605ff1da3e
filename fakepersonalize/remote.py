"""A server that runs elsewhere, told what to do by the methods that an emulator in this process has."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from fakepersonalize.storage.files import opened

ADMIN = "/_fakepersonalize"
PATIENCE_SECONDS, POLL_SECONDS = 60.0, 0.02
LONG_PATIENCE_SECONDS = 3600.0  # where models may be trained, or gigabytes moved
BLOCK_BYTES = 1 << 20
NOT_FOUND = 404
USUAL_ACCOUNT = "123456789012"
NO_URL = "A server is named by a URL such as http://127.0.0.1:7377, not {url!r}."


class Remote:
    """The admin pages of a server, as methods: the same as those of the Emulator that `mock_personalize()` gives.

    `url` is where the server listens, such as `http://127.0.0.1:7377`. `token` is its admin token, by default that of
    FAKEPERSONALIZE_TOKEN in the environment. What the server refuses raises ValueError with its sentence, LookupError
    where something is not there; OSError where nobody answers.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(NO_URL.format(url=url))
        self.url = url.rstrip("/")
        self._headers = authorization(token or os.environ.get("FAKEPERSONALIZE_TOKEN"))

    def fail(self, **rule: Any) -> int:
        """Make a rule by which something fails from now on, and return its number."""
        number: int = self.ask("POST", "/faults", rule)["number"]
        return number

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules in force with their numbers and how often each struck, oldest first."""
        found: list[dict[str, Any]] = self.ask("GET", "/faults")["faults"]
        return found

    def mend(self, number: int | None = None) -> None:
        """Remove the rule with a number, or all; what it held gets on."""
        self.ask("DELETE", "/faults" if number is None else f"/faults/{number}")

    def pin(
        self,
        campaign: str,
        user: str | None = None,
        item: str | None = None,
        items: Sequence[str | Mapping[str, Any]] | None = None,
        error: str | None = None,
        message: str | None = None,
    ) -> None:
        """Let a campaign or recommender answer a user, beside an item, with these items, or with an error."""
        asked = {"campaign": campaign, "user": user, "item": item, "error": error, "message": message}
        pin = {name: value for name, value in asked.items() if value is not None}
        self.ask("POST", "/pins", pin if items is None else pin | {"items": list(items)})

    def unpin(self, campaign: str | None = None, user: str | None = None, item: str | None = None) -> int:
        """Remove the pins that have what is given; without anything all, and strictness. Returns how many are gone."""
        removed: int = self.ask("DELETE", "/pins" + _query(campaign=campaign, user=user, item=item))["removed"]
        return removed

    def pins(self) -> list[dict[str, Any]]:
        """Return the pins in force, oldest first."""
        found: list[dict[str, Any]] = self.ask("GET", "/pins")["pins"]
        return found

    def strict(self, on: bool = True, campaign: str | None = None) -> None:
        """Let calls that no pin answers fail with NotPinned, all or those of one campaign; or no longer."""
        self.ask("POST", "/pins", {"strict": on} if campaign is None else {"strict": on, "campaign": campaign})

    @property
    def is_strict(self) -> bool:
        """Whether every call needs a pin."""
        return bool(self.ask("GET", "/pins")["strict"])

    def calls(self, operation: str | None = None, account: str | None = None) -> list[dict[str, Any]]:
        """Return the newest calls of an operation or an account, or all, oldest first."""
        page = "/requests" + _query(operation=operation, account=account)
        found: list[dict[str, Any]] = self.ask("GET", page)["requests"]
        return found

    def advance(
        self, seconds: float = 0.0, times: int = 0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """Move the clock of the profile `manual` on; what falls due has happened when this returns."""
        spans = {"seconds": seconds, "minutes": minutes, "hours": hours, "days": days, "times": times}
        self.ask("POST", "/clock", spans)

    def explain(self, recommendation_id: str, titles: str | None = None) -> dict[str, Any]:
        """Return why an answer is as it is: scores taken apart, and what filters removed (docs/explain.md)."""
        return self.ask("GET", f"/explain/{quote(recommendation_id, safe='')}" + _query(titles=titles))

    def reset(self, account: str | None = None, dataset_group: str | None = None, setup: bool = False) -> int:
        """Remove everything, or what is of one account or below one dataset group; return how many resources.

        With `setup`, the set-up file that the server was started with is then done again.
        """
        asked = {"account": account, "datasetGroupArn": dataset_group, "setup": setup or None}
        removed: int = self.ask("POST", "/reset", {k: v for k, v in asked.items() if v is not None})["removed"]
        return removed

    def save_snapshot(self, target: str | os.PathLike[str] | BinaryIO, objects: bool = False) -> None:
        """Write all resources, their data and models into one file, with `objects` also buckets and what is in them."""
        page = f"{ADMIN}/snapshot?objects={'true' if objects else 'false'}"
        with self._answer("GET", page) as answer, opened(target, "wb") as file:
            while block := answer.read(BLOCK_BYTES):
                file.write(block)

    def load_snapshot(self, source: str | os.PathLike[str] | BinaryIO) -> int:
        """Put what a snapshot holds in the place of all resources; return how many there are now."""
        with opened(source, "rb") as file, self._answer("POST", f"{ADMIN}/snapshot", file) as answer:
            loaded: int = json.load(answer)["loaded"]
        return loaded

    def empty(self) -> None:
        """Remove everything, buckets and roles too."""
        self._get("POST", "/moto-api/reset")

    def client(self, service: str, region: str = "us-east-1", account: str | None = None) -> Any:
        """Return a boto3 client of the server: of an account, that of the environment or else the usual one."""
        import boto3

        key = account or os.environ.get("AWS_ACCESS_KEY_ID") or USUAL_ACCOUNT
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "anything"}
        return boto3.client(service, region, endpoint_url=self.url, **keys)

    def ask(self, method: str, page: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask an admin page, such as `/clock`, and return what it answers."""
        found: dict[str, Any] = self._get(method, ADMIN + page, None if body is None else json.dumps(body).encode())
        return found

    def _get(self, method: str, path: str, data: bytes | None = None) -> Any:
        with self._answer(method, path, data) as answer:
            return json.load(answer)

    @contextmanager
    def _answer(self, method: str, path: str, data: bytes | BinaryIO | None = None) -> Iterator[Any]:
        body: Any = data if data is None or isinstance(data, bytes) else _blocks(data)
        request = urllib.request.Request(self.url + path, body, self._headers, method=method)  # noqa: S310 - http, see above
        try:
            with urllib.request.urlopen(request, timeout=LONG_PATIENCE_SECONDS) as answer:  # noqa: S310
                yield answer
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise _problem(refusal) from None


def authorization(token: str | None) -> dict[str, str]:
    """Return the headers that show an admin token; none without one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def port_of(port_file: Path, lives: Callable[[], bool]) -> int | None:
    """Wait until a server that was started has written its port; None where it does not live so long."""
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if port_file.exists():
            return int(port_file.read_text("ascii"))
        if not lives():
            return None
        time.sleep(POLL_SECONDS)
    return None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _query(**asked: str | None) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _problem(refusal: urllib.error.HTTPError) -> Exception:
    try:
        sentence = str(json.load(refusal)["error"])
    except (ValueError, KeyError, TypeError):
        sentence = f"{refusal.code} {refusal.reason}"
    return LookupError(sentence) if refusal.code == NOT_FOUND else ValueError(sentence)
