"""Compare categories of new rows with those of a model: their type, and the share of known levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, dtype
from steelyard.errors import InputError
from steelyard.learning import Model

_MOST = 0.5


class Levels:
    """Counts, while rows are scored, the values whose level the model does not know. Costs no scan.

    `types` are those of the features in the table that the model learned from.
    """

    def __init__(self, model: Model, types: Mapping[str, T.DataType]) -> None:
        self._categories: list[Any] = [f for f in model.preprocessing.features if f.kind == "category"]
        self._types = types
        self._seen: Observation | None = None

    def check(self, df: DataFrame) -> None:
        """Raise `InputError` for a text category that has become numeric, if its levels cannot be recovered."""
        for category in self._categories:
            was, now = self._types.get(category.column), dtype(df, category.column, "feature")
            if not (isinstance(was, T.StringType) and isinstance(now, T.NumericType)):
                continue
            lost = [level for level in category.levels if not _as_number(level)]
            if lost:
                raise InputError(
                    f"feature {category.column!r} was text in training, such as {lost[0]!r}, but is "
                    f"{now.simpleString()} in this table; write it as text"
                )

    def counted(self, df: DataFrame) -> DataFrame:
        """Return the rows, which are counted when they are written."""
        if not self._categories:
            return df
        self._seen = Observation("levels")
        counts: list[Column] = []
        for i, category in enumerate(self._categories):
            level = class_text(df, category.column)
            unknown = level.isNotNull() & ~level.isin(list(category.levels)) if category.levels else level.isNotNull()
            counts += [F.count(level).alias(f"of {i}"), F.count_if(unknown).alias(f"unseen {i}")]
        return df.observe(self._seen, *counts)

    @property
    def unseen(self) -> dict[str, dict[str, int]]:
        """Feature → `of`: rows with a value, `unseen`: those with a level that the model does not know."""
        if self._seen is None:
            return {}
        counts = self._seen.get
        found = {
            c.column: {"of": counts[f"of {i}"] or 0, "unseen": counts[f"unseen {i}"] or 0}
            for i, c in enumerate(self._categories)
        }
        return {name: of for name, of in found.items() if of["unseen"]}

    def warnings(self) -> list[str]:
        """Return a sentence for each feature most of whose values the model does not know."""
        return [
            f"feature {name!r}: {of['unseen']:,} of {of['of']:,} values are levels that the model does not know; is it "
            "written as in training?"
            for name, of in self.unseen.items()
            if of["unseen"] > _MOST * of["of"]
        ]


def _as_number(level: str) -> bool:
    """Whether a level is written as Spark writes that number."""
    try:
        return str(int(level)) == level
    except ValueError:
        try:
            return repr(float(level)) == level
        except ValueError:
            return False
