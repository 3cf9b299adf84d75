"""Fitting a calibrator of a given kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from steelyard.deciding._calibrators import Calibrator, Identity, Isotonic, Prior
from steelyard.deciding._log_odds import Beta, Platt, Quadratic, Temperature
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError, closest
from steelyard.kernels.arrays import Floats
from steelyard.kernels.calibration import (
    fit_beta,
    fit_platt,
    fit_quadratic,
    fit_temperature,
    log_odds,
    smoothed_targets,
)
from steelyard.kernels.reliability import mass_bins
from steelyard.metrics import ScoreTable

LOG_ODDS: tuple[str, ...] = ("temperature", "platt", "beta", "quadratic")
METHODS = ("auto", "none", "prior", *LOG_ODDS, "isotonic")
_MOST_KNOTS = 256
_TILT = 1e-6


def check_calibration(method: str, distortion: Distortion | None = None) -> None:
    """Check the name of a calibration.

    Raises
    ------
    ConfigError
        For an unknown method, and for `prior` where training did not change the class prior.

    Examples
    --------
    >>> check_calibration("auto", Distortion({"0": 0.1}))
    """
    if method not in METHODS:
        raise ConfigError(f"decide.calibrate: {method!r} is none of {', '.join(METHODS)}.{closest(method, METHODS)}")
    if method == "prior" and distortion is not None and not distortion.rates:
        raise ConfigError("decide.calibrate: prior undoes a resampling or class weights, and there were none")


def fit_calibrator(method: str, table: ScoreTable) -> Calibrator:
    """Return a calibrator for the scores of one class, fitted on validation rows.

    Parameters
    ----------
    method : {"none", "temperature", "platt", "beta", "quadratic", "isotonic"}
    table : ScoreTable
        Of uncalibrated scores. Weights count; their scale does not.

    Raises
    ------
    ConfigError
        For an unknown method.
    InputError
        If the rows are of one class only, or a quadratic function of the log odds or a temperature would reverse the
        order of the scores.
    """
    if method == "none":
        return Identity()
    if method not in (*LOG_ODDS, "isotonic"):
        raise ConfigError(f"there is no calibration {method!r}.{closest(method, METHODS)}")
    if not has_both(table):
        raise InputError(f"{method} calibration needs validation rows of both classes")
    scaled = _in_rows(table)
    if method == "isotonic":
        return fit_isotonic(scaled)
    found = _by_log_odds(method, scaled)
    if found is None:
        raise InputError(f"{method} calibration would not keep the order of these scores; take beta or platt")
    return found


def _by_log_odds(method: str, table: ScoreTable) -> Calibrator | None:
    data = table.score, table.pos, table.neg
    if method == "temperature":
        slope = fit_temperature(*data)
        return Temperature(slope) if slope > 0 else None
    if method == "platt":
        return Platt(*fit_platt(*data))
    if method == "beta":
        return Beta(*fit_beta(*data))
    found = fit_quadratic(*data)
    if found is None:
        return None
    z = log_odds(table.score[table.size > 0])
    return Quadratic(*found, float(z.min()), float(z.max()))


def has_both(table: ScoreTable) -> bool:
    """Whether there are positive and negative rows with a weight."""
    return bool(table.pos.sum() > 0 and table.neg.sum() > 0)


def _in_rows(table: ScoreTable) -> ScoreTable:
    """Return the table with weights that count as rows: their scale must not decide how much targets are smoothed.

    The rows of one class weigh 1 on average, those of the other at least as much: 1/rate after a sampling.
    """
    means = [w.sum() / max(n.sum(), 1) for w, n in ((table.pos, table.count_pos), (table.neg, table.count_neg))]
    scale = min(means)
    return table if scale == 1 else replace(table, pos=table.pos / scale, neg=table.neg / scale)


def prior(rates: Mapping[str, float], positive: str) -> Prior:
    """Return the closed-form correction for two classes, from class → training over original mass."""
    others = [value for name, value in rates.items() if name != positive]
    if positive not in rates or len(others) != 1 or min(*rates.values()) <= 0:
        raise ConfigError(f"the prior correction needs a positive ratio for each of two classes, got {dict(rates)}")
    return Prior(float(rates[positive]), float(others[0]))


def fit_isotonic(table: ScoreTable) -> Isotonic:
    """Return isotonic regression on the scores of a table, as at most 256 knots.

    Two things differ from the textbook. The targets are Platt's, so that no probability is 0 or 1. And a block,
    in which isotonic regression is flat, rises by a millionth of its level: calibrated scores rank rows as the
    model does, instead of tying thousands of them, and differ from the textbook's in the seventh digit only.
    Where there are more blocks than knots, neighbours with the least weight in both classes are pooled.
    """
    from scipy.optimize import isotonic_regression  # tenths of a second of each command's start

    x, weight = table.score[::-1], table.size[::-1]
    there = weight > 0
    x, weight, pos = x[there], weight[there], table.pos[::-1][there]
    starts = isotonic_regression(pos / weight, weights=weight).blocks[:-1]
    ends = np.append(starts[1:], len(x)) - 1
    blocks = _pooled(np.add.reduceat(pos, starts), np.add.reduceat(weight, starts))
    starts, ends = starts[blocks], ends[np.append(blocks[1:], len(ends)) - 1]
    low, high = smoothed_targets(float(table.pos.sum()), float(table.neg.sum()))
    level = low + (high - low) * np.add.reduceat(pos, starts) / np.add.reduceat(weight, starts)
    return _tilted(x[starts], x[ends], level)


def _pooled(pos: Floats, weight: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the first of each group of blocks, so that there are few enough groups."""
    most = (_MOST_KNOTS - 2) // 2
    if len(pos) <= most:
        return np.arange(len(pos))
    neg = weight - pos
    bins = mass_bins(pos / pos.sum() + neg / neg.sum(), most)
    return np.flatnonzero(np.diff(bins, prepend=-1))


def _tilted(left: Floats, right: Floats, level: Floats) -> Isotonic:
    """Return knots at both ends of each block, a little below and above its level, and at 0 and 1."""
    room = np.diff(level, prepend=0.0, append=1.0)
    tilt = np.minimum(_TILT * np.minimum(level, 1 - level), np.minimum(room[:-1], room[1:]) / 4)
    points: dict[float, float] = {0.0: float(level[0] - 2 * tilt[0]), 1.0: float(level[-1] + 2 * tilt[-1])}
    for at, end, value, by in zip(left.tolist(), right.tolist(), level.tolist(), tilt.tolist(), strict=True):
        points |= {at: value} if at == end else {at: value - by, end: value + by}
    x = sorted(points)
    return Isotonic(tuple(x), tuple(points[at] for at in x))
