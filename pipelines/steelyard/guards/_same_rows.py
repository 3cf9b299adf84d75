"""Values that occur in several parts of a table: keys across splits, near-duplicates, copies of real rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from math import ceil, log2
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, internal, is_vector
from steelyard.frames.parts import put_together
from steelyard.frames.workers import in_worker
from steelyard.guards._aggregates import flag, text
from steelyard.guards._seen import Overlap, Overlaps
from steelyard.hashing import encode

ORIGINAL, SYNTHETIC = "original", "synthetic"
_MANTISSA = 53
_LOW, _HIGH, _PART = map(internal, ("same_low", "same_high", "same_part"))


def find_overlaps(df: DataFrame, kinds: Sequence[Any]) -> Overlaps:
    """Find which values occur in which parts, for each kind of sameness.

    One scan, one action, two crossings into Python, one shuffle of 17 bytes for each row and kind. Rows are compared by
    128 bits of hash, not by their values: none of them reaches the driver.

    Parameters
    ----------
    df : DataFrame
    kinds : sequence
        See `steelyard.guards._needs.same_rows`.
    """
    names = [part_names(kind[1]) for kind in kinds]
    marked = [(*hashes(df, kind), part_of(df, kind[1])) for kind in kinds]
    rows = df.select(*(c.alias(f"c{3 * i + j}") for i, of in enumerate(marked) for j, c in enumerate(of)))
    task = "steelyard.guards._same_task"
    found = put_together(
        rows, in_worker(task, "partial", kinds=len(kinds)), in_worker(task, "whole", parts=max(map(len, names)))
    )
    sums: dict[tuple[int, int], list[int]] = {}
    for (_, *place), (values, rows_of) in found:
        at = int(place[0]), int(place[1])
        before = sums.get(at, [0] * (1 + len(rows_of)))
        sums[at] = [a + b for a, b in zip(before, [values, *rows_of], strict=True)]
    overlaps: list[list[Overlap]] = [[] for _ in kinds]
    for (i, bits), (values, *rows_of) in sorted(sums.items()):
        held = {name: rows_of[p] for p, name in enumerate(names[i]) if bits >> p & 1}
        overlaps[i].append(Overlap(tuple(held), values, held))
    return Overlaps(tuple(kinds), tuple(map(tuple, overlaps)))


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
    """Return the number of the part that a row is in; null for a row that is in no split."""
    if parts[0] == "synthetic":
        return flag(df, parts[1]).cast("int").alias("part")
    place, number = text(df, parts[1]), F.lit(len(parts[2]))
    for i, name in enumerate(parts[2]):
        number = F.when(place == name, F.lit(i)).otherwise(number)
    return F.when(place.isNotNull(), number).alias("part")


def hashes(df: DataFrame, kind: Any) -> tuple[Column, Column]:
    """Return two hashes, `low` and `high`, which rows that are the same share and others don't."""
    columns, _, digits, label, _ = kind
    if digits is None:
        encoded = encode(df, columns)
    else:
        numbers = {name: rounded(df, name, digits) for name in columns}
        encoded = [part for name in sorted(numbers) for part in (col(name).isNull(), numbers[name])]
    if label is not None:
        encoded = [class_text(df, label).isNull(), class_text(df, label), *encoded]
    seeds = (zlib.crc32(str([purpose, columns]).encode()) for purpose in ("low", "high"))
    low, high = (F.xxhash64(F.lit(seed).cast("bigint"), *encoded) for seed in seeds)
    return low.alias("low"), high.alias("high")


def rounded(df: DataFrame, name: str, digits: int) -> Column:
    """Return a number, or each of a vector or an array, to as many bits as so many significant digits need.

    Other values are unchanged. Nothing but one product and two differences for each number (Dekker, "A
    floating-point technique for extending the available precision", Numerische Mathematik 18, 1971).
    """
    bits = ceil(digits * log2(10))
    factor = float(2 ** (_MANTISSA - bits) + 1) if bits < _MANTISSA else None

    def fewer_bits(value: Column) -> Column:
        if factor is None:
            return value
        high = value.cast("double") * F.lit(factor)
        return high - (high - value.cast("double"))

    def marked(value: Column) -> Column:
        return F.struct(value.isNull(), fewer_bits(value))  # a hash passes over the nulls of an array

    if isinstance(dtype(df, name, "feature"), T.NumericType):
        return fewer_bits(col(name))
    if is_vector(df, name):
        from pyspark.ml.functions import vector_to_array

        array = F.when(col(name).isNotNull(), vector_to_array(col(name)))  # of a null, it raises
        return F.transform(array, marked)
    if holds_numbers(df, name):
        return F.transform(col(name), marked)
    return F.xxhash64(*encode(df, [name]))


def holds_numbers(df: DataFrame, name: str) -> bool:
    """Whether a column is of vectors or of arrays of numbers."""
    kind = dtype(df, name, "feature")
    return is_vector(df, name) or (isinstance(kind, T.ArrayType) and isinstance(kind.elementType, T.NumericType))
