"""Rules "when this operation or resource ..., then fail, wait, cut": matching only.

A rule is an object of JSON values, the same over HTTP and in Python. Who asks carries it out: the front door for calls,
the machine of lives for what takes time, imports for their rows, filters for what they know.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

CALL_EFFECTS = ("error", "cut", "lost")
LIFE_EFFECTS = ("fails", "stuck", "row")
EFFECTS = (*CALL_EFFECTS, *LIFE_EFFECTS, "stale", "latency")
LOSABLE = ("PutEvents", "PutActionInteractions", "PutItems", "PutUsers", "PutActions")
FAILING = ("Create", "Update")  # deletions, starts and stops do not fail
LIVING = (*FAILING, "Delete", "Start", "Stop")
AT_ONCE = ("CreateSchema", "DeleteSchema", "CreateSolution")  # these begin nothing that takes time
IMPORT = "CreateDatasetImportJob"
PROVISIONED = "minProvisionedTPS"
THROTTLING = "ThrottlingException"
MOST_RULES = 1000
LONGEST_LATENCY_SECONDS = 300.0

UNKNOWN_MEMBER = "There is no {name!r} in a rule; there are {known}."
WRONG_TYPE = "{name} must be {type}."
OUT_OF_RANGE = "{name} must lie between {least:g} and {most:g}."
ONE_EFFECT = "A rule has one of {effects}; latency may stand beside error and cut."
NO_ACCOUNT = "account must have twelve digits."
NO_TIME = "until must be later than after."
STALE_FITS = "stale goes with resource (the dataset group), account, after and until alone."
NO_OPERATION = "{pattern!r} matches no operation that the rule can strike."
UNKNOWN_CODE = "There is no error {code!r}; there are {known}."
ONLY_WITH_ERROR = "{name} only goes with error."
TOO_MANY_RULES = "There are {most} rules already; remove some."
NO_SUCH_RULE = "There is no rule {number}."


class ConnectionCut(Exception):
    """A rule wants the connection cut instead of an answer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a rule strikes, and what happens then; all conditions must hold.

    `operation` and `resource` are patterns as of file names (`Create*`). `after` and `until` are seconds of the
    emulator's clock since the rule was made. `above` strikes only what comes in a second beyond so many calls, or
    beyond what the campaign or recommender provisions.
    """

    operation: str = "*"
    resource: str | None = None
    account: str | None = None
    probability: float = 1.0
    count: int | None = None
    after: float = 0.0
    until: float | None = None
    above: float | str | None = None
    error: str | None = None
    message: str | None = None
    cut: bool = False
    lost: bool = False
    fails: str | None = None
    stuck: bool = False
    row: int | None = None
    stale: bool = False
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """What a rule may strike: a call, or a life that a call began; `names` are the resources that have to do with it.

    `about` tells events apart whose luck is drawn by a seed.
    """

    operation: str
    account: str
    names: Collection[str]
    about: bytes = b""


@dataclass(slots=True, eq=False)
class _Made:
    """A rule that was made, when, and what it did since."""

    number: int
    rule: Rule
    since: float
    struck: int = 0
    held: set[str] = field(default_factory=set)
    drawn: Counter[bytes] = field(default_factory=Counter)
    second: tuple[int, Counter[str]] = (0, Counter())

    def shown(self) -> dict[str, Any]:
        given = {name: value for name, value in asdict(self.rule).items() if value != getattr(_DEFAULT, name)}
        return {"number": self.number, "struck": self.struck, **given}


_DEFAULT = Rule()
_TEXTS = ("operation", "resource", "account", "error", "message", "fails")
_NOT_WITH_STALE = ("operation", "probability", "count")
_FLAGS = ("cut", "lost", "stuck", "stale")
_RANGES = {
    "probability": (0.0, 1.0),
    "count": (1, 10**9),
    "after": (0.0, 1e9),
    "until": (0.0, 1e9),
    "above": (0.0, 1e9),
    "row": (1, 10**12),
    "latency": (0.0, LONGEST_LATENCY_SECONDS),
}
_WHOLE = ("count", "row")


class Faults:
    """The rules of an emulator, oldest first. Without rules, asking costs nothing.

    `operations` and `codes` are the names that rules may use; `provisioned` tells how many calls a second a campaign or
    recommender has paid for. With a seed, luck depends on the event and how often it came, not on the order of threads.
    """

    def __init__(
        self,
        now: Callable[[], float] = float,
        seed: int | None = None,
        operations: Callable[[], Collection[str]] = tuple,
        codes: Collection[str] = (),
        provisioned: Callable[[str], float | None] = lambda name: None,
    ) -> None:
        self._now, self._operations, self._codes, self._provisioned = now, operations, codes, provisioned
        self._seed = uuid.uuid4().hex if seed is None else str(seed)
        self._lock = threading.Lock()
        self._made: list[_Made] = []
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._made)

    def add(self, **members: Any) -> dict[str, Any]:
        """Make a rule and return it as `rules` shows it; ValueError with a sentence for one that cannot be."""
        rule = _read(members)
        self._check_names(rule)
        with self._lock:
            if len(self._made) >= MOST_RULES:
                raise ValueError(TOO_MANY_RULES.format(most=MOST_RULES))
            self._last += 1
            made = _Made(self._last, rule, self._now())
            self._made = [*self._made, made]
        return made.shown()

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules with their numbers and how often each struck."""
        return [made.shown() for made in self._made]

    def remove(self, number: int | None = None, account: str | None = None) -> set[str]:
        """Remove one rule, those of an account, or all; return the ARNs of the resources that they held.

        Raises LookupError where there is no rule of the number.
        """
        with self._lock:
            gone = [made for made in self._made if number in (None, made.number)]
            gone = [made for made in gone if account in (None, made.rule.account)]
            if number is not None and not gone:
                raise LookupError(NO_SUCH_RULE.format(number=number))
            self._made = [made for made in self._made if made not in gone]
        return set().union(*(made.held for made in gone))

    def striking(self, event: Event) -> Iterator[Rule]:
        """Yield the rules that strike a call, in their order; who stops asking spares those behind."""
        for made in self._made:
            rule = made.rule
            if (rule.error or rule.cut or rule.lost or rule.latency) and self._strikes(made, event):
                yield rule

    def failure(self, event: Event) -> str | None:
        """Return the reason for which a life fails, if a rule says so."""
        return next((made.rule.fails for made in self._made if made.rule.fails and self._strikes(made, event)), None)

    def row(self, event: Event) -> int | None:
        """Return the first row at which an import fails, if a rule says so."""
        return min((made.rule.row for made in self._made if made.rule.row and self._strikes(made, event)), default=None)

    def stuck(self, event: Event, arn: str) -> float | None:
        """Return until when a resource does not get on (infinity where the rule has no end), None where it does."""
        for made in self._made:
            if made.rule.stuck and ((arn in made.held and not self._is_over(made)) or self._strikes(made, event)):
                made.held.add(arn)
                return float("inf") if made.rule.until is None else made.since + made.rule.until
        return None

    def stale(self, group: str) -> int | None:
        """Return the number of the rule for which the filters of a dataset group know nothing new."""
        for made in self._made:
            rule = made.rule
            own = rule.account is None or rule.account in group.split(":")
            if rule.stale and own and self._is_on(made) and _fits(rule.resource, (group,)):
                return made.number
        return None

    def _check_names(self, rule: Rule) -> None:
        own: Collection[str] = (IMPORT,) if rule.row else LOSABLE if rule.lost else self._operations()
        if rule.fails or rule.stuck:
            own = [name for name in own if name.startswith(FAILING if rule.fails else LIVING) and name not in AT_ONCE]
        if not any(fnmatchcase(name, rule.operation) for name in own):
            raise ValueError(NO_OPERATION.format(pattern=rule.operation[:100]))
        if rule.error and rule.error not in self._codes:
            raise ValueError(UNKNOWN_CODE.format(code=rule.error[:100], known=", ".join(sorted(self._codes))))

    def _strikes(self, made: _Made, event: Event) -> bool:
        rule = made.rule
        if not (
            fnmatchcase(event.operation, rule.operation)
            and rule.account in (None, event.account)
            and _fits(rule.resource, event.names)
            and (not rule.lost or event.operation in LOSABLE)
        ):
            return False
        with self._lock:
            strikes = self._is_on(made) and self._exceeds(made, event) and self._is_drawn(made, event)
            made.struck += strikes
        return strikes

    def _is_on(self, made: _Made) -> bool:
        used_up = made.rule.count is not None and made.struck >= made.rule.count
        return not used_up and self._now() >= made.since + made.rule.after and not self._is_over(made)

    def _is_over(self, made: _Made) -> bool:
        return made.rule.until is not None and self._now() >= made.since + made.rule.until

    def _exceeds(self, made: _Made, event: Event) -> bool:
        """Count a call in the second that runs, and say whether it is one too many."""
        above = made.rule.above
        if above is None:
            return True
        name, most = "", above
        if isinstance(most, str):
            known = ((each, self._provisioned(each)) for each in event.names)
            name, most = next(((each, tps) for each, tps in known if tps is not None), ("", float("inf")))
        second = int(self._now())
        if made.second[0] != second:
            made.second = second, Counter()
        made.second[1][name] += 1
        return made.second[1][name] > most

    def _is_drawn(self, made: _Made, event: Event) -> bool:
        if made.rule.probability >= 1:
            return True
        place = "\0".join((self._seed, str(made.number), event.operation, event.account, *sorted(event.names)))
        key = hashlib.sha256(place.encode() + b"\0" + event.about).digest()
        made.drawn[key] += 1
        drawn = hashlib.sha256(key + str(made.drawn[key]).encode()).digest()[:8]
        return int.from_bytes(drawn) / 2**64 < made.rule.probability


