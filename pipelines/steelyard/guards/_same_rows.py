"""Values that occur in several parts of a table: keys across splits, near-duplicates, copies of real rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import ceil, log2
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, is_vector
from steelyard.guards._aggregates import flag, text
from steelyard.guards._seen import Overlap, Overlaps
from steelyard.hashing import encode

ORIGINAL, SYNTHETIC = "original", "synthetic"
_MANTISSA = 53


def find_overlaps(df: DataFrame, kinds: Sequence[Any]) -> Overlaps:
    """Find which values occur in which parts, for each kind of sameness. One scan, one shuffle of hashes, one action.

    Rows are compared by 128 bits of hash, not by their values: none of them reaches the driver. Rows that are all the
    same are counted in one task, 28 bytes each.

    Parameters
    ----------
    df : DataFrame
    kinds : sequence
        See `steelyard.guards._needs.same_rows`.
    """
    names = [part_names(kind[1]) for kind in kinds]
    most = max(map(len, names))
    marked = [F.struct(F.lit(i).alias("kind"), *hashes(df, k), part_of(df, k[1])) for i, k in enumerate(kinds)]
    rows = df.select(F.explode(F.array(*marked)).alias("r")).select("r.*").where(F.col("part").isNotNull())
    # Most values are of one row: to count them before the shuffle too would cost more than it spares.
    rows = rows.repartition("low")
    counts = [F.count_if(F.col("part") == p).alias(f"n{p}") for p in range(most)]
    values = rows.groupBy("kind", "low", "high").agg(*counts)
    each = [F.when(F.col(f"n{p}") > 0, F.lit(1 << p)).otherwise(F.lit(0)) for p in range(most)]
    bits = reduce(lambda a, b: a.bitwiseOR(b), each)
    sums = [F.sum(f"n{p}").alias(f"n{p}") for p in range(most)]
    found = values.groupBy("kind", bits.alias("bits")).agg(F.count(F.lit(1)).alias("values"), *sums).collect()
    overlaps: list[list[Overlap]] = [[] for _ in kinds]
    for r in sorted(found, key=lambda r: (r["kind"], r["bits"])):
        held = [(p, name) for p, name in enumerate(names[r["kind"]]) if r["bits"] >> p & 1]
        overlaps[r["kind"]].append(
            Overlap(tuple(n for _, n in held), r["values"], {name: r[f"n{p}"] for p, name in held})
        )
    return Overlaps(tuple(kinds), tuple(map(tuple, overlaps)))


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
    purposes = ("low", "high")
    # The names are hashed too, so that two kinds of one table are apart.
    return tuple(F.xxhash64(F.lit(p), F.lit(str(columns)), *encoded).alias(p) for p in purposes)  # type: ignore[return-value]


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
