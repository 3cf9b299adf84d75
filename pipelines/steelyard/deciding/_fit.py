"""Choosing and fitting a calibrator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import isotonic_regression

from steelyard.deciding._calibrators import Calibrator, Identity, Isotonic, Platt, Prior
from steelyard.errors import ConfigError, InputError, closest
from steelyard.kernels.arrays import Floats
from steelyard.kernels.calibration import fit_platt, smoothed_targets
from steelyard.kernels.reliability import mass_bins
from steelyard.metrics import ScoreTable

METHODS = ("auto", "none", "prior", "platt", "isotonic")
ISOTONIC_FROM = 500  # validation positives; isotonic regression follows noise where there are fewer
_MOST_KNOTS = 256
_TILT = 1e-6


def choose_calibration(
    method: str,
    *,
    beta: Mapping[str, float] | None,
    sampler_kind: str,
    bent: bool,
    validation_positives: int,
) -> str:
    """Return the calibration to use: the one that is named, or what `auto` stands for.

    `auto` is the closed-form prior correction after random under-sampling, which it undoes exactly; nothing where
    nothing bent the scores; else isotonic regression from 500 validation positives on, and Platt's method below.

    Parameters
    ----------
    method : {"auto", "none", "prior", "platt", "isotonic"}
    beta : mapping, optional
        Class → final count over original count, where a sampler changed the counts.
    sampler_kind : str
        The sampler's name; `none` without one.
    bent : bool
        Whether class weights, or another loss than the plain one, bent the scores (a sampler aside).
    validation_positives : int
        With several classes: of the rarest.

    Returns
    -------
    {"none", "prior", "platt", "isotonic"}

    Raises
    ------
    ConfigError
        For an unknown method, and for `prior` without `beta`.
    """
    if method not in METHODS:
        raise ConfigError(f"decide.calibrate: {method!r} is none of {', '.join(METHODS)}.{closest(method, METHODS)}")
    if method == "prior" and beta is None:
        raise ConfigError("decide.calibrate: prior undoes a resampling, and there was none")
    if method != "auto":
        return method
    if not bent and sampler_kind == "none":
        return "none"
    if not bent and sampler_kind == "random_under_sampler" and beta is not None:
        return "prior"
    return "isotonic" if validation_positives >= ISOTONIC_FROM else "platt"


def fit_calibrator(
    method: str, table: ScoreTable, *, beta: Mapping[str, float] | None = None, positive: str | None = None
) -> Calibrator:
    """Return a calibrator for the scores of one class, fitted on validation rows.

    Parameters
    ----------
    method : {"none", "prior", "platt", "isotonic"}
    table : ScoreTable
        Of uncalibrated scores. Weights count.
    beta, positive : optional
        For `prior`: class → final over original count, and the positive class.

    Raises
    ------
    ConfigError
        For an unknown method, or a prior without what it needs.
    InputError
        If Platt's method or isotonic regression finds rows of one class only.
    """
    if method == "none":
        return Identity()
    if method == "prior":
        return prior(beta or {}, positive or "")
    if method not in ("platt", "isotonic"):
        raise ConfigError(f"there is no calibration {method!r}.{closest(method, METHODS)}")
    if not (table.pos.sum() > 0 and table.neg.sum() > 0):
        raise InputError(f"{method} calibration needs validation rows of both classes")
    if method == "platt":
        return Platt(*fit_platt(table.score, table.pos, table.neg))
    return fit_isotonic(table)


def prior(beta: Mapping[str, float], positive: str) -> Prior:
    """Return the closed-form correction for two classes, from class → final over original count."""
    others = [value for name, value in beta.items() if name != positive]
    if positive not in beta or len(others) != 1 or min(*beta.values()) <= 0:
        raise ConfigError(f"the prior correction needs a positive ratio for each of two classes, got {dict(beta)}")
    return Prior(float(beta[positive]), float(others[0]))


def fit_isotonic(table: ScoreTable) -> Isotonic:
    """Return isotonic regression on the scores of a table, as at most 256 knots.

    Two things differ from the textbook. The targets are Platt's, so that no probability is 0 or 1. And a block,
    in which isotonic regression is flat, rises by a millionth of its level: calibrated scores rank rows as the
    model does, instead of tying thousands of them, and differ from the textbook's in the seventh digit only.
    Where there are more blocks than knots, neighbours with the least weight in both classes are pooled.
    """
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
