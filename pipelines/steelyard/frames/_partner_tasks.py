"""The work of Python workers that pair rows with their neighbours: Arrow in, draws, Arrow out. Imports no pyspark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames._arrow import as_lists, integers, loosened, positions, rows_at
from steelyard.frames._neighbor_tasks import TaskSearch, searched
from steelyard.frames._votes import modes, votes
from steelyard.kernels.interpolate import between, draw
from steelyard.kernels.knn import NOBODY

_AT_ONCE = 1 << 14  # new rows whose numbers are made at once


def pair_up(
    table: pa.Table, *, seed: int, purpose: str, ballot: bool, numbers: int, whole: bool, **settings: Any
) -> pa.Table:
    """Pair each query with neighbours from a block that is the whole index.

    Parameters
    ----------
    table : pyarrow.Table
        As for `search`, and ``uses`` and ``row``.
    seed, purpose
        Of the draws.
    ballot : bool
        Whether the seed votes among its neighbours, and ties are drawn.
    numbers : int
        How many leading values of ``x`` are interpolated.
    whole, **settings
        As for `search`.

    Returns
    -------
    pyarrow.Table
        ``seed_id``, ``neighbor_id``, ``replicate``, ``gap``, the rows ``seed`` and ``neighbor``, ``way``, and ``mode``,
        of what the neighbours carry.
    """
    queried, found = searched(table, TaskSearch(**settings), whole)
    ids = table["row_id"].to_numpy()
    there = found.ids != NOBODY
    drawn = draw(ids[queried], integers(table["uses"])[queried], there.sum(axis=1), seed, purpose)
    seeds = queried[drawn.seed]
    partner_ids = np.where(drawn.place < 0, ids[seeds], found.ids[drawn.seed, drawn.place])
    rows, partners = loosened(table["row"].combine_chunks()), positions(ids, partner_ids)
    made = {
        "seed_id": ids[seeds],
        "neighbor_id": partner_ids,
        "replicate": drawn.replicate,
        "gap": drawn.gap,
        "seed": rows.take(pa.array(seeds)),
        "neighbor": rows.take(partners),
    }
    if numbers:
        way = np.empty((len(seeds), numbers))
        _fill_way(way, table["x"], settings["n_features"], seeds, partners.to_numpy(), drawn.gap)
        made["way"] = as_lists(np.full(len(way), numbers), pa.array(way.ravel()))
    if "carried" in table.column_names:
        carried, sizes = loosened(table["carried"].combine_chunks()), there.sum(axis=1)
        values = carried.take(positions(ids, found.ids[there]))
        if ballot:
            own = carried.take(pa.array(queried))
            made["mode"] = votes(values, sizes, own, drawn, made["seed_id"], seed, purpose)
        else:
            made["mode"] = modes(values, sizes).take(pa.array(drawn.seed))
    return pa.table(made)


def _fill_way(
    way: NDArray[np.float64],
    x: pa.ChunkedArray,
    n_features: int,
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
    gaps: NDArray[np.float64],
) -> None:
    """Fill in the points between two rows each, in parts: at once, five times the memory of the result is needed."""
    for first in range(0, len(way), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        start, end = (rows_at(x, places[part], n_features)[:, : way.shape[1]] for places in (starts, ends))
        way[part] = between(start, end, gaps[part])


def draw_partners(
    batches: Iterable[pa.RecordBatch], *, seed: int, purpose: str, ballot: bool
) -> Iterator[pa.RecordBatch]:
    """Draw partners from lists of neighbours.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``within``, ``row_id``, ``uses``, ``neighbors`` and the row itself, ``seed``; perhaps ``carried`` by the
        neighbours, and ``own``.
    seed, purpose
        Of the draws.
    ballot : bool
        Whether the seed votes among its neighbours, and ties are drawn.

    Yields
    ------
    pyarrow.RecordBatch
        ``within``, ``seed_id``, ``neighbor_id``, ``replicate``, ``gap``, ``seed`` and ``mode``.
    """
    for batch in batches:
        ids, lists = batch["row_id"].to_numpy(), batch["neighbors"]
        sizes, starts = np.diff(lists.offsets.to_numpy()), lists.offsets.to_numpy()[:-1]
        drawn = draw(ids, integers(batch["uses"]), sizes, seed, purpose)
        neighbors = np.append(lists.values.to_numpy(), NOBODY)
        partner_ids = np.where(drawn.place < 0, ids[drawn.seed], neighbors[starts[drawn.seed] + drawn.place])
        chosen = pa.array(drawn.seed)
        made = {
            "within": batch["within"].take(chosen),
            "seed_id": pa.array(ids[drawn.seed]),
            "neighbor_id": pa.array(partner_ids),
            "replicate": pa.array(drawn.replicate),
            "gap": pa.array(drawn.gap),
            "seed": loosened(batch["seed"]).take(chosen),
        }
        if "carried" in batch.schema.names and ballot:
            values, seed_ids = loosened(batch["carried"]).flatten(), ids[drawn.seed]
            made["mode"] = votes(values, sizes, loosened(batch["own"]), drawn, seed_ids, seed, purpose)
        elif "carried" in batch.schema.names:
            made["mode"] = modes(loosened(batch["carried"]).flatten(), sizes).take(chosen)
        yield pa.record_batch(made)
