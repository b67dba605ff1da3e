"""The blend behind the personalising recipes: directed transitions, and a little implicit-feedback ALS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fakepersonalize.recipes.explanation import (
    ALIKE,
    CONTEXT,
    FOLLOWS,
    LIKED_TOGETHER,
    POPULARITY,
    USER,
    Contribution,
    Explanation,
    Numbers,
    by_item,
)
from fakepersonalize.recipes.models import one_user
from fakepersonalize.recipes.models.als import FACTORS, item_factors, projection
from fakepersonalize.recipes.models.cold_start import cold_items
from fakepersonalize.recipes.models.side_information import DOUBT, Lifts, Likeness
from fakepersonalize.recipes.models.transitions import WINDOW, RowSums, Transitions, fit_transitions
from fakepersonalize.recipes.selection import best, best_allowed, best_of_rows, shares, softmax, to_maximum_one
from fakepersonalize.recipes.training import (
    Codes,
    Mask,
    Model,
    Present,
    Queries,
    Scores,
    Settings,
    Shortlists,
    Tick,
    TrainingData,
    distinct_users,
    runs,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ALS_WEIGHT = 0.25
HISTORY_LENGTH = 20
AGE_DECAY = 0.85
TEMPERATURE = 0.1
# Below every real evidence: orders the items about which nothing is known, and keeps seen ones without evidence last.
POPULARITY_WEIGHT = 1e-4
BLOCK_BYTES = 16 << 20
LISTING_BYTES = 1 << 20  # whoever looks at a block once more finds it in the second-level cache
CALIBRATION_USERS = 256
MEETINGS = 20  # items that were met more often count as met so often
CONTENT_WEIGHT = 0.5
USER_WEIGHT = 1.0
SENSITIVITIES = {"OFF": 0.0, "LOW": 0.5, "MEDIUM": 1.0, "HIGH": 2.0}

# The latest interactions: user, item and weight of each.
Latest = tuple[npt.NDArray[np.int64], Codes, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Blend(Model):
    """Transitions of the latest items plus `ALS_WEIGHT` x ALS, both scaled to a maximum of 1; aware of repeats.

    A seen item scores by its repeat evidence: its transition to itself, and of what leads to it from other items the
    share of its interactions that are repeats; both times how readily an item that was met so often is met once more.
    An unseen item gets the rest. So seen items come back where people repeat, and come last where nobody does.

    ALS (Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", 2008) is fitted to the pairs
    of user and item with confidence 1; then folding a user in is the sum of one row of `projection` per distinct item.
    Scores are a softmax over the whole catalogue; those of a user without history are the shares of popularity.

    Metadata help where interactions are few: an item gets `CONTENT_WEIGHT` x its likeness to the user's latest items,
    the less the more users it has; and `USER_WEIGHT` x its popularity among users with the same features, the less the
    longer the history. The lifts of the context multiply preferences, and so does 1 + sensitivity x reward for an
    optimisation objective.
    """

    does: ClassVar[frozenset[str]] = frozenset({"recommend", "rank"})

    transitions: Transitions
    factors: npt.NDArray[np.float32]  # [n_items, n_factors]
    projection: npt.NDArray[np.float32]  # [n_items, n_factors]: factors (factors' factors + regularisation)^-1
    popularity: npt.NDArray[np.int64]  # [n_items], distinct users
    repeated: npt.NDArray[np.float32]  # [n_items], the share of interactions by users who had met the item before
    returns: npt.NDArray[np.float32]  # [MEETINGS + 1]: an item met c times, against an average one, is met once more
    history_length: int  # how many of the latest interactions count
    age_decay: float  # weight of each interaction relative to the one after it
    als_weight: float
    temperature: float  # of the softmax
    likeness: Likeness | None = None
    user_lifts: Lifts | None = None
    context_lifts: Lifts | None = None
    boosts: npt.NDArray[np.float32] | None = None  # [n_items], what the objective makes of a preference
    cold: Mask | None = None  # [n_items], items whose metadata always count in full

    @classmethod
    def fit(cls, data: TrainingData, params: Settings, seed: int, threads: int, tick: Tick) -> Self:
        """Fit to `data`.

        Known settings are `factors`, `history_length`, `recency_mask`, `temperature`, the `objective_sensitivity`
        OFF, LOW, MEDIUM or HIGH, those of `cold_items`, and for the search `window`, `age_decay` and `als_weight`.
        With `factors_so_far` [n_items, factors], fitted to a large part of `data`, ALS goes on from there.
        """
        popularity = distinct_users(data)
        window = params.get("window", WINDOW)
        transitions = fit_transitions(data, popularity, window, lambda share: tick(0.4 * share))
        factors = item_factors(
            data,
            params.get("factors", FACTORS),
            seed,
            threads,
            lambda share: tick(0.4 + 0.6 * share),
            params.get("factors_so_far"),
        )
        return cls(
            transitions,
            factors,
            projection(factors),
            popularity,
            _repeated(data, popularity),
            _returns(data),
            params.get("history_length", HISTORY_LENGTH),
            params.get("age_decay", AGE_DECAY) if params.get("recency_mask", True) else 1.0,
            params.get("als_weight", ALS_WEIGHT),
            params.get("temperature", TEMPERATURE),
            Likeness.of(data.item_features),
            None if data.user_features is None else Lifts.count(data.user_features, data.pairs()),
            None if data.contexts is None else Lifts.count(data.contexts, _each_interaction(data)),
            _boosts(data.rewards, params.get("objective_sensitivity", "OFF")),
            cold_items(data, params) if "cold_start_max_interactions" in params else None,
        )

    def calibrate(self, given: TrainingData, following: Codes) -> dict[str, Any]:
        """Return the temperature under which the held-out next items are likeliest, and the factors so far."""
        sample = given.only(np.arange(min(given.n_users, CALIBRATION_USERS)))
        if not sample.n_users:
            return {}
        preferences = np.concatenate([self._preferences(block) for _, block in Queries.of(sample).blocks(BLOCK_BYTES)])
        return {
            "factors_so_far": self.factors,
            "temperature": _likeliest_temperature(preferences, following[: sample.n_users]),
        }

    def grown(self, features: csr_matrix | None, more: int) -> Self:
        def lengthened(array: npt.NDArray[Any], by: float = 0) -> npt.NDArray[Any]:
            return np.concatenate([array, np.full((more, *array.shape[1:]), by, array.dtype)])

        return replace(
            self,
            transitions=self.transitions.grown(more),
            factors=lengthened(self.factors),
            projection=lengthened(self.projection),
            popularity=lengthened(self.popularity),
            repeated=lengthened(self.repeated),
            likeness=self.likeness and self.likeness.grown(features, more),
            user_lifts=self.user_lifts and self.user_lifts.grown(more),
            context_lifts=self.context_lifts and self.context_lifts.grown(more),
            boosts=None if self.boosts is None else lengthened(self.boosts, 1),
            cold=None if self.cold is None else lengthened(self.cold, True),
        )

    def score(self, queries: Queries) -> npt.NDArray[np.float64]:
        """Return what each user is likely to want, [users, n_items]; for one user in fewer passes over the items."""
        if len(queries) == 1 and len(queries.histories.items) and not self._looks_beside(queries):
            return one_user.preferences(self, queries.histories.items)[None]
        return self._preferences(queries)

    def recommend(self, queries: Queries, allowed: Mask | None, k: int) -> Shortlists:
        """Return lists with shares of a softmax; of many users its sums are of float32, near 1e-7 of what they are."""
        parts = []
        for first, block in queries.blocks(LISTING_BYTES):
            parts.append(self._listed(self.score(block), rows_of(allowed, first, len(block)), k))
        return Shortlists.joined(parts, k)

    def rank(self, queries: Queries, lists: Sequence[Codes]) -> list[Scores]:
        """Return the items of each list in the user's order, with a softmax over them alone."""
        found = []
        for first, block in queries.blocks(BLOCK_BYTES):
            for wanted, items in zip(self.score(block), lists[first : first + len(block)]):
                scores = softmax(wanted[items], self.temperature)
                order = best(scores, len(items))
                found.append(Scores(items[order], scores[order]))
        return found

    def explain(self, queries: Queries, items: Codes) -> Explanation:
        parts = (
            self._explain_history(queries, items)
            if len(queries.histories.items)
            else self._explain_nobody(queries, items)
        )
        return Explanation(np.sum([part.amounts for part in parts], axis=0), parts)

    def explain_list(self, queries: Queries, items: Codes, among: Codes | None = None) -> Explanation:
        """Return what the shares of a softmax over `among`, None for all items, are made of, by preference."""
        wanted = self.score(queries)[0]
        if among is None:
            return self.explain(queries, items).scaled_to(softmax(wanted, self.temperature)[items])
        place = {int(code): number for number, code in enumerate(among)}
        scores = softmax(wanted[among], self.temperature)
        return self.explain(queries, items).scaled_to(scores[[place[int(code)] for code in items]])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "offsets": self.transitions.offsets,
            "followers": self.transitions.items,
            "weights": self.transitions.weights,
            "repeats": self.transitions.repeats,
            "factors": self.factors,
            "projection": self.projection,
            "popularity": self.popularity,
            "repeated": self.repeated,
            "returns": self.returns,
            "history_length": np.array(self.history_length),
            "age_decay": np.array(self.age_decay),
            "als_weight": np.array(self.als_weight),
            "temperature": np.array(self.temperature),
            **(self.likeness.arrays() if self.likeness else {}),
            **(self.user_lifts.arrays("user_lifts") if self.user_lifts else {}),
            **(self.context_lifts.arrays("context_lifts") if self.context_lifts else {}),
            **{name: array for name in ("boosts", "cold") if (array := getattr(self, name)) is not None},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], manifest: Settings) -> Self:
        followers = Transitions(arrays["offsets"], arrays["followers"], arrays["weights"], arrays["repeats"])
        return cls(
            followers,
            factors=arrays["factors"],
            projection=arrays["projection"],
            popularity=arrays["popularity"],
            repeated=arrays["repeated"],
            returns=arrays["returns"],
            history_length=int(arrays["history_length"]),
            age_decay=float(arrays["age_decay"]),
            als_weight=float(arrays["als_weight"]),
            temperature=float(arrays["temperature"]),
            likeness=Likeness.from_arrays(arrays),
            user_lifts=Lifts.from_arrays(arrays, "user_lifts"),
            context_lifts=Lifts.from_arrays(arrays, "context_lifts"),
            boosts=arrays.get("boosts"),
            cold=arrays.get("cold"),
        )

    def _preferences(self, queries: Queries) -> npt.NDArray[np.float64]:
        histories = queries.histories
        shape = (len(queries), histories.n_items)
        seen, times = histories.meetings()
        latest = self._latest(histories)
        wanted = self._from_transitions(latest, seen, self.returns[np.minimum(times, MEETINGS)], shape)
        unseen = self._from_factors(seen, shape)
        unseen += self.standing
        popular = self._log_popularity
        if self.likeness:
            unseen += self._from_metadata(self.likeness, latest, shape)
        if self.user_lifts and (features := self.user_lifts.known(queries.features)):
            popular = popular + self.user_lifts.of(*features, shape[0])
            described = np.zeros((shape[0], 1))
            described[features[0]] = (
                USER_WEIGHT  # of a user without metadata, popularity says no more than it does above
            )
            unseen += described * to_maximum_one(np.exp(popular)) * (DOUBT / (DOUBT + histories.lengths[:, None]))
        unseen.reshape(-1)[seen] = 0
        wanted += unseen
        lifts = self._lifts(queries.contexts, shape)
        if lifts is not None:
            wanted *= np.exp(lifts)
            popular = popular + lifts
        nobody = histories.lengths == 0
        if nobody.any():
            wanted[nobody] = self.temperature * np.broadcast_to(popular, shape)[nobody]
        return wanted

    def _listed(self, wanted: npt.NDArray[np.float64], allowed: Mask | None, k: int) -> Shortlists:
        """Return the items of the lists of a block of users and their shares of a softmax over the catalogue."""
        if len(wanted) == 1:
            items = best_allowed(wanted[0], allowed if allowed is None else allowed.reshape(-1), k)
            return Shortlists(items[None], shares(wanted[0], self.temperature, items)[None])
        most = wanted.max(axis=1, keepdims=True, initial=-np.inf)
        below = np.empty(wanted.shape, np.float32)
        np.multiply(wanted - most, 1 / self.temperature, out=below, casting="same_kind")
        sums = np.exp(below, out=below).sum(axis=1, dtype=np.float64, keepdims=True)
        if allowed is not None:
            np.copyto(wanted, -np.inf, where=~allowed)
        items, values = best_of_rows(wanted, k)
        return Shortlists(items, np.exp((values - most) / self.temperature) / sums)

    @cached_property
    def standing(self) -> npt.NDArray[np.float64]:
        """What popularity alone adds to a preference, [n_items]."""
        standing: npt.NDArray[np.float64] = self.popularity / max(1, self.popularity.max(initial=0))
        return POPULARITY_WEIGHT * standing

    @cached_property
    def followers(self) -> RowSums:
        """The rows of the transitions, for one user at a time."""
        return RowSums(self.transitions.rows, len(self.repeated))

    @cached_property
    def first_times(self) -> npt.NDArray[np.float64]:
        """The share of interactions by users who had not met the item before, [n_items]."""
        return (1 - self.repeated).astype(np.float64)

    def _looks_beside(self, queries: Queries) -> bool:
        """Say whether anything but items tells what a user wants."""
        features = queries.features is not None and self.user_lifts is not None
        return features or self.boosts is not None or queries.contexts is not None

    @cached_property
    def _log_popularity(self) -> npt.NDArray[np.float64]:
        logs: npt.NDArray[np.float64] = np.log1p(self.popularity)
        return logs

    def _from_transitions(
        self,
        latest: Latest,
        seen: npt.NDArray[np.int64],
        returns: npt.NDArray[np.float32],
        shape: tuple[int, int],
    ) -> npt.NDArray[np.float64]:
        users, items, strengths = latest
        wanted = self.transitions.followers(users, items, strengths, shape[0])
        again = self.repeated[seen % max(1, shape[1])] * wanted.reshape(-1)[seen]
        wanted *= 1 - self.repeated
        wanted.reshape(-1)[seen] = again
        np.add.at(wanted, (users, items), strengths * self.transitions.repeats[items])
        wanted.reshape(-1)[seen] *= returns
        return to_maximum_one(wanted)

    def _from_metadata(self, likeness: Likeness, latest: Latest, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Return what resembles the latest items, the more the fewer users an item has."""
        return to_maximum_one(likeness.to(*latest, shape[0])) * self.content_weights

    @cached_property
    def content_weights(self) -> npt.NDArray[np.float64]:
        """How much its likeness to what a user met says of an item, [n_items]: the less the more users it has."""
        doubt = DOUBT / (DOUBT + self.popularity)
        doubt = doubt if self.cold is None else np.where(self.cold, 1.0, doubt)
        return np.asarray(CONTENT_WEIGHT * doubt, np.float64)

    def _lifts(self, contexts: Present | None, shape: tuple[int, int]) -> npt.NDArray[np.float64] | None:
        """Return the logarithms of what contexts and the objective make of preferences; [n_users, n_items] or a row."""
        lifts = None if self.boosts is None else np.log(self.boosts, dtype=np.float64)
        if self.context_lifts and (contexts := self.context_lifts.known(contexts)):
            of_contexts = self.context_lifts.of(*contexts, shape[0])
            return of_contexts if lifts is None else of_contexts + lifts
        return lifts

    def _latest(self, histories: TrainingData) -> Latest:
        """Return user, item and weight of the latest interactions of every user."""
        lengths = np.minimum(histories.lengths, self.history_length)
        ages = np.repeat(np.cumsum(lengths), lengths) - np.arange(lengths.sum()) - 1
        latest = runs(histories.offsets[1:] - lengths, lengths)
        return np.repeat(np.arange(histories.n_users), lengths), histories.items[latest], self.age_decay**ages

    def _from_factors(self, seen: npt.NDArray[np.int64], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        users, items = np.divmod(seen, max(1, shape[1]))
        if shape[0] == 1:
            folded = self.projection[items].sum(axis=0, keepdims=True)
        else:
            folded = _row_sums(self.projection, users, items, shape)
        liked = np.maximum(folded @ self.factors.T, 0).astype(np.float64)
        liked.reshape(-1)[seen] = 0
        return self.als_weight * to_maximum_one(liked)

    def _explain_nobody(self, queries: Queries, items: Codes) -> list[Contribution]:
        """Return what is said of a user without history: the logarithm of popularity, shifted."""
        scale = self.temperature
        parts = [Contribution(POPULARITY, None, scale * np.log1p(self.popularity[items]))]
        if (features := self._explain_user(queries)) is not None:
            parts.append(Contribution(USER, None, scale * features[items]))
        if (lifts := self._explain_context(queries)) is not None:
            parts.append(Contribution(CONTEXT, None, scale * lifts[items]))
        return parts

    def _explain_history(self, queries: Queries, items: Codes) -> list[Contribution]:
        met = queries.histories.items
        seen, times = np.unique(met, return_counts=True)
        unseen = ~np.isin(items, seen)
        latest = met[-self.history_length :]
        strengths = self.age_decay ** np.arange(len(latest) - 1, -1, -1.0)
        parts = self._explain_transitions(latest, strengths, seen, times, items)
        parts += self._explain_factors(seen, items, unseen)
        if self.likeness:
            parts += self._explain_likeness(self.likeness, latest, strengths, items, unseen)
        parts.append(Contribution(POPULARITY, None, self.standing[items] * unseen))
        if (features := self._explain_user(queries)) is not None:
            lifted = np.exp(np.log1p(self.popularity) + features)[None]
            doubt = DOUBT / (DOUBT + len(met))
            parts.append(Contribution(USER, None, USER_WEIGHT * doubt * to_maximum_one(lifted)[0][items] * unseen))
        lifts = self._explain_context(queries)
        if lifts is None:
            return parts
        return [part._replace(amounts=part.amounts * np.exp(lifts[items])) for part in parts]

    def _explain_transitions(
        self, latest: Codes, strengths: Numbers, seen: Codes, times: npt.NDArray[np.int64], items: Codes
    ) -> list[Contribution]:
        """Return what each of the latest items says of what follows it; one that was met twice is one source."""
        table, n_items = self.transitions, len(self.popularity)
        each = np.zeros((len(latest), n_items))
        chances = 1 - self.repeated.astype(np.float64)
        chances[seen] = self.repeated[seen]
        for row, (item, strength) in enumerate(zip(latest.tolist(), strengths)):
            followers = slice(table.offsets[item], table.offsets[item + 1])
            each[row, table.items[followers]] = strength * table.weights[followers]
            each[row] *= chances
            each[row, item] += strength * table.repeats[item]
        each[:, seen] *= self.returns[np.minimum(times, MEETINGS)]
        most = each.sum(axis=0).max(initial=0)
        each /= most if most > 0 else 1.0
        return by_item(FOLLOWS, latest, each[:, items])

    def _explain_factors(self, seen: Codes, items: Codes, unseen: npt.NDArray[np.bool_]) -> list[Contribution]:
        folded = self.projection[seen].astype(np.float64)
        liked = folded.sum(axis=0) @ self.factors.T
        liked[seen] = 0
        most = liked.max(initial=0)
        counts = unseen & (liked[items] > 0)
        scale = self.als_weight / most if most > 0 else 0.0
        return by_item(LIKED_TOGETHER, seen, scale * counts * (folded @ self.factors[items].T.astype(np.float64)))

    def _explain_likeness(
        self,
        likeness: Likeness,
        latest: Codes,
        strengths: Numbers,
        items: Codes,
        unseen: npt.NDArray[np.bool_],
    ) -> list[Contribution]:
        each = likeness.to(np.arange(len(latest)), latest, strengths, len(latest))
        most = each.sum(axis=0).max(initial=0)
        doubt = DOUBT / (DOUBT + self.popularity)
        weight = CONTENT_WEIGHT * (doubt if self.cold is None else np.where(self.cold, 1.0, doubt))[items] * unseen
        return by_item(ALIKE, latest, each[:, items] * weight / (most if most > 0 else 1.0))

    def _explain_user(self, queries: Queries) -> Numbers | None:
        """Return the logarithms of what the user's metadata make of popularity, [n_items]."""
        return None if queries.features is None else _lifts(self.user_lifts, queries.features)

    def _explain_context(self, queries: Queries) -> Numbers | None:
        """Return the logarithms of what the context, and the objective of the training, multiply by, [n_items]."""
        lifts = None if self.boosts is None else np.log(self.boosts, dtype=np.float64)
        context = None if queries.contexts is None else _lifts(self.context_lifts, queries.contexts)
        return context if lifts is None else lifts if context is None else lifts + context


def rows_of(allowed: Mask | None, first: int, amount: int) -> Mask | None:
    """Return the rows of a mask that has any; a mask that is the same for all users stays as it is."""
    return allowed if allowed is None or allowed.ndim == 1 else allowed[first : first + amount]


def _row_sums(
    rows: npt.NDArray[np.float32], users: npt.NDArray[np.int64], items: npt.NDArray[np.int64], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return for each user the sum of the rows of the items, [n_users, width]; users ascend."""
    from scipy.sparse import csr_matrix

    offsets = np.searchsorted(users, np.arange(shape[0] + 1))
    sums: npt.NDArray[np.float32] = csr_matrix((np.ones(len(items), np.float32), items, offsets), shape=shape) @ rows
    return sums


def _lifts(lifts: Lifts | None, present: Present) -> Numbers | None:
    known = lifts.known(present) if lifts else None
    return None if lifts is None or known is None else lifts.of(*known, 1)[0]


def _each_interaction(data: TrainingData) -> csr_matrix:
    """Return the float32 matrix [n, n_items] with a row for each interaction."""
    from scipy.sparse import csr_matrix

    n = len(data.items)
    return csr_matrix((np.ones(n, np.float32), data.items, np.arange(n + 1)), shape=(n, data.n_items))


def _boosts(rewards: npt.NDArray[np.float32] | None, sensitivity: str) -> npt.NDArray[np.float32] | None:
    known = None if rewards is None else rewards[np.isfinite(rewards)]
    if rewards is None or known is None or not len(known) or not SENSITIVITIES[sensitivity]:
        return None
    share = (rewards - known.min()) / max(float(np.ptp(known)), 1e-12)
    boosts: npt.NDArray[np.float32] = (1 + SENSITIVITIES[sensitivity] * np.nan_to_num(share)).astype(np.float32)
    return boosts


def _repeated(data: TrainingData, popularity: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    interactions = np.bincount(data.items, minlength=data.n_items)
    return (1 - popularity / np.maximum(interactions, 1)).astype(np.float32) * (interactions > 0)


def _returns(data: TrainingData) -> npt.NDArray[np.float32]:
    """Return how much likelier than average an item that a user met c times is met once more, c = 0..MEETINGS.

    Histories end: a meeting so late that the next one would not have been seen yet says nothing, and a count of which
    nothing is known is taken for average.
    """
    users = data.users()
    cells = users * data.n_items + data.items
    order = np.argsort(cells, kind="stable")
    next_too = np.append(cells[order][1:] == cells[order][:-1], False)
    if not next_too.any():
        return np.array([1, *[0] * MEETINGS], np.float32)
    starts = np.flatnonzero(np.append(True, ~next_too[:-1]))
    number = np.arange(len(cells)) - np.repeat(starts, np.diff(starts, append=len(cells))) + 1
    to_come = data.offsets[users[order] + 1] - 1 - order
    shown = to_come >= np.median(np.diff(order)[next_too[:-1]])
    count = np.minimum(number[shown], MEETINGS)
    known, again = (np.bincount(of, minlength=MEETINGS + 1)[1:] for of in (count, count[next_too[shown]]))
    average = again.sum() / max(1, known.sum())
    if not average:
        return np.ones(MEETINGS + 1, np.float32)
    share = np.where(known > 0, again / np.maximum(known, 1), average)
    return np.concatenate([[1], share / average]).astype(np.float32)


def _likeliest_temperature(preferences: npt.NDArray[np.float64], following: Codes) -> float:
    """Return the softmax temperature that makes item `following[u]` likeliest given row u of preferences."""
    from scipy.optimize import minimize_scalar

    below_best = (preferences - preferences.max(axis=1, keepdims=True)).astype(np.float32)
    chosen = below_best[np.arange(len(following)), following].mean(dtype=np.float64)

    def surprise(log_temperature: float) -> float:
        temperature = np.float32(np.exp(log_temperature))
        return float(np.log(np.exp(below_best / temperature).sum(axis=1)).mean() - chosen / temperature)

    return float(np.exp(minimize_scalar(surprise, bounds=(np.log(0.01), np.log(10)), method="bounded").x))
