"""Summarize a table by class in one pass, for display and checks; no decision uses the percentiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, is_vector, utf8
from steelyard.dataset import Dataset
from steelyard.frames.parts import put_together
from steelyard.frames.workers import in_worker
from steelyard.hashing import row_hash
from steelyard.stats import _columns as c
from steelyard.stats._classes import MAX_CLASSES, ClassCounts, check_label, refuse_many
from steelyard.stats._columns import Plan
from steelyard.stats._features import LEVEL, QUANTILES, add_levels, add_numbers, is_constant
from steelyard.stats._heavy import Heavy, clumped, heavy_rows, number_value

DRAWN = 2_000_000  # values that quantiles are taken from, of all classes and features together
_EXACT = 2**53  # doubles distinguish smaller whole numbers
_LONG = 200  # characters of a level beyond which a hash stands for the rest


@dataclass(frozen=True)
class Summary:
    """The summary of a table.

    Parameters
    ----------
    counts : ClassCounts
    features : dict
        Feature → `type`, `kind`, `constant`, `by_class`: class → `missing`, and for numbers `infinite`, `mean`, `std`,
        `min`, `max`, `quantiles`, for categories `distinct` and the `top` levels with their counts.
    drawn : dict
        Rows of each class that quantiles come from. If these are all rows of the class, quantiles are exact.
    repeated : tuple of (int, int), optional
        Keys that occur more than once, by 64 bits of hash, and their rows; None without a key.
    latest : int, optional
        The largest value of `time`.
    amounts : dict
        Column of weights or costs → class → rows without a value, rows with one that cannot be used, the largest value,
        at least 0.
    identifiers : list of str
        Features that have no missing and no equal values: whole numbers and categories.
    """

    counts: ClassCounts
    features: dict[str, Any]
    drawn: dict[str, int] = field(default_factory=dict)
    repeated: tuple[int, int] | None = None
    latest: int | None = None
    amounts: dict[str, dict[str, tuple[int, int, float]]] = field(default_factory=dict)
    identifiers: list[str] = field(default_factory=list)


def profile(df: DataFrame, dataset: Dataset) -> dict[str, Any]:
    """Return the `features` of `summarize_table`."""
    return summarize_table(df, dataset).features


def summarize_table(
    df: DataFrame, dataset: Dataset, *, time: Column | None = None, amounts: Mapping[str, Column] | None = None
) -> Summary:
    """Count the classes and describe each feature within each class, in one pass.

    Costs one scan, one action, two crossings into Python and one shuffle: 8 bytes for each row if there is a key, 8
    bytes for each value of a whole number that may be an identifier, (class, level) counts, and of each partition at
    most two million values. One more scan of whole numbers beyond 2**53, if there are any. The time grows with
    rows × features, whether these are few or thousands.

    Counts, means, deviations, extremes and levels are exact, and everything is the same in any partitioning. Quantiles
    are those of the rows with the smallest hashes of their numbers (and of their key): of each class as many as two
    million values allow, or all of them. Equal rows are drawn together.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    time : Column of bigint, optional
    amounts : mapping of str to Column, optional
        Weights and costs, as doubles.

    Raises
    ------
    InputError
        If the label column is missing, of a type that cannot be a label, or has more than 1,000 classes.
    """
    check_label(df, dataset.label)
    amounts = amounts or {}
    scalar = [f for f in dataset.numeric if isinstance(dtype(df, f, "feature"), T.NumericType | T.BooleanType)]
    whole = {f: i for i, f in enumerate(scalar) if isinstance(dtype(df, f), T.IntegralType)}
    plan = Plan(len(scalar), tuple(whole.values()), len(dataset.categorical), len(amounts), DRAWN, MAX_CLASSES)
    rows = df.select(*_columns(df, dataset, scalar, time, list(amounts.values())))
    found = _run(rows, plan)
    counts = _class_counts(df, dataset.label, found["table"])
    features = {f: _header(df, dataset, f) for f in dataset.features}
    if heavy := heavy_rows(df, dataset, scalar, clumped(found["numbers"], counts.counts)):
        found["numbers"] = _run(rows, plan, heavy)["numbers"]
    drawn = add_numbers(features, scalar, found["numbers"], counts.counts)
    levels = add_levels(features, dataset.categorical, found["levels"])
    for name in {*scalar, *dataset.categorical}:
        features[name]["constant"] = is_constant(features[name])
    total = counts.total + counts.nulls
    differ = _different(found, whole) | _different_beyond_doubles(df, features, whole, total)
    return Summary(
        counts,
        features,
        {name: drawn.get(name, n) for name, n in counts.counts.items()},
        _repeated(found["key"]) if dataset.key else None,
        max((part[1] for part in found["table"] if part[1] is not None), default=None),
        _amounts(list(amounts), found["table"]),
        [f for f in (*scalar, *levels) if f in differ or levels.get(f) == total],
    )


def _columns(
    df: DataFrame, dataset: Dataset, scalar: Sequence[str], time: Column | None, amounts: Sequence[Column]
) -> Iterator[Column]:
    label = class_text(df, dataset.label)
    text = isinstance(dtype(df, dataset.label), T.StringType)
    yield (utf8(label, dataset.label) if text else label).alias(c.CLASS)
    # One array: PySpark would look each column up by name, which takes minutes for thousands and fails for odd names.
    if scalar:
        yield F.array(*(number_value(df, name) for name in scalar)).alias(c.VALUES)
    if dataset.categorical:
        yield F.struct(*(level_text(df, f).alias(str(i)) for i, f in enumerate(dataset.categorical))).alias(c.LEVELS)
    if dataset.key:
        yield row_hash(df, dataset.key, 0, "repeated").alias(c.KEY)
    if time is not None:
        yield time.alias(c.TIME)
    if amounts:
        yield F.array(*amounts).alias(c.AMOUNTS)


def level_text(df: DataFrame, name: str) -> Column:
    """Return a category's level as a model compares it, 1 for 1.0; a hash stands for the rest of a long one."""
    value = class_text(df, name)
    if not isinstance(dtype(df, name), T.StringType):
        return value
    value = utf8(value, name)
    short = F.concat(F.substring(value, 1, LEVEL), F.lit("…"), F.sha2(value, 256))
    return F.when(F.length(value) > _LONG, short).otherwise(value)


