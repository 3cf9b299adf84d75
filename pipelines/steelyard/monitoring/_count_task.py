"""Task in a Python worker: count the rows of a partition in score cells and in the cells of features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.kernels.arrays import Counts, Floats, sum_in_bins
from steelyard.monitoring._counts import BINS, bins_of

PLACE, SCORE, WEIGHT, VALUES, LEVELS = "place", "score", "weight", "values", "levels"
SCHEMA = "cell bigint, rows bigint, weight double"
INVALID = -1


def count_cells(
    batches: Iterable[pa.RecordBatch],
    *,
    edges: Sequence[Sequence[float]],
    levels: Sequence[Sequence[str]],
    first: int,
) -> Iterator[pa.RecordBatch]:
    """Yield cells with their rows and weights.

    Score cells are `place * BINS + bin`. Those of features follow from `first` on: of each number as many as twice its
    edges and two more, of each category its levels and two more; the last of a feature is for missing values.
    """
    numbers = [np.zeros(2 * len(e) + 2, dtype=np.int64) for e in edges]
    categories = [np.zeros(len(names) + 2, dtype=np.int64) for names in levels]
    known = [np.asarray(e, dtype=np.float64) for e in edges]
    names = [pa.array(of, pa.string()) for of in levels]
    scored: list[tuple[Counts, Counts, Floats]] = []
    for batch in batches:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        scored.append(_scores(columns))
        if known:
            values = columns[VALUES].flatten().to_numpy(zero_copy_only=False).reshape(-1, len(known))
            for counts, own, column in zip(numbers, known, values.T, strict=True):
                counts += _number_cells(np.asarray(column, dtype=np.float64), own)
        for i, (counts, of) in enumerate(zip(categories, names, strict=True)):
            counts += _level_cells(columns[LEVELS].field(i), of)
    yield from _found(scored, np.concatenate([*numbers, *categories, np.zeros(0, dtype=np.int64)]), first)


def _scores(columns: dict[str, pa.Array]) -> tuple[Counts, Counts, Floats]:
    place = columns[PLACE].fill_null(-1).to_numpy(zero_copy_only=False)
    score = columns[SCORE].fill_null(np.nan).to_numpy(zero_copy_only=False)
    valid = (place >= 0) & (score >= 0) & (score <= 1)
    cells = np.where(valid, place * BINS + bins_of(np.where(valid, score, 0.5)), INVALID)
    distinct, at = np.unique(cells, return_inverse=True)
    weight = sum_in_bins(at, columns[WEIGHT].to_numpy(zero_copy_only=False), len(distinct))
    return distinct, np.bincount(at, minlength=len(distinct)).astype(np.int64), weight


def _number_cells(column: Floats, edges: Floats) -> Counts:
    cells = np.searchsorted(edges, column, "left") + np.searchsorted(edges, column, "right")
    counted: Counts = np.bincount(np.where(np.isnan(column), 2 * len(edges) + 1, cells), minlength=2 * len(edges) + 2)
    return counted


def _level_cells(column: pa.Array, levels: pa.Array) -> Counts:
    at = pc.fill_null(pc.index_in(column, levels), len(levels)).to_numpy(zero_copy_only=False)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    counted: Counts = np.bincount(np.where(missing, len(levels) + 1, at), minlength=len(levels) + 2)
    return counted


def _found(scored: Sequence[tuple[Counts, Counts, Floats]], features: Counts, first: int) -> Iterator[pa.RecordBatch]:
    if not scored:
        return
    cells, rows, weights = (np.concatenate([of[i] for of in scored]) for i in range(3))
    used = np.flatnonzero(features)
    parts = (
        np.concatenate([cells, first + used]),
        np.concatenate([rows, features[used]]),
        np.concatenate([weights, features[used].astype(np.float64)]),
    )
    kinds = (pa.int64(), pa.int64(), pa.float64())
    arrays = [pa.array(part, kind) for part, kind in zip(parts, kinds, strict=True)]
    yield pa.RecordBatch.from_arrays(arrays, ["cell", "rows", "weight"])
