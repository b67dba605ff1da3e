"""Incremental updates: a model of texts takes in what items say by now, at intervals, and stays as it was."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fakepersonalize.recipes.features import Encoding
from fakepersonalize.recipes.models.semantic import UNKNOWN_AGE, Semantic
from fakepersonalize.recipes.models.side_information import Likeness
from fakepersonalize.recommend.candidates import Items
from fakepersonalize.recommend.increments import Increments
from fakepersonalize.recommend.loaded import Learnt, LoadedModel
from fakepersonalize.recommend.metadata import Rows

IDS = ["a", "b", "c", "d"]
PLOTS = ["ship sea", "ship sea", "castle knight", "castle knight"]
WAIT = 600.0


def trained() -> LoadedModel:
    texts = Encoding.learn({"PLOT": ("text", PLOTS)})
    likeness = Likeness.of(texts.rows({"PLOT": PLOTS}, len(IDS)))
    model = Semantic(likeness, np.array([4, 3, 2, 1]), np.array([0.25, 0.5, 0.75, 1.0], np.float32))
    nothing = np.zeros(0, np.int32)
    codes = {id_: code for code, id_ in enumerate(IDS)}
    return LoadedModel(model, IDS, codes, {}, np.zeros(1, np.int64), nothing, nothing, Learnt(0), texts=texts)


def items(ids: list[str], plots: dict[str, str | None]) -> Items:
    table = pa.table({"ITEM_ID": [*plots], "plot": pa.array([*plots.values()], "string")})
    return Items(ids, Rows(table, {id_: place for place, id_ in enumerate(plots)}), None, "INTERACTIONS")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def beside(increments: Increments, catalogue: Items, item: str) -> list[str]:
    picked = increments.of(catalogue).picker(catalogue.codes.get(item), {})(None, 10)
    return [catalogue.ids[code] for code in picked.items.tolist()]


def test_texts_of_now_count_from_one_increment_to_the_next(clock: Clock) -> None:
    increments = Increments(trained(), WAIT, clock)
    before = dict(zip(IDS, PLOTS))
    assert beside(increments, items(IDS, before), "a") == ["b", "c", "d"]
    later = items([*IDS, "e"], {**before, "e": "ship", "b": "castle"})
    clock.now = WAIT - 1
    assert beside(increments, later, "a") == ["b", "c", "d"]
    assert beside(increments, later, "e") == ["a", "b", "c", "d"]  # popular ones: it is not known yet
    clock.now = WAIT
    assert beside(increments, later, "a")[0] == "e"
    assert beside(increments, later, "e")[0] == "a"
    assert beside(increments, later, "c")[:2] == ["d", "b"]


def test_what_was_taken_in_stays_when_codes_of_a_catalogue_change_before_the_next_one(clock: Clock) -> None:
    increments = Increments(trained(), WAIT, clock)
    plots: dict[str, str | None] = dict(zip(IDS, PLOTS))
    assert beside(increments, items([*IDS, "e"], {**plots, "e": "ship sea"}), "a") == ["b", "e", "c", "d"]
    moved = items([*IDS, "new", "e"], {**plots, "new": "castle", "e": "ship sea"})
    assert beside(increments, moved, "e") == ["a", "b", "c", "d"]
    assert "new" not in beside(increments, moved, "c")


def test_items_that_nobody_described_are_not_known(clock: Clock) -> None:
    increments = Increments(trained(), 0, clock)
    met = items([*IDS, "met"], dict(zip(IDS, PLOTS)))
    assert "met" not in beside(increments, met, "a")
    assert beside(increments, Items([*IDS, "met"], None, None, "INTERACTIONS"), "a") == ["b", "c", "d"]


def test_a_text_that_goes_is_like_nothing_and_popularity_and_age_stay(clock: Clock) -> None:
    loaded = trained()
    increments = Increments(loaded, 0, clock)
    model = increments.of(items([*IDS, "e"], {**dict(zip(IDS, PLOTS)), "a": None, "e": "sea"})).model
    assert not model.scores(0).any()
    assert model.popularity.tolist() == [4, 3, 2, 1, 0]
    assert model.freshness.tolist() == [0.25, 0.5, 0.75, 1.0, UNKNOWN_AGE]
    assert isinstance(loaded.model, Semantic)
    assert loaded.model.scores(0).any()
    assert len(loaded.model.popularity) == len(IDS)
