"""The features of a table: numeric or categorical, and their encoding as one row of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype, is_vector
from steelyard.errors import InputError, closest

_LIMITS: dict[type[T.DataType], float] = {
    T.ByteType: 2.0**7 - 1,
    T.ShortType: 2.0**15 - 1,
    T.IntegerType: 2.0**31 - 1,
    T.LongType: 2.0**63 - 1024,
    T.FloatType: 3.4028234663852886e38,
}
SHOWN = 10
"""Columns that a message names."""


@dataclass(frozen=True)
class Features:
    """The features of a table.

    Parameters
    ----------
    numbers : tuple of str
        Numbers, and arrays and vectors of numbers.
    categories : tuple of str
        Values that are only equal or not.
    """

    numbers: tuple[str, ...]
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them: numbers first."""
        return (*self.numbers, *self.categories)


def find_features(
    df: DataFrame, names: Sequence[str], method: str, declared: Sequence[str] | None = None, *, categories: bool = True
) -> Features:
    """Separate numeric from categorical features.

    Parameters
    ----------
    df : DataFrame
    names : sequence of str
        The features.
    method : str
        For messages.
    declared : sequence of str, optional
        Features that are categories in addition to strings and booleans.
    categories : bool, default True
        Whether the method accepts categories.

    Raises
    ------
    InputError
        For features that are neither, and for categories that the method does not accept; the message names them.
    """
    kinds = {f: dtype(df, f, "feature") for f in names}
    if not kinds:
        raise InputError(f"{method} needs at least one feature, and the table has none")
    for name in declared or ():
        if name not in kinds:
            raise InputError(f"categorical_features names {name!r}, which is not a feature.{closest(name, kinds)}")
    nominal = [f for f, k in kinds.items() if isinstance(k, T.StringType | T.BooleanType) or f in (declared or ())]
    other = [f for f, k in kinds.items() if f not in nominal and not (is_number(k) or is_array(k) or is_vector(df, f))]
    composed = [f for f in nominal if isinstance(kinds[f], T.ArrayType | T.MapType | T.StructType) or is_vector(df, f)]
    if nominal and not categories:
        raise InputError(
            f"{method} interpolates numbers, and these features are categories: {listed(nominal, kinds)}. SMOTE for "
            "categories is SMOTENC (method smotenc), SMOTEN where all of them are; or leave them out of features_col"
        )
    if other or composed:
        raise InputError(
            f"{method} measures distances, and these features are neither numbers nor categories: "
            f"{listed(other or composed, kinds)}. Leave them out of features_col, or say what they are (key_col, "
            "group_col, time_col)"
        )
    return Features(tuple(f for f in names if f not in nominal), tuple(nominal))


def numbers_of(
    df: DataFrame, names: Sequence[str], widths: Mapping[str, int] | None = None, fills: Sequence[float] = ()
) -> Column:
    """Return all numbers of a row as one array of doubles.

    Parameters
    ----------
    df : DataFrame
    names : sequence of str
    widths : mapping of str to int, optional
        Lengths of arrays and vectors; if given, a null array becomes an array of nulls.
    fills : sequence of float, optional
        What stands for each number that is missing; needs `widths`.
    """
    runs: list[Column] = []
    plain: list[Column] = []
    left = list(fills)
    for f in names:
        if is_number(dtype(df, f)):
            # By column: a function over the elements of an array is not compiled.
            plain.append(_filled(col(f).cast("double"), left.pop(0)) if left else col(f).cast("double"))
            continue
        array = array_of(df, f)
        if widths is not None:
            array = F.coalesce(array, F.array_repeat(F.lit(None).cast("double"), widths[f]))
            own, left = left[: widths[f]], left[widths[f] :]
            array = _each_filled(array, own) if own else array
        runs += [F.array(*plain)] if plain else []
        runs, plain = [*runs, array], []
    runs += [F.array(*plain)] if plain else []
    if not runs:
        return F.array().cast("array<double>")
    return F.concat(*runs) if len(runs) > 1 else runs[0]


def _filled(value: Column, fill: float) -> Column:
    return F.coalesce(F.nanvl(value, F.lit(fill)), F.lit(fill))


def _each_filled(array: Column, fills: Sequence[float]) -> Column:
    by_place = F.array(*[F.lit(fill) for fill in fills])
    return F.transform(array, lambda v, i: F.coalesce(F.nanvl(v, by_place[i]), by_place[i]))


def is_number(kind: T.DataType) -> bool:
    """Whether a type is a number's."""
    return isinstance(kind, T.NumericType)


def is_float(kind: T.DataType) -> bool:
    """Whether a type has NaN."""
    return isinstance(kind, T.DoubleType | T.FloatType)


def is_array(kind: T.DataType) -> bool:
    """Whether a type is an array's of numbers."""
    return isinstance(kind, T.ArrayType) and is_number(kind.elementType)


def array_of(df: DataFrame, feature: str) -> Column:
    """Return an array or vector as an array of doubles."""
    if is_vector(df, feature):
        from pyspark.ml.functions import vector_to_array

        return F.when(col(feature).isNotNull(), vector_to_array(col(feature)))  # of a null, it raises
    return col(feature).cast("array<double>")


def placed(kind: T.DataType, value: Column) -> Column:
    """Return a double as a number of some type: within its limits, rounded if it is whole; for arrays, each element."""
    if isinstance(kind, T.ArrayType):
        inner = kind.elementType
        return F.transform(value, lambda v: placed(inner, v)).cast(kind)
    if not is_number(kind):
        return as_vector(value)
    most = largest_of(kind)
    inside = value if most is None else F.when(F.abs(value) > most, F.signum(value) * most).otherwise(value)
    return (F.rint(inside) if isinstance(kind, T.IntegralType) else inside).cast(kind)


def largest_of(kind: T.DataType) -> float | None:
    """Return the largest double that a type of numbers holds, negative or not; None for doubles."""
    if isinstance(kind, T.DecimalType):
        whole = float(10 ** (kind.precision - kind.scale)) * (1 - 1e-15)
        return min(float(Decimal(10**kind.precision - 1).scaleb(-kind.scale)), whole)  # 999.999 would round up
    return _LIMITS.get(type(kind))


def as_vector(array: Column) -> Column:
    """Return an array of doubles as a vector."""
    from pyspark.ml.functions import array_to_vector

    return array_to_vector(array)


def listed(names: Sequence[str], kinds: Mapping[str, T.DataType]) -> str:
    """Return some columns with their types, for a message."""
    shown = ", ".join(f"{n!r} ({kinds[n].simpleString()})" for n in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
