"""What models are given and what they give back: histories, masks, scores, and what they all do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from fakepersonalize.recipes.explanation import Explanation

Tick = Callable[[float], None]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Present = tuple[npt.NDArray[np.int64], Codes]  # features that are present: row, ascending, and feature of each
Settings = Mapping[str, Any]
ProtocolName = Literal["lists", "texts", "trend", "segments", "actions"]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Histories of users in compressed form: oldest interaction first within a user, ties in the order of the file.

    The interactions of user u are `items[offsets[u]:offsets[u + 1]]` at `times[...]`. All `n_items` codes form the
    catalogue, also those that nobody has interacted with. What is known beside the histories may be absent: then it is
    None. Features are rows of `features.Encoding`.
    """

    n_users: int
    n_items: int
    offsets: npt.NDArray[np.int64]  # [n_users + 1]
    items: Codes  # [n]
    times: npt.NDArray[np.int64] = field(repr=False)  # [n], seconds since 1970
    weights: npt.NDArray[np.float32] | None = None  # [n], what an interaction counts; 1 is the mean of event types
    contexts: csr_matrix | None = None  # [n, features], the circumstances of each interaction
    item_features: csr_matrix | None = None  # [n_items, features]
    user_features: csr_matrix | None = None  # [n_users, features]
    item_times: npt.NDArray[np.int64] | None = None  # [n_items], when each was made, seconds since 1970; 0 if unknown
    rewards: npt.NDArray[np.float32] | None = None  # [n_items], what the optimisation objective is after
    passed_over: npt.NDArray[np.int64] | None = None  # [n_items], how often each was shown while another was chosen
    actions: TrainingData | None = None  # what users did with actions; a weight of 1 is TAKEN, 0 NOT_TAKEN or VIEWED
    excluding: TrainingData | None = None  # the events after which a use case does not list their items again

    @classmethod
    def from_columns(
        cls,
        users: npt.NDArray[np.integer],
        items: npt.NDArray[np.integer],
        times: npt.NDArray[np.integer],
        n_users: int,
        n_items: int,
        weights: npt.NDArray[np.floating] | None = None,
        contexts: csr_matrix | None = None,
    ) -> Self:
        """Gather columns of equal length n, in any order of rows, into histories; `replace` adds what else is known."""
        offsets = np.zeros(n_users + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=n_users), out=offsets[1:])
        order = chronological(users, times)
        return cls(
            n_users,
            n_items,
            offsets,
            _ordered(items, order, np.int32),
            _ordered(times, order, np.int64),
            None if weights is None else _ordered(weights, order, np.float32),
            contexts if contexts is None or order is None else contexts[order],
        )

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of interactions of each user, [n_users]."""
        return np.diff(self.offsets)

    def users(self) -> npt.NDArray[np.int64]:
        """Return the user code of every interaction, [n]."""
        return np.repeat(np.arange(self.n_users), self.lengths)

    def meetings(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the distinct pairs of user and item as user * n_items + item, in rising order, and their counts."""
        cells = np.sort(self.users() * self.n_items + self.items)
        starts = np.flatnonzero(_first_of_equals(cells))
        return cells[starts], np.diff(starts, append=len(cells))

    def matrix(self) -> csr_matrix:
        """Return the float32 matrix [n_users, n_items] of interaction counts, with sorted rows."""
        from scipy.sparse import csr_matrix

        cells, counts = self.meetings()
        rows, columns = np.divmod(cells, max(1, self.n_items))
        offsets = np.searchsorted(rows, np.arange(self.n_users + 1))
        return csr_matrix((counts.astype(np.float32), columns, offsets), shape=(self.n_users, self.n_items))

    def pairs(self) -> csr_matrix:
        """Return the float32 matrix [n_users, n_items] with 1 where a user has interacted with an item."""
        matrix = self.matrix()
        matrix.data[:] = 1
        return matrix

    def only(self, users: npt.NDArray[np.integer] | Mask) -> TrainingData:
        """Return the histories of the given users alone (codes or a mask), renumbered from 0 in that order."""
        codes = np.flatnonzero(users) if users.dtype == bool else users
        lengths = self.lengths[codes]
        offsets = np.zeros(len(codes) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return replace(
            self._at(runs(self.offsets[codes], lengths)),
            n_users=len(codes),
            offsets=offsets,
            user_features=None if self.user_features is None else self.user_features[codes],
            actions=None if self.actions is None else self.actions.only(codes),
            excluding=None if self.excluding is None else self.excluding.only(codes),
        )

    def between(self, first: int, last: int) -> TrainingData:
        """Return the histories of the users from `first` up to `last`, without what else is known of them."""
        own = slice(self.offsets[first], self.offsets[last])
        weights = None if self.weights is None else self.weights[own]
        offsets = self.offsets[first : last + 1] - self.offsets[first]
        return TrainingData(last - first, self.n_items, offsets, self.items[own], self.times[own], weights)

    def keep(self, rows: Mask) -> TrainingData:
        """Return the interactions that the mask [n] keeps; users and items keep their codes."""
        before = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(rows, out=before[1:])
        return replace(self._at(np.flatnonzero(rows)), offsets=before[self.offsets])

    def _at(self, rows: npt.NDArray[np.int64]) -> TrainingData:
        return replace(
            self,
            items=self.items[rows],
            times=self.times[rows],
            weights=None if self.weights is None else self.weights[rows],
            contexts=None if self.contexts is None else self.contexts[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Users who ask a model: their histories, and what else it may know of them. A request is a batch of one."""

    histories: TrainingData  # [users]; only offsets, items and times count
    features: Present | None = None  # of the users
    contexts: Present | None = None  # the circumstances in which the users ask
    actions: TrainingData | None = None  # [users], what they did with actions

    @classmethod
    def of(cls, histories: TrainingData, contexts: csr_matrix | None = None) -> Queries:
        """Take histories with all that is known of their users, and contexts [users, features]."""
        return cls(histories, _present(histories.user_features), _present(contexts), histories.actions)

    @classmethod
    def of_one(
        cls,
        items: Codes,
        times: npt.NDArray[np.int64],
        n_items: int,
        features: Codes | None = None,
        context: Codes | None = None,
        actions: TrainingData | None = None,
    ) -> Queries:
        """Take what one user did, oldest first."""
        histories = TrainingData(1, n_items, np.array([0, len(items)], np.int64), items, times)
        return cls(histories, _of_one(features), _of_one(context), actions)

    def __len__(self) -> int:
        return self.histories.n_users

    def blocks(self, block_bytes: int) -> Iterator[tuple[int, Queries]]:
        """Yield the queries in their order, at most so many at a time that float64 scores of all items fit.

        With each block comes the place of its first query.
        """
        step = max(1, block_bytes // (8 * max(1, self.histories.n_items)))
        if len(self) <= step:
            yield from [(0, self)] if len(self) else []
            return
        for first in range(0, len(self), step):
            last = min(first + step, len(self))
            actions = self.actions and self.actions.between(first, last)
            features, contexts = (_between(present, first, last) for present in (self.features, self.contexts))
            yield first, Queries(self.histories.between(first, last), features, contexts, actions)


@dataclass(frozen=True, slots=True)
class Scores:
    """Items, best first, and their scores where the recipe returns any."""

    items: Codes  # [k]
    scores: npt.NDArray[np.float64] | None = None  # [k], NaN of an item without one
    reasons: Mapping[int, Sequence[str]] = field(default_factory=dict)  # for items that the model did not pick, by code


@dataclass(frozen=True, slots=True)
class Shortlists:
    """For each of many users the items, best first, and their scores where the recipe returns any.

    Where a list is shorter than k, -1 stands in the places behind it.
    """

    items: Codes  # [users, k]
    scores: npt.NDArray[np.float64] | None = None  # [users, k]; NaN of an item without one
    reasons: Mapping[tuple[int, int], str] = field(default_factory=dict)  # why an item is there, by user and place

    @classmethod
    def joined(cls, parts: Sequence[Shortlists], k: int) -> Shortlists:
        """Return the lists of blocks of users behind one another, [users, at most k]; all have scores."""
        if len(parts) == 1:
            return parts[0]
        items = np.full((sum(len(part.items) for part in parts), k), -1, np.int32)
        scores = np.full(items.shape, np.nan)
        reasons: dict[tuple[int, int], str] = {}
        first = 0
        for part in parts:
            assert part.scores is not None
            own = slice(first, first + len(part.items)), slice(part.items.shape[1])
            items[own], scores[own] = part.items, part.scores
            reasons |= {(first + row, place): reason for (row, place), reason in part.reasons.items()}
            first += len(part.items)
        return cls(items, scores, reasons)

    def table(self, k: int) -> Codes:
        """Return the items with exactly `k` places for each user, [users, k]."""
        return np.pad(self.items, ((0, 0), (0, k - self.items.shape[1])), constant_values=-1)

    def row(self, user: int) -> Scores:
        """Return the list of one user."""
        items = self.items[user][self.items[user] >= 0]
        reasons = {int(items[place]): (reason,) for (row, place), reason in self.reasons.items() if row == user}
        return Scores(items, None if self.scores is None else self.scores[user, : len(items)], reasons)


ABILITIES = frozenset({"recommend", "rank", "similar", "interest", "act"})


class Model(ABC):
    """What every model keeps to; it does what `does` names and nothing else: a subset of `ABILITIES`.

    A mask of allowed items is [n_items], or [users, n_items]; None allows all. Lists are as long as asked for while the
    catalogue lasts: popular items fill them up. `similar_many` fills rows with -1 where the catalogue is shorter than
    k. What a model does not do raises NotImplementedError.
    """

    does: ClassVar[frozenset[str]]
    protocol: ClassVar[ProtocolName] = "lists"  # how it is measured offline

    @classmethod
    @abstractmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Learn from histories, under the settings that `Recipe.settings` gives; absent ones have their defaults."""

    def calibrate(self, given: TrainingData, following: Codes) -> dict[str, Any]:
        """Return settings for a later fit that only held-out data can teach: user u went on with `following[u]`."""
        return {}

    def grown(self, features: csr_matrix | None, more: int) -> Self:
        """Return this model with `more` items behind its own, which nobody has met; features [more, as it was fitted].

        What it knows of its own items stays as it is.
        """
        raise NotImplementedError

    def score(self, queries: Queries) -> npt.NDArray[np.float64]:
        """Return the preference of each user for each item, or the propensity for each action, [users, n]."""
        raise NotImplementedError

    def recommend(self, queries: Queries, allowed: Mask | None, k: int) -> Shortlists:
        """Return the best of the allowed items for each user."""
        raise NotImplementedError

    def rank(self, queries: Queries, lists: Sequence[Codes]) -> list[Scores]:
        """Return the items of the list in the place of each user, in the user's order."""
        raise NotImplementedError

    def explain(self, queries: Queries, items: Codes) -> Explanation:
        """Return what the first user's scores of some items [k] are made of: it sums to what `score` returns."""
        raise NotImplementedError

    def explain_list(self, queries: Queries, items: Codes, among: Codes | None = None) -> Explanation:
        """Return what the scores of some items [k] are made of as lists show them: `among` those of a ranking."""
        return self.explain(queries, items)

    def explain_similar(self, item: int, items: Codes, influence: Mapping[str, float] | None = None) -> Explanation:
        """Return what the similarity of some items [k] to an item is made of; 0 for those that only fill the list."""
        raise NotImplementedError

    def similar(self, item: int | None, allowed: Mask | None, k: int) -> Scores:
        """Return the best of the allowed items beside an item, None for an unknown one."""
        raise NotImplementedError

    def similar_many(self, items: Codes, k: int, allowed: Iterable[Mask | None] | None = None) -> Codes:
        """Return what `similar` does for each item, and each mask, [rows, k]."""
        masks = repeat(None) if allowed is None else allowed
        rows = [padded(self.similar(int(item), mask, k).items, k) for item, mask in zip(items, masks)]
        return np.array(rows, np.int32).reshape(len(items), k)

    def interest(
        self, groups: npt.NDArray[np.int64], items: Codes, n_groups: int, queries: Queries
    ) -> npt.NDArray[np.float32]:
        """Return the interest of users in groups of items, [n_users, n_groups]; item `items[e]` is in `groups[e]`."""
        raise NotImplementedError

    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that the model has learnt, as arrays that can be saved without pickling."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        """Return the model that gave `arrays`; `manifest` is what was recorded beside them."""


def chronological(users: npt.NDArray[np.integer], times: npt.NDArray[np.integer]) -> npt.NDArray[np.int64] | None:
    """Return the order of rows by user, then time, then position; None when the rows stand so already."""
    users, times = users.astype(np.int64, copy=False), times.astype(np.int64, copy=False)
    step = np.diff(users)
    if np.all((step > 0) | ((step == 0) & (np.diff(times) >= 0))):
        return None
    since = times - times.min()
    # One sort of whole numbers is several times faster than an indirect sort by two columns.
    if (int(users.max()) + 1) * (int(since.max()) + 1) * len(users) < 2**63:
        keys = (users * (int(since.max()) + 1) + since) * len(users) + np.arange(len(users))
        keys.sort()
        rows: npt.NDArray[np.int64] = keys % len(users)
        return rows
    by_user_and_time: npt.NDArray[np.int64] = np.lexsort((times, users))
    return by_user_and_time


def runs(starts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the whole numbers of all ranges start, start + 1, ... (length of them), one range after the other."""
    ends = np.cumsum(lengths)
    numbers: npt.NDArray[np.int64] = np.repeat(starts - (ends - lengths), lengths)
    return numbers + np.arange(len(numbers))


def by_popularity(popularity: npt.NDArray[np.integer]) -> Codes:
    """Return all item codes, most popular first, equal ones by code."""
    return np.argsort(-popularity, kind="stable").astype(np.int32)


def distinct_users(data: TrainingData) -> npt.NDArray[np.int64]:
    """Return the number of distinct users of every item, [n_items]: what popularity means everywhere here."""
    return np.bincount(data.meetings()[0] % max(1, data.n_items), minlength=data.n_items)


def padded(items: Codes, k: int) -> Codes:
    """Return the codes as a row of exactly `k`, with -1 behind them where they are fewer."""
    row = np.full(k, -1, np.int32)
    row[: len(items)] = items
    return row


def _present(features: csr_matrix | None) -> Present | None:
    if features is None:
        return None
    return np.repeat(np.arange(features.shape[0]), np.diff(features.indptr)), features.indices


def _of_one(features: Codes | None) -> Present | None:
    return None if features is None else (np.zeros(len(features), np.int64), features)


def _between(present: Present | None, first: int, last: int) -> Present | None:
    if present is None:
        return None
    own = slice(*np.searchsorted(present[0], [first, last]))
    return present[0][own] - first, present[1][own]


def _ordered(column: npt.NDArray[Any], order: npt.NDArray[np.int64] | None, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    column = column.astype(dtype, copy=False)
    return column if order is None else column[order]


def _first_of_equals(ordered: npt.NDArray[np.int64]) -> Mask:
    return np.concatenate([np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1]])
