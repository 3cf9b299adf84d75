"""Training rows and models in memory: what one task trains of a `Trainer`. Importing it needs no Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from steelyard.distortion import Distortion
from steelyard.kernels.arrays import Floats

if TYPE_CHECKING:
    import pyarrow as pa

Predict = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True)
class ArrayRows:
    """Rows in memory.

    Parameters
    ----------
    features : array of float, shape (n_rows, n_features)
        NaN where a value is missing; categories as numbers of 0 and 1.
    label : array, shape (n_rows,)
        The number of the row's class, from 0.
    weight : array of float
    offset : array of float, optional
        Of two classes: added to the log odds of the second one in training alone.
    """

    features: NDArray[np.float32]
    label: Floats
    weight: Floats
    offset: Floats | None = None

    def __len__(self) -> int:
        return len(self.label)

    def where(self, chosen: NDArray[Any]) -> ArrayRows:
        """Return some of the rows, by flags or positions."""
        offset = None if self.offset is None else self.offset[chosen]
        return ArrayRows(self.features[chosen], self.label[chosen], self.weight[chosen], offset)


@dataclass(frozen=True)
class ArrayModel:
    """A model that one task trained.

    Parameters
    ----------
    predict : callable
        From features to the probability of the second of two classes; of several, to a column for each.
    distortion : Distortion
        As for `Model`.
    facts : dict
        Small, as JSON types.
    """

    predict: Predict
    distortion: Distortion = field(default_factory=Distortion)
    facts: dict[str, Any] = field(default_factory=dict)


def of_second(probabilities: Floats) -> Floats:
    """Return the probability of the second of two classes; of several classes all columns."""
    found: Floats = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return found


@dataclass(frozen=True)
class Standardiser:
    """Median imputation with indicators, and standardisation, fitted on training rows in memory."""

    fill: Floats
    flagged: NDArray[np.bool_]
    mean: Floats
    std: Floats

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> Standardiser:
        """Return what the rows give; every row counts alike."""
        missing = np.isnan(features)
        known = np.logical_not(missing.all(axis=0))
        some: NDArray[np.bool_] = np.logical_and(missing.any(axis=0), known)
        fill = np.zeros(features.shape[1])
        fill[known] = np.nanmedian(features[:, known].astype(np.float64), axis=0)
        full = np.where(missing, fill, features.astype(np.float64))
        mean, std = full.mean(axis=0), full.std(axis=0)
        constant = ~(std > 1e-12 * np.abs(mean))
        return cls(fill, some, mean, np.where(constant, np.inf, std))

    def apply(self, features: NDArray[np.float32]) -> Floats:
        """Return the standardised rows, and a column of 0 and 1 for each feature that had missing values."""
        missing = np.isnan(features)
        full = np.where(missing, self.fill, features.astype(np.float64))
        return np.hstack([(full - self.mean) / self.std, missing[:, self.flagged].astype(np.float64)])

    def undo(self, rows: Floats) -> NDArray[np.float32]:
        """Return the features of standardised rows, without missing values."""
        spread = np.where(np.isinf(self.std), 0.0, self.std)
        found: NDArray[np.float32] = (rows[:, : len(self.mean)] * spread + self.mean).astype(np.float32)
        return found


def by_task(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
    """Yield each task with its batches, one task at a time; the first column holds its number."""
    now = -1
    parts: list[pa.RecordBatch] = []
    for batch in batches:
        for task, part in runs(batch):
            if task != now and parts:
                yield now, parts
                parts = []
            now = task
            parts.append(part)
    if parts:
        yield now, parts


def runs(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield each task of a batch with its rows, which follow each other; the first column holds its number."""
    tasks = batch.column(0).to_numpy()
    ends = [0, *(np.flatnonzero(np.diff(tasks)) + 1).tolist(), len(tasks)]
    for start, end in pairwise(ends):
        if start < end:
            yield int(tasks[start]), batch.slice(start, end - start)


def matrix(column: pa.ChunkedArray, rows: int) -> NDArray[np.float32]:
    """Return features, packed or lists of equal length, as a matrix, chunk by chunk: the only copy."""
    from steelyard.learning.packed import matrix as of

    found, start = np.empty((rows, of(column.chunk(0)[:1]).shape[1]), np.float32), 0
    for chunk in column.chunks:
        found[start : start + len(chunk)] = of(chunk)
        start += len(chunk)
    return found
