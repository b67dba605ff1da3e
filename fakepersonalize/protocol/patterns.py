"""The patterns of AWS's models are written for Java; here they run in Python, with the same meaning."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby

# Two patterns for which a backtracking engine needs time that grows with the cube of the length (a second for 1,024
# characters), each with one for the same language that needs no second try.
_NO_COLON = r"[^:\n\r\x85\u2028\u2029]*"
_LINEAR = {
    r"^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$": r"\x20*[\x21-\x7E][\x20-\x7E]*",
    r"arn:([a-z\d-]+):personalize:.*:.*:.+": rf"arn:[a-z\d-]+:personalize:{_NO_COLON}:{_NO_COLON}:.+",
}
_TOKEN = re.compile(r"\\p\{\w+\}|\\.|.", re.DOTALL)
_ANY_BUT_LINE_ENDS = r"[^\n\r\x85\u2028\u2029]"
# No letter, number or separator of Unicode lies above; looking further would take five times as long.
_LAST_PLANE_WITH_LETTERS = 3


def matches(pattern: str, text: str) -> bool:
    """Return whether all of `text` matches a pattern of a service model, as Java's `String.matches` says."""
    return python_pattern(pattern).fullmatch(text) is not None


@cache
def python_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile a Java pattern: `\d` is ASCII, `.` stops at every line end, `\p{…}` is a Unicode category or ASCII."""
    return re.compile(_translated(_LINEAR.get(pattern, pattern)), re.ASCII)


def _translated(pattern: str) -> str:
    pieces, in_class = [], False
    for token in _TOKEN.findall(pattern):
        if token.startswith(r"\p{"):
            members = _members(token[3:-1])
            pieces.append(members if in_class else f"[{members}]")
        elif token == "." and not in_class:
            pieces.append(_ANY_BUT_LINE_ENDS)
        else:
            in_class = (in_class or token == "[") and token != "]"
            pieces.append(token)
    return "".join(pieces)


def _members(name: str) -> str:
    """Return what stands between the brackets of a class for the characters that Java calls `name`."""
    if name == "ASCII":
        return r"\x00-\x7f"
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _runs()[name])


@cache
def _runs() -> dict[str, list[tuple[int, int]]]:
    """Return first and last code points of the runs of characters in each general category: `L`, `N`, `Z`, ..."""
    runs: dict[str, list[tuple[int, int]]] = {}
    planes = range((_LAST_PLANE_WITH_LETTERS + 1) << 16)
    for category, run in groupby(planes, lambda code: unicodedata.category(chr(code))[0]):
        codes = list(run)
        runs.setdefault(category, []).append((codes[0], codes[-1]))
    return runs
