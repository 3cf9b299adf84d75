"""Find values that occur in several parts of a table: keys across splits, near-duplicates, copies of real rows."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from math import ceil, log2
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, internal, is_vector
from steelyard.frames.parts import put_together
from steelyard.frames.workers import in_worker
from steelyard.guards._cell_task import MAX_CELLS
from steelyard.guards._cells import CellQuery
from steelyard.guards._measures import flag, text
from steelyard.guards._same_task import CELLS, SAME
from steelyard.guards._seen import Cells, Overlap, Overlaps
from steelyard.hashing import encode

ORIGINAL, SYNTHETIC = "original", "synthetic"
MANY = 256
"""Numbers beyond which they are rounded as one array: expressions for each would take Spark longer than the rows."""

_MANTISSA = 53
_TASK = "steelyard.guards._same_task"
_LOW, _HIGH, _PART = map(internal, ("same_low", "same_high", "same_part"))


def find_overlaps(df: DataFrame, kinds: Sequence[Any], query: CellQuery | None = None) -> tuple[Overlaps, Cells | None]:
    """Find which values occur in which parts, for each kind of sameness, and count cells in the same scan.

    One scan, one action, two crossings into Python, one shuffle of 17 bytes for each row and kind. Rows are compared by
    128 bits of hash; no value reaches the driver.

    Parameters
    ----------
    df : DataFrame
    kinds : sequence
        See `steelyard.guards._needs.same_rows`.
    query : CellQuery, optional
    """
    names = [part_names(kind[1]) for kind in kinds]
    marked = [(*hashes(df, kind), part_of(df, kind[1])) for kind in kinds]
    columns = [c.alias(f"c{3 * i + j}") for i, of in enumerate(marked) for j, c in enumerate(of)]
    columns += query.columns if query else []
    cells = query.aggregates if query else None
    first = in_worker(_TASK, "partial", kinds=len(kinds), cells=cells)
    second = in_worker(_TASK, "whole", parts=max(map(len, names)), cells=cells)
    found = put_together(df.select(*columns), first, second)
    overlaps = Overlaps(tuple(kinds), tuple(_overlaps(found, i, of) for i, of in enumerate(names)))
    table = next((data for (what, *_), data in found if what == CELLS), None)
    return overlaps, _collected(df, query, table) if query else None


def _overlaps(found: Iterable[tuple[list[str], Any]], kind: int, names: Sequence[str]) -> tuple[Overlap, ...]:
    """Add the results of all tasks for one kind."""
    sums: dict[int, list[int]] = {}
    for (what, *place), data in found:
        if what == SAME and int(place[0]) == kind:
            new, bits = [data[0], *data[1]], int(place[1])
            sums[bits] = [a + b for a, b in zip(sums.get(bits, [0] * len(new)), new, strict=True)]
    result = []
    for bits, (values, *rows) in sorted(sums.items()):
        held = {name: rows[p] for p, name in enumerate(names) if bits >> p & 1}
        result.append(Overlap(tuple(held), values, held))
    return tuple(result)


def _collected(df: DataFrame, query: CellQuery, table: pa.Table | None) -> Cells:
    if table is None or len(table) > MAX_CELLS or all(kind != "time" for kind, *_ in query.measures):
        return query.result(table.to_pylist() if table is not None else [])
    return query.result([r.asDict() for r in query.with_texts(df.sparkSession.createDataFrame(table)).collect()])


def rows_in_other_parts(df: DataFrame, kind: Any, *, part: int | None = None, other: int | None = None) -> DataFrame:
    """Return the rows that have an equal row in another part; or the rows of `part` with an equal row in `other`."""
    marks = dict(zip((_LOW, _HIGH, _PART), (*hashes(df, kind), part_of(df, kind[1])), strict=True))
    rows = df.withColumns(marks).where(F.col(_PART).isNotNull())
    values = rows.groupBy(_LOW, _HIGH).agg(F.collect_set(_PART).alias("parts"))
    there = F.size("parts") > 1 if other is None else F.array_contains("parts", other)
    own = rows if part is None else rows.where(F.col(_PART) == part)
    return own.join(values.where(there), [_LOW, _HIGH], "left_semi").drop(*marks)


def part_names(parts: Sequence[Any]) -> list[str]:
    """Return the names of the parts."""
    return [*parts[2], "another split"] if parts[0] == "split" else [ORIGINAL, SYNTHETIC]


def part_of(df: DataFrame, parts: Sequence[Any]) -> Column:
    """Return the number of a row's part; null for a row in no split."""
    if parts[0] == "synthetic":
        return flag(df, parts[1]).cast("int").alias("part")
    place, number = text(df, parts[1]), F.lit(len(parts[2]))
    for i, name in enumerate(parts[2]):
        number = F.when(place == name, F.lit(i)).otherwise(number)
    return F.when(place.isNotNull(), number).alias("part")


