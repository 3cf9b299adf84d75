"""The numeric features of some rows: figures of each feature in each class, and a bounded sample of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from steelyard.dataset import MOST_AMOUNT
from steelyard.frames.parts import Part, slot
from steelyard.kernels.arrays import Floats
from steelyard.kernels.summaries import Figures, Hashes, Sample, smallest, summarize
from steelyard.stats._columns import Plan

_PIECE = 1 << 16  # bytes of a sample that are sent together: a batch of many pieces must fit in memory
_EVERY = np.uint64(2**64 - 1)


class Numbers:
    """Figures and a sample of the rows so far, by the number of their class."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.figures: list[dict[int, Figures]] = [{} for _ in range(plan.features)]
        self.samples: dict[int, Reservoir] = {}

    def add(self, feature: int, values: Floats, present: NDArray[np.int64], starts: NDArray[np.intp]) -> None:
        """Add values of one feature, sorted by class."""
        add_figures(self.figures[feature], zip(present.tolist(), summarize(values, starts), strict=True))

    def draw(
        self,
        matrix: Floats,
        order: NDArray[np.intp],
        hashes: Hashes,
        present: NDArray[np.int64],
        starts: NDArray[np.intp],
        classes: int,
    ) -> None:
        """Draw rows by their hashes; `order` sorts rows by class."""
        most = self.plan.rows_drawn(classes)
        for code, rows, of in zip(
            present.tolist(), np.split(order, starts[1:]), np.split(hashes, starts[1:]), strict=True
        ):
            sample = self.samples.setdefault(code, Reservoir())
            low = np.flatnonzero(of <= min(sample.limit, _limit(of, most)))
            if len(low):
                sample.add(Sample(of[low], np.ones(len(low), dtype=np.int64), matrix[rows[low]]), most)

    def parts(self, names: Sequence[str | None]) -> Iterator[Part]:
        """Yield the parts for each block of features."""
        most = self.plan.rows_drawn(sum(name is not None for name in names))
        samples = {code: sample.whole(most) for code, sample in self.samples.items()}
        for block in self.plan.blocks():
            yield slot("numbers", block.start), [{names[c]: f for c, f in of.items()} for of in self.figures[block]]
            for code, sample in samples.items():
                values = np.ascontiguousarray(sample.values[:, block])
                for piece in np.array_split(np.arange(len(values)), values.nbytes // _PIECE + 1):
                    yield (
                        slot("numbers", block.start),
                        (names[code], sample.hashes[piece], sample.copies[piece], values[piece]),
                    )


class Reservoir:
    """The rows of one class with the smallest hashes so far."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.rows = 0
        self.limit = _EVERY

    def add(self, sample: Sample, most: int) -> None:
        """Add rows; keep those that may be among the `most` with the smallest hashes."""
        self.samples.append(sample)
        self.rows += len(sample.hashes)
        if self.rows > 2 * most + 1000:
            self.whole(most)

    def whole(self, most: int) -> Sample:
        """Return the `most` rows with the smallest hashes."""
        sample = smallest(self.samples, most)
        self.samples, self.rows = [sample], len(sample.hashes)
        if self.rows == most:
            self.limit = sample.hashes[-1]
        return sample


def _limit(hashes: Hashes, most: int) -> np.uint64:
    """Return the last of the `most` smallest different hashes."""
    if len(hashes) <= most:
        return _EVERY
    different = np.unique(hashes)
    found: np.uint64 = different[min(most, len(different)) - 1]
    return found


def add_figures(to: dict[int, Figures], more: Iterator[tuple[int, Figures]]) -> None:
    """Add the figures of other rows, by class."""
    for code, figures in more:
        if code in to:
            to[code].add(figures)
        else:
            to[code] = figures


def amounts_of(values: Floats) -> Floats:
    """Return the numbers of missing and unusable weights or costs of each column, and the largest, at least 0."""
    missing = np.isnan(values)
    bad = (values < 0) | (values > MOST_AMOUNT) | ((values > 0) & (values < 1 / MOST_AMOUNT))
    return np.stack([missing.sum(axis=0), bad.sum(axis=0), np.fmax(np.fmax.reduce(values, axis=0), 0.0)])
