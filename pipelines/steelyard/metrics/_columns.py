"""Columns of scores, weights and costs: which types are read, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype, is_vector
from steelyard.errors import InputError

_MOST_NAMES = 1001
_NUMBERS = T.NumericType | T.BooleanType
_KEYS = T.StringType | T.IntegralType | T.BooleanType
_EXPECTED = "a number, a map of class to number, or an array or vector with an entry for each class 0, 1, …"


def numbers(df: DataFrame, name: str, role: str) -> Column:
    """Return a column of numbers as doubles.

    Raises
    ------
    InputError
        If the column is missing or has another type; the message names the column and its type.
    """
    kind = dtype(df, name, role)
    if not isinstance(kind, T.NumericType):
        raise InputError(f"{role} {name!r} must hold numbers. It is {kind.simpleString()} instead.")
    return col(name).cast("double")


@dataclass(frozen=True)
class ScoreColumn:
    """A column of scores: one number per row, or an entry for each class.

    Parameters
    ----------
    name : str
    value : Column
        Double, array or map.
    form : {"number", "array", "map"}
    role : str
        How messages call it.
    single : bool
        Whether the scores have 32 bits. Thresholds are then rounded likewise, as NumPy does: 0.7 in 32 bits is
        less than 0.7 in 64.
    """

    name: str
    value: Column
    form: str
    role: str = "score"
    single: bool = False

    @classmethod
    def of(cls, df: DataFrame, name: str, role: str = "score") -> ScoreColumn:
        """Return the column's reader.

        Raises
        ------
        InputError
            For a missing column, and for a type that holds no scores.
        """
        kind = dtype(df, name, role)
        if is_vector(df, name):
            return cls(name, F.when(col(name).isNotNull(), vector_to_array(col(name))), "array", role)
        if isinstance(kind, _NUMBERS):
            return cls(name, col(name).cast("double"), "number", role, isinstance(kind, T.FloatType))
        if isinstance(kind, T.ArrayType) and isinstance(kind.elementType, _NUMBERS):
            return cls(name, col(name), "array", role, isinstance(kind.elementType, T.FloatType))
        if isinstance(kind, T.MapType) and isinstance(kind.keyType, _KEYS) and isinstance(kind.valueType, _NUMBERS):
            value = F.transform_keys(col(name), lambda key, _: key.cast("string"))
            return cls(name, value, "map", role, isinstance(kind.valueType, T.FloatType))
        raise InputError(f"{role} {name!r} must be {_EXPECTED}. It is {kind.simpleString()} instead.")

    def threshold(self, value: float) -> float:
        """Return the threshold in the precision of the scores."""
        with np.errstate(over="ignore"):
            return float(np.float32(value)) if self.single else value

    def classes(self, df: DataFrame) -> list[str]:
        """Return the classes that have entries, sorted; none for numbers. One job.

        Raises
        ------
        InputError
            For more than 1,000 classes.
        """
        if self.form == "number":
            return []
        if self.form == "array":
            found = df.agg(F.max(F.size(self.value)).alias("size")).first()
            names = [str(i) for i in range(min(found["size"] or 0, _MOST_NAMES) if found else 0)]
        else:
            keys = df.select(F.explode(F.map_keys(self.value)).alias("key")).distinct().limit(_MOST_NAMES)
            names = sorted(row["key"] for row in keys.collect())
        if len(names) >= _MOST_NAMES:
            raise InputError(f"score {self.name!r} has more than {_MOST_NAMES - 1:,} entries; they must be classes")
        return names

    def of_class(self, name: str) -> Column:
        """Return the score of one class: null where it has none. A number is taken as that of any class."""
        if self.form == "number":
            return self.value
        if self.form == "map":
            return F.try_element_at(self.value, F.lit(name)).cast("double")
        if not name.isdecimal():
            raise InputError(
                f"{self.role} {self.name!r} has an entry for each of the classes 0, 1, …; the class {name!r} has none. "
                "Give the indexed label that the model learned from, a map of class to number, or a column with the "
                "scores of that class."
            )
        return F.get(self.value, F.lit(int(name))).cast("double")

    def of_classes(self, names: Sequence[str]) -> Column:
        """Return the scores of several classes as an array in their order; null where there are others.

        Raises
        ------
        InputError
            If the column has one number per row.
        """
        if self.form == "number":
            raise InputError(
                f"score {self.name!r} is one number per row, which cannot rank {len(names)} classes; with more than "
                "two classes the score is a map of class to probability"
            )
        return F.when(F.size(self.value) == len(names), F.array(*[self.of_class(name) for name in names]))
