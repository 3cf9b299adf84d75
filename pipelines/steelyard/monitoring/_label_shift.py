"""Prevalence among new rows, the check of label shift, and what performance follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide
from steelyard.kernels.intervals import Interval
from steelyard.kernels.label_shift import likelihood_prevalence, logistic_probabilities, threshold_prevalence
from steelyard.monitoring._counts import BINS, CENTRES, NEGATIVE, POSITIVE, ScoreCounts, score_at

Number = dict[str, Any]

SIGNIFICANCE = 0.01
"""Of the test of label shift, all thresholds together."""
FEWEST_POSITIVES = 30
"""Positive reference rows from which anything is claimed."""
_FEWEST_ALARMS = 10  # of each class in the reference, and in the new rows, at a threshold of the check
_RECALLS = (0.1, 0.3, 0.5, 0.7, 0.9)
_FALSE_ALARMS = (0.5, 0.25, 0.1)


@dataclass(frozen=True)
class LabelShift:
    """Estimates in all draws: the first value is the estimate itself.

    Parameters
    ----------
    reference, new : ScoreCounts
    prevalence : array of float64, shape (draws,)
        Of the new rows, by the likelihood.
    before : array of float64, shape (draws,)
        Of the reference.
    p : array of float64, shape (bins,)
        Probability of the positive class in the reference, by score bin.
    checks : list of dict
        One for each threshold of the check.
    reason : str, optional
        Why nothing is claimed.
    """

    reference: ScoreCounts
    new: ScoreCounts
    prevalence: Floats
    before: Floats
    p: Floats
    checks: list[Number]
    reason: str | None

    @property
    def holds(self) -> bool:
        """Whether the new rows agree with label shift, so that the estimates may be used."""
        return self.reason is None

    @property
    def posterior(self) -> Floats:
        """Probability of the positive class by score bin: at the new prevalence where label shift holds.

        At a prevalence of 0 or 1, no score would mean anything: then at the other end of its interval.
        """
        q, ends = float(self.prevalence[0]), self.interval(self.prevalence)
        if not self.holds or ends is None:
            return self.p
        q = ends[1] if q == 0 else ends[0] if q == 1 else q
        one = self.p / self.before[0] * q
        other = (1 - self.p) / (1 - self.before[0]) * (1 - q)
        return divide(one, one + other, 0.0)

    def interval(self, draws: Floats) -> Interval | None:
        """Return the 95 % interval of a share that depends on reference and new rows."""
        error = intervals.standard_error(draws[1:], min(self.reference.used, self.new.used))
        rows = float(self.new.rows.sum())
        own = intervals.unit_interval(float(draws[0]), error, self.reference.freedom, rows)
        ends = np.quantile(draws[1:], [0.025, 0.975]) if 0 in (draws[0], 1 - draws[0]) else None
        return intervals.envelope(own, None if ends is None else (float(ends[0]), float(ends[1])))

    def to_json(self) -> Number:
        """Return the section `label_shift` of `monitor.json`."""
        value, before = float(self.prevalence[0]), float(self.before[0])
        claims: Number = {"prevalence": None, "ratio": None}
        if self.holds:
            ends = self.interval(self.prevalence)
            claims["prevalence"] = {"value": value, "ci95": None if ends is None else list(ends)}
            claims["ratio"] = _ratio(self)
        return {
            "holds": self.holds,
            "reason": self.reason,
            "reference_prevalence": before,
            **claims,
            "significance": SIGNIFICANCE,
            "thresholds": self.checks,
        }


def _ratio(shift: LabelShift) -> Number:
    """Return the new prevalence over the reference's, with an interval on the logarithmic scale."""
    ratio = divide(shift.prevalence, shift.before)
    value = float(ratio[0])
    with np.errstate(divide="ignore"):
        logs = np.log(ratio)
    error = intervals.standard_error(logs[1:], min(shift.reference.used, shift.new.used))
    if not (value > 0 and np.isfinite(error) and np.isfinite(logs).mean() > 0.95):
        ends = shift.interval(shift.prevalence)  # allows for positives that so many rows may not have shown
        top = 0.0 if ends is None or not shift.before[0] > 0 else ends[1] / float(shift.before[0])
        return {"value": value, "ci95": [0.0, max(float(np.quantile(ratio[1:], 0.975)), top, value)]}
    half = intervals.t_quantile(shift.reference.freedom) * error
    return {"value": value, "ci95": [value * float(np.exp(-half)), value * float(np.exp(half))]}


