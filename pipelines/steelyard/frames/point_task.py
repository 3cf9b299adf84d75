"""The work of Python workers that place new rows around one row: Arrow in, kernels, Arrow out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames._arrow import loosened, matrix
from steelyard.kernels.geometric import in_ball
from steelyard.kernels.random import normal, uniform

USED = frozenset({"x", "own", "enemy"})
"""Columns that a task doesn't pass on."""

Bounds = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def around(
    batches: Iterable[pa.RecordBatch],
    *,
    scale: Sequence[float] | None,
    truncation: float,
    deformation: float,
    bounds: Bounds,
    seed: int,
    purpose: str,
) -> Iterator[pa.RecordBatch]:
    """Draw a point of the ball around each row whose surface holds the nearer of its partners.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``seed_id``, ``replicate``, ``class``, ``x``, the partners' ``own`` and ``enemy``, either null, and
        columns to pass on.
    scale : sequence of float, optional
        What numbers are divided by while distances are taken.
    truncation, deformation : float
    bounds : mapping of str to (sequence of float, sequence of float)
        Least and greatest numbers of each class: points outside are moved to them.
    seed, purpose
        Of the draws.

    Yields
    ------
    pyarrow.RecordBatch
        The same without ``x``, ``own`` and ``enemy``; then ``point``, ``gap`` and ``by_enemy``: whether the enemy was
        the nearer one.
    """
    for batch in batches:
        centers = _rows(batch["x"])
        divisor = np.ones(centers.shape[1]) if scale is None else np.asarray(scale)
        own, enemy = (_partners(batch[name], centers) / divisor for name in ("own", "enemy"))
        scaled = centers / divisor
        far = [np.square(p - scaled).sum(axis=1) for p in (own, enemy)]
        by_enemy = np.isnan(far[0]) | (far[1] < far[0])
        surfaces = np.where(by_enemy[:, None], enemy, own)
        ids, replicate = batch["seed_id"].to_numpy(), batch["replicate"].to_numpy()
        directions = normal(ids, seed, f"{purpose}/direction", centers.shape[1], replicate)
        radii = uniform(ids, seed, f"{purpose}/radius", replicate)
        points, gaps = in_ball(scaled, surfaces, directions, radii, truncation=truncation, deformation=deformation)
        yield _batch(batch, _inside(points * divisor, batch["class"], bounds), gap=gaps, by_enemy=by_enemy)


def jittered(
    batches: Iterable[pa.RecordBatch],
    *,
    spreads: Mapping[str, Sequence[float]],
    bounds: Bounds,
    seed: int,
    purpose: str,
) -> Iterator[pa.RecordBatch]:
    """Move each row by a normal step.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``seed_id``, ``replicate``, ``class``, ``x`` and columns to pass on.
    spreads : mapping of str to sequence of float
        Standard deviation of the step, for each class and number.
    bounds, seed, purpose
        As for `around`.

    Yields
    ------
    pyarrow.RecordBatch
        The same without ``x``; then ``point``.
    """
    for batch in batches:
        rows = _rows(batch["x"])
        steps = normal(
            batch["seed_id"].to_numpy(), seed, f"{purpose}/step", rows.shape[1], batch["replicate"].to_numpy()
        )
        for name in set(batch["class"].to_pylist()):
            of_class = _of_class(batch["class"], name)
            steps[of_class] *= np.asarray(spreads[name])
        yield _batch(batch, _inside(rows + steps, batch["class"], bounds))


def _rows(arrays: pa.ListArray) -> NDArray[np.float64]:
    width = len(arrays[0]) if len(arrays) else 1
    return matrix(arrays, width) if width else np.empty((len(arrays), 0))


def _partners(arrays: pa.ListArray, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return partners as rows; NaN where there is none."""
    there = np.flatnonzero(arrays.is_valid().to_numpy(zero_copy_only=False))
    found = np.full(rows.shape, np.nan)
    if len(there):
        found[there] = _rows(arrays.take(pa.array(there)))
    return found


def _of_class(classes: pa.Array, name: str) -> NDArray[np.intp]:
    return np.flatnonzero(np.asarray(classes.to_pylist(), dtype=object) == name)


def _inside(points: NDArray[np.float64], classes: pa.Array, bounds: Bounds) -> NDArray[np.float64]:
    for name in set(classes.to_pylist()):
        of_class = _of_class(classes, name)
        low, high = (np.asarray(side) for side in bounds[name])
        points[of_class] = np.clip(points[of_class], low, high)
    return points


def _batch(batch: pa.RecordBatch, points: NDArray[np.float64], **more: Any) -> pa.RecordBatch:
    offsets = pa.array(np.arange(len(points) + 1) * points.shape[1], pa.int32())
    made: dict[str, Any] = {n: loosened(batch[n]) for n in batch.schema.names if n not in USED}
    made["point"] = pa.ListArray.from_arrays(offsets, pa.array(points.ravel()))
    return pa.record_batch({**made, **{name: pa.array(values) for name, values in more.items()}})
