"""Input files of batch jobs: the lines that a job would answer with an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fakepersonalize.errors import (
    LINE_BAD_ATTRIBUTES,
    LINE_NO_OBJECT,
    LINE_NOT_JSON,
    REQUIRED_FIELDS,
    TOO_MANY_FILES,
    TOO_MANY_LINES,
    TOO_MUCH_INPUT,
    InvalidInputException,
)
from fakepersonalize.jobs.batch_inference import desk_class
from fakepersonalize.jobs.batch_lines import ATTRIBUTES, ITEM, LARGEST_LINE_BYTES, compact, read
from fakepersonalize.jobs.batch_segment import BY_ATTRIBUTES, attributes
from fakepersonalize.lint.findings import Finding
from fakepersonalize.recipes import catalogue
from fakepersonalize.recipes.catalogue import Recipe
from fakepersonalize.resources.quotas import BATCH_BYTES, BATCH_FILES, BATCH_LINES, SEGMENT_LINES

INFERENCE, SEGMENT = "batch-inference", "batch-segment"
_MARK = b"\xef\xbb\xbf"
EXAMPLES = {
    "userId": '{"userId": "4638"}',
    "itemId": '{"itemId": "105"}',
    "userId, itemList": '{"userId": "891", "itemList": ["27", "886", "101"]}',
    "itemAttributes": '{"itemAttributes": "ITEMS.genres = \\"Comedy\\""}',
}
FIXES = {
    LINE_NOT_JSON: "one JSON object on each line, with double quotes",
    LINE_NO_OBJECT: "one JSON object on each line",
    LINE_BAD_ATTRIBUTES: "conditions with = alone, joined by AND; values in double quotes",
    TOO_MANY_LINES: "spread the lines over several files",
    TOO_MANY_FILES: "spread the files over several jobs",
    TOO_MUCH_INPUT: "spread the files over several jobs",
}


def recipe_of(name: str) -> Recipe | None:
    """Return the recipe of a name or an ARN, if batch jobs take it."""
    recipe = catalogue.recipe(name.rpartition("/")[2])
    return recipe if recipe and recipe.does & {INFERENCE, SEGMENT} else None


def check(files: Sequence[Path], recipe: Recipe) -> Iterator[Finding]:
    """Yield what is wrong with the lines of a job's files, in bounded memory."""
    size = sum(file.stat().st_size for file in files)
    if len(files) > BATCH_FILES:
        yield _finding(files[0], TOO_MANY_FILES.format(most=BATCH_FILES), recipe)
    if size > BATCH_BYTES:
        yield _finding(files[0], TOO_MUCH_INPUT.format(most=BATCH_BYTES / 1e9), recipe)
    for file in files:
        yield from _of_file(file, recipe)


def needs(recipe: Recipe) -> Sequence[str]:
    """Return the members that lines for a recipe must have."""
    if SEGMENT in recipe.does:
        return (ATTRIBUTES,) if recipe.name == BY_ATTRIBUTES else (ITEM,)
    return desk_class(recipe).needs


def _of_file(file: Path, recipe: Recipe) -> Iterator[Finding]:
    most = SEGMENT_LINES.get(recipe.name, BATCH_LINES)
    counted = 0
    for number, raw in _lines(file):
        counted += 1
        problem = _problem(raw, recipe)
        if problem:
            yield _finding(file, problem, recipe, number)
    if counted > most:
        yield _finding(file, TOO_MANY_LINES.format(most=most, name=file.name), recipe)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank with their numbers; of too long ones only a beginning, which is no JSON."""
    with open(file, "rb") as stream:
        number = 0
        while raw := stream.readline(LARGEST_LINE_BYTES):
            number += 1
            line = (raw.removeprefix(_MARK) if number == 1 else raw).strip()
            if line:
                yield number, line
            while not raw.endswith(b"\n") and (raw := stream.readline(LARGEST_LINE_BYTES)):
                pass


def _problem(raw: bytes, recipe: Recipe) -> str | None:
    """Return what a job would say of a line; whether its ids are known only the job can tell."""
    line = read(raw, needs(recipe), compact)
    if line.problem is None and recipe.name == BY_ATTRIBUTES:
        try:
            attributes(line[ATTRIBUTES])
        except InvalidInputException as refused:
            return LINE_BAD_ATTRIBUTES.format(reason=refused.message)
    return line.problem


def _finding(file: Path, text: str, recipe: Recipe, line: int | None = None) -> Finding:
    example = f"lines for {recipe.name} look like {EXAMPLES[', '.join(needs(recipe))]}"
    fixes = (fix for sentence, fix in FIXES.items() if text.startswith(sentence.partition("{")[0]))
    rule = "missing-fields" if text.startswith(REQUIRED_FIELDS.partition("{")[0]) else "line" if line else "too-much"
    return Finding(str(file), rule, text, next(fixes, example), line=line)
