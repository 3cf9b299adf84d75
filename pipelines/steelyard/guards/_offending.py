"""The rows that break an expectation, where it is about single rows."""

from __future__ import annotations

from collections.abc import Sequence
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, combined, internal
from steelyard.guards._aggregates import flag, score_faults, text
from steelyard.guards._same_rows import hashes, part_of

_MARKS = (internal("same_low"), internal("same_high"), internal("same_part"))


def without_label(df: DataFrame, label: str) -> DataFrame:
    """Return the rows whose label is null."""
    return df.where(class_text(df, label).isNull())


def of_other_classes(df: DataFrame, label: str, classes: Sequence[str]) -> DataFrame:
    """Return the rows whose label is none of some classes."""
    return df.where(~class_text(df, label).isin(list(classes)))


def misplaced_synthetic(df: DataFrame, synthetic: str, split_column: str, split: str) -> DataFrame:
    """Return the synthetic rows that are not in a split."""
    return df.where(flag(df, synthetic) & ~text(df, split_column).eqNullSafe(F.lit(split)))


def with_faulty_scores(df: DataFrame, score: str, classes: Sequence[str] | None, tolerance: float) -> DataFrame:
    """Return the rows whose score is not a probability."""
    faults = score_faults(df, score, classes, tolerance).values()
    return df.where(combined(or_, [F.coalesce(fault, F.lit(False)) for fault in faults]))


def in_several_parts(df: DataFrame, kind: Any) -> DataFrame:
    """Return the rows whose like is in another part too."""
    rows = _marked(df, kind)
    several = _parts_of_values(rows).where(F.size("parts") > 1)
    return rows.join(several, [*_MARKS[:2]], "left_semi").drop(*_MARKS)


def with_likes(df: DataFrame, kind: Any, part: int, other: int) -> DataFrame:
    """Return the rows of a part whose like is in another part."""
    rows = _marked(df, kind)
    there = _parts_of_values(rows).where(F.array_contains("parts", other))
    return rows.where(F.col(_MARKS[2]) == part).join(there, [*_MARKS[:2]], "left_semi").drop(*_MARKS)


def _marked(df: DataFrame, kind: Any) -> DataFrame:
    marks: tuple[Column, ...] = (*hashes(df, kind), part_of(df, kind[1]))
    return df.withColumns(dict(zip(_MARKS, marks, strict=True))).where(F.col(_MARKS[2]).isNotNull())


def _parts_of_values(rows: DataFrame) -> DataFrame:
    return rows.groupBy(*_MARKS[:2]).agg(F.collect_set(_MARKS[2]).alias("parts"))