def label_shift(reference: ScoreCounts, new: ScoreCounts) -> LabelShift:
    """Return the prevalence among new rows, and whether they agree with label shift.

    The scores are calibrated again on the reference's labelled rows by a logistic regression on their log odds. The
    likelihood of the new scores then gives the prevalence. Several thresholds give it too, without calibration (BBSE).
    Where one of these differs from the likelihood's by more than chance, the classes' own distributions have changed.

    Parameters
    ----------
    reference : ScoreCounts
        Labelled rows that the model did not learn from.
    new : ScoreCounts
    """
    old, drawn = reference.draws(0), new.draws(1)
    pos, neg = (old @ reference.weight[:, :, label].sum(axis=1) for label in (POSITIVE, NEGATIVE))
    rows = drawn @ new.weight.sum(axis=(1, 2))
    used = np.flatnonzero(pos[0] + neg[0] + rows[0] > 0)
    before = divide(pos.sum(axis=1), (pos + neg).sum(axis=1), 0.0)
    inside = np.clip(before, 1e-12, 1 - 1e-12)
    p = logistic_probabilities(CENTRES[used], pos[:, used], neg[:, used])
    prevalence = likelihood_prevalence(p, inside, rows[:, used])
    checks = _checks(reference, new, prevalence, pos, neg, rows)
    own = np.zeros(BINS)
    own[used] = p[0]
    return LabelShift(reference, new, prevalence, before, own, checks, _reason(reference, new, checks))


def _checks(
    reference: ScoreCounts, new: ScoreCounts, prevalence: Floats, pos: Floats, neg: Floats, rows: Floats
) -> list[Number]:
    """Return the prevalence by each threshold, its distance from the likelihood's in errors, and whether that is much.

    The distance is that of paired draws. Errors of rates that few rows support are too small, so such thresholds are
    left out.
    """
    edges = _edges(pos[0], neg[0])
    counts = [of.sum(axis=(0, 1)) for of in (reference.rows[:, :, POSITIVE], reference.rows[:, :, NEGATIVE])]
    counts.append(new.rows.sum(axis=(0, 1, 2)))
    kept = [edge for edge in edges if all(c[edge:].sum() >= _FEWEST_ALARMS for c in counts)]
    limit = _critical(reference.freedom, len(kept)) if kept else np.inf
    found = []
    for edge in kept:
        recall, false, alarms = (divide(of[:, edge:].sum(axis=1), of.sum(axis=1)) for of in (pos, neg, rows))
        own = threshold_prevalence(alarms, recall, false)
        error = intervals.standard_error((own - prevalence)[1:], min(reference.used, new.used))
        distance = float(own[0] - prevalence[0]) / error if error > 0 else 0.0
        found.append(
            {
                "score": score_at(edge),
                "reference_recall": float(recall[0]),
                "reference_false_alarm_rate": float(false[0]),
                "alarm_rate": float(alarms[0]),
                "prevalence": float(own[0]),
                "distance": distance,
                "limit": limit,
                "differs": abs(distance) > limit,
            }
        )
    return found


def _edges(pos: Floats, neg: Floats) -> Sequence[int]:
    """Return the first bins of the alarms of the check's thresholds, which only the reference decides."""

    def above(weights: Floats, share: float) -> int:
        from_top = np.cumsum(weights[::-1])
        return len(weights) - 1 - int(np.searchsorted(from_top, share * from_top[-1] * (1 - 1e-12)))

    wanted = [(pos, share) for share in _RECALLS] + [(neg, share) for share in _FALSE_ALARMS]
    return sorted({above(*of) for of in wanted if of[0].sum() > 0} - {0})


def _critical(freedom: float, thresholds: int) -> float:
    from scipy.special import stdtrit  # half a second of a process's start

    return float(stdtrit(max(freedom, 1.0), 1 - SIGNIFICANCE / (2 * thresholds)))


