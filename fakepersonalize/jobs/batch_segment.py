"""CreateBatchSegmentJob: files of items, or of attributes of items, become files of users.

Source: https://docs.aws.amazon.com/personalize/latest/dg/getting-user-segments.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize import errors
from fakepersonalize.datasets.schema import ITEMS
from fakepersonalize.errors import InvalidInputException
from fakepersonalize.filters.syntax import EQUAL, CurrentItem, Tree, parse
from fakepersonalize.jobs import batch_data, batch_files
from fakepersonalize.jobs.batch_data import Stock
from fakepersonalize.jobs.batch_lines import ATTRIBUTES, ITEM, Line, UserLines, read, spaced
from fakepersonalize.jobs.batch_spec import BatchSpec
from fakepersonalize.jobs.services import Services
from fakepersonalize.lifecycle.runners import Tick
from fakepersonalize.lifecycle.workshop import Job
from fakepersonalize.resources.quotas import SEGMENT_LINES

if TYPE_CHECKING:
    from fakepersonalize.filters.evaluate import BoundFilter
    from fakepersonalize.recipes.training import Codes, Mask, Queries

WORK = "fakepersonalize.jobs.batch_segment:work"
CELLS = 1 << 26  # of users and lines at a time
AT_ONCE = 512  # lines
BY_ATTRIBUTES = "aws-item-attribute-affinity"


def gather(services: Services, job: Job) -> dict[str, Any]:
    """Copy the input, and pin the data as they are now; the interest of users is what the training saw."""
    asked = services.shelf.find(job.arn)
    assert asked is not None
    found = batch_data.gather(services, job, asked, also=[ITEMS])
    return BatchSpec(
        files=batch_files.gather(services, job, asked),
        amount=asked["numResults"],
        most_lines=SEGMENT_LINES[found["recipe"]] if services.settings.quotas else None,
        **found,
    ).to_json()


def work(spec: dict[str, Any], folder: Path, tick: Tick) -> dict[str, Any]:
    """Answer line after line, in the order of the input."""
    asked = BatchSpec.from_json(spec)
    return batch_files.answer(asked, folder, SegmentDesk(asked, batch_data.open_stock(asked, folder)), tick)


class SegmentDesk:
    """Answers lines of items, or of their attributes, with the users who want them most."""

    def __init__(self, spec: BatchSpec, stock: Stock) -> None:
        self._stock, self._loaded = stock, stock.loaded
        self._by_attributes = spec.recipe == BY_ATTRIBUTES
        self._amount = min(spec.amount, len(self._loaded.users))
        self._writer = UserLines(self._loaded.users)
        self.at_once = max(1, min(AT_ONCE, CELLS // max(1, len(self._loaded.users))))

    def answer(self, raw: Sequence[bytes]) -> list[bytes]:
        """Return the answers of lines, in their order."""
        needed = [ATTRIBUTES if self._by_attributes else ITEM]
        lines = [read(each, needed, spaced) for each in raw]
        asked = [self._asked(line) for line in lines]
        segments = self._segments([each for each in asked if not isinstance(each, str)])
        return [
            self._writer.refusal(Line(line.asked, line.echo, each))
            if isinstance(each, str)
            else self._writer.answer(line, next(segments))
            for line, each in zip(lines, asked)
        ]

    def _asked(self, line: Line) -> tuple[Codes, BoundFilter | None] | str:
        """Return the items that a line is about and its filter, or what is wrong with it."""
        if line.problem:
            return line.problem
        items = self._with_attributes(line[ATTRIBUTES]) if self._by_attributes else self._item(line[ITEM])
        if isinstance(items, str):
            return items
        bound = self._stock.bound(tuple(sorted(line.values().items()))) if self._stock.filter else None
        return bound if isinstance(bound, str) else (items, bound)

    def _item(self, id_: str) -> Codes | str:
        import numpy as np

        code = self._loaded.items.get(id_)
        return errors.LINE_UNKNOWN_ITEM.format(id=id_) if code is None else np.array([code], np.int32)

    def _with_attributes(self, text: str) -> Codes | str:
        """Return the items that the model knows and that have all the attributes."""
        import numpy as np

        from fakepersonalize.filters.check import check
        from fakepersonalize.filters.evaluate import Filter, FilterContext

        try:
            tree = attributes(text)
            bound = Filter(tree, check(tree, self._stock.trained_columns)).bind()
        except InvalidInputException as refused:
            return errors.LINE_BAD_ATTRIBUTES.format(reason=refused.message)
        found = np.flatnonzero(bound.mask(self._stock.candidates, FilterContext())[: len(self._loaded.item_ids)])
        return found.astype(np.int32) if len(found) else errors.LINE_UNKNOWN_ATTRIBUTE.format(attribute=text)

    def _segments(self, asked: Sequence[tuple[Codes, BoundFilter | None]]) -> Iterator[Sequence[int]]:
        """Yield the users of each line, by code, those who want the items most first."""
        import numpy as np

        from fakepersonalize.recipes.selection import best_allowed

        if not asked:
            return
        groups = np.repeat(np.arange(len(asked)), [len(items) for items, _ in asked])
        everything = np.concatenate([items for items, _ in asked])
        interest = self._loaded.model.interest(groups, everything, len(asked), self._queries)
        for number, (_, bound) in enumerate(asked):
            yield best_allowed(interest[:, number], self._allowed(bound), self._amount).tolist()

    @cached_property
    def _queries(self) -> Queries:
        """What users did up to the training, and nothing later."""
        return self._loaded.queries(list(self._loaded.users))

    def _allowed(self, bound: BoundFilter | None) -> Mask | None:
        return None if bound is None else bound.mask(self._stock.people, self._stock.doings)


def attributes(text: str) -> Tree:
    """Return the tree of conditions that AND joins; InvalidInputException where a text is anything else."""
    tree = parse(f"INCLUDE ItemID WHERE {text}")
    part, *others = tree.parts
    if others or part.if_user or len(part.any_of) != 1:
        raise InvalidInputException(errors.ONLY_AND)
    for condition in part.conditions:
        if condition.dataset != ITEMS or condition.test != EQUAL or isinstance(condition.operands, CurrentItem):
            raise InvalidInputException(errors.ONLY_EQUAL)
    return tree
