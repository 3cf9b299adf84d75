"""Numeric features of a table: checked, as a matrix, and interpolated with their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, is_vector
from steelyard.errors import InputError
from steelyard.hashing import row_hash

_SHOWN = 10
_SAMPLE_ROWS = 1 << 14
_SAMPLE_VALUES = 1 << 22

Get = Callable[[str], Column]


@dataclass(frozen=True)
class Survey:
    """What one scan of the features finds.

    Parameters
    ----------
    widths : mapping of str to int
        How many numbers each feature column holds.
    distinct : mapping of str to int
        Different rows in each class: exact where there are too few, else a lower bound.
    """

    widths: Mapping[str, int]
    distinct: Mapping[str, int]

    @property
    def n_features(self) -> int:
        """Length of a row of the matrix."""
        return sum(self.widths.values())


def check_numeric(df: DataFrame, features: Sequence[str], method: str) -> None:
    """Raise `InputError` unless all features are numbers, or arrays or vectors of numbers.

    The message names those that are categories, and the method for them.
    """
    kinds = {f: dtype(df, f, "feature") for f in features}
    if not kinds:
        raise InputError(f"{method} needs at least one feature, and the table has none")
    other = {f: k for f, k in kinds.items() if not (_is_number(k) or _is_array(k) or is_vector(df, f))}
    categories = [f for f, k in other.items() if isinstance(k, T.StringType | T.BooleanType)]
    if categories:
        raise InputError(
            f"{method} interpolates numbers, and these features are categories: {_listed(categories, kinds)}. SMOTE "
            "for categories is smotenc, which this version doesn't have yet: encode them, or leave them out of "
            "features_col"
        )
    if other:
        raise InputError(
            f"{method} interpolates numbers, and these features are none: {_listed(list(other), kinds)}. "
            "Leave them out of features_col, or say what they are (key_col, group_col, time_col)"
        )


def survey(
    df: DataFrame, label: str, features: Sequence[str], method: str, classes: Sequence[str], enough: int
) -> Survey:
    """Scan the features once: gaps and infinities in any class, widths of arrays, different rows of each class.

    Gaps are refused also in classes that get no new rows: rows made without gaps, in one class only, would teach a
    model that a gap means the other.

    Parameters
    ----------
    df : DataFrame
    label : str
    features : sequence of str
    method : str
        For messages.
    classes : sequence of str
        Those whose different rows matter.
    enough : int
        How many different rows they need.

    Raises
    ------
    InputError
        Names columns and counts.
    """
    arrays = [f for f in features if not _is_number(dtype(df, f))]
    measures = [F.count_if(_missing(df, f)).alias(f"missing{i}") for i, f in enumerate(features)]
    measures += [F.count_if(_infinite(df, f)).alias(f"infinite{i}") for i, f in enumerate(features)]
    for i, f in enumerate(arrays):
        measures += [F.min(F.size(_array(df, f))).alias(f"least{i}"), F.max(F.size(_array(df, f))).alias(f"most{i}")]
    content = row_hash(df, features, 0, "features")
    # 64 bits that rows fall on: as many rows as bits are different at least, for next to nothing.
    bit = F.call_function("shiftleft", F.lit(1).cast("bigint"), F.pmod(content, 64).cast("int"))
    measures.append(F.bit_or(F.when(class_text(df, label).isin(list(classes)), bit)).alias("bits"))
    found = df.groupBy(class_text(df, label).alias("class")).agg(*measures).collect()
    for what in ("missing", "infinite"):
        counts = {f: sum(r[f"{what}{i}"] for r in found) for i, f in enumerate(features)}
        _refuse({f: n for f, n in counts.items() if n}, what, method)
    widths = dict.fromkeys(features, 1)
    for i, f in enumerate(arrays):
        widths[f] = max(r[f"most{i}"] for r in found)
        if min(r[f"least{i}"] for r in found) != widths[f]:
            raise InputError(
                f"feature {f!r} has arrays of different lengths, up to {widths[f]}; {method} needs one length"
            )
    if not sum(widths.values()):
        raise InputError(
            f"{method} needs at least one feature, and the arrays of {', '.join(map(repr, arrays))} are empty"
        )
    distinct = {r["class"]: (r["bits"] % 2**64).bit_count() for r in found if r["class"] in set(classes)}
    doubtful = [c for c, n in distinct.items() if n < enough]
    if doubtful:
        some = df.select(class_text(df, label).alias("class"), content.alias("content"))
        exact = some.where(F.col("class").isin(doubtful)).distinct().groupBy("class").count().collect()
        distinct |= {r["class"]: r["count"] for r in exact}
    return Survey(widths, distinct)


def matrix(df: DataFrame, features: Sequence[str]) -> Column:
    """Return all features of a row as one array of doubles."""
    runs: list[Column] = []
    plain: list[Column] = []
    for f in features:
        if _is_number(dtype(df, f)):
            plain.append(col(f).cast("double"))
            continue
        runs += [F.array(*plain)] if plain else []
        runs, plain = [*runs, _array(df, f)], []
    runs += [F.array(*plain)] if plain else []
    return F.concat(*runs) if len(runs) > 1 else runs[0]


def feature_scale(
    df: DataFrame, identity: Sequence[str], features: Sequence[str], how: str, total: int, width: int
) -> list[float] | None:
    """Return what each feature is divided by, from a sample of the rows of all classes; None for "none".

    The sample's rows are those with the smallest hashes: about 16,000, fewer where rows are wide. NumPy computes the
    figures from sorted rows, so that they are the same to the last bit in any partitioning. A feature without spread
    is divided by 1.

    Parameters
    ----------
    df : DataFrame
    identity, features : sequence of str
    how : {"none", "standard", "robust"}
        Standard deviation, or interquartile range.
    total : int
        Rows of `df`.
    width : int
        Numbers in a row.
    """
    if how == "none":
        return None
    wanted = max(min(_SAMPLE_ROWS, _SAMPLE_VALUES // width), 2)
    position = row_hash(df, {*identity, *features}, 0, "scale")
    last = F.lit(min(wanted * 2**63 // total, 2**63 - 1)).cast("bigint")
    rows = df.select(matrix(df, features).alias("x"), position.alias("p")).where(F.col("p") <= last)
    # Equal rows share a position: counted instead of listed, so that the sample is small whatever repeats.
    sample = rows.groupBy("p").agg(F.min("x").alias("x"), F.count("x").alias("n")).toArrow()
    values = sample["x"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    order = np.argsort(sample["p"].to_numpy())
    found: list[float] = spread(values[order], sample["n"].to_numpy()[order], how).tolist()
    return found


def spread(values: NDArray[np.float64], counts: NDArray[np.int64], how: str) -> NDArray[np.float64]:
    """Return the spread of each column of rows that occur `counts` times; 1 where there is none."""
    total = counts.sum()
    if how == "standard":
        mean = (values * counts[:, None]).sum(axis=0) / total
        found = np.sqrt((np.square(values - mean) * counts[:, None]).sum(axis=0) / total)
    else:
        found = _quantile(values, counts, 0.75) - _quantile(values, counts, 0.25)
    # The deviation of a constant may be rounding: nothing that small is a spread.
    tiny = 16 * np.finfo(float).eps * np.abs(values).max(axis=0, initial=0.0)
    return np.where(found <= tiny, 1.0, found)


def _quantile(values: NDArray[np.float64], counts: NDArray[np.int64], q: float) -> NDArray[np.float64]:
    order = np.argsort(values, axis=0, kind="stable")
    place = (np.cumsum(counts[order], axis=0) < q * counts.sum()).sum(axis=0)
    found: NDArray[np.float64] = np.take_along_axis(np.take_along_axis(values, order, axis=0), place[None], axis=0)[0]
    return found


def between(kind: T.DataType, a: Column, b: Column, gap: Column) -> Column:
    """Return the number at `gap` of the way from `a` to `b`, with its type; of arrays, each element.

    For a vector, `a` and `b` are given as arrays.
    Never outside of `a` and `b`: rounding is cut off. Whole numbers are rounded to whole numbers.
    """
    if isinstance(kind, T.ArrayType):
        inner = kind.elementType
        return F.zip_with(a, b, lambda x, y: between(inner, x, y, gap)).cast(kind)
    if not isinstance(kind, T.NumericType):
        from pyspark.ml.functions import array_to_vector

        return array_to_vector(between(T.ArrayType(T.DoubleType()), a, b, gap))
    if isinstance(kind, T.IntegralType):
        # Whole steps from `a`, so that numbers beyond 2**53 keep their digits.
        step = F.rint(gap * F.try_subtract(b.cast("bigint"), a.cast("bigint")).cast("double"))
        value = F.try_add(a.cast("bigint"), step.try_cast("bigint"))
    else:
        value = a.cast("double") + gap * (b.cast("double") - a.cast("double"))
    typed = F.coalesce(value.try_cast(kind), a)
    return F.least(F.greatest(typed, F.least(a, b)), F.greatest(a, b))


def _is_number(kind: T.DataType) -> bool:
    return isinstance(kind, T.NumericType)


def _is_array(kind: T.DataType) -> bool:
    return isinstance(kind, T.ArrayType) and _is_number(kind.elementType)


def _array(df: DataFrame, feature: str) -> Column:
    if is_vector(df, feature):
        from pyspark.ml.functions import vector_to_array

        return F.when(col(feature).isNotNull(), vector_to_array(col(feature)))  # of a null, it raises
    return col(feature).cast("array<double>")


def _missing(df: DataFrame, feature: str) -> Column:
    def gap(value: Column, kind: T.DataType) -> Column:
        return value.isNull() | F.isnan(value) if isinstance(kind, T.DoubleType | T.FloatType) else value.isNull()

    kind = dtype(df, feature)
    if _is_number(kind):
        return gap(col(feature), kind)
    return col(feature).isNull() | F.exists(_array(df, feature), lambda v: gap(v, T.DoubleType()))


def _infinite(df: DataFrame, feature: str) -> Column:
    endless = [float("inf"), float("-inf")]
    kind = dtype(df, feature)
    if not _is_number(kind):
        return F.exists(_array(df, feature), lambda v: v.isin(endless))
    return col(feature).isin(endless) if isinstance(kind, T.DoubleType | T.FloatType) else F.lit(False)


def _refuse(counts: Mapping[str, int], what: str, method: str) -> None:
    if not counts:
        return
    shown = ", ".join(f"{f!r} ({n:,} rows)" for f, n in list(counts.items())[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    word = {"missing": "missing (null or NaN)", "infinite": "infinite"}[what]
    raise InputError(
        f"{method} can't measure distances where features are {word}: {shown}{more}. "
        "Fill them or drop the rows first; random samplers take them as they are"
    )


def _listed(names: Sequence[str], kinds: Mapping[str, T.DataType]) -> str:
    shown = ", ".join(f"{n!r} ({kinds[n].simpleString()})" for n in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
