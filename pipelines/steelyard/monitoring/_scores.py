"""Drift of the scores: new rows in ranges that hold given shares of the reference's rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from steelyard.kernels.arrays import Counts, Floats, divide
from steelyard.kernels.drift import psi, psi_by_chance
from steelyard.monitoring._counts import ScoreCounts, score_at

CONFIDENCE = 0.99
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)


def score_drift(reference: ScoreCounts, new: ScoreCounts) -> dict[str, Any]:
    """Return the section `score` of `monitor.json`: PSI, what chance explains, alarm rates, and the ranges."""
    before, now = (of.weight.sum(axis=(0, 1, 2)) for of in (reference, new))
    rows = tuple(float(of.rows.sum()) for of in (reference, new))
    edges = _edges(before)
    old, recent = (_shares(of, edges) for of in (before, now))
    alarms = [float(divide(of.weight[:, 1].sum(), of.weight.sum())) for of in (reference, new)]
    bounds = [0.0, *(score_at(e) for e in edges), 1.0]
    return {
        "psi": psi((recent * rows[1]).tolist(), (old * rows[0]).tolist()) if min(rows) else 0.0,
        "by_chance": psi_by_chance(rows[1], rows[0], len(edges) + 1, CONFIDENCE),
        "reference_alarm_rate": alarms[0],
        "alarm_rate": alarms[1],
        "ranges": [
            {"from": low, "to": high, "reference_share": a, "share": b}
            for low, high, a, b in zip(bounds, bounds[1:], old.tolist(), recent.tolist(), strict=False)
        ],
    }


def _edges(weight: Floats) -> Counts:
    """Return the first bin of each range but the first."""
    cumulative = np.cumsum(weight)
    if not cumulative[-1] > 0:
        return np.zeros(0, dtype=np.int64)
    cuts = np.searchsorted(cumulative, np.array(_SHARES) * cumulative[-1]) + 1
    first, last = np.flatnonzero(weight)[[0, -1]]
    found: Counts = np.unique(cuts[(cuts > first) & (cuts <= last)]).astype(np.int64)
    return found


def _shares(weight: Floats, edges: Counts) -> Floats:
    sums = np.array([part.sum() for part in np.split(weight, edges)])
    return divide(sums, sums.sum(), 0.0)
