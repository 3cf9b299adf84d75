"""The work of Python workers that pair rows with their neighbours: Arrow in, draws, Arrow out. Imports no pyspark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames._arrow import as_lists, integers, loosened, positions, rows_at
from steelyard.frames._neighbor_tasks import TaskSearch, searched
from steelyard.kernels.interpolate import Draws, between, draw
from steelyard.kernels.knn import NOBODY
from steelyard.kernels.modes import mode_places, voted_places
from steelyard.kernels.random import uniform

_AT_ONCE = 1 << 14  # new rows whose numbers are made at once


def pair_up(
    table: pa.Table, *, seed: int, purpose: str, ballot: bool, numbers: int, whole: bool, **settings: Any
) -> pa.Table:
    """Pair each query with neighbours from a block that is the whole index.

    The table is as for `search`, with ``uses`` and ``row``. With `ballot` the seed votes among its neighbours and ties
    are drawn; the first `numbers` values of ``x`` are interpolated. Returns ``seed_id``, ``neighbor_id``,
    ``replicate``, ``gap``, the rows ``seed`` and ``neighbor``, ``way``, and ``mode``, of what the neighbours carry.
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
            made["mode"] = _votes(values, sizes, carried.take(pa.array(queried)), drawn, ids[seeds], seed, purpose)
        else:
            made["mode"] = _modes(values, sizes).take(pa.array(drawn.seed))
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

    Batches have ``within``, ``row_id``, ``uses``, ``neighbors`` and the row itself, ``seed``; perhaps ``carried`` by
    the neighbours, and ``own``. Yields ``within``, ``seed_id``, ``neighbor_id``, ``replicate``, ``gap``, ``seed``,
    ``mode``.
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
        if "carried" in batch.schema.names:
            values = loosened(batch["carried"]).flatten()
            if ballot:
                own = loosened(batch["own"])
                made["mode"] = _votes(values, sizes, own, drawn, ids[drawn.seed], seed, purpose)
            else:
                made["mode"] = _modes(values, sizes).take(chosen)
        yield pa.record_batch(made)


def _modes(values: pa.StructArray, sizes: NDArray[np.integer]) -> pa.StructArray:
    """Return the most frequent value of each field, for consecutive lists of given sizes."""
    starts = np.cumsum(sizes) - sizes
    fields = []
    for field in values.flatten():
        if not len(field):
            fields.append(pa.nulls(len(sizes), field.type))
            continue
        best = mode_places(_listed(_codes(field), sizes))
        fields.append(field.take(pa.array(starts + best, mask=sizes == 0)))
    return pa.StructArray.from_arrays(fields, names=[f.name for f in values.type])


def _votes(
    values: pa.StructArray,
    sizes: NDArray[np.integer],
    own: pa.StructArray,
    drawn: Draws,
    seed_ids: NDArray[np.int64],
    seed: int,
    purpose: str,
) -> pa.StructArray:
    """Return, for each draw, the most frequent value of each field in its seed's list and in the seed itself."""
    starts = np.cumsum(sizes) - sizes
    fields = []
    for theirs, mine, name in zip(values.flatten(), own.flatten(), [f.name for f in values.type], strict=True):
        both = pa.concat_arrays([theirs, mine])
        codes = _codes(both)
        lists = np.column_stack([codes[len(theirs) :], _listed(codes[: len(theirs)], sizes)])
        chance = uniform(seed_ids, seed, f"{purpose}/vote/{name}", drawn.replicate)
        place = voted_places(lists[drawn.seed], chance)
        where = np.where(place == 0, len(theirs) + drawn.seed, starts[drawn.seed] + place - 1)
        fields.append(both.take(pa.array(where)))
    return pa.StructArray.from_arrays(fields, names=[f.name for f in values.type])


def _codes(field: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = field.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _listed(codes: NDArray[np.int64], sizes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return consecutive lists of given sizes as rows, padded with -1."""
    starts, places = np.cumsum(sizes) - sizes, np.arange(sizes.max(initial=0))
    if not len(codes):
        return np.full((len(sizes), len(places)), -1, dtype=np.int64)
    where = np.minimum(starts[:, None] + places, len(codes) - 1)
    return np.where(places < sizes[:, None], codes[where], -1)
