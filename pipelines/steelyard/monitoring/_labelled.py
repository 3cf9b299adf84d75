"""Estimates from a few labels of the new rows, and how many more labels are needed where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Flags, Floats
from steelyard.kernels.prediction_powered import Strata, labels_needed, share, strata_edges, total
from steelyard.monitoring._counts import BINS, NEGATIVE, POSITIVE, ScoreCounts, score_at
from steelyard.monitoring._label_shift import LabelShift, Number

_STRATA = (5, 3)  # of rows without and with an alarm
_BY_CHANCE = 3.0  # labels that a stratum without any would have on average if all rows had the same chance of one


@dataclass(frozen=True)
class Stratum:
    """A range of score bins of rows with one decision: from `first` up to, and without, `last`."""

    alarm: int
    first: int
    last: int

    def of(self, counts: Floats) -> float:
        """Return the sum of counts of shape (2 decisions, BINS) in the stratum."""
        return float(counts[self.alarm, self.first : self.last].sum())


def labels_document(shift: LabelShift, width: float) -> Number:
    """Return the section `labels` of `monitor.json`.

    Labels may be chosen by score and decision, but must be a random sample within each stratum.

    Parameters
    ----------
    shift : LabelShift
        Whose new rows have labels, known for some of them.
    width : float
        Wanted length of the 95 % interval of the prevalence, as a share of the estimate.
    """
    new, p = shift.new, np.clip(shift.posterior, 0.0, 1.0)
    places = list(_strata(new, p))
    strata = _sums(new, p, places)
    known = new.rows.sum(axis=(0, 1, 3))
    found: Number = {
        "known": int(known[POSITIVE] + known[NEGATIVE]),
        "positives": int(known[POSITIVE]),
        "prevalence": None,
        "recall": None,
        "precision": None,
        "reason": _reason(strata, places),
    }
    if found["reason"] is None:
        found |= _estimates(strata, np.array([s.alarm == 1 for s in places]), float(known[POSITIVE]))
    return found | _needed(strata, places, width)


def _strata(new: ScoreCounts, p: Floats) -> Iterator[Stratum]:
    """Yield the strata; one that has no labels by chance is joined to the next one of the same decision."""
    rows, known = new.rows.sum(axis=(0, 2)), new.rows[:, :, :2].sum(axis=(0, 2))
    rate = known.sum() / max(rows.sum(), 1)
    for alarm, most in enumerate(_STRATA):
        cuts = [0, *strata_edges(rows[alarm] * np.sqrt(p * (1 - p)), most).tolist(), BINS]
        parts = [Stratum(alarm, a, b) for a, b in pairwise(cuts)]
        parts = [s for s in parts if s.of(rows)]
        while (bare := _without_labels(parts, rows, known, rate)) is not None:
            other = bare - 1 if bare else 1
            pair = sorted((parts[bare], parts[other]), key=lambda s: s.first)
            parts[min(bare, other) : max(bare, other) + 1] = [Stratum(alarm, pair[0].first, pair[1].last)]
        yield from parts


def _without_labels(parts: list[Stratum], rows: Floats, known: Floats, rate: float) -> int | None:
    if len(parts) < 2:
        return None
    bare = (i for i, s in enumerate(parts) if not s.of(known) and 0 < s.of(rows) * rate < _BY_CHANCE)
    return next(bare, None)


def _sums(new: ScoreCounts, p: Floats, places: list[Stratum]) -> Strata:
    rows = new.rows.sum(axis=(0, 2))
    pos, neg = (new.rows[:, :, label].sum(axis=0) for label in (POSITIVE, NEGATIVE))

    def of(counts: Floats) -> Floats:
        return np.array([s.of(counts) for s in places])

    sizes = of(rows)
    return Strata(
        rows=sizes,
        predicted=of(rows * p),
        labels=of(pos + neg),
        errors=of(pos * (1 - p) - neg * p),
        squares=of(pos * (1 - p) ** 2 + neg * p**2),
        spread=of(rows * p * (1 - p)) / np.maximum(sizes, 1),
    )


def _reason(strata: Strata, places: list[Stratum]) -> str | None:
    if not strata.labels.sum():
        return "no labels are known"
    bare = [s for s, n in zip(places, strata.labels, strict=True) if not n]
    if not bare:
        return None
    where = "; ".join(f"scores from {score_at(s.first):.3g} to {score_at(s.last):.3g}{_words(s)}" for s in bare)
    return f"some ranges of scores have no labels, so nothing is known about them: {where}"


def _words(stratum: Stratum) -> str:
    return " with an alarm" if stratum.alarm else " without an alarm"


def _estimates(strata: Strata, alarms: Flags, positives: float) -> Number:
    rows = float(strata.rows.sum())
    value, error = total(strata)
    part, part_error = share(strata, alarms.astype(np.float64))
    among = Strata(*(getattr(strata, name)[alarms] for name in strata.__dataclass_fields__))
    hits, hits_error = total(among) if alarms.any() else (np.nan, np.nan)
    alarmed = float(among.rows.sum())
    known, checked = float(strata.labels.sum()), float(among.labels.sum())
    return {
        "prevalence": _number(value / rows, error / rows, positives, known),
        "recall": _number(part, part_error, positives, positives),
        "precision": _number(hits / max(alarmed, 1), hits_error / max(alarmed, 1), positives, checked),
    }


def _number(value: float, error: float, positives: float, fallback: float) -> Number | None:
    if not np.isfinite(value):
        return None
    inside = min(max(value, 0.0), 1.0)
    ends = intervals.unit_interval(inside, error, max(positives - 1, 1.0), max(fallback, 1.0))
    return {"value": inside, "ci95": None if ends is None else list(ends)}


def _needed(strata: Strata, places: list[Stratum], width: float) -> Number:
    """Return how many more labels make the interval of the prevalence as short as wanted, and where."""
    measured = np.where(strata.labels > 0, np.nan_to_num(strata.totals), strata.predicted)
    estimate = float(np.maximum(measured, 0).sum())
    if not estimate > 0:
        return {"wanted_width": width, "more": None, "strata": []}
    needed = labels_needed(strata, width * estimate / (2 * intervals.Z95))
    more = needed - strata.labels.astype(np.int64)
    return {
        "wanted_width": width,
        "more": int(more.sum()),
        "strata": [
            {
                "from": score_at(s.first),
                "to": score_at(s.last),
                "alarm": bool(s.alarm),
                "rows": int(n),
                "labels": int(k),
                "more": int(m),
            }
            for s, n, k, m in zip(places, strata.rows, strata.labels, more, strict=True)
        ],
    }
