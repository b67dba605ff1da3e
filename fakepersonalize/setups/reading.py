"""Reads a set-up file, YAML or JSON, with the line of each key, so that what is wrong can be found.

Anchors and aliases are refused: a few lines of them can stand for more than any memory holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Keys = tuple[str, ...]
MOST_BYTES = 2**20
MOST_DEPTH = 50

AT = "{path}, line {line}{key}: {why}"
NOT_YAML = "this is neither YAML nor JSON: {problem}"
NO_ALIASES = "anchors and aliases (& and *) are not taken"
TWICE = "the key is there twice"
NO_TEXT_KEY = "keys must be texts"
TOO_DEEP = "this is nested too deep"
TOO_LARGE = "the file has more than {most} bytes"
NO_OBJECT = "the file must be a mapping with keys such as buckets and dataset_groups"


class SetupError(Exception):
    """A set-up that cannot be done; its text names file, line and key, and ends without a full stop."""


@dataclass
class Document:
    """The content of a set-up file, and where everything in it stands."""

    path: Path
    content: dict[str, Any] = field(default_factory=dict)
    lines: dict[Keys, int] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.path.resolve().parent

    def error(self, keys: Keys, why: str) -> SetupError:
        """Return the error that names the line of a key, or of the nearest above it that has one."""
        known = next((keys[:length] for length in range(len(keys), -1, -1) if keys[:length] in self.lines), ())
        key = f" ({'.'.join(keys)})" if keys else ""
        return SetupError(AT.format(path=self.path, line=self.lines.get(known, 1), key=key, why=why))


def read(path: Path) -> Document:
    """Return what a file says. Raises SetupError, and OSError where it cannot be read."""
    import yaml

    document = Document(path)
    with open(path, "rb") as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise document.error((), TOO_LARGE.format(most=MOST_BYTES))
    try:
        _refuse_what_grows(text, document)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        document.lines[()] = mark.line + 1 if mark else 1
        said = getattr(problem, "problem", None) or str(problem)
        raise document.error((), NOT_YAML.format(problem=said.splitlines()[0])) from None
    if not isinstance(node, yaml.MappingNode):
        raise document.error((), NO_OBJECT)
    document.content = _value(loader, node, document, ())
    return document


def _refuse_what_grows(text: bytes, document: Document) -> None:
    """Raise SetupError for aliases and for what is nested too deep, before a tree is made of them."""
    import yaml

    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        why = NO_ALIASES if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) else None
        why = TOO_DEEP if depth > MOST_DEPTH else why
        if why:
            document.lines[()] = event.start_mark.line + 1
            raise document.error((), why)


def _value(loader: Any, node: Any, document: Document, keys: Keys) -> Any:
    import yaml

    document.lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return {key: _value(loader, value, document, (*keys, key)) for key, value in _pairs(node, document, keys)}
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, each, document, (*keys, str(place))) for place, each in enumerate(node.value)]
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError) as problem:
        raise document.error(keys, NOT_YAML.format(problem=str(problem).splitlines()[0])) from None


def _pairs(node: Any, document: Document, keys: Keys) -> Iterator[tuple[str, Any]]:
    """Yield keys and the nodes of their values; a key's line is where it stands, not its value."""
    import yaml

    seen = set()
    for name, value in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode) or name.tag == "tag:yaml.org,2002:merge":
            document.lines[(*keys, "?")] = line
            raise document.error((*keys, "?"), NO_TEXT_KEY)
        document.lines[(*keys, name.value)] = line
        if name.value in seen:
            raise document.error((*keys, name.value), TWICE)
        seen.add(name.value)
        yield name.value, value


def within(document: Document, keys: Keys, named: str) -> Path:
    """Return the file or folder that a set-up names, relative to itself. Raises SetupError where there is none."""
    place = document.folder / named
    if not place.exists():
        raise document.error(keys, f"there is no {named!r} in {document.folder}")
    return place


def files_below(document: Document, keys: Keys, folder: Path) -> Mapping[str, Path]:
    """Return the files in a folder and below it by their keys in a bucket. SetupError for links that lead out."""
    top = folder.resolve()
    if not top.is_dir():
        raise document.error(keys, f"{folder} is no folder")
    found = {}
    for path in sorted(top.rglob("*")):
        if not path.resolve().is_relative_to(top):
            raise document.error(keys, f"{path} is a link that leads out of the folder")
        if path.is_file():
            found[path.relative_to(top).as_posix()] = path
    return found
