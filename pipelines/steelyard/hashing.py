"""Row identity and exact cuts: every random decision about rows starts here.

A row's place in a random order is a 63-bit hash of what identifies it, a seed and a purpose. It doesn't depend
on partitioning, executors, retries or the order of rows. A *cut* divides the rows of a stratum at an exact count
of that order, with two narrow aggregations and no sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, decimal_text, dtype, of_key
from steelyard.errors import InputError

ENCODING_VERSION = 1
HASH_BITS = 63
ROW_ID = "__row_id"

_EVERYTHING = 1 << HASH_BITS
_FINE_BIN = 4096  # a bin with at most so many rows is read value by value
_MAX_BINS = 1 << 20  # what one aggregation may return to the driver


def encode(df: DataFrame, columns: Iterable[str]) -> list[Column]:
    """Return the canonical encoding of some columns, to be hashed.

    Columns are taken in the order of their names. Each gives a null marker and a value: integers as bigint,
    floats as double, decimals as plain digits, times as microseconds, vectors and arrays element by element.
    So the hash of a row doesn't change when a column is widened or the columns are ordered anew, and rows
    that differ in where their nulls are do not collide.

    Raises
    ------
    InputError
        For a missing column, or one of a type that has no canonical form (map, variant).
    """
    return [part for name in sorted(set(columns)) for part in _marked(col(name), dtype(df, name), name)]


def _marked(value: Column, kind: T.DataType, name: str) -> list[Column]:
    return [value.isNull(), *_encoded(value, kind, name)]


def _encoded(value: Column, kind: T.DataType, name: str) -> list[Column]:
    if isinstance(kind, T.IntegralType):
        return [value.cast("bigint")]
    if isinstance(kind, T.FractionalType):
        return [decimal_text(value, kind) if isinstance(kind, T.DecimalType) else value.cast("double")]
    if isinstance(kind, T.TimestampType):
        return [F.unix_micros(value)]
    if isinstance(kind, T.DateType):
        return [F.unix_date(value).cast("bigint")]
    if isinstance(kind, T.StringType | T.BooleanType | T.BinaryType):
        return [value]
    if kind.typeName() == "udt" or hasattr(kind, "sqlType"):
        return _encoded_vector(value, kind, name)
    if isinstance(kind, T.ArrayType):
        inner = kind.elementType
        return [F.size(value), F.transform(value, lambda x: F.struct(*_marked(x, inner, name)))]
    if isinstance(kind, T.StructType):
        fields = [(value.getField(f.name), f.dataType) for f in kind.fields]
        return [part for field, of in fields for part in _marked(field, of, name)]
    if isinstance(kind, T.MapType | T.VariantType):
        raise InputError(
            f"column {name!r} is of type {kind.simpleString()}, which cannot identify a row; "
            "name a key, or leave the column out of the table"
        )
    return [value.cast("string")]


def _encoded_vector(value: Column, kind: T.DataType, name: str) -> list[Column]:
    from pyspark.ml.functions import vector_to_array
    from pyspark.ml.linalg import VectorUDT

    if not isinstance(kind, VectorUDT):
        raise InputError(f"column {name!r} is of type {kind.simpleString()}, which cannot identify a row")
    # Asked for the elements of a null, it raises.
    array = F.when(value.isNotNull(), vector_to_array(value))
    return _encoded(array, T.ArrayType(T.DoubleType()), name)


def row_hash(df: DataFrame, columns: Iterable[str], seed: int, purpose: str) -> Column:
    """Return a row's place in the random order of (`seed`, `purpose`).

    Parameters
    ----------
    df : DataFrame
        Gives the types of the columns.
    columns : iterable of str
        What identifies a row.
    seed : int
    purpose : str
        Keeps decisions apart: two purposes give unrelated orders under one seed.

    Returns
    -------
    Column of bigint
        In [0, 2**63).
    """
    encoded = encode(df, columns)
    return F.shiftrightunsigned(F.xxhash64(*encoded, F.lit(int(seed)).cast("bigint"), F.lit(purpose)), 1)


def sample_limit(wanted: int, total: int) -> int:
    """Return the last position of a sample of about `wanted` of `total` rows: those with the smallest hashes."""
    return min(wanted * _EVERYTHING // max(total, 1), _EVERYTHING - 1)


def with_row_id(df: DataFrame, identity: Iterable[str], *, column: str = ROW_ID) -> DataFrame:
    """Add an id that is unique among rows and independent of their order.

    The id is the hash of the identity and of the row's occurrence among rows of equal identity, which are ordered
    by the hash of the whole row. Costs one shuffle of `df`: select the narrow columns first.

    Parameters
    ----------
    df : DataFrame
    identity : iterable of str
        Columns that identify a row, not necessarily uniquely.
    column : str, default "__row_id"
        Name of the new bigint column.
    """
    key, whole = f"{column}_key", f"{column}_whole"
    hashed = df.select(
        "*",
        row_hash(df, identity, 0, "key").alias(key),
        row_hash(df, df.columns, 0, "row").alias(whole),
    )
    occurrence = F.row_number().over(Window.partitionBy(key).orderBy(whole))
    number = F.shiftrightunsigned(F.xxhash64(F.col(key), occurrence.cast("bigint")), 1)
    return hashed.withColumn(column, number).drop(key, whole)


@dataclass(frozen=True)
class Cut:
    """Where a stratum is divided: rows whose position is less than `below` are on the low side.

    Parameters
    ----------
    below : int
        In [0, 2**63]; 2**63 means every row.
    count : int
        How many rows are on the low side.
    take, ties : int, default 0
        Of the `ties` rows at exactly `below`, `take` are on the low side too.
    """

    below: int
    count: int
    take: int = 0
    ties: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; positions are decimal strings, since JSON's numbers end at 2**53."""
        return {"below": str(self.below), "count": self.count, "take": self.take, "ties": self.ties}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Cut:
        """Rebuild what `to_json` gave."""
        return cls(**{**document, "below": int(document["below"])})


