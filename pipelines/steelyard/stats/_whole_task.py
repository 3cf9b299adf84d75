"""Second task of a summary: merge the parts of all partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.frames.parts import Part, received, sent, slot
from steelyard.kernels.exact import mean_and_deviation
from steelyard.kernels.summaries import Figures, Sample, quantiles, with_heavy
from steelyard.stats._columns import Plan
from steelyard.stats._numbers import Reservoir, add_figures

TOP = 10


def whole(
    batches: Iterable[pa.RecordBatch],
    *,
    plan: Mapping[str, Any],
    at: Sequence[float],
    heavy: Mapping[str, tuple[int, list[list[float]], list[int]]],
) -> Iterator[pa.RecordBatch]:
    """Yield the summary for the driver, with quantiles `at`; all parts for one slot are in one partition.

    `heavy` holds the frequent rows of classes, as `steelyard.stats._heavy.Heavy`.
    """
    settings = Plan(**plan)
    blocks: dict[str, _Block] = {}
    others: dict[str, list[Any]] = {}
    for batch in batches:
        for (kind, *place), data in received(batch):
            if kind == "numbers":
                blocks.setdefault(place[0], _Block(settings, int(place[0]))).add(data)
            else:
                others.setdefault(slot(kind, *map(int, place)), []).append(data)
    return sent([*_numbers(blocks, at, heavy), *_others(others)])


class _Block:
    """Figures and samples of a block of features, by class."""

    def __init__(self, plan: Plan, first: int) -> None:
        self.plan, self.first = plan, first
        self.figures: list[dict[Any, Figures]] = []
        self.samples: dict[str, Reservoir] = {}

    def add(self, data: Any) -> None:
        """Add the figures of each feature, or rows of a sample."""
        if isinstance(data, tuple):
            name, hashes, copies, values = data
            # The classes so far are not more than all, so that no row of the result is left out.
            most = self.plan.rows_drawn(max(len(self.samples), 1))
            self.samples.setdefault(name, Reservoir()).add(Sample(hashes, copies, values), most)
            return
        self.figures = self.figures or [{} for _ in data]
        for to, more in zip(self.figures, data, strict=True):
            add_figures(to, more.items())

    def described(self, at: Sequence[float], heavy: Mapping[str, Any]) -> list[dict[str, dict[str, Any]]]:
        """Return the description of each feature by class."""
        most = self.plan.rows_drawn(len(self.samples))
        middle: dict[str, Any] = {}
        for name, reservoir in self.samples.items():
            sample = reservoir.whole(most)
            drawn = int(sample.copies.sum()), int(sample.copies.max()), int(reservoir.limit)
            values, weights = sample.values, sample.copies.astype(np.float64)
            if name in heavy:
                block = slice(self.first, self.first + values.shape[1])
                values, weights = with_heavy(sample, heavy[name][0], np.array(heavy[name][1])[:, block], heavy[name][2])
            middle[name] = quantiles(values, weights, at).T.tolist(), drawn
        return [
            {c: {**_described(f), "quantiles": middle[c][0][i], "drawn": middle[c][1]} for c, f in of.items()}
            for i, of in enumerate(self.figures)
        ]


def _described(figures: Figures) -> dict[str, Any]:
    finite = figures.known - figures.infinite
    mean, deviation = mean_and_deviation(finite, figures.total, figures.squares)
    if figures.infinite:
        mean = deviation = float("nan")
    return {
        "known": figures.known,
        "infinite": figures.infinite,
        "mean": mean,
        "std": deviation,
        "min": figures.low,
        "max": figures.high,
    }


def _numbers(blocks: Mapping[str, _Block], at: Sequence[float], heavy: Mapping[str, Any]) -> Iterator[Part]:
    for block in blocks.values():
        yield slot("numbers", block.first), block.described(at, heavy)


def _others(parts: Mapping[str, list[Any]]) -> Iterator[Part]:
    merges: dict[str, Callable[[list[Any]], Any]] = {"key": _repeated, "levels": _levels}
    merges["id"] = lambda of: _repeated(of)[0] == 0
    for name, of in parts.items():
        kind = name.split(":")[0]
        yield name, merges[kind](of) if kind in merges else of


def _repeated(parts: list[Any]) -> tuple[int, int]:
    """Return the hashes that occur more than once, and their rows."""
    _, counts = np.unique(np.concatenate(parts), return_counts=True)
    more = counts[counts > 1]
    return len(more), int(more.sum())


def _levels(parts: list[Any]) -> tuple[int, dict[Any, tuple[int, int, list[tuple[str, int]]]]]:
    """Return the levels of a bucket, and by class: rows without one, levels, the most frequent ones."""
    found: dict[Any, dict[str | None, int]] = {}
    for part in parts:
        for level, name, n in part:
            of = found.setdefault(name, {})
            of[level] = of.get(level, 0) + n
    different = {level for of in found.values() for level in of if level is not None}
    by_class = {}
    for name, of in found.items():
        missing = of.pop(None, 0)
        by_class[name] = missing, len(of), top_levels((level, n) for level, n in of.items() if level is not None)
    return len(different), by_class


def top_levels(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the most frequent levels; ties in the order of their UTF-8 bytes, as Spark sorts."""
    return sorted(counts, key=lambda pair: (-pair[1], pair[0].encode("utf-8", "surrogatepass")))[:TOP]
