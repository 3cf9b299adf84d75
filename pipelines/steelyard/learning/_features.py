"""A feature as column expressions of a raw column: fixed once fitted, and stored as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import add
from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, combined, doubles, dtype, is_vector, of_key
from steelyard.errors import InputError

Kind = Literal["number", "boolean", "array", "vector", "category"]

_OUT = "(data.exclude; in code, the dataset's features)"
RAGGED = "does not hold the number of elements it was fitted with"


def kind_of(df: DataFrame, name: str, *, categorical: bool) -> Kind:
    """Return the kind of a feature column. Refuse missing columns and types that cannot be a feature."""
    of = dtype(df, name, "feature")
    if isinstance(of, T.BooleanType):
        return "boolean"
    if categorical and isinstance(of, T.StringType | T.NumericType | T.DateType):
        return "category"
    if isinstance(of, T.NumericType | T.NullType) and not categorical:
        return "number"
    if is_vector(df, name) and not categorical:
        return "vector"
    if isinstance(of, T.ArrayType) and isinstance(of.elementType, T.NumericType) and not categorical:
        return "array"
    raise InputError(f"feature {name!r} is of type {of.simpleString()}{_advice(of, categorical)}")


def _advice(of: T.DataType, categorical: bool) -> str:
    if isinstance(of, T.DateType | T.TimestampType | T.TimestampNTZType):
        return f": a time is not a feature; derive numbers from it, or leave it out {_OUT}"
    if isinstance(of, T.StringType):
        return f": make it a category (data.categorical; in code, the dataset's categorical), or leave it out {_OUT}"
    what = "a category" if categorical else "a feature"
    return f", which cannot be {what}; leave it out {_OUT}"


def raw(df: DataFrame, name: str, kind: Kind, element: int | None = None) -> Column:
    """Return a numeric feature as a double: null or NaN where it is missing."""
    value = as_array(name, kind)
    return (value if element is None else F.get(value, element)).cast("double")


def raws(df: DataFrame, features: Sequence[Numeric]) -> Column:
    """Return numeric features as one array of doubles: null or NaN where they are missing."""
    parts: list[Column] = []
    numbers: list[str] = []
    for feature in features:
        if feature.element is None:
            numbers.append(feature.column)
        elif feature.element == 0:
            array = as_array(feature.column, feature.kind).cast("array<double>")
            gaps = F.array_repeat(F.lit(None).cast("double"), feature.size or 0)
            parts += [doubles(numbers), F.coalesce(array, gaps)]
            numbers = []
    return F.concat(*parts, doubles(numbers).cast("array<double>")) if parts else doubles(numbers)


def as_array(name: str, kind: Kind) -> Column:
    """Return a column, a vector as an array of doubles."""
    if kind != "vector":
        return col(name)
    from pyspark.ml.functions import vector_to_array

    # A null vector is an error of the function and not a null.
    return F.when(col(name).isNotNull(), vector_to_array(col(name)))


@dataclass(frozen=True)
class Numeric:
    """A number: a column, or one element of an array or vector.

    Parameters
    ----------
    column : str
    kind : {"number", "boolean", "array", "vector"}
    element, size : int, optional
        Which element, and of how many.
    fill : float, optional
        Replaces a missing value; without it a missing value becomes NaN.
    indicator : bool
        Whether a second number is 1 where the value was missing.
    mean, std : float
        Subtracted from the value, and the divisor of the difference.
    """

    column: str
    kind: Kind
    element: int | None = None
    size: int | None = None
    fill: float | None = None
    indicator: bool = False
    mean: float = 0.0
    std: float = 1.0

    @property
    def name(self) -> str:
        """The column's name, with the element in brackets."""
        return self.column if self.element is None else f"{self.column}[{self.element}]"

    @property
    def names(self) -> list[str]:
        """A name for each of `columns`."""
        return [self.name, f"{self.name} is missing"] if self.indicator else [self.name]

    @property
    def as_read(self) -> bool:
        """Whether the number is that of a column, but NaN where it is missing."""
        changed = self.fill is not None or self.indicator or (self.mean, self.std) != (0.0, 1.0)
        return self.element is None and not changed

    def columns(self, df: DataFrame) -> list[Column]:
        """Return the expressions.

        Spark analyses, optimises and compiles each node of them, of thousands of features too: they must be small.
        """
        kind = kind_as_fitted(df, self.column, self.kind)
        value = raw(df, self.column, kind, self.element)
        gap = F.lit(float("nan") if self.fill is None else self.fill)
        known = F.coalesce(value if self.fill is None else F.nanvl(value, gap), gap)
        if (self.mean, self.std) != (0.0, 1.0):
            known = (known - F.lit(self.mean)) / F.lit(self.std)
        if self.size is not None and self.element == 0:
            length = F.coalesce(F.size(as_array(self.column, kind)), F.lit(-1))
            wrong = (length >= 0) & (length != self.size)
            known = F.when(wrong, F.raise_error(F.lit(f"feature {self.column!r} {RAGGED}"))).otherwise(known)
        if not self.indicator:
            return [known]
        return [known, F.isnan(F.coalesce(value, F.lit(float("nan")))).cast("double")]


