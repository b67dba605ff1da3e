"""How long each step of a life lasts.

The minutes are ours, near what public notebooks show for the service (10 to 15 minutes for a small import, 40 for a
training, 8 for a campaign). Rules for single kinds are spelt in the words of moto's state transitions, see `rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fakepersonalize.resources.kinds import KINDS

MINUTES = {
    ("dataset_group", "create"): 1.0,
    ("dataset", "create"): 0.5,
    ("dataset", "update"): 1.0,
    ("dataset_import_job", "create"): 10.0,
    ("dataset_export_job", "create"): 10.0,
    ("data_deletion_job", "delete-data"): 1.5,
    ("solution", "create"): 0.5,
    ("solution_version", "create"): 40.0,
    ("solution_version", "stop-creation"): 1.0,
    ("campaign", "create"): 8.0,
    ("recommender", "create"): 50.0,
    ("recommender", "start"): 8.0,
    ("recommender", "stop"): 1.0,
    ("event_tracker", "create"): 1.0,
    ("filter", "create"): 2.0,
    ("metric_attribution", "create"): 1.0,
    ("metric_attribution", "update"): 1.0,
    ("batch_inference_job", "create"): 20.0,
    ("batch_segment_job", "create"): 20.0,
}
MINUTES_OF_DELETION = 1.5
PENDING_SHARE = 0.1
# A training lasts longer with its interactions.
TRAINED = ("solution_version", "create")
INTERACTIONS_PER_MINUTE = 10_000
LONGEST_TRAINING = 120.0

MALFORMED = "{rule!r} is no transition: write KIND=immediate, KIND=time:SECONDS or KIND=manual:TIMES."
UNKNOWN_KIND = "{rule!r} names no kind of resource; there are {kinds}."


class Pace(Protocol):
    def seconds(self, kind: str, process: str, size: int = 0) -> tuple[float, float]:
        """Return how long a resource is pending and then in progress; `size` is the number of rows to work on."""
        ...

    def times(self, kind: str) -> int:
        """Return how often each step waits to be told; 0 where time alone decides."""
        ...


class UnusableRule(ValueError):
    """A rule that cannot be read."""


@dataclass(frozen=True, slots=True)
class EvenPace:
    """Each step lasts the same."""

    step: float

    def seconds(self, kind: str, process: str, size: int = 0) -> tuple[float, float]:
        return self.step, self.step

    def times(self, kind: str) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class RealisticPace:
    """About as long as in the service."""

    def seconds(self, kind: str, process: str, size: int = 0) -> tuple[float, float]:
        minutes = MINUTES.get((kind, process), MINUTES_OF_DELETION)
        if (kind, process) == TRAINED:
            minutes = min(minutes + size / INTERACTIONS_PER_MINUTE, LONGEST_TRAINING)
        return 60 * minutes * PENDING_SHARE, 60 * minutes * (1 - PENDING_SHARE)

    def times(self, kind: str) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Rule:
    """How long each step of one kind lasts: seconds, or until it was told `times` times."""

    seconds: float = 0.0
    times: int = 0


@dataclass(frozen=True, slots=True)
class RuledPace:
    """As rules say where there is one for the kind, and as another pace says elsewhere."""

    rules: Mapping[str, Rule]
    otherwise: Pace

    def seconds(self, kind: str, process: str, size: int = 0) -> tuple[float, float]:
        rule = self.rules.get(kind)
        return (rule.seconds, rule.seconds) if rule else self.otherwise.seconds(kind, process, size)

    def times(self, kind: str) -> int:
        rule = self.rules.get(kind)
        return rule.times if rule else self.otherwise.times(kind)


def rules(texts: Iterable[str]) -> dict[str, Rule]:
    """Return the rules that texts such as `campaign=manual:3` spell, by kind; raises UnusableRule.

    `immediate` lasts nothing, `time:5` five seconds of the clock per step. `manual:3` waits to be told three times per
    step; moto counts Describe calls there, but here nothing changes because it is read.
    Source: https://docs.getmoto.org/en/latest/docs/configuration/state_transition/index.html
    """
    return dict(_rule(text) for text in texts)


def _rule(text: str) -> tuple[str, Rule]:
    kind, _, words = text.partition("=")
    progression, _, amount = words.partition(":")
    if kind not in KINDS:
        raise UnusableRule(UNKNOWN_KIND.format(rule=text, kinds=", ".join(KINDS)))
    if progression == "immediate" and not amount:
        return kind, Rule()
    try:
        rule = {"time": _time, "manual": _manual}[progression](amount)
    except (KeyError, ValueError):
        raise UnusableRule(MALFORMED.format(rule=text)) from None
    return kind, rule


def _time(amount: str) -> Rule:
    seconds = float(amount)
    if not 0 <= seconds < float("inf"):
        raise ValueError(amount)
    return Rule(seconds=seconds)


def _manual(amount: str) -> Rule:
    times = int(amount or 1)
    if times < 1:
        raise ValueError(amount)
    return Rule(times=times)
