"""Every admin page, asked for things that nobody would think of: it does them or refuses them in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from fakepersonalize.faults import Rule
from fakepersonalize.frontdoor.pages import ADMIN
from fakepersonalize.recommend.pins import MEMBERS
from fakepersonalize.resources.kinds import KINDS
from fakepersonalize.server import create_app
from fakepersonalize.settings import Settings

# The names that the pages know, so that generated bodies get past the first check.
NAMES = [
    *("account", "datasetGroupArn", "setup", "seconds", "minutes", "hours", "days", "times", "strict"),
    *MEMBERS,
    *(field.name for field in fields(Rule)),
]
ARN = "arn:aws:personalize:us-east-1:123456789012:campaign/films"
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["123456789012", ARN, "GetRecommendations", "*", "[", "\0", ""])
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0, -1, 1e308, 10**400, 2**63, 253_402_300_800]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["itemId", "score", "x"]), inner, max_size=2),
    ),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), VALUES, max_size=4)
BODIES = st.one_of(OBJECTS.map(lambda found: json.dumps(found).encode()), VALUES.map(lambda v: json.dumps(v).encode()))
QUERIES = st.dictionaries(
    st.one_of(st.sampled_from(["operation", "account", "objects", "campaign", "user", "item"]), st.text(max_size=5)),
    TEXTS,
    max_size=2,
)
PLENTY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    app = create_app(Settings(in_process=True, lifecycle="manual"))
    yield app
    app.extensions["fakepersonalize"].close()


def routes() -> list[tuple[str, str]]:
    """Return method and path of all admin pages, whatever they are called by now."""
    app = create_app(Settings(in_process=True))
    app.extensions["fakepersonalize"].close()
    return sorted(
        (method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or () if method != "OPTIONS"
    )


ROUTES = routes()


def ask(app: Flask, method: str, path: str, query: dict[str, str], body: bytes) -> TestResponse:
    return Client(app).open(path, method=method, query_string=query, data=body)


def check(answer: TestResponse) -> None:
    try:
        _check(answer)
    finally:
        answer.close()


def _check(answer: TestResponse) -> None:
    assert answer.status_code < 500, answer.text
    if answer.is_streamed:  # a snapshot
        return
    if answer.status_code >= 400:
        sentence = answer.json["error"] if answer.json else ""
        assert answer.request.method == "HEAD" or sentence, answer.text
        assert "\n" not in sentence
        assert len(sentence) < 2000


@pytest.mark.parametrize(("method", "rule"), ROUTES)
@given(
    place=st.text(max_size=12), query=st.one_of(st.just({}), QUERIES), body=st.one_of(st.just(b""), BODIES, st.binary())
)
@example(place="0", query={}, body=b"{}")
@example(place="9" * 30, query={}, body=b"null")
@PLENTY
def test_every_page_answers_or_refuses_in_a_sentence(
    app: Flask, method: str, rule: str, place: str, query: dict[str, str], body: bytes
) -> None:
    path = rule.replace("<id_>", quote(place, safe="")).replace("<int:number>", quote(place, safe=""))
    check(ask(app, method, path, query, body))


@given(members=st.dictionaries(st.sampled_from(MEMBERS), VALUES), known=st.booleans())
@example(members={}, known=True)
@PLENTY
def test_pins_are_pinned_or_refused(app: Flask, members: dict[str, Any], known: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if known:  # whatever campaign is named
            patch.setattr(app.extensions["fakepersonalize"], "_require_endpoint", lambda arn: None)
        check_pins(app, members)


def check_pins(app: Flask, members: dict[str, Any]) -> None:
    check(ask(app, "POST", f"{ADMIN}/pins", {}, json.dumps(members).encode()))
    check(ask(app, "GET", f"{ADMIN}/pins", {}, b""))


@given(members=st.dictionaries(st.sampled_from([field.name for field in fields(Rule)]), VALUES))
@PLENTY
def test_rules_are_made_or_refused(app: Flask, members: dict[str, Any]) -> None:
    check(ask(app, "POST", f"{ADMIN}/faults", {}, json.dumps(members).encode()))
    check(ask(app, "GET", f"{ADMIN}/faults", {}, b""))


@given(members=st.dictionaries(st.sampled_from(["seconds", "minutes", "hours", "days", "times"]), NUMBERS))
@PLENTY
def test_the_clock_moves_or_refuses(app: Flask, members: dict[str, Any]) -> None:
    check(ask(app, "POST", f"{ADMIN}/clock", {}, json.dumps(members).encode()))
    check(ask(app, "GET", f"{ADMIN}/clock", {}, b""))


@pytest.mark.parametrize(("method", "rule"), [(method, rule) for method, rule in ROUTES if method in ("GET", "HEAD")])
def test_a_page_that_is_read_changes_nothing(app: Flask, method: str, rule: str) -> None:
    emulator = app.extensions["fakepersonalize"]
    emulator.fail(operation="ListSchemas", error="ThrottlingException")
    signed = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/personalize/aws4_request, Signature=0"
    headers = {"Authorization": signed, "X-Amz-Target": "AmazonPersonalize.CreateDatasetGroup"}
    Client(app).post("/", data=b'{"name": "films"}', headers=headers).close()

    def state() -> Any:
        kept = {found.arn: dict(found.document) for kind in KINDS.values() for found in emulator.shelf.of_kind(kind)}
        return kept, emulator.faults(), emulator.pins(), emulator.is_strict, emulator.clock.now(), emulator.calls()

    before = state()
    Client(app).open(rule.replace("<id_>", "RID-1"), method=method, query_string={}).close()
    assert state() == before
    emulator.mend()
