"""The pages of a Parquet file: how large they get when they are unpacked, read from their headers before any is.

Sources: https://parquet.apache.org/docs/file-format/data-pages/ and, for how headers are written,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

MOST_HEADER_BYTES = 1 << 16
MOST_NESTED = 4
# Encodings whose values take about as much room as they do in the page: plain, dictionary, run lengths, differences of
# numbers. With prefixes that texts share, a few bytes could stand for any number of them.
PLAIN, PLAIN_DICTIONARY, RLE, DELTA_BINARY_PACKED, RLE_DICTIONARY = 0, 2, 3, 5, 8
HONEST = frozenset({PLAIN, PLAIN_DICTIONARY, RLE, DELTA_BINARY_PACKED, RLE_DICTIONARY})
STOP, TRUE, FALSE, BYTE, INTEGERS, DOUBLE, BINARY, STRUCT = 0, 1, 2, 3, (4, 5, 6), 7, 8, 12
UNPACKED, PACKED = 2, 3  # numbers of fields
PAGE_HEADERS = {5: 2, 7: 2, 8: 4}  # of data and dictionary pages, and the number of the encoding in each


class Page(NamedTuple):
    """A page: its size when unpacked, its size in the file behind its header, and its encodings."""

    unpacked: int
    packed: int
    encodings: frozenset[int]


def largest_pages(file: BinaryIO, metadata: FileMetaData) -> int:
    """Return how many bytes the largest unpacked pages of all columns of a row group take together, at most.

    Raises ValueError for headers that cannot be read, and for encodings in which little stands for much.
    """
    most = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        columns = (row_group.column(number) for number in range(row_group.num_columns))
        most = max(most, sum(_largest(file, column) for column in columns))
    return most


def _largest(file: BinaryIO, column: Any) -> int:
    """Return the bytes of a column's dictionary and its largest page beside it."""
    begin = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        begin = min(begin, column.dictionary_page_offset)
    position, end = begin, begin + column.total_compressed_size
    sizes = [0]
    while position < end:
        file.seek(position)
        header = _Header(file.read(min(MOST_HEADER_BYTES, end - position)))
        page = header.page()
        if not page.encodings <= HONEST:
            raise ValueError("the encoding of a page")
        sizes.append(page.unpacked)
        position += header.position + page.packed
    return sizes[1] + max(sizes) if len(sizes) > 1 else 0


class _Header:
    """A header in Thrift's compact protocol; `position` is how far it has been read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def page(self) -> Page:
        sizes: dict[int, int] = {}
        encodings: set[int] = set()
        for number, kind in self._fields():
            if number in (UNPACKED, PACKED) and kind in INTEGERS:
                sizes[number] = self._integer()
            elif number in PAGE_HEADERS and kind == STRUCT:
                for inner, inner_kind in self._fields():
                    if inner == PAGE_HEADERS[number] and inner_kind in INTEGERS:
                        encodings.add(self._integer())
                    else:
                        self._skip(inner_kind)
            else:
                self._skip(kind)
        page = Page(sizes.get(UNPACKED, -1), sizes.get(PACKED, -1), frozenset(encodings))
        if page.unpacked < 0 or page.packed < 0:
            raise ValueError("the size of a page")
        return page

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and type of each field; whoever gets them reads or skips its value."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            yield number, head & 0x0F

    def _skip(self, kind: int, depth: int = 0) -> None:
        if kind in (TRUE, FALSE):
            return
        if kind == BYTE:
            self._byte()
        elif kind in INTEGERS:
            self._integer()
        elif kind == DOUBLE:
            self._advance(8)
        elif kind == BINARY:
            self._advance(self._number())
        elif kind == STRUCT and depth < MOST_NESTED:
            for _, inner in self._fields():
                self._skip(inner, depth + 1)
        else:
            raise ValueError("a field of a page's header")

    def _byte(self) -> int:
        self._advance(1)
        return self._content[self.position - 1]

    def _number(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7
            if shift > 63:
                raise ValueError("a number in a page's header")

    def _integer(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)  # zigzag

    def _advance(self, count: int) -> None:
        self.position += count
        if self.position > len(self._content):
            raise ValueError("the end of a page's header")
