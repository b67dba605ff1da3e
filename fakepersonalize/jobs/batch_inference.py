"""CreateBatchInferenceJob: files of users, items or lists become files of items.

Source: https://docs.aws.amazon.com/personalize/latest/dg/getting-batch-recommendations.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import ITEMS
from fakepersonalize.jobs import batch_data, batch_files
from fakepersonalize.jobs.batch_lines import ITEM, LIST, USER, ItemLines, Line, compact, read
from fakepersonalize.jobs.batch_spec import BatchSpec
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.quotas import BATCH_LINES, THEME_LINES

if TYPE_CHECKING:
    from fakepersonalize.jobs.batch_data import Allowed, Stock
    from fakepersonalize.recipes.training import Shortlists

WORK = "fakepersonalize.jobs.batch_inference:work"
CELLS = 1 << 23  # of users and items at a time
LEAST_LINES, MOST_LINES = 16, 4096  # at a time


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Copy the input, and pin the data as they are now."""
    asked = services.shelf.find(job.arn)
    assert asked is not None
    themed = (asked.document.get("themeGenerationConfig") or {}).get("fieldsForThemeGeneration")
    most = THEME_LINES if themed else BATCH_LINES
    return BatchSpec(
        files=batch_files.gather(services, job, asked),
        amount=asked["numResults"],
        most_lines=most if services.settings.quotas else None,
        item_name=themed and themed["itemName"],
        **batch_data.gather(services, job, asked, also=[ITEMS] if themed else []),
    ).to_json()


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Answer line after line, in the order of the input."""
    asked = BatchSpec.from_json(spec)
    stock = batch_data.open_stock(asked, folder)
    return batch_files.answer(asked, folder, desk_of(asked, stock), tick)


def desk_of(spec: BatchSpec, stock: Stock) -> Desk:
    """Return what answers lines of the kind that the recipe of a job takes."""
    recipe = catalogue.recipe(spec.recipe)
    assert recipe is not None
    return (ThemeDesk if spec.item_name else desk_class(recipe))(spec, stock, recipe)


def desk_class(recipe: Recipe) -> type[Desk]:
    """Return the kind of lines that a recipe takes."""
    if recipe.operation == "GetPersonalizedRanking":
        return RankingDesk
    return ItemDesk if recipe.needs_item == "required" else UserDesk


class Desk:
    """Answers lines, many at a time; each kind of lines has members that it needs."""

    needs: Sequence[str]

    def __init__(self, spec: BatchSpec, stock: Stock, recipe: Recipe) -> None:
        self.stock, self.loaded, self.recipe = stock, stock.loaded, recipe
        self.amount = min(spec.amount, len(stock.items))
        self.writer = ItemLines(stock.items, recipe.returns_scores, "reasons" in recipe.does)
        self.at_once = min(MOST_LINES, max(LEAST_LINES, CELLS // max(1, len(stock.items))))

    def answer(self, raw: Sequence[bytes]) -> list[bytes]:
        """Return the answers of lines, in their order."""
        read_ = [read(each, self.needs, compact) for each in raw]
        answers = [self.writer.refusal(line) if line.problem else b"" for line in read_]
        sound = [place for place, line in enumerate(read_) if not line.problem]
        allowed = self.stock.allowed([read_[place] for place in sound], USER in self.needs)
        for number, problem in allowed.problems.items():
            line = read_[sound[number]]
            answers[sound[number]] = self.writer.refusal(Line(line.asked, line.echo, problem))
        passed = [place for number, place in enumerate(sound) if number not in allowed.problems]
        if passed:
            for place, answer in zip(passed, self.answers([read_[place] for place in passed], allowed)):
                answers[place] = answer
        return answers

    def answers(self, asked: Sequence[Line], allowed: Allowed) -> Iterator[bytes]:
        raise NotImplementedError


class UserDesk(Desk):
    """Lines of users get what is best for them."""

    needs = (USER,)

    def answers(self, asked: Sequence[Line], allowed: Allowed) -> Iterator[bytes]:
        lists = self._lists(asked, allowed)
        rows = lists.items.tolist()
        scores: Sequence[Sequence[float] | None] = [None] * len(rows)
        if lists.scores is not None:
            scores = lists.scores.tolist()
        for number, (line, row, own) in enumerate(zip(asked, rows, scores)):
            while row and row[-1] < 0:
                row.pop()
            reasons = [lists.reasons.get((number, place)) for place in range(len(row))] if lists.reasons else None
            yield self.writer.answer(line, row, own[: len(row)] if own else None, (), reasons)

    def _lists(self, asked: Sequence[Line], allowed: Allowed) -> Shortlists:
        return self.stock.lists(asked, allowed.mask, self.amount, "reasons" in self.recipe.does)


class ItemDesk(Desk):
    """Lines of items get what is like them; what the same question got is remembered."""

    needs = (ITEM,)

    def answers(self, asked: Sequence[Line], allowed: Allowed) -> Iterator[bytes]:
        found: dict[tuple[int | None, int], list[int]] = {}
        for place, line in enumerate(asked):
            key = item, _ = self.stock.asked(line[ITEM]), allowed.group(place)
            if key not in found:
                found[key] = self.stock.similar(item, allowed.row(place), self.amount).tolist()
            yield self.writer.answer(line, found[key])


class ThemeDesk(ItemDesk):
    """As lines of items, but sorted by how well they fit the theme that they have in common."""

    def __init__(self, spec: BatchSpec, stock: Stock, recipe: Recipe) -> None:
        super().__init__(spec, stock, recipe)
        self._themes = stock.themes

    def answers(self, asked: Sequence[Line], allowed: Allowed) -> Iterator[bytes]:
        import numpy as np

        for place, line in enumerate(asked):
            items = self.stock.similar(self.stock.asked(line[ITEM]), allowed.row(place), self.amount).astype(np.int64)
            theme = self._themes.of(items)
            if theme is None:
                yield self.writer.refusal(Line(line.asked, line.echo, errors.NO_THEME))
                continue
            order = np.argsort(-theme.relevance, kind="stable")
            yield self.writer.themed(line, items[order].tolist(), theme.title, theme.relevance[order].tolist())


class RankingDesk(Desk):
    """Lines of users and lists get all of the list, in the user's order; ids that the model does not know come last."""

    needs = (USER, LIST)

    def answers(self, asked: Sequence[Line], allowed: Allowed) -> Iterator[bytes]:
        import numpy as np

        listed = [list(dict.fromkeys(line[LIST])) for line in asked]
        known = [[self.loaded.items[id_] for id_ in ids if id_ in self.loaded.items] for ids in listed]
        ranked = self.loaded.model.rank(self.stock.queries(asked), [np.array(codes, np.int32) for codes in known])
        for place, (line, ids, scores) in enumerate(zip(asked, listed, ranked)):
            assert scores.scores is not None
            row = allowed.row(place)
            kept = range(len(scores.items)) if row is None else np.flatnonzero(row[scores.items])
            unknown = [id_ for id_ in ids if id_ not in self.loaded.items]
            further = [id_ for id_ in unknown if allowed.passes(place, self.stock.candidate(id_))]
            yield self.writer.answer(line, scores.items[kept].tolist(), scores.scores[kept].tolist(), further)
