"""What a test may tell an emulator beside AWS's own operations, faults and pins, and what it may ask it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from fakepersonalize.faults import Faults
from fakepersonalize.frontdoor.journal import Journal
from fakepersonalize.lifecycle.machine import Lifecycle
from fakepersonalize.recommend.answer import Recommender
from fakepersonalize.recommend.explain import Explainer
from fakepersonalize.recommend.filtering import Filters, Known
from fakepersonalize.recommend.pins import Pins
from fakepersonalize.resources.kinds import CAMPAIGN, RECOMMENDER
from fakepersonalize.resources.shelf import Shelf

NO_OPERATION = "There is no operation {name!r}; did you mean {meant}?"
NO_ENDPOINT = "There is no ACTIVE campaign or recommender {arn}."


class Controls:
    """The methods that every emulator has for tests. `remote.Remote` has the same, for a server elsewhere."""

    def __init__(
        self,
        faults: Faults,
        pins: Pins,
        journal: Journal,
        explainer: Explainer,
        filters: Filters,
        recommender: Recommender,
        lifecycle: Lifecycle,
        operations: Callable[[], Collection[str]],
    ) -> None:
        self._faults, self._pins, self._journal, self._explainer = faults, pins, journal, explainer
        self._filters, self._recommender, self._lifecycle = filters, recommender, lifecycle
        self._operations = operations
        self._known: dict[int, Known] = {}  # by the number of the rule that makes filters stale
        filters.frozen = self._frozen

    def fail(self, **rule: Any) -> int:
        """Make a rule by which something fails from now on, and return its number.

        The members are those of `faults.Rule`, the same as over HTTP: `fail(operation="GetRecommendations",
        error="ThrottlingException", count=2)`. Raises ValueError with a sentence for a rule that cannot be.
        """
        known = self._filters.known() if rule.get("stale") is True else None
        number: int = self._faults.add(**rule)["number"]
        if known:
            self._known[number] = known
        return number

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules in force with their numbers and how often each struck, oldest first."""
        return self._faults.rules()

    def mend(self, number: int | None = None) -> None:
        """Remove the rule with a number, or all; what it held gets on. LookupError where there is none."""
        self._mend(number)

    def pin(
        self,
        campaign: str,
        user: str | None = None,
        item: str | None = None,
        items: Sequence[str | Mapping[str, Any]] | None = None,
        error: str | None = None,
        message: str | None = None,
    ) -> None:
        """Let a campaign or recommender answer a user, beside an item, with these items, or with an error.

        Without `user` or `item` it answers so to all; the pin that says most wins. `items` are ids, or objects with
        itemId and score. Filters, numResults and recommendationId are as usual. Raises ValueError for what is no pin,
        LookupError where there is no such campaign.
        """
        self._require_endpoint(campaign)
        self._pins.add(campaign=campaign, user=user, item=item, items=items, error=error, message=message)

    def unpin(self, campaign: str | None = None, user: str | None = None, item: str | None = None) -> int:
        """Remove the pins that have what is given; without anything all, and strictness. Returns how many are gone."""
        return self._pins.remove(campaign, user, item)

    def pins(self) -> list[dict[str, Any]]:
        """Return the pins in force, oldest first, as objects that `pin` takes."""
        return [pin.shown() for pin in self._pins.all()]

    def strict(self, on: bool = True, campaign: str | None = None) -> None:
        """Let calls that no pin answers fail with NotPinned, all or those of one campaign; or no longer."""
        if campaign is not None:
            self._require_endpoint(campaign)
        self._pins.be_strict(on, campaign)

    @property
    def is_strict(self) -> bool:
        """Whether every call needs a pin."""
        return self._pins.is_strict()

    def calls(self, operation: str | None = None, account: str | None = None) -> list[dict[str, Any]]:
        """Return the newest calls of an operation or an account, or all, oldest first, as `GET /requests` shows them.

        `parameters` are what was sent, `status` and `error` what came of it. Raises ValueError for an operation that
        none of the three services has.
        """
        if operation is not None and operation not in self._operations():
            meant = get_close_matches(str(operation), self._operations(), 1, cutoff=0)
            raise ValueError(NO_OPERATION.format(name=operation, meant=meant[0]))
        return [entry.shown() for entry in self._journal.entries(operation, account)]

    def explain(self, recommendation_id: str, titles: str | None = None) -> dict[str, Any]:
        """Return why an answer is as it is: scores taken apart, and what filters removed (docs/explain.md).

        `titles` names a column of Items or Actions with titles for the ids. Raises LookupError with a sentence for an
        answer that is not remembered, whose model or filter is gone, or for a column that there is not.
        """
        return self._explainer.explain(recommendation_id, titles)

    def _forget(self, account: str | None) -> None:
        """Drop what was told and noted, all or that of an account."""
        self._journal.clear(account)
        self._mend(account=account)
        self._pins.clear(account)

    def _mend(self, number: int | None = None, account: str | None = None) -> None:
        held = self._faults.remove(number, account)
        in_force = {rule["number"] for rule in self._faults.rules()}
        self._known = {number: known for number, known in self._known.items() if number in in_force}
        if held:
            self._lifecycle.release(held)
            self._lifecycle.settle()

    def _require_endpoint(self, arn: str) -> None:
        if not isinstance(arn, str) or self._recommender.endpoint(arn) is None:
            raise LookupError(NO_ENDPOINT.format(arn=str(arn)[:300]))

    def _frozen(self, group: str) -> Known | None:
        number = self._faults.stale(group) if self._faults else None
        return None if number is None else self._known.get(number)


def provisioned(shelf: Shelf, arn: str) -> float | None:
    """Return how many calls a second a campaign or recommender provisions."""
    found = shelf.find(arn)
    if found is None or found.kind not in (CAMPAIGN, RECOMMENDER):
        return None
    if found.kind is CAMPAIGN:
        return float(found.document.get("minProvisionedTPS") or 1)
    return float((found.document.get("recommenderConfig") or {}).get("minRecommendationRequestsPerSecond") or 1)
