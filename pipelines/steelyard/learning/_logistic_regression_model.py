"""Coefficients as a model: scoring is a column expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.learning._features import total
from steelyard.learning.model import MarginModel, shared_fields

if TYPE_CHECKING:
    from steelyard.store import Folder

_SHOWN = 30


@dataclass(frozen=True)
class LogisticRegressionModel(MarginModel):
    """Coefficients of standardised features.

    Parameters
    ----------
    coefficients : tuple of tuple of float
        With two classes one row, of the second; else one for each.
    intercepts : tuple of float
    """

    coefficients: tuple[tuple[float, ...], ...] = ()
    intercepts: tuple[float, ...] = ()

    def margins(self, df: DataFrame) -> Column:
        values = self.preprocessing.unchecked(df)
        sums = [
            F.lit(b) + total([F.lit(w) * x for w, x in zip(row, values, strict=True) if w])
            for row, b in zip(self.coefficients, self.intercepts, strict=True)
        ]
        sums[0] = self.preprocessing.checked(df, sums[0])
        return sums[0] if len(sums) == 1 else F.array(*sums)

    def _contributions(self, df: DataFrame) -> Column:
        values = self.preprocessing.columns(df)
        rows = [
            F.array(*[F.lit(w) * x for w, x in zip(row, values, strict=True)], F.lit(b))
            for row, b in zip(self.coefficients, self.intercepts, strict=True)
        ]
        return rows[0] if len(rows) == 1 else F.array(*rows)

    def to_json(self) -> dict[str, Any]:
        fitted = {"coefficients": [list(r) for r in self.coefficients], "intercepts": list(self.intercepts)}
        return {**super().to_json(), **fitted}

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        coefficients = tuple(tuple(row) for row in document["coefficients"])
        return cls(**shared_fields(document), coefficients=coefficients, intercepts=tuple(document["intercepts"]))


def summary(
    names: Sequence[str], coefficients: Sequence[Sequence[float]], trained_classes: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the features with the largest coefficients, each class's by its name."""
    of = trained_classes[1:] if len(coefficients) == 1 else trained_classes
    table = np.asarray(coefficients)
    order = np.argsort(-np.abs(table).max(axis=0), kind="stable")[:_SHOWN]
    return [{"feature": names[j], "coefficient": {c: float(table[k, j]) for k, c in enumerate(of)}} for j in order]
