"""The lines of batch jobs: JSON in, JSON out, in the keys and number formats that the service was seen to write.

Sources: https://docs.aws.amazon.com/personalize/latest/dg/batch-data-upload.html, the pages on batch recommendations
and segments there, and outputs that AWS's sample notebooks print.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from fakepersonalize import errors
from fakepersonalize.errors import shortened
from fakepersonalize.protocol.messages import json_value

USER, ITEM, LIST, ATTRIBUTES = "userId", "itemId", "itemList", "itemAttributes"
VALUES, CONTEXT = "filterValues", "context"
DECIMALS = 7
LARGEST_LINE_BYTES = 16 << 20  # ours: no line with 500 items of the longest ids is longer
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KEPT_TEXTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of input: what it says or what is wrong with it, and the text in which the answer repeats it."""

    asked: Any
    echo: str
    problem: str | None = None

    def __getitem__(self, name: str) -> Any:
        return self.asked[name]

    def values(self, name: str = VALUES) -> dict[str, str]:
        """Return a member that is an object of strings; an empty one where it is not there."""
        found: dict[str, str] = self.asked.get(name) or {}
        return found


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file that are not blank; a longer one than any answer needs is cut, and is no JSON then.

    Only line feeds end lines: ids may hold whatever else ends lines elsewhere.
    """
    first = True
    while raw := file.readline(LARGEST_LINE_BYTES):
        whole = raw
        while not raw.endswith(b"\n") and (raw := file.readline(LARGEST_LINE_BYTES)):
            pass
        if first:
            whole, first = whole.removeprefix(_BYTE_ORDER_MARK), False
        whole = whole.strip()
        if whole:
            yield whole


def read(raw: bytes, required: Sequence[str], write: Callable[[Any], str]) -> Line:
    """Return a line that has the required members, or says what is wrong with it; `write` is `compact` or `spaced`."""
    try:
        asked = json_value(raw)
        return Line(asked, write(asked), _problem(asked, required))
    except ValueError as refused:  # no JSON, or a number that is too large for what holds it
        reason = shortened(str(refused))
    text = raw.decode("utf-8", "replace")
    return Line(text, write(text), errors.LINE_NOT_JSON.format(reason=reason))


def _problem(asked: Any, required: Sequence[str]) -> str | None:
    if not isinstance(asked, dict):
        return errors.LINE_NO_OBJECT
    if any(asked.get(name) in (None, "", []) for name in required):
        return errors.REQUIRED_FIELDS.format(names=", ".join(required))
    for name in required:
        if name == LIST:
            if not _is_list_of_ids(asked[name]):
                return errors.LINE_NO_LIST.format(name=name)
        elif not isinstance(asked[name], str):
            return errors.LINE_NO_STRING.format(name=name)
    for name in (VALUES, CONTEXT):
        if asked.get(name) is not None and not _is_map_of_texts(asked[name]):
            return errors.LINE_NO_MAP.format(name=name)
    return None


def _is_list_of_ids(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) and each for each in found)


def _is_map_of_texts(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(each, str) for each in found.values())


compact: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
spaced: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


class ItemLines:
    """Writes answers that are lists of items: without spaces, as the service does."""

    def __init__(self, item_ids: Iterable[str], scores: bool, reasons: bool = False) -> None:
        self._ids = [compact(id_) for id_ in item_ids]
        self._scores, self._reasons = scores, reasons

    def answer(
        self,
        line: Line,
        items: Sequence[int],
        scores: Sequence[float] | None = None,
        further: Sequence[str] = (),
        reasons: Sequence[str | None] | None = None,
    ) -> bytes:
        """Return the line of items by code; `further` are ids that the model does not know, last and with score 0."""
        ids = [*map(self._ids.__getitem__, items), *map(compact, further)]
        output = f'{{"recommendedItems":[{",".join(ids)}]'
        if self._scores:
            texts = [number(score) for score in scores or ()] + ["0.0"] * len(further)
            output += f',"scores":[{",".join(texts)}]'
        if self._reasons:
            output += f',"reasons":{compact([[each] if each else [] for each in reasons or [None] * len(ids)])}'
        return f'{{"input":{line.echo},"output":{output}}},"error":null}}\n'.encode()

    def themed(self, line: Line, items: Sequence[int], theme: str, relevance: Sequence[float]) -> bytes:
        """Return the line of items by code, what they have in common, and how well each fits."""
        listed, scores = ",".join(map(self._ids.__getitem__, items)), compact([round(each, 9) for each in relevance])
        output = f'{{"recommendedItems":[{listed}],"theme":{compact(theme)},"itemsThemeRelevanceScores":{scores}}}'
        return f'{{"input":{line.echo},"output":{output},"error":null}}\n'.encode()

    def refusal(self, line: Line) -> bytes:
        said = compact(f"User error: {line.problem}")
        return f'{{"input":{line.echo},"output":{{"recommendedItems":[]}},"error":{said}}}\n'.encode()


class UserLines:
    """Writes answers that are lists of users: with a space behind commas and colons, but not inside the list."""

    def __init__(self, user_ids: Iterable[str]) -> None:
        self._ids = [compact(id_) for id_ in user_ids]

    def answer(self, line: Line, users: Iterable[int]) -> bytes:
        listed = ",".join(map(self._ids.__getitem__, users))
        return f'{{"input": {line.echo}, "output": {{"usersList": [{listed}]}}, "error": null}}\n'.encode()

    def refusal(self, line: Line) -> bytes:
        said = spaced(f"User error: {line.problem}")
        return f'{{"input": {line.echo}, "output": {{"usersList": []}}, "error": {said}}}\n'.encode()


@dataclass(slots=True)
class _Numbers:
    """Texts of scores, kept because short lists of many users repeat them."""

    texts: dict[int, str] = field(default_factory=dict)

    def text(self, score: float) -> str:
        if score != score:
            return "null"
        units = round(score * 10**DECIMALS)
        found = self.texts.get(units)
        if found is None:
            if len(self.texts) >= _KEPT_TEXTS:
                self.texts.clear()
            found = self.texts[units] = _java(units)
        return found


number = _Numbers().text


def _java(units: int) -> str:
    """Return so many ten-millionths as Java writes a double: `0.0186943`, and below a thousandth `3.773E-4`."""
    if units < 0:
        return f"-{_java(-units)}"
    if units == 0 or units >= 10 ** (DECIMALS - 3):
        whole, rest = divmod(units, 10**DECIMALS)
        return f"{whole}.{f'{rest:07d}'.rstrip('0') or '0'}"
    digits = str(units)
    return f"{digits[0]}.{digits[1:].rstrip('0') or '0'}E-{DECIMALS + 1 - len(digits)}"