def _reason(reference: ScoreCounts, new: ScoreCounts, checks: Sequence[Number]) -> str | None:
    positives, negatives = (reference.effective(label) for label in (POSITIVE, NEGATIVE))
    if not new.rows.sum() > 0:
        return "there are no new rows"
    if min(positives, negatives) < FEWEST_POSITIVES:
        together = ", where rows of a group or a day count together," if reference.grouped else ""
        return (
            f"the reference{together} has {positives:,.0f} positive and {negatives:,.0f} negative rows, fewer than "
            f"{FEWEST_POSITIVES} of a class"
        )
    if not checks:
        return "there are too few new rows to check the assumption of label shift"
    wrong = [c for c in checks if c["differs"]]
    if not wrong:
        return None
    worst = max(wrong, key=lambda c: abs(c["distance"]))
    return (
        f"this is not a label shift: more has changed than the share of the classes. Scores of at least "
        f"{worst['score']:.3g} imply a prevalence of {worst['prevalence']:.3g}, which differs from that of all scores "
        f"by {abs(worst['distance']):.1f} standard errors (limit {worst['limit']:.1f})"
    )


def expected(shift: LabelShift, costs: tuple[Floats, Floats] | None, *, fixed: bool) -> Number | None:
    """Return precision, recall, alerts and cost of the run's decisions at the new prevalence; None if nothing is known.

    Parameters
    ----------
    shift : LabelShift
    costs : tuple of array of float64, shape (BUCKETS,), optional
        Costs of the reference's missed positives, and of its false alarms, in each bucket.
    fixed : bool
        Whether the decision on a row depends on that row alone, as recall and false alarm rate stay then the same.
    """
    if not (shift.holds and fixed):
        return None
    old, q = shift.reference.draws(0), shift.prevalence
    sizes = [old @ shift.reference.weight[:, :, label].sum(axis=(1, 2)) for label in (POSITIVE, NEGATIVE)]
    alarms = [old @ shift.reference.weight[:, 1, label].sum(axis=1) for label in (POSITIVE, NEGATIVE)]
    recall, false = (divide(a, s) for a, s in zip(alarms, sizes, strict=True))
    share = q * recall + (1 - q) * false
    total = float(shift.new.weight.sum())
    found: Number = {
        "recall": _number(shift, recall),
        "precision": _precision(shift, recall, false),
        "precision_before": float(divide(alarms[0][0], alarms[0][0] + alarms[1][0])),
        "alarm_rate": _number(shift, share),
        "alarms": _scaled(_number(shift, share), total),
    }
    if costs is not None:
        missed, wrong = (divide(old @ cost, size) for cost, size in zip(costs, sizes, strict=True))
        found |= _cost(shift, q * missed + (1 - q) * wrong, (old @ (costs[0] + costs[1])) / (sizes[0] + sizes[1]))
    return found


def _precision(shift: LabelShift, recall: Floats, false: Floats) -> Number:
    """Return the precision; at a prevalence of 0 or 1, which all draws may have, its interval follows from that one."""
    q = shift.prevalence

    def at(share: Floats | float, tpr: Floats | float, fpr: Floats | float) -> Floats:
        return divide(np.asarray(share * tpr), np.asarray(share * tpr + (1 - share) * fpr))

    found, ends = _number(shift, at(q, recall, false)), shift.interval(q)
    if q[0] not in (0.0, 1.0) or ends is None or found["ci95"] is None:
        return found
    moved = [float(np.nan_to_num(at(end, float(recall[0]), float(false[0])))) for end in ends]
    both = intervals.envelope(tuple(found["ci95"]), (min(moved), max(moved)))
    return {**found, "ci95": None if both is None else list(both)}


def _cost(shift: LabelShift, draws: Floats, before: Floats) -> Number:
    value = float(draws[0])
    error = intervals.standard_error(draws[1:], min(shift.reference.used, shift.new.used))
    event = 2 * error**2 / value if value > 0 else 0.0
    ends = intervals.total_interval(value, error, shift.reference.freedom, event)
    return {"cost_per_row": {"value": value, "ci95": list(ends)}, "cost_per_row_before": float(before[0])}


def _number(shift: LabelShift, draws: Floats) -> Number:
    if not np.isfinite(draws[0]):
        return {"value": None, "ci95": None}
    ends = shift.interval(draws)
    return {"value": float(draws[0]), "ci95": None if ends is None else list(ends)}


def _scaled(number: Number, by: float) -> Number:
    value, ends = number["value"], number["ci95"]
    scaled = None if value is None else value * by
    return {"value": scaled, "ci95": None if ends is None else [end * by for end in ends]}
