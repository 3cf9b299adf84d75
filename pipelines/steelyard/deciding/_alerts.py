"""Alerts by hour, day or week: how many a threshold raises, and the k highest scores of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.kernels.arrays import Floats
from steelyard.kernels.intervals import wilson
from steelyard.metrics import ScoreTable
from steelyard.metrics.expressions import collect

FEWEST = 20
"""Periods below which a share of them is called approximate."""

_HOUR = 3_600_000_000  # microseconds
_LENGTHS = {"hour": _HOUR, "day": 24 * _HOUR, "week": 7 * 24 * _HOUR}
_MONDAY = 3 * 24 * _HOUR  # 1970-01-01 was a Thursday
_ROUNDING = 1 + 1e-9


def period_of(micros: Column, per: str) -> Column:
    """Return the number of the hour, day or week (from Monday on) of a time, in UTC.

    `micros` are microseconds since 1970.
    """
    shift = _MONDAY if per == "week" else 0
    return F.floor((micros + shift) / F.lit(_LENGTHS[per])).cast("bigint")


def alert_shares(rows: DataFrame, period: Column, part: Column) -> DataFrame:
    """Return which share of each period's rows each part of a table holds: columns `period`, `part`, `share`."""
    counts = rows.select(period.alias("period"), part.alias("part")).groupBy("period", "part")
    total = F.sum("n").over(Window.partitionBy("period"))
    return counts.agg(F.count(F.lit(1)).alias("n")).select("period", "part", (F.col("n") / total).alias("share"))


def is_among_top(score: Column, k: int, period: Column, share: Column, part: Column) -> Column:
    """Return whether a row is among the k highest scores of its period; of rows that tie at the end, none is.

    `share` is the share of the period's rows that a part of the table holds: each of its rows stands for one over that.
    """
    window = Window.partitionBy(part, period).orderBy(score.desc()).rangeBetween(Window.unboundedPreceding, 0)
    return F.sum(1.0 / share).over(window) <= k * _ROUNDING


def alert_threshold(rows: DataFrame, table: ScoreTable, rule: Mapping[str, Any]) -> tuple[float, str | None]:
    """Return the least threshold that raises at most so many alerts in a share of the periods, and a note.

    Parameters
    ----------
    rows : DataFrame
        `period`, `share` (of the period's rows that these rows hold) and `score`. One window over them.
    table : ScoreTable
        Of the same rows.
    rule : mapping
        `per`, `at_most`, `confidence`.

    Raises
    ------
    InputError
        If there are no rows.
    """
    limits = budget_scores(rows, rule["at_most"])
    if not len(limits):
        raise InputError(
            f"decide.threshold.alerts: no whole {rule['per']} lies in the validation rows; raise split.validation, or "
            "take a shorter period"
        )
    allowed = math.floor((1 - rule["confidence"]) * len(limits) + 1e-9)
    highest = np.sort(limits)[::-1][allowed] if allowed < len(limits) else -np.inf
    above = table.low[table.low > highest]
    value = float(above.min()) if len(above) else float(np.nextafter(table.high.max(), np.inf))
    note = None
    if len(limits) < FEWEST:
        note = f"decide.threshold.alerts: approximate, the validation rows hold {len(limits)} {rule['per']}s only"
    return value, note


def coarse_note(rows: DataFrame, rule: Mapping[str, Any]) -> str | None:
    """Return a note where the median row stands for more rows of its period than the rule allows alerts, else None.

    Parameters
    ----------
    rows : DataFrame
        `share`, as for `alert_threshold`.
    rule : mapping
        `per`, and `at_most` or `top`.
    """
    share = rows.agg(F.median("share").alias("share")).collect()[0]["share"]
    most = rule.get("at_most", rule.get("top", 0))
    if share is None or share * most * _ROUNDING >= 1:
        return None
    return (
        f"decide.threshold.alerts: a validation row stands for {1 / share:.3g} rows of its {rule['per']}, more than "
        f"the {most} alerts allowed, so that a single alarm is too many; split by time, or raise split.validation"
    )


def budget_scores(rows: DataFrame, at_most: int) -> Floats:
    """Return for each period the highest threshold that raises too many alerts; minus infinity where none does."""
    window = Window.partitionBy("period").orderBy(F.col("score").desc()).rangeBetween(Window.unboundedPreceding, 0)
    alerts = F.sum(1.0 / F.col("share")).over(window)
    many = rows.select("period", F.when(alerts > at_most * _ROUNDING, F.col("score")).alias("over"))
    found = many.groupBy("period").agg(F.coalesce(F.max("over"), F.lit(float("-inf"))).alias("over"))
    return np.asarray(collect(found.select("over"))["over"], dtype=np.float64)


def alert_counts(rows: DataFrame, alarm: Column) -> dict[str, Floats]:
    """Return the alerts of each period for each value of `split`; rows have `split`, `period` and `share`."""
    counts = F.sum(F.when(alarm, 1.0 / F.col("share")).otherwise(0.0)).alias("alerts")
    found = collect(rows.groupBy("split", "period").agg(counts))
    return {name: found["alerts"][found["split"] == name] for name in np.unique(found["split"].astype(str))}


def alerts_observed(alerts: Floats, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the share of periods within the budget with its interval (Wilson), and their mean and most alerts."""
    n, most = len(alerts), rule.get("at_most", rule.get("top"))
    if not n:
        return {"value": None, "ci95": None, "periods": 0}
    kept = float((alerts <= float(most) * _ROUNDING).mean())
    low, high = wilson(kept, n)
    counts = {"mean": float(alerts.mean()), "most": float(alerts.max())}
    return {"value": kept, "ci95": [low, high], "periods": n, **counts}