@dataclass
class _Search:
    """A rank that is being looked for among the positions that start with `prefix`."""

    stratum: str
    index: int
    rank: int
    prefix: int = 0
    before: int = 0
    inside: int = -1
    found: Cut | None = None


def cuts(
    df: DataFrame,
    position: Column,
    stratum: Column,
    quotas: Mapping[str, Sequence[int]],
    *,
    whole: bool,
    bits: int = HASH_BITS,
) -> dict[str, list[Cut]]:
    """Find where each stratum must be cut so that exact counts lie on the low side.

    Parameters
    ----------
    df : DataFrame
        Read twice as a rule: once into a histogram of leading bits, once around the boundaries, value by value.
        Only the columns behind `position` and `stratum` are read, and no row comes to the driver.
    position : Column of bigint
        In [0, 2**bits): a `row_hash`, or a time.
    stratum : Column of string
    quotas : mapping of str to sequence of int
        For each stratum, the counts wanted on the low side of each of its cuts.
    whole : bool
        Rows at one position stay together, on the side that brings the count nearer to the quota.
        Otherwise the count is exact, and the cut says how many of the rows at its position are taken.
    bits : int, default 63
        Significant bits of `position`.

    Returns
    -------
    dict of str to list of Cut
        A quota of at least the size of its stratum gives a cut above every row.
    """
    rows = df.select(stratum.alias("s"), position.alias("p"))
    searches = [_Search(s, i, int(q)) for s, ranks in quotas.items() for i, q in enumerate(ranks)]
    searching, width = searches, bits
    while searching:
        step = min(width, _step(quotas) if width == bits else 12)
        counts = _histogram(rows, searching, width, width - step, first=width == bits)
        width -= step
        for search in searching:
            _descend(search, counts, step, width, whole)
        searching = [x for x in searching if x.found is None]
        if searching and max(x.inside for x in searching) <= _FINE_BIN:
            counts = _histogram(rows, searching, width, 0, first=False)
            for search in searching:
                _descend(search, counts, width, 0, whole)
            break
    result: dict[str, list[Cut]] = {s: [] for s in quotas}
    for search in searches:
        assert search.found is not None
        result[search.stratum].append(search.found)
    return result