def _run(rows: DataFrame, plan: Plan, heavy: Mapping[str, Heavy] | None = None) -> dict[str, list[Any]]:
    """Return the workers' results by kind; those of features with the number of the feature or block."""
    settings = asdict(plan)
    first = in_worker("steelyard.stats._partial_task", "partial", plan=settings)
    second = in_worker("steelyard.stats._whole_task", "whole", plan=settings, at=QUANTILES, heavy=dict(heavy or {}))
    parts = put_together(rows, first, second)
    found: dict[str, list[Any]] = {kind: [] for kind in ("table", "numbers", "levels", "key", "id")}
    for (kind, *place), data in parts:
        found[kind] += data if kind == "table" else [data if kind == "key" else (int(place[0]), data)]
    return found


def _class_counts(df: DataFrame, label: str, parts: Sequence[Any]) -> ClassCounts:
    """Return the rows of each class, the most frequent first, ties in the order of their UTF-8 bytes."""
    counts: Counter[str] = Counter()
    nulls = 0
    for of, *_ in parts:
        counts.update({name: n for name, n in (of or {}).items() if name is not None})
        nulls += (of or {}).get(None, 0)
        if of is None or len(counts) > MAX_CLASSES:
            refuse_many(df, label)
    return ClassCounts(dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))), nulls)


def _header(df: DataFrame, dataset: Dataset, name: str) -> dict[str, Any]:
    kind = "categorical" if name in dataset.categorical else "vector" if is_vector(df, name) else "numeric"
    return {"type": dtype(df, name).simpleString(), "kind": kind, "constant": False, "by_class": {}}


def _different(found: Mapping[str, Sequence[Any]], whole: Mapping[str, int]) -> set[str]:
    """Return the whole numbers without equal or missing values."""
    equal = {i for part in found["table"] for i in part[3]} | {i for i, differ in found["id"] if not differ}
    return {name for name, i in whole.items() if i not in equal}


def _different_beyond_doubles(df: DataFrame, features: Mapping[str, Any], whole: Iterable[str], total: int) -> set[str]:
    """Return the same for whole numbers that doubles do not distinguish."""

    def is_large(of: Mapping[str, Any]) -> bool:
        return not of["missing"] and any(abs(of[end] or 0.0) >= _EXACT for end in ("min", "max"))

    large = [name for name in whole if (of := features[name]["by_class"].values()) and any(map(is_large, of))]
    if not large:
        return set()
    counts = df.agg(*(F.count_distinct(col(name)).alias(str(i)) for i, name in enumerate(large))).collect()[0]
    return {name for i, name in enumerate(large) if counts[str(i)] == total}


def _repeated(buckets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(keys for keys, _ in buckets), sum(rows for _, rows in buckets)


def _amounts(names: Sequence[str], parts: Sequence[Any]) -> dict[str, dict[str, tuple[int, int, float]]]:
    found: dict[str, dict[str, tuple[int, int, float]]] = {name: {} for name in names}
    for _, _, by_class, _ in parts:
        for label, columns in by_class.items():
            for of, (missing, bad, largest) in zip(found.values(), columns.T.tolist(), strict=True):
                before = of.get(label, (0, 0, 0.0))
                of[label] = before[0] + int(missing), before[1] + int(bad), max(before[2], largest)
    return found
