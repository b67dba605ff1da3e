import random
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from fakepersonalize.protocol import patterns
from fakepersonalize.protocol.service_models import ServiceModels

ARN = r"arn:([a-z\d-]+):personalize:.*:.*:.+"
TAG = r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
SOURCE = r"^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$"
# Whoever adds one asks first how long a backtracking engine needs for its worst text.
KNOWN = {
    ARN,
    TAG,
    SOURCE,
    r"(s3|http|https)://.+",
    r"[A-Za-z0-9_]+",
    r"[A-Za-z\d_]+",
    r"[A-Za-z_][A-Za-z\d_]*",
    r"\p{ASCII}{0,1500}",
    r"^[A-Za-z_]+$",
    r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*",
    r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
    r"arn:aws.*:kms:.*:[0-9]{12}:key/.*",
    r"rate\(\d+ days?\)",
}


def patterns_inside(shape: Any) -> Iterator[str]:
    if "pattern" in shape.metadata:
        yield shape.metadata["pattern"]
    inside = {"structure": ["members"], "list": ["member"], "map": ["key", "value"]}.get(shape.type_name, [])
    for attribute in inside:
        part = getattr(shape, attribute)
        for child in part.values() if attribute == "members" else [part]:
            yield from patterns_inside(child)


def test_every_pattern_of_the_models_is_known_and_compiles() -> None:
    found = {pattern for operation in ServiceModels() for pattern in patterns_inside(operation.input)}
    assert found == KNOWN
    for pattern in found:
        assert patterns.python_pattern(pattern).fullmatch("é\n") is None


@pytest.mark.parametrize(
    ("pattern", "text", "verdict"),
    [
        (r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*", "films-2_a", True),
        (r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*", "films 2", False),
        (r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*", "-films", False),
        (r"^[A-Za-z_]+$", "Interactions\n", False),
        (r"rate\(\d+ days?\)", "rate(7 days)", True),
        (r"rate\(\d+ days?\)", "rate(\u0667 days)", False),  # Java's \d is ASCII
        (r"(s3|http|https)://.+", "s3://bucket/key", True),
        (r"(s3|http|https)://.+", "s3://bucket\u2028key", False),  # Java's dot stops at it
        (r"\p{ASCII}{0,1500}", "", True),
        (r"\p{ASCII}{0,1500}", "\x00~\x7f\n", True),
        (r"\p{ASCII}{0,1500}", "\x80", False),
        (TAG, "Équipe 7: données/été=été@+-_.", True),
        (TAG, "价格 \u0667 Ⅷ \U0001d49c", True),
        (TAG, "5 €", False),
        (TAG, "a\tb", False),
        (ARN, "arn:aws-us-gov:personalize:us-gov-west-1:123456789012:campaign/films", True),
        (ARN, "arn:aws:personalize:::recipe/aws-sims", True),
        (ARN, "arn:aws:personalize:us-east-1:films", False),
        (ARN, "arn:aws:personalize:us-east-1:123456789012:", False),
        (r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+", "arn:aws:iam::123456789012:role/a/b", True),
        (r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+", "arn:aws:iam::12345:role/a", False),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, text: str, verdict: bool) -> None:
    assert patterns.matches(pattern, text) is verdict


@pytest.mark.parametrize(
    ("pattern", "alphabet", "prefix"), [(ARN, ":a1\n/", "arn:aws:personalize:"), (SOURCE, " a~\n", "")]
)
def test_quick_equivalents_accept_the_same_texts(pattern: str, alphabet: str, prefix: str) -> None:
    original = re.compile(pattern)
    chance = random.Random(7)
    verdicts = []
    for _ in range(4000):
        text = prefix + "".join(chance.choices(alphabet, k=chance.randrange(9)))
        verdicts.append(patterns.matches(pattern, text))
        assert verdicts[-1] is bool(original.fullmatch(text)), text
    assert set(verdicts) == {True, False}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (ARN, "arn:a:personalize:" + ":" * 237 + "\n"),
        (SOURCE, "a" * 1023 + "\n"),
        (r"arn:aws.*:kms:.*:[0-9]{12}:key/.*", "arn:aws" + ":kms:" * 200 + ":000000000000:key/" * 57 + "\n"),
        (TAG, "\U0001d49c" * 255 + "\n"),
    ],
)
def test_the_worst_texts_are_refused(pattern: str, text: str) -> None:
    assert not patterns.matches(pattern, text)


def test_no_letter_number_or_separator_lies_above_the_planes_that_are_searched() -> None:
    above = range((patterns._LAST_PLANE_WITH_LETTERS + 1) << 16, sys.maxunicode + 1)
    assert not {unicodedata.category(chr(code))[0] for code in above} & set("LNZ")
