"""All features of a table as column expressions: fixed once fitted, and stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import doubles, dtype
from steelyard.kernels.distance import LARGEST
from steelyard.learning._features import (
    CategoryCode,
    Feature,
    Numeric,
    feature_from_json,
    kind_as_fitted,
    raw,
    raws,
)

MANY = 200
"""Features from which numbers become one array, and not a column each: Spark compiles each expression."""

HUGE = "holds an infinite value or one beyond"


@dataclass(frozen=True)
class Preprocessing:
    """Fitted features, in order.

    Parameters
    ----------
    features : tuple of Numeric, Category or CategoryCode
    limit : float
        Larger values, negative ones included, are refused.
    """

    features: tuple[Feature, ...]
    limit: float = LARGEST

    @property
    def names(self) -> list[str]:
        """A name for each of `columns`."""
        return [name for feature in self.features for name in feature.names]

    @property
    def codes(self) -> tuple[int, ...]:
        """The places of `columns` that are codes of categories."""
        kinds = [isinstance(feature, CategoryCode) for feature in self.features for _ in feature.names]
        return tuple(i for i, code in enumerate(kinds) if code)

    def directions(self, monotone: Mapping[str, int]) -> tuple[int, ...]:
        """Return, for each of `columns`, the direction of its column, 0 without one; empty if no column has one.

        Whether a value is missing has no direction.
        """
        if not monotone:
            return ()
        places = [(feature.column, i) for feature in self.features for i, _ in enumerate(feature.names)]
        return tuple(0 if i else monotone.get(column, 0) for column, i in places)

    def columns(self, df: DataFrame) -> list[Column]:
        """Return raw rows as double expressions; a label is not needed.

        Evaluating the first of them fails where any feature is beyond `limit`.

        Raises
        ------
        InputError
            If a feature is missing, or no longer of the kind it was.
        """
        values = self.unchecked(df)
        return [self.checked(df, value) for value in values[:1]] + values[1:]

    def array(self, df: DataFrame) -> Column:
        """Return the same as one array of doubles, with few expressions for many numbers that are taken as read."""
        if len(self.features) <= MANY:
            return F.array(*self.columns(df))
        parts: list[Column] = []
        for as_read, run in groupby(self.features, lambda f: isinstance(f, Numeric) and f.as_read):
            features = list(run)
            if not as_read:
                parts.append(F.array(*[column for f in features for column in f.columns(df)]))
                continue
            numbers = {f.column: kind_as_fitted(df, f.column, f.kind) for f in features if isinstance(f, Numeric)}
            parts.append(F.transform(doubles(numbers), lambda v: F.coalesce(v, F.lit(float("nan")))))
        return self.checked(df, F.concat(*parts) if len(parts) > 1 else parts[0])

    def floats(self, df: DataFrame) -> Column:
        """Return the same in single precision, for a pandas UDF: a struct, which is a frame there; of many an array."""
        if len(self.features) > MANY:
            return self.array(df).cast("array<float>")
        return F.struct(*[value.cast("float").alias(str(i)) for i, value in enumerate(self.columns(df))])

    def unchecked(self, df: DataFrame) -> list[Column]:
        """Return the same, where evaluating them doesn't fail: for those who don't need them all."""
        return [column for feature in self.features for column in feature.columns(df)]

    def checked(self, df: DataFrame, value: Column) -> Column:
        """Return a value that fails to evaluate where any feature is beyond `limit`."""
        features = [f for f in self.features if isinstance(f, Numeric) and not _whole(dtype(df, f.column))]
        if not features:
            return value
        # Negative: for Spark, NaN is greater than all numbers, and null is left out.
        if len(features) > MANY:
            sizes = F.transform(raws(df, features), lambda size: -F.abs(size))
        else:
            sizes = F.array(*[-F.abs(raw(df, f.column, f.kind, f.element)) for f in features])
        names = F.split(F.lit("\n".join(f"feature {f.name!r}" for f in features)), "\n")
        place = F.array_position(F.transform(sizes, lambda size: size < -self.limit), True)
        what = F.concat_ws(" ", F.element_at(names, place.cast("int")), F.lit(f"{HUGE} ±{self.limit:.0e}"))
        return F.when(F.array_min(sizes) < -self.limit, F.raise_error(what)).otherwise(value)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"limit": self.limit, "features": [asdict(f) for f in self.features]}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Preprocessing:
        """Rebuild what `to_json` gave."""
        return cls(tuple(feature_from_json(f) for f in document["features"]), document["limit"])


def _whole(of: T.DataType) -> bool:
    return isinstance(of, T.IntegralType | T.BooleanType | T.DecimalType)
