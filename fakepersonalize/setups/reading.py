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
MOST_FILES = 100_000  # in a folder of a bucket

AT = "{path}, line {line}{key}: {why}"
NOT_YAML = "this is neither YAML nor JSON: {problem}"
NO_ALIASES = "anchors and aliases (& and *) are not taken"
TWICE = "the key is there twice"
NO_TEXT_KEY = "keys must be texts"
TOO_DEEP = "this is nested too deep"
TOO_LARGE = "the file has more than {most} bytes"
NO_LETTER = "there is half a letter in this text"
NOT_THERE = "there is no {named!r} in {folder}"
NO_FILE = "{path} is no file"
LARGE_FILE = "{path} has more than {most} bytes"
UNREADABLE = "{path} cannot be read: {problem}"
NO_FOLDER = "{path} is no folder"
LEADS_OUT = "{path} is a link that leads out of the folder"
MANY_FILES = "{path} has more than {most} files"
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
        named = "".join(sign if sign.isprintable() else "?" for sign in ".".join(keys))
        key = f" ({named})" if keys else ""
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
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as problem:  # the latter two at a tag that lies
        raise document.error(keys, NOT_YAML.format(problem=str(problem).partition("\n")[0])) from None
    return _whole(value, document, keys) if isinstance(value, str) else value


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
        key = _whole(name.value, document, keys)
        if key in seen:
            raise document.error((*keys, key), TWICE)
        seen.add(key)
        yield key, value


def _whole(text: str, document: Document, keys: Keys) -> str:
    """Return a text with letters that JSON writes in two halves (`\\ud83d\\ude00`). Raises SetupError for one half."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise document.error(keys, NO_LETTER) from None


def within(document: Document, keys: Keys, named: str) -> Path:
    """Return the file or folder that a set-up names, relative to itself. Raises SetupError where there is none."""
    place = document.folder / named
    try:
        there = place.exists()
    except (OSError, ValueError):  # no system can have a file of this name
        there = False
    if not there:
        raise document.error(keys, NOT_THERE.format(named=named, folder=document.folder))
    return place


def text_of(document: Document, keys: Keys, named: str) -> str:
    """Return what is in a file of text that a set-up names. Raises SetupError for what is not one, or too large."""
    path = within(document, keys, named)
    if not path.is_file():  # a device or a pipe may never end
        raise document.error(keys, NO_FILE.format(path=path))
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise document.error(keys, UNREADABLE.format(path=path, problem=problem)) from None
    if len(content) > MOST_BYTES:
        raise document.error(keys, LARGE_FILE.format(path=path, most=MOST_BYTES))
    return text


def files_below(document: Document, keys: Keys, folder: Path) -> Mapping[str, Path]:
    """Return the files in a folder and below it by their keys in a bucket. SetupError for links that lead out."""
    top = folder.resolve()
    if not top.is_dir():
        raise document.error(keys, NO_FOLDER.format(path=folder))
    found = {}
    try:
        for number, path in enumerate(top.rglob("*")):
            if number == MOST_FILES:
                raise document.error(keys, MANY_FILES.format(path=folder, most=MOST_FILES))
            if not path.resolve().is_relative_to(top):
                raise document.error(keys, LEADS_OUT.format(path=path))
            if path.is_file():
                found[path.relative_to(top).as_posix()] = path
    except (OSError, RuntimeError) as problem:  # the latter for links in a circle
        raise document.error(keys, UNREADABLE.format(path=folder, problem=problem)) from None
    return dict(sorted(found.items()))
