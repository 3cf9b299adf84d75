"""The columns that rules on alerts, and conformal recall, read from a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, dtype, internal, of_key, require_columns
from steelyard.config import Recipe
from steelyard.dataset import Dataset
from steelyard.deciding import ALERTS, CONFORMAL, period_of
from steelyard.errors import InputError
from steelyard.hashing import group_hash, row_hash
from steelyard.learning import get_trainer
from steelyard.splitting import time_position

PERIOD, SHARE = internal("period"), internal("share")
"""Columns of rows that are parts of a table: the period, and the share of its rows that the row's part holds."""


def alert_rule(recipe: Recipe) -> Mapping[str, Any] | None:
    """Return the argument of a rule on alerts, None for other rules."""
    rule = recipe.decide.threshold
    return rule[ALERTS] if isinstance(rule, Mapping) and ALERTS in rule else None


def alert_period(df: DataFrame, time: str, per: str) -> Column:
    """Return the number of the hour, day or week of each row; a row without a time is an error of the query.

    Raises
    ------
    InputError
        If the column is missing, or holds plain numbers.
    """
    require_columns(df, [time], f"time column (decide.threshold is {ALERTS})")
    if isinstance(dtype(df, time), T.NumericType):
        raise InputError(f"decide.threshold.{ALERTS}: time column {time!r} is a number; it must be a time or a date")
    micros = time_position(df, time, 0)
    what = f"time column {time!r} is null or no time in a row: decide.threshold.{ALERTS} needs it"
    fault = F.raise_error(F.lit(what))
    return period_of(F.when(micros.isNotNull(), micros).otherwise(fault.cast("bigint")), per)


def rate_of(df: DataFrame, data: Dataset) -> Column:
    """Return the share of the rows of its class that the table holds, for each row."""
    if not data.sampling_rate:
        return F.lit(1.0)
    return F.coalesce(of_key(dict(data.sampling_rate), class_text(df, data.label), "double"), F.lit(1.0))


def keeps_half(recipe: Recipe) -> bool:
    """Whether training leaves half of the validation rows to conformal recall: where it stops early by them."""
    rule, how = recipe.decide.threshold, recipe.train
    return isinstance(rule, Mapping) and CONFORMAL in rule and get_trainer(how.model, how.params).needs_validation


def kept_half(df: DataFrame, data: Dataset) -> Column:
    """Return whether a validation row is in the half that training does not see; groups stay whole."""
    place = row_hash(df, data.identity, 0, CONFORMAL)
    if data.group is not None:
        place = group_hash(df, data.group, place, CONFORMAL)
    return place % 2 == 1
