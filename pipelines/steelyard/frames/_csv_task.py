"""The work of Python workers on CSV files: parse plain lines, count the forms of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from steelyard.frames._text_forms import by_form

COUNTS = "place int, form string, rows bigint, example string, largest string"
"""Counts of values of a form in a column, the smallest and the largest of these. Place 0 is that of flags of lines, 1
that of the first column."""

_KINDS = {
    "place": pa.int32(), "form": pa.string(), "rows": pa.int64(), "example": pa.string(), "largest": pa.string(),
}  # fmt: skip

NOT_ASCII = "s"
"""Flag of a line of UTF-8 with other characters than ASCII."""

_CHUNK = 1 << 24  # bytes of lines that are parsed together
_SHOWN = 60  # characters of a value in a message
_CONTROLS = r"\x00-\x1f\x{FEFF}"


class Tally:
    """Counts of values by place and form, with the smallest and the largest value of each."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[int, str]] = Counter()
        self._ends: dict[tuple[int, str], tuple[str, str]] = {}

    def add(self, place: int, form: str, rows: int, *ends: str) -> None:
        """Count some values of a form."""
        self._rows[place, form] += rows
        known = sorted((*self._ends.get((place, form), ()), *ends), key=str.encode)
        if known:
            self._ends[place, form] = known[0], known[-1]

    def add_column(self, place: int, values: pa.Array, missing: Sequence[str]) -> None:
        """Count the forms of a column's values."""
        for form, found in by_form(values, missing):
            self.add(place, form, len(found), *(v for v in pc.min_max(found).as_py().values() if v is not None))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the counts, as `COUNTS` describes them."""
        rows = [
            (*key, n, *(v and v[:_SHOWN] for v in self._ends.get(key, (None, None)))) for key, n in self._rows.items()
        ]
        columns = zip(*rows, strict=True) if rows else ((),) * len(_KINDS)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, _KINDS.values(), strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=list(_KINDS))


def count_lines(
    batches: Iterable[pa.RecordBatch], *, width: int, missing: Sequence[str], header: bytes | None, **layout: Any
) -> Iterator[pa.RecordBatch]:
    """Count the forms of values in plain lines; yield all other lines as they are, in a column `line`.

    A line is plain where every parser reads the same: it is UTF-8, has `width` values, and quotes only around whole
    values. `missing` are markers of missing values, `header` is the line that is not a row, and `layout` has `sep`,
    `quote` and `skip_space` of the dialect.
    """
    tally = Tally()
    pattern = plain_lines(**layout)
    for lines in _chunks(batches):
        plain = _is_plain(lines, pattern, layout["quote"], header)
        other = lines.filter(pc.invert(plain))
        lines = lines.filter(plain)
        ragged = _count(lines, width, missing, tally, **layout) if len(lines) else []
        yield _lines(pa.concat_arrays([other, pa.array(ragged, pa.string())]))
    for counts in tally.batches():
        yield counts.append_column("line", pa.nulls(len(counts), pa.string()))


def _chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Array]:
    """Yield lines in large chunks: compiling a regular expression takes as long as matching 10,000 short texts."""
    held: list[pa.Array] = []
    for batch in batches:
        held.append(batch.column(0).cast(pa.string()))
        if sum(lines.nbytes for lines in held) > _CHUNK:
            yield pa.concat_arrays(held)
            held = []
    if held:
        yield pa.concat_arrays(held)


def plain_lines(sep: str, quote: str, *, skip_space: bool) -> str:
    """Return a regular expression of lines that every parser reads the same."""
    s, q = (f"\\x{ord(c):02x}" if c else "" for c in (sep, quote))
    bare = rf"[^{q}{s}{_CONTROLS}]*"
    quoted = rf"{q}(?:[^{q}{_CONTROLS}]|{q}{q})*{q}"
    value = rf"(?:{bare}|{quoted})" if quote and not skip_space else bare
    return rf"^{value}(?:{s}{value})*\z"


def _is_plain(lines: pa.Array, pattern: str, quote: str, header: bytes | None) -> pa.Array:
    plain = pc.match_substring_regex(lines, pattern)
    if quote:
        plain = pc.and_not(plain, pc.match_substring(lines, "\\" + quote))
    if header is not None:
        plain = pc.and_not(plain, pc.equal(lines.cast(pa.binary()), pa.scalar(header, pa.binary())))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:  # another encoding
        plain = pc.and_(plain, pc.string_is_ascii(lines))
    return plain


def _count(
    lines: pa.Array, width: int, missing: Sequence[str], tally: Tally, *, sep: str, quote: str, skip_space: bool
) -> list[str]:
    """Count the forms of plain lines' values; return the lines with another number of values."""
    ragged: list[str] = []
    other = len(lines) - pc.string_is_ascii(lines).true_count
    table = _parsed(lines, width, ragged, sep=sep, quote=quote)
    other -= sum(not line.isascii() for line in ragged)
    if other:
        tally.add(0, NOT_ASCII, other)
    for place, column in enumerate(table.columns, start=1):
        for values in column.chunks:
            spaceless = pc.utf8_ltrim(values, " ") if skip_space else values
            known = pc.if_else(pc.equal(spaceless, ""), pa.scalar(None, pa.string()), spaceless)
            tally.add_column(place, known, missing)
    return ragged


def _parsed(lines: pa.Array, width: int, ragged: list[str], *, sep: str, quote: str) -> pa.Table:
    def skip(row: csv.InvalidRow) -> str:
        ragged.append(row.text)
        return "skip"

    text = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")[0].as_buffer()
    names = [str(i) for i in range(width)]
    return csv.read_csv(
        pa.BufferReader(text),
        csv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
        csv.ParseOptions(delimiter=sep, quote_char=quote or False, ignore_empty_lines=False, invalid_row_handler=skip),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), check_utf8=False),
    )


def _lines(lines: pa.Array) -> pa.RecordBatch:
    empty = {name: pa.nulls(len(lines), kind) for name, kind in _KINDS.items()}
    return pa.RecordBatch.from_pydict({**empty, "line": lines})


def count_values(batches: Iterable[pa.RecordBatch], *, width: int, missing: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Count the flags of parsed lines and the forms of their values; pass counts on.

    Batches have the columns of `COUNTS`, and where `place` is null, `flags` and `values` of a line.
    """
    tally = Tally()
    for batch in batches:
        counted = batch.column("place").is_valid()
        if counted.true_count:
            yield batch.filter(counted).select(list(_KINDS))
        rows = batch.filter(pc.invert(counted))
        for flags in pc.value_counts(rows.column("flags")).to_pylist():
            tally.add(0, flags["values"] or "", flags["counts"])
        values = rows.column("values").drop_null().flatten().cast(pa.string())
        for i in range(width if len(values) else 0):
            tally.add_column(i + 1, values.take(pa.array(np.arange(i, len(values), width))), missing)
    yield from tally.batches()
