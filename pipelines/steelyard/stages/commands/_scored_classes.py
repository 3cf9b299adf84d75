"""The classes of a table of labels and scores, and its decision threshold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame

from steelyard import metrics
from steelyard.config import DataConfig
from steelyard.errors import InputError
from steelyard.stats import ClassCounts, class_counts

HALF = 0.5
_NUMBERED = ({"0", "1"}, {"-1", "1"}, {"false", "true"})  # by convention the latter is the positive class


def scored_classes(
    df: DataFrame, data: DataConfig, score: str, warn: Callable[[str], None]
) -> tuple[str | None, tuple[str, ...]]:
    """Return the positive class (None with more than two) and all classes, of labels and scores.

    Of the labels 0 and 1, -1 and 1, false and true the latter is positive, else the rarer one. Refuse labels of one
    class only, and labels that have no entry in the scores.
    """
    labelled = class_counts(df, data.label)
    for note in labelled.notes():
        warn(note)
    labelled.check(fewest=1)
    entries = metrics.ScoreColumn.of(df, score).classes(df)
    lacking = [name for name in labelled.counts if name not in entries]
    if entries and lacking:
        raise InputError(
            f"score {score!r} has no entry for the class {lacking[0]!r} of label {data.label!r}; "
            f"it has the classes {', '.join(map(repr, entries[:10]))}"
        )
    absent = [name for name in entries if name not in labelled.counts]
    counts = ClassCounts({**labelled.counts, **dict.fromkeys(absent, 0)}, labelled.nulls)
    usual = "true" if "true" in counts.counts else "1"
    wanted = data.positive if data.positive is not None else (usual if set(counts.counts) in _NUMBERED else None)
    positive = counts.positive(wanted)
    return positive, counts.ordered(positive)


def chosen_threshold(
    positive: str | None, classes: Sequence[str], threshold: float | None, data: DataConfig
) -> float | None:
    """Return the threshold: as given, else 0.5; none with several classes, for which threshold and costs are
    refused.
    """
    if positive is None:
        costs = (data.cost.false_negative, data.cost.false_positive)
        given = "--threshold" if threshold is not None else "--cost" if any(c is not None for c in costs) else None
        if given is not None:
            raise InputError(f"{given} needs two classes; the table has {len(classes)}. Leave it out.")
        return None
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"--threshold must be a finite number. Got {threshold} instead.")
    return HALF if threshold is None else threshold


def advice(notes: Sequence[str], given: float | None, used: float | None) -> list[str]:
    """Return notes on scores, with advice if the default 0.5 was used for scores that are not probabilities."""
    if given is not None or used is None:
        return list(notes)
    more = "; decisions still use 0.5: give --threshold"
    return [note + more if note.startswith(metrics.NO_PROBABILITY) else note for note in notes]
