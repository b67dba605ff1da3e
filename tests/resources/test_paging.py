import base64
import json
import random

import pytest

from fakepersonalize.errors import InvalidNextTokenException
from fakepersonalize.resources import paging

QUESTION = ("ListSolutions", "123456789012", "eu-west-1", None)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("last", [0, 1, 2**63 - 1])
def test_a_token_says_where_its_list_goes_on(last: int) -> None:
    assert paging.read(paging.write(last, QUESTION), QUESTION) == last


def test_tokens_fit_the_service_model() -> None:
    token = paging.write(2**63 - 1, ("L" * 60, "1" * 12, "r" * 20, "a" * 256))
    assert len(token) <= 1500
    assert token.isascii()


@pytest.mark.parametrize("place", range(4))
def test_a_token_of_another_question_is_refused(place: int) -> None:
    other = tuple("other" if n == place else word for n, word in enumerate(QUESTION))
    with pytest.raises(InvalidNextTokenException, match=r"^The token is not valid\.$"):
        paging.read(paging.write(7, other), QUESTION)


def test_a_question_cannot_pass_for_another_by_where_its_words_end() -> None:
    assert paging.digest(("ab", "c")) != paging.digest(("a", "bc"))
    assert paging.digest((None,)) != paging.digest(("null",))


@pytest.mark.parametrize(
    "token",
    [
        "",
        " ",
        "=",
        "x",
        "\ud83d",
        "日本",
        "\0",
        "AAAA" * 300,
        packed(7),
        packed(None),
        packed([]),
        packed([7]),
        packed("ab"),
        packed({"a": 1, "b": 2}),
        packed([7, None]),
        packed([7, paging.digest(QUESTION), 1]),
        packed([True, paging.digest(QUESTION)]),
        packed([7.0, paging.digest(QUESTION)]),
        packed(["7", paging.digest(QUESTION)]),
        packed([-1, paging.digest(QUESTION)]),
        packed([2**63, paging.digest(QUESTION)]),
        packed([[7], paging.digest(QUESTION)]),
        base64.urlsafe_b64encode(b"[" * 1000).decode(),
        base64.urlsafe_b64encode(b"[" * 200_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"9" * 5000).decode(),
        base64.urlsafe_b64encode(b"[NaN, Infinity]").decode(),
    ],
)
def test_garbage_is_refused(token: str) -> None:
    with pytest.raises(InvalidNextTokenException):
        paging.read(token, QUESTION)


def test_a_token_with_any_letter_changed_is_refused_or_means_a_number() -> None:
    token, randomness = paging.write(123456, QUESTION), random.Random(0)
    letters = [chr(number) for number in range(32, 127)]
    refused = 0
    for _ in range(3000):
        changed = list(token)
        for _ in range(randomness.randint(1, 3)):
            changed[randomness.randrange(len(changed))] = randomness.choice(letters)
        try:
            assert paging.read("".join(changed), QUESTION) >= 0
        except InvalidNextTokenException:
            refused += 1
    assert refused > 2000


def test_random_bytes_are_refused() -> None:
    randomness = random.Random(1)
    for _ in range(2000):
        raw = randomness.randbytes(randomness.randrange(60))
        for token in (raw.decode("latin-1"), base64.urlsafe_b64encode(raw).decode()):
            with pytest.raises(InvalidNextTokenException):
                paging.read(token, QUESTION)