def kind_as_fitted(df: DataFrame, name: str, fitted: Kind) -> Kind:
    """Return how a column is read, which must be as it was in training; numbers and booleans are one there."""
    now = dtype(df, name, "feature")
    try:
        kind = kind_of(df, name, categorical=fitted == "category")
    except InputError:
        kind = None
    if kind is None or (kind != fitted and {kind, fitted} != {"number", "boolean"}):
        raise InputError(f"feature {name!r} was fitted as {fitted}, but is {now.simpleString()} in this table")
    return kind


@dataclass(frozen=True)
class Category:
    """A category: one number, 0 or 1, for each of its frequent levels.

    Parameters
    ----------
    column : str
    levels : tuple of str
        String forms, most frequent first.
    other, missing : bool
        Whether the training rows had rarer levels, and missing values, which then get a number of their own. An
        unseen level counts as a rare one.
    """

    column: str
    levels: tuple[str, ...]
    other: bool = False
    missing: bool = False
    kind: Kind = "category"

    @property
    def names(self) -> list[str]:
        """A name for each of `columns`."""
        extra = [f"{self.column} is rare"] if self.other else []
        extra += [f"{self.column} is missing"] if self.missing else []
        return [f"{self.column}={level}" for level in self.levels] + extra

    def columns(self, df: DataFrame) -> list[Column]:
        """Return the expressions."""
        kind_as_fitted(df, self.column, self.kind)
        level = class_text(df, self.column)
        flags = [F.coalesce(level == F.lit(known), F.lit(False)) for known in self.levels]
        if self.other:
            flags.append(level.isNotNull() & ~F.coalesce(level.isin(list(self.levels)), F.lit(False)))
        if self.missing:
            flags.append(level.isNull())
        return [flag.cast("double") for flag in flags]


@dataclass(frozen=True)
class CategoryCode:
    """A category as one number: the place of its level, for trainers that split categories themselves.

    Parameters
    ----------
    column : str
    levels : tuple of str
        String forms, most frequent first. All others, and missing values, become NaN.
    """

    column: str
    levels: tuple[str, ...]
    kind: Literal["code"] = "code"

    @property
    def names(self) -> list[str]:
        """The column's name."""
        return [self.column]

    def columns(self, df: DataFrame) -> list[Column]:
        """Return the expression."""
        kind_as_fitted(df, self.column, "category")
        unknown = F.lit(float("nan"))
        codes = {level: float(i) for i, level in enumerate(self.levels)}
        return [F.coalesce(of_key(codes, class_text(df, self.column)), unknown) if codes else unknown]


Feature = Numeric | Category | CategoryCode


def feature_from_json(document: dict[str, Any]) -> Feature:
    """Rebuild a feature from its fields."""
    if document["kind"] == "category":
        return Category(**{**document, "levels": tuple(document["levels"])})
    if document["kind"] == "code":
        return CategoryCode(**{**document, "levels": tuple(document["levels"])})
    return Numeric(**document)


def total(terms: Sequence[Column]) -> Column:
    """Add columns; none add up to 0."""
    return combined(add, list(terms) or [F.lit(0.0)])
