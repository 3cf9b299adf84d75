"""Columns and limits of rounds over rows on the executors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.ensemble._array_rounds import DRAW_BITS


def by_label(values: Sequence[float], kind: str = "double") -> Column:
    """Return the value of each row's label.

    Spark reads it from an array. Numbers that change from round to round would otherwise be part of the code that it
    generates, which it would then compile in each round.
    """
    return F.get(F.array(*(F.lit(v).cast(kind) for v in values)), F.col("label").cast("int"))


def constant(value: float) -> Column:
    """Return one number for the rows of both labels, see `by_label`."""
    return by_label([value, value], "int" if isinstance(value, int) else "double")


def ample(wanted: int, of: int, reach: float) -> float:
    """Return a share of rows that nearly always has as many as wanted: six standard deviations more."""
    return min((wanted + 6 * math.sqrt(wanted) + 6) / max(of, 1) * reach, 1.0)


def race_limit(wanted: int, of: int, reach: float) -> int:
    """Return the last position of candidates; their exponential variables reach `reach` times as far as by default."""
    share = ample(wanted, of, 1.0)
    below = 1.0 if share == 1 else -math.expm1(math.log1p(-share) * reach)
    return int(below * 2.0**DRAW_BITS)