def _fits(pattern: str | None, names: Collection[str]) -> bool:
    return pattern is None or any(fnmatchcase(name, pattern) for name in names)


def _read(members: Mapping[str, Any]) -> Rule:
    """Return the rule that somebody wrote down; ValueError with a sentence for what is none."""
    for name, value in members.items():
        if name not in Rule.__slots__:
            raise ValueError(UNKNOWN_MEMBER.format(name=str(name)[:100], known=", ".join(Rule.__slots__)))
        _check(name, value)
    if members.get("above") is not None:
        members = {"error": THROTTLING, **members}
    rule = Rule(**members)
    given = [name for name in EFFECTS if getattr(rule, name)]
    if len(given) != 1 and not (len(given) == 2 and "latency" in given and {"error", "cut"} & {*given}):
        raise ValueError(ONE_EFFECT.format(effects=", ".join(EFFECTS)))
    for name in ("message", "above"):
        if getattr(rule, name) is not None and not rule.error:
            raise ValueError(ONLY_WITH_ERROR.format(name=name))
    _check_conditions(rule)
    return rule


def _check_conditions(rule: Rule) -> None:
    """Raise ValueError for conditions under which a rule would never strike, or that would not be looked at."""
    if rule.until is not None and rule.until <= rule.after:
        raise ValueError(NO_TIME)
    if rule.account is not None and not (len(rule.account) == 12 and rule.account.isascii() and rule.account.isdigit()):
        raise ValueError(NO_ACCOUNT)
    if rule.stale and any(getattr(rule, name) != getattr(_DEFAULT, name) for name in _NOT_WITH_STALE):
        raise ValueError(STALE_FITS)


def _check(name: str, value: Any) -> None:
    if name in _TEXTS:
        if not isinstance(value, str) or not 0 < len(value) <= 1000:
            raise ValueError(WRONG_TYPE.format(name=name, type="a text of 1 to 1000 characters"))
    elif name in _FLAGS:
        if not isinstance(value, bool):
            raise ValueError(WRONG_TYPE.format(name=name, type="true or false"))
    elif not (name == "above" and value == PROVISIONED):
        whole = name in _WHOLE
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            kind = "a whole number" if whole else f"a number or {PROVISIONED}" if name == "above" else "a number"
            raise ValueError(WRONG_TYPE.format(name=name, type=kind))
        least, most = _RANGES[name]
        if not least <= value <= most:
            raise ValueError(OUT_OF_RANGE.format(name=name, least=least, most=most))