def _step(quotas: Mapping[str, Sequence[int]]) -> int:
    """Leading bits that leave about 500 rows a bin in the largest stratum, and few enough bins in all."""
    largest = max((q for ranks in quotas.values() for q in ranks), default=1)
    wanted = max(largest // 512, 1).bit_length()
    affordable = (_MAX_BINS // max(len(quotas), 1)).bit_length() - 1
    return max(min(wanted, affordable, 16), 4)


def _histogram(
    rows: DataFrame, searching: Sequence[_Search], width: int, shift: int, *, first: bool
) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Count rows by their bits above `shift`, inside the prefixes that are searched: sorted (bin, count) pairs."""
    inside = rows.where(F.col("s").isNotNull())
    if not first:
        wanted = sorted({(x.stratum, x.prefix) for x in searching})
        small = rows.sparkSession.createDataFrame(wanted, "s string, prefix bigint")
        prefixed = inside.withColumn("prefix", F.shiftrightunsigned("p", width))
        inside = prefixed.join(F.broadcast(small), ["s", "prefix"], "left_semi")
    found = inside.groupBy("s", F.shiftrightunsigned("p", shift).alias("bin")).count().collect()
    result: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for row in sorted(found, key=lambda r: r["bin"]):
        prefix = 0 if first else row["bin"] >> (width - shift)
        result.setdefault((row["s"], prefix), []).append((row["bin"], row["count"]))
    return result


def _descend(
    search: _Search,
    counts: Mapping[tuple[str, int], Sequence[tuple[int, int]]],
    step: int,
    width: int,
    whole: bool,
) -> None:
    """Move a search into the bin that holds its rank, or end it."""
    for prefix, count in counts.get((search.stratum, search.prefix), ()):
        if search.rank < search.before + count:
            search.prefix, search.inside = prefix, count
            if search.rank <= search.before:
                search.found = Cut(prefix << width, search.before)
            elif width == 0:
                search.found = _at_ties(search, count, whole)
            return
        search.before += count
    search.found = Cut(_EVERYTHING, search.before)


def _at_ties(search: _Search, ties: int, whole: bool) -> Cut:
    """Cut inside rows that share one position."""
    position, low, high = search.prefix, search.before, search.before + ties
    if not whole:
        return Cut(position, search.rank, take=search.rank - low, ties=ties)
    return Cut(position + 1, high) if high - search.rank <= search.rank - low else Cut(position, low)


def with_side(
    df: DataFrame, position: Column, stratum: Column, cuts: Mapping[str, Sequence[Cut]], column: str
) -> DataFrame:
    """Add, for each row, how many of its stratum's cuts it lies above (0: on the low side of all).

    A pure column expression, unless a cut divides rows that share its position: then those rows alone go through a
    window. Rows of a stratum without cuts get null.

    Parameters
    ----------
    df : DataFrame
    position, stratum : Column
        As given to `cuts`.
    cuts : mapping of str to sequence of Cut
        The same number for each stratum, in ascending order.
    column : str
        Name of the new int column.
    """
    p, s, n = f"{column}_p", f"{column}_s", f"{column}_n"
    tied = {k: sorted({c.below for c in v if c.take}) for k, v in cuts.items()}
    tied = {k: v for k, v in tied.items() if v}
    placed = df.withColumn(p, position).withColumn(s, stratum)
    if not tied:
        return placed.withColumn(column, _side(F.col(p), F.col(s), F.lit(0), cuts)).drop(p, s)
    on_boundary = F.coalesce(F.array_contains(of_key(tied, F.col(s), "array<bigint>"), F.col(p)), F.lit(False))
    equal = Window.partitionBy(s, p).orderBy(p)
    numbered = placed.where(on_boundary).withColumn(n, F.row_number().over(equal) - 1)
    together = placed.where(~on_boundary).withColumn(n, F.lit(0)).unionByName(numbered)
    return together.withColumn(column, _side(F.col(p), F.col(s), F.col(n), cuts)).drop(p, s, n)


def select(
    df: DataFrame, position: Column, stratum: Column, cuts: Mapping[str, Cut], *, column: str = "__side"
) -> DataFrame:
    """Return the rows on the low side of their stratum's cut; strata without one are dropped."""
    sided = with_side(df, position, stratum, {s: [c] for s, c in cuts.items()}, column)
    return sided.where(F.col(column) == 0).drop(column)


def _side(p: Column, s: Column, n: Column, cuts: Mapping[str, Sequence[Cut]]) -> Column:
    how_many = max((len(v) for v in cuts.values()), default=0)
    sides = [_above(p, s, n, {k: v[i] for k, v in cuts.items()}).cast("int") for i in range(how_many)]
    return reduce(lambda a, b: a + b, sides, F.lit(0)) if sides else F.lit(None).cast("int")


def _above(p: Column, s: Column, n: Column, cuts: Mapping[str, Cut]) -> Column:
    # 2**63 is no bigint; "p >= 2**63 - 1" would lose the one row at the very end, so "all" is a flag of its own.
    everything = [k for k, c in cuts.items() if c.below >= _EVERYTHING]
    below = _lookup(s, {k: min(c.below, _EVERYTHING - 1) for k, c in cuts.items()})
    above = (p > below) | ((p == below) & (n >= _lookup(s, {k: c.take for k, c in cuts.items()})))
    return F.when(s.isin(everything), F.when(below.isNotNull(), F.lit(False))).otherwise(above) if everything else above


def _lookup(s: Column, values: Mapping[str, int]) -> Column:
    """Return the value of a row's stratum, null for strata that have none."""
    return of_key(values, s, "bigint")
