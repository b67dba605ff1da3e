"""Segments and models of a foreign snapshot: they are read once, within bounds, before they get a place."""

from __future__ import annotations

import json
import zipfile
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.snapshots import pages
from fakepersonalize.snapshots.archive import Unusable

if TYPE_CHECKING:
    import numpy as np

    from fakepersonalize.datasets.schema import Schema
    from fakepersonalize.recommend.loaded import LoadedModel

# What the rows of a segment may take in memory: more than rows of text that are worth a file, far less than a bomb.
MOST_GROWTH, SPARE_BYTES = 64, 64 * 2**20
MOST_UNPACKED = 2  # times the size of the file, for what is unpacked of it at once
MOST_IN_A_LIST = 100_000  # of the footer
MOST_HEADER_BYTES = 4096
MOST_MANIFEST_BYTES = 4 * 2**20
MOST_FACTORS = 2048
NUMBERS = "biuf"  # kinds of arrays that models are made of
BATCH_ROWS = 1 << 16
FEW = 25
BAD_SEGMENT = "The snapshot has a segment that cannot be: number {number}, {why}"
BAD_MODEL = "The snapshot has a model that cannot be: number {number}, {why}"


def check_segment(number: int, path: Path, rows: int, schema: Schema) -> None:
    """Raise Unusable unless a file is Parquet with so many rows of a schema's columns, and of an honest size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from fakepersonalize.datasets.values import arrow_schema

    size, wanted = path.stat().st_size, arrow_schema(schema)
    try:
        with open(path, "rb") as plain, pq.ParquetFile(path, thrift_container_size_limit=MOST_IN_A_LIST) as file:
            _require_columns(number, file.schema_arrow, wanted)
            texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
            if file.metadata.num_rows != rows:
                raise Unusable(BAD_SEGMENT.format(number=number, why="which has another number of rows"))
            if pages.largest_pages(plain, file.metadata) > MOST_UNPACKED * size + SPARE_BYTES:
                raise Unusable(BAD_SEGMENT.format(number=number, why="which is larger than it looks"))
        # Texts stay codes of their dictionaries: one of a megabyte that all rows have is in memory once.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            budget = MOST_GROWTH * size + SPARE_BYTES
            for batch in file.iter_batches(BATCH_ROWS):
                budget -= sum(map(_bytes, batch.columns))
                rows -= batch.num_rows
                if budget < 0 or rows < 0:
                    raise Unusable(BAD_SEGMENT.format(number=number, why="which is larger than it looks"))
    except Unusable:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError):
        raise Unusable(BAD_SEGMENT.format(number=number, why="which is not Parquet")) from None
    if rows:
        raise Unusable(BAD_SEGMENT.format(number=number, why="which lacks rows"))


def check_model(number: int, folder: Path) -> dict[str, Any]:
    """Return the manifest of a model; raise Unusable unless it loads and answers, about its own items and users."""
    from fakepersonalize.recommend.loaded import load
    from fakepersonalize.storage import artifacts

    _require_honest_arrays(number, folder / artifacts.ARRAYS)
    size = (folder / artifacts.ARRAYS).stat().st_size
    try:
        if (folder / artifacts.MANIFEST).stat().st_size > MOST_MANIFEST_BYTES:
            raise ValueError
        manifest, arrays = artifacts.read(folder)
        if type(manifest["learnt"]["last"]) is not int or any(map(_is_too_wide, arrays, arrays.values(), repeat(size))):
            raise TypeError
        loaded = load(manifest, arrays)
        offsets, items = loaded.offsets, loaded.history_items
        fits = len(offsets) == len(loaded.users) + 1 and offsets[0] == 0 and offsets[-1] == len(items)
        fits = fits and len(items) == len(loaded.history_times) and (offsets[1:] >= offsets[:-1]).all()
        if not fits or (len(items) and not (items.min() >= 0 and items.max() < len(loaded.item_ids))):
            raise ValueError
        _ask(loaded)
    except Exception:  # whatever the many models raise at arrays that are not theirs
        raise Unusable(BAD_MODEL.format(number=number, why="which does not load")) from None
    return manifest


def _is_too_wide(name: str, array: np.ndarray, size: int) -> bool:
    """Say whether a model would make matrices of an array that are much larger than its file, of this size."""
    if name.endswith(".shape"):
        return bool(array.size and (array.min() < 0 or array.max() > size))
    return name.endswith("factors") and array.ndim == 2 and array.shape[1] > MOST_FACTORS


def _bytes(column: Any) -> int:
    """Return how much memory a column takes where its texts are no codes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
    return (pc.sum(lengths).as_py() or 0) + 4 * len(column)


def _ask(loaded: LoadedModel) -> None:
    """Ask a model once for what it does; arrays that do not fit each other raise all sorts of things."""
    import numpy as np

    model, n_items = loaded.model, len(loaded.item_ids)
    some = np.arange(min(n_items, FEW), dtype=np.int32)
    if not len(some):
        return
    if "similar" in model.does:
        model.similar(0, None, FEW)
    if model.does & {"recommend", "rank"}:
        queries = loaded.queries([next(iter(loaded.users), None)])
        if "recommend" in model.does and model.score(queries).shape != (1, n_items):
            raise ValueError
        for ability, asked in (("recommend", (queries, None, FEW)), ("rank", (queries, [some]))):
            if ability in model.does:
                getattr(model, ability)(*asked)


def _require_columns(number: int, found: Any, wanted: Any) -> None:
    """Let a segment lack columns, which a schema may have got since, and have none of another type."""
    if len(set(found.names)) != len(found.names) or any(
        name not in wanted.names or wanted.field(name).type != found.field(name).type for name in found.names
    ):
        raise Unusable(BAD_SEGMENT.format(number=number, why="which has other columns"))


def _require_honest_arrays(number: int, path: Path) -> None:
    """Raise Unusable for arrays that are packed, made of anything but numbers, or not as large as they say."""
    from numpy.lib import format as npy

    most = path.stat().st_size  # an array of nothing may be long or wide, but no more so than the file has bytes
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > most:
                raise ValueError
            for entry in entries:
                with archive.open(entry) as file:
                    version = npy.read_magic(file)
                    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                    shape, _, dtype = read(file, max_header_size=MOST_HEADER_BYTES)
                    size = dtype.itemsize
                    for length in shape:
                        size *= length
                    whole = file.tell() + size == entry.file_size and all(0 <= n <= most for n in shape)
                if dtype.kind not in NUMBERS or not whole or entry.compress_type != zipfile.ZIP_STORED:
                    raise ValueError
    except Exception:  # numpy evaluates headers as literals, which raises all sorts of things
        raise Unusable(BAD_MODEL.format(number=number, why="whose arrays cannot be read")) from None


def with_last(manifest: dict[str, Any], last: int) -> str:
    """Return the text of a model's manifest that says otherwise up to which streamed event it has learnt."""
    return json.dumps(manifest | {"learnt": manifest["learnt"] | {"last": last}}, sort_keys=True)
