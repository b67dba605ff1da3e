"""All users of a model at one moment, in columns: for jobs, which ask for many at once, not for requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fakepersonalize.recipes.training import TrainingData
from fakepersonalize.recommend.loaded import LoadedModel
from fakepersonalize.storage.streamed import Event

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True)
class Everyone:
    """Histories of all users, trained and live; the last of them did nothing and stands for whoever is unknown."""

    codes: Mapping[str, int]
    histories: TrainingData

    @classmethod
    def of(cls, loaded: LoadedModel, live: Sequence[Event]) -> Everyone:
        """Put what users did since the training, each event once, behind what the model has learnt from."""
        new = [event for event in live if event.item in loaded.items and loaded.learnt.is_new(event)]
        codes = _owners(loaded, live)
        histories = _gathered(loaded, codes, new, loaded.items)
        return cls(codes, _with_features(histories, loaded))

    @classmethod
    def met(cls, loaded: LoadedModel, live: Sequence[Event], items: Mapping[str, int]) -> Everyone:
        """Put all that users did live behind what the model has learnt from, with items of a larger catalogue."""
        codes = _owners(loaded, live)
        return cls(codes, _gathered(loaded, codes, [event for event in live if event.item in items], items))

    def of_users(self, ids: Sequence[str]) -> TrainingData:
        """Return the histories of users, in their order."""
        nobody = self.histories.n_users - 1
        return self.histories.only(np.array([self.codes.get(id_, nobody) for id_ in ids], np.int64))


def _owners(loaded: LoadedModel, live: Iterable[Event]) -> dict[str, int]:
    codes = dict(loaded.users)
    for event in live:
        codes.setdefault(event.owner, len(codes))
    return codes


def _gathered(
    loaded: LoadedModel, users: Mapping[str, int], new: Sequence[Event], items: Mapping[str, int]
) -> TrainingData:
    known = np.repeat(np.arange(len(loaded.users)), np.diff(loaded.offsets))
    return TrainingData.from_columns(
        np.concatenate([known, np.array([users[event.owner] for event in new], np.int64)]),
        np.concatenate([loaded.history_items, np.array([items[event.item] for event in new], np.int32)]),
        np.concatenate([loaded.history_times, np.array([event.time for event in new], np.int64)]),
        len(users) + 1,
        len(items),
    )


def trained(loaded: LoadedModel) -> TrainingData:
    """Return the histories of the users that a model knows, by its codes, as the training saw them."""
    histories = TrainingData(
        len(loaded.users), len(loaded.item_ids), loaded.offsets, loaded.history_items, loaded.history_times
    )
    return _with_features(histories, loaded)


def _with_features(histories: TrainingData, loaded: LoadedModel) -> TrainingData:
    from scipy.sparse import csr_matrix

    if loaded.features is None or loaded.feature_offsets is None:
        return histories
    without = histories.n_users + 1 - len(loaded.feature_offsets)  # users that the training did not know
    offsets = np.append(loaded.feature_offsets, np.full(without, loaded.feature_offsets[-1]))
    width = int(loaded.features.max(initial=0)) + 1
    values = np.ones(len(loaded.features), np.float32)
    return replace(
        histories, user_features=csr_matrix((values, loaded.features, offsets), shape=(histories.n_users, width))
    )


def contexts(loaded: LoadedModel, given: Sequence[Mapping[str, str]]) -> csr_matrix | None:
    """Return the circumstances in which users ask, a row each; None where nobody says any that the model knows."""
    from scipy.sparse import csr_matrix

    if loaded.contexts is None or not any(given):
        return None
    nothing = np.zeros(0, np.int32)
    found = [loaded.history(None, (), each).context if each else None for each in given]
    rows = [nothing if row is None else row for row in found]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    codes = np.concatenate(rows)
    return csr_matrix((np.ones(len(codes), np.float32), codes, offsets), shape=(len(rows), loaded.contexts.width))