def hashes(df: DataFrame, kind: Any) -> tuple[Column, Column]:
    """Return two hashes, `low` and `high`, that are equal exactly if two rows are the same."""
    columns, _, digits, label, _ = kind
    encoded = encode(df, columns) if digits is None else _rounded_row(df, sorted(columns), digits)
    if label is not None:
        encoded = [class_text(df, label).isNull(), class_text(df, label), *encoded]
    seeds = (zlib.crc32(str([purpose, columns]).encode()) for purpose in ("low", "high"))
    low, high = (F.xxhash64(F.lit(seed).cast("bigint"), *encoded) for seed in seeds)
    return low.alias("low"), high.alias("high")


def _rounded_row(df: DataFrame, names: Sequence[str], digits: int) -> list[Column]:
    """Return what is equal for two rows exactly if all their values are, rounded; numbers are one array where many."""
    numbers = [name for name in names if isinstance(dtype(df, name, "feature"), T.NumericType)]
    factor = _factor(digits)
    together = numbers if len(numbers) > MANY and factor is not None else []
    single = [name for name in names if name not in set(together)]
    parts = [part for name in single for part in (col(name).isNull(), rounded(df, name, digits))]
    if together:
        array = F.array(*(col(name).cast("double") for name in together))
        parts.append(F.transform(array, lambda value: _marked(value, factor)))
    return parts


def rounded(df: DataFrame, name: str, digits: int) -> Column:
    """Round a number, or each number of a vector or array, to the bits of `digits` significant digits.

    Other values are unchanged. It takes one product and two differences for each number (Dekker, "A floating-point
    technique for extending the available precision", Numerische Mathematik 18, 1971).
    """
    factor = _factor(digits)
    if isinstance(dtype(df, name, "feature"), T.NumericType):
        return _fewer_bits(col(name), factor)
    if is_vector(df, name):
        from pyspark.ml.functions import vector_to_array

        array = F.when(col(name).isNotNull(), vector_to_array(col(name)))  # it raises for null
        return F.transform(array, lambda value: _marked(value, factor))
    if holds_numbers(df, name):
        return F.transform(col(name), lambda value: _marked(value, factor))
    return F.xxhash64(*encode(df, [name]))


def _factor(digits: int) -> float | None:
    """Return what a number is multiplied by to round it; None where no bit is too many."""
    bits = ceil(digits * log2(10))
    return float(2 ** (_MANTISSA - bits) + 1) if bits < _MANTISSA else None


def _fewer_bits(value: Column, factor: float | None) -> Column:
    if factor is None:
        return value
    high = value.cast("double") * F.lit(factor)
    return high - (high - value.cast("double"))


def _marked(value: Column, factor: float | None) -> Column:
    return F.struct(value.isNull(), _fewer_bits(value, factor))  # hashes skip the nulls of an array


def holds_numbers(df: DataFrame, name: str) -> bool:
    """Whether a column holds vectors or arrays of numbers."""
    kind = dtype(df, name, "feature")
    return is_vector(df, name) or (isinstance(kind, T.ArrayType) and isinstance(kind.elementType, T.NumericType))
