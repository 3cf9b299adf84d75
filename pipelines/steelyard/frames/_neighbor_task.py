"""What one task of the neighbour search does: Arrow in, kernels, Arrow out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.workers import one_thread
from steelyard.kernels.interpolate import draw
from steelyard.kernels.knn import NOBODY, Neighbors, nearest


def search(table: pa.Table, **settings: Any) -> pa.Table:
    """Search one block of the index for each query of one block.

    Parameters
    ----------
    table : pyarrow.Table
        ``within``, ``row_id``, ``x``, ``indexed``, ``queried``.
    **settings
        ``k``, ``n_features``, ``scale``, ``distinct``, as given to `steelyard.frames.neighbors.nearest`.

    Returns
    -------
    pyarrow.Table
        ``within``, ``row_id`` of the queries and ``found``: squared distances and ids.
    """
    queried, found = _searched(table, **settings)
    asked = table.select(["within", "row_id"]).take(pa.array(queried))
    return asked.append_column("found", _lists(found))


def pair_up(table: pa.Table, *, seed: int, purpose: str, **settings: Any) -> pa.Table:
    """Pair each query with neighbours from a block that is the whole index.

    Parameters
    ----------
    table : pyarrow.Table
        As for `search`, and ``uses`` and ``row``.
    seed, purpose
        Of the draws.
    **settings
        As for `search`.

    Returns
    -------
    pyarrow.Table
        ``seed_id``, ``neighbor_id``, ``replicate``, ``gap``, and the rows ``seed`` and ``neighbor``.
    """
    queried, found = _searched(table, **settings)
    ids = table["row_id"].to_numpy()
    drawn = draw(ids[queried], _integers(table["uses"])[queried], (found.ids != NOBODY).sum(axis=1), seed, purpose)
    seeds = queried[drawn.seed]
    partner_ids = np.where(drawn.place < 0, ids[seeds], found.ids[drawn.seed, drawn.place])
    order = np.argsort(ids)
    partners = order[np.searchsorted(ids, partner_ids, sorter=order)]
    rows = table["row"].combine_chunks()
    return pa.table(
        {
            "seed_id": ids[seeds],
            "neighbor_id": partner_ids,
            "replicate": drawn.replicate,
            "gap": drawn.gap,
            "seed": rows.take(pa.array(seeds)),
            "neighbor": rows.take(pa.array(partners)),
        }
    )


def draw_partners(batches: Iterable[pa.RecordBatch], *, seed: int, purpose: str) -> Iterator[pa.RecordBatch]:
    """Draw partners from lists of neighbours.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``row_id``, ``uses``, ``neighbors`` and the row itself, ``seed``.
    seed, purpose
        Of the draws.

    Yields
    ------
    pyarrow.RecordBatch
        ``seed_id``, ``neighbor_id``, ``replicate``, ``gap`` and ``seed``.
    """
    for batch in batches:
        ids, lists = batch["row_id"].to_numpy(), batch["neighbors"]
        sizes, starts = np.diff(lists.offsets.to_numpy()), lists.offsets.to_numpy()[:-1]
        drawn = draw(ids, _integers(batch["uses"]), sizes, seed, purpose)
        neighbors = np.append(lists.values.to_numpy(), NOBODY)
        partner_ids = np.where(drawn.place < 0, ids[drawn.seed], neighbors[starts[drawn.seed] + drawn.place])
        columns = [ids[drawn.seed], partner_ids, drawn.replicate, drawn.gap]
        yield pa.record_batch(
            [*map(pa.array, columns), batch["seed"].take(pa.array(drawn.seed))],
            names=["seed_id", "neighbor_id", "replicate", "gap", "seed"],
        )


def _searched(
    table: pa.Table, *, k: int, n_features: int, scale: Sequence[float] | None, distinct: bool
) -> tuple[NDArray[np.intp], Neighbors]:
    rows, ids = _matrix(table["x"], n_features), table["row_id"].to_numpy()
    if scale is not None:
        rows = rows / np.asarray(scale)
    queried, indexed = (np.flatnonzero(table[name].to_numpy()) for name in ("queried", "indexed"))
    index = rows if len(indexed) == len(rows) else rows[indexed]
    with one_thread():
        return queried, nearest(rows[queried], ids[queried], index, ids[indexed], k, distinct=distinct)


def _matrix(arrays: pa.ChunkedArray, n_features: int) -> NDArray[np.float64]:
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in arrays.chunks]
    flat = values[0] if len(values) == 1 else np.concatenate(values or [np.empty(0)])
    return flat.reshape(-1, n_features)


def _integers(column: Any) -> NDArray[np.int64]:
    return np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy())


def _lists(found: Neighbors) -> pa.Array:
    there = found.ids != NOBODY
    pairs = pa.StructArray.from_arrays(
        [pa.array(found.squared[there]), pa.array(found.ids[there])], names=["squared", "neighbor"]
    )
    ends = np.cumsum(there.sum(axis=1), dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([np.zeros(1, np.int32), ends])), pairs)
