"""One scan of all features of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.errors import InputError
from steelyard.hashing import row_hash
from steelyard.kernels.distance import LARGEST
from steelyard.sampling.features import SHOWN, Features, array_of, is_float, is_number


@dataclass(frozen=True)
class Survey:
    """The result of one scan of the features.

    Parameters
    ----------
    widths : mapping of str to int
        Length of each feature that is not a category.
    distinct : mapping of str to int
        Distinct rows in each class: exact if there are too few, otherwise a lower bound.
    missing : mapping of str to int
        Rows in which a feature, or a part of it, is null or NaN; without features that have no gaps.
    """

    widths: Mapping[str, int]
    distinct: Mapping[str, int]
    missing: Mapping[str, int] = field(default_factory=dict)


def survey(
    df: DataFrame,
    label: str,
    features: Features,
    method: str,
    classes: Sequence[str],
    enough: int,
    *,
    gaps: Literal["refused", "counted", "ignored"] = "refused",
) -> Survey:
    """Scan the features once: gaps and huge numbers in any class, widths of arrays, distinct rows of each class.

    Numbers beyond `LARGEST` are huge: distances between them overflow. A second scan counts gaps and huge numbers by
    feature, if there are any. Gaps are refused in all classes: if only new rows of one class had none, a model would
    learn that a gap means the other class.

    Parameters
    ----------
    df : DataFrame
    label : str
    features : Features
    method : str
        For messages.
    classes : sequence of str
        Classes whose distinct rows are counted.
    enough : int
        Number of distinct rows that they need.
    gaps : {"refused", "counted", "ignored"}, default "refused"
        How features may be missing; where gaps are ignored, `Survey.missing` is empty.

    Raises
    ------
    InputError
        Names columns and counts.
    """
    if arrays := _arrays(df, features):
        df = df.withColumns({f: array_of(df, f) for f in arrays})
    content, within = row_hash(df, features.names, 0, "features"), class_text(df, label)
    # Each row sets one of 64 bits: the number of bits is a cheap lower bound of the number of distinct rows.
    bit = F.call_function("shiftleft", F.lit(1).cast("bigint"), F.pmod(content, 64).cast("int"))
    places = {f: f"c{i}" for i, f in enumerate(features.names)}
    values = [col(f).alias(c) for f, c in places.items()]
    marked = F.when(within.isin(list(classes)), bit).alias("bit")
    by_class = df.select(within.alias("class"), marked, *values).groupBy("class")
    # SQL text, of generated names: a call to the JVM for each feature would take seconds where there are hundreds.
    valid = _not_huge if gaps == "ignored" else _sound
    sound = " and ".join(valid(dtype(df, f), c) for f, c in places.items())
    flawed = F.expr(f"count_if(not coalesce({sound}, false)) as flawed")
    found = by_class.agg(flawed, *_sizes(df, features, places), F.bit_or("bit").alias("bits")).collect()
    flaws = by_class.agg(*_flaws(df, features, places)).collect() if any(r["flawed"] for r in found) else []
    missing = {} if gaps == "ignored" else _totals(flaws, "missing", features.names)
    refuse(missing if gaps == "refused" else {}, "missing", method)
    sizes = {f: max((r[f"size{i}"] or 0.0 for r in flaws), default=0.0) for i, f in enumerate(features.numbers)}
    refuse(_totals(flaws, "huge", features.numbers), "huge", method, sizes)
    widths = _widths(df, features, found, method)
    least = {r["class"]: (r["bits"] % 2**64).bit_count() for r in found if r["class"] in set(classes)}
    doubtful = [c for c, n in least.items() if n < enough]
    return Survey(widths, least | _exact_distinct(df, within, content, doubtful), missing)


def _exact_distinct(df: DataFrame, within: Column, content: Column, classes: Sequence[str]) -> dict[str, int]:
    """Return the different rows of some classes, in one more scan if there are any."""
    if not classes:
        return {}
    some = df.select(within.alias("class"), content.alias("content")).where(F.col("class").isin(list(classes)))
    return {r["class"]: r["count"] for r in some.distinct().groupBy("class").count().collect()}


def _sizes(df: DataFrame, features: Features, places: Mapping[str, str]) -> list[Column]:
    """Return the smallest and largest lengths of arrays, by feature."""
    sizes = [F.array_size(places[f]) for f in _arrays(df, features)]
    return [c for i, n in enumerate(sizes) for c in (F.min(n).alias(f"least{i}"), F.max(n).alias(f"most{i}"))]


def _flaws(df: DataFrame, features: Features, places: Mapping[str, str]) -> list[Column]:
    """Return the numbers of rows with gaps and huge numbers, by feature."""
    found = {f"missing{i}": _missing(dtype(df, f), places[f]) for i, f in enumerate(features.names)}
    found |= {f"huge{i}": _huge(dtype(df, f), places[f]) for i, f in enumerate(features.numbers)}
    sizes = [_size(dtype(df, f), F.col(places[f])).alias(f"size{i}") for i, f in enumerate(features.numbers)]
    return [*(F.expr(f"count_if({flaw}) as {name}") for name, flaw in found.items()), *sizes]


def _size(kind: T.DataType, value: Column) -> Column:
    """Return the largest size of a number, NaN left out."""
    if isinstance(kind, T.ArrayType):
        value = F.array_max(F.filter(F.transform(value, lambda v: F.abs(v.cast("double"))), lambda v: ~F.isnan(v)))
    size = F.abs(value.cast("double"))
    return F.max(F.when(~F.isnan(size), size))


def _sound(kind: T.DataType, value: str) -> str:
    """Return SQL that is true where a feature has neither; short, so that Spark compiles it for a hundred features."""
    if isinstance(kind, T.ArrayType):
        return f"forall({value}, v -> abs(v) <= {LARGEST}D)"
    return f"abs({value}) <= {LARGEST}D" if is_float(kind) else f"{value} is not null"


def _not_huge(kind: T.DataType, value: str) -> str:
    """Return SQL that is true where a feature is not huge: missing values may be."""
    return f"not coalesce({_huge(kind, value)}, false)"


def _arrays(df: DataFrame, features: Features) -> list[str]:
    return [f for f in features.numbers if not is_number(dtype(df, f))]


def _totals(found: Sequence[Row], what: str, names: Sequence[str]) -> dict[str, int]:
    counts = {f: sum(r[f"{what}{i}"] for r in found) for i, f in enumerate(names)}
    return {f: n for f, n in counts.items() if n}


def _widths(df: DataFrame, features: Features, found: Sequence[Row], method: str) -> dict[str, int]:
    """Return the length of each feature; arrays must have the same length."""
    widths, arrays = dict.fromkeys(features.numbers, 1), _arrays(df, features)
    for i, f in enumerate(arrays):
        sizes = {r[part] for r in found for part in (f"least{i}", f"most{i}")} - {None}
        widths[f] = max(sizes, default=0)
        if len(sizes) > 1:
            raise InputError(
                f"feature {f!r} has arrays of different lengths, up to {widths[f]}; {method} needs one length"
            )
    if not sum(widths.values()) and not features.categories:
        raise InputError(
            f"{method} needs at least one feature, and the arrays of {', '.join(map(repr, arrays))} are empty"
        )
    return widths


def _missing(kind: T.DataType, value: str) -> str:
    def gap(value: str, kind: T.DataType) -> str:
        return f"({value} is null or isnan({value}))" if is_float(kind) else f"{value} is null"

    if isinstance(kind, T.ArrayType):
        return f"{value} is null or exists({value}, v -> {gap('v', kind.elementType)})"
    return gap(value, kind)


def _huge(kind: T.DataType, value: str) -> str:
    # For Spark, NaN is greater than any number.
    if isinstance(kind, T.ArrayType):
        return f"exists({value}, v -> abs(v) > {LARGEST}D and not isnan(v))"
    return f"abs({value}) > {LARGEST}D and not isnan({value})" if is_float(kind) else "false"


def refuse(counts: Mapping[str, int], what: str, method: str, sizes: Mapping[str, float] | None = None) -> None:
    """Raise `InputError` for features with missing or huge values, if there are any."""
    if not counts:
        return
    up_to = {f: f", up to {size:.3g} in size" for f, size in (sizes or {}).items()}
    shown = ", ".join(f"{f!r} ({n:,} rows{up_to.get(f, '')})" for f, n in list(counts.items())[:SHOWN])
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    word = {"missing": "missing (null or NaN)", "huge": f"infinite or beyond ±{LARGEST:.0e}"}[what]
    ways = {
        "missing": "Set missing='impute', or fill them or drop the rows",
        "huge": "Replace them or drop the rows",
    }
    raise InputError(
        f"{method} can't measure distances where features are {word}: {shown}{more}. "
        f"{ways[what]} first; random samplers take them as they are"
    )
