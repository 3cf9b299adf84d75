"""What one task of the neighbour search does: Arrow in, kernels, Arrow out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.frames.workers import one_thread
from steelyard.kernels.cells import Cells
from steelyard.kernels.distance import Distance
from steelyard.kernels.interpolate import Draws, between, draw
from steelyard.kernels.knn import NOBODY, Neighbors, nearest
from steelyard.kernels.modes import mode_places, voted_places
from steelyard.kernels.random import uniform
from steelyard.kernels.visits import Visits

Sets = Mapping[str, tuple[NDArray[np.float64], int]]


def search(table: pa.Table, **settings: Any) -> pa.Table:
    """Search one block of the index for each query of one block.

    Parameters
    ----------
    table : pyarrow.Table
        ``within``, ``row_id``, ``x``, ``indexed``, ``queried``, perhaps ``carried``, perhaps ``cell`` and ``visited``.
    **settings
        As from `steelyard.frames.search.Search.settings`, and ``whole``: whether the block is the whole index.

    Returns
    -------
    pyarrow.Table
        ``within``, ``row_id`` of the queries, what they carry, as ``own``, and ``found``: totals, ids and what the
        neighbours carry.
    """
    queried, found = _searched(table, **settings)
    asked = table.select(["within", "row_id"]).take(pa.array(queried))
    there, ids = found.ids != NOBODY, table["row_id"].to_numpy()
    fields = {"total": pa.array(found.totals[there]), "neighbor": pa.array(found.ids[there])}
    if "carried" in table.column_names:
        carried = loosened(table["carried"].combine_chunks())
        asked = asked.append_column("own", carried.take(pa.array(queried)))
        fields["carried"] = carried.take(_positions(ids, found.ids[there]))
    values = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return asked.append_column("found", _lists(there.sum(axis=1), values))


def pair_up(table: pa.Table, *, seed: int, purpose: str, ballot: bool, numbers: int, **settings: Any) -> pa.Table:
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
        So many of the first numbers of ``x`` are interpolated.
    **settings
        As for `search`.

    Returns
    -------
    pyarrow.Table
        ``seed_id``, ``neighbor_id``, ``replicate``, ``gap``, the rows ``seed`` and ``neighbor``, ``way``, and ``mode``,
        of what the neighbours carry.
    """
    queried, found = _searched(table, **settings)
    ids = table["row_id"].to_numpy()
    there = found.ids != NOBODY
    drawn = draw(ids[queried], _integers(table["uses"])[queried], there.sum(axis=1), seed, purpose)
    seeds = queried[drawn.seed]
    partner_ids = np.where(drawn.place < 0, ids[seeds], found.ids[drawn.seed, drawn.place])
    rows, partners = loosened(table["row"].combine_chunks()), _positions(ids, partner_ids)
    made = {
        "seed_id": ids[seeds],
        "neighbor_id": partner_ids,
        "replicate": drawn.replicate,
        "gap": drawn.gap,
        "seed": rows.take(pa.array(seeds)),
        "neighbor": rows.take(partners),
    }
    if numbers:
        x, n_features = table["x"], settings["n_features"]
        start, end = (_rows_at(x, where, n_features)[:, :numbers] for where in (seeds, partners.to_numpy()))
        way = between(start, end, drawn.gap)
        made["way"] = _lists(np.full(len(way), numbers), pa.array(way.ravel()))
    if "carried" in table.column_names:
        carried, sizes = loosened(table["carried"].combine_chunks()), there.sum(axis=1)
        values = carried.take(_positions(ids, found.ids[there]))
        if ballot:
            own = carried.take(pa.array(queried))
            made["mode"] = _votes(values, sizes, own, drawn, made["seed_id"], seed, purpose)
        else:
            made["mode"] = _modes(values, sizes).take(pa.array(drawn.seed))
    return pa.table(made)


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
        drawn = draw(ids, _integers(batch["uses"]), sizes, seed, purpose)
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
            made["mode"] = _votes(values, sizes, loosened(batch["own"]), drawn, seed_ids, seed, purpose)
        elif "carried" in batch.schema.names:
            made["mode"] = _modes(loosened(batch["carried"]).flatten(), sizes).take(chosen)
        yield pa.record_batch(made)


def locate(
    batches: Iterable[pa.RecordBatch], *, n_features: int, scale: Sequence[float] | None, cells: Sets
) -> Iterator[pa.RecordBatch]:
    """Add the cell of each row, and the cells that each query visits; nulls for sets that have none."""
    for batch in batches:
        rows = scaled(matrix(pa.chunked_array([batch["x"]]), n_features), scale)
        cell: list[Any] = [None] * len(batch)
        visited: list[Any] = [None] * len(batch)
        for name, of_set in cells.items():
            inside = np.flatnonzero(pc.equal(batch["within"], name).to_numpy(zero_copy_only=False))
            division = Cells(*of_set)
            with one_thread():
                near = division.visited(rows[inside])
            for place, row in zip(inside.tolist(), near.tolist(), strict=True):
                cell[place], visited[place] = row[0], row
        added = [pa.array(cell, pa.int32()), pa.array(visited, pa.list_(pa.int32()))]
        yield pa.record_batch([*batch.columns, *added], names=[*batch.schema.names, "cell", "visited"])


def _searched(
    table: pa.Table,
    *,
    k: int,
    n_features: int,
    scale: Sequence[float] | None,
    distance: Mapping[str, Any],
    penalties: Mapping[str, float],
    distinct: bool,
    cells: Sets,
    whole: bool,
) -> tuple[NDArray[np.intp], Neighbors]:
    # Feature by feature, as distances are added; held once, which is most of what a task holds.
    rows, ids = _columns(table["x"], n_features, scale).T, table["row_id"].to_numpy()
    queried, indexed = (np.flatnonzero(table[name].to_numpy()) for name in ("queried", "indexed"))
    queries, index = rows[queried], rows if len(indexed) == len(rows) else rows[indexed]
    name = table["within"][0].as_py()
    with one_thread():
        visits = _located(table, queried, indexed)
        if visits is None and name in cells:
            visits = Cells(*cells[name]).visits(queries, index)
        return queried, nearest(
            queries,
            ids[queried],
            index,
            ids[indexed],
            k,
            distinct=distinct,
            distance=distance_within(name, distance, penalties),
            visits=visits,
            complete=whole,
        )


def _located(table: pa.Table, queried: NDArray[np.intp], indexed: NDArray[np.intp]) -> Visits | None:
    """Return the cells that `locate` has added, if it has."""
    if "cell" not in table.column_names or table["cell"].null_count:
        return None
    visited = table["visited"].combine_chunks().take(pa.array(queried))
    cells = np.asarray(visited.flatten()).reshape(len(queried), -1) if len(queried) else np.empty((0, 1))
    return Visits(cells.astype(np.int64), table["cell"].to_numpy()[indexed].astype(np.int64))


def distance_within(name: str, distance: Mapping[str, Any], penalties: Mapping[str, float]) -> Distance:
    return Distance(**{**distance, "penalty": penalties.get(name, distance["penalty"])})


def scaled(rows: NDArray[np.float64], scale: Sequence[float] | None) -> NDArray[np.float64]:
    return rows if scale is None else rows / np.asarray(scale)


def matrix(arrays: pa.ChunkedArray, n_features: int) -> NDArray[np.float64]:
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in arrays.chunks]
    flat = values[0] if len(values) == 1 else np.concatenate(values or [np.empty(0)])
    return flat.reshape(-1, n_features)


def _columns(arrays: pa.ChunkedArray, n_features: int, scale: Sequence[float] | None) -> NDArray[np.float64]:
    columns, start = np.empty((n_features, len(arrays))), 0
    for chunk in arrays.chunks:
        columns[:, start : start + len(chunk)] = scaled(matrix(pa.chunked_array([chunk]), n_features), scale).T
        start += len(chunk)
    return columns


def _rows_at(arrays: pa.ChunkedArray, where: NDArray[np.intp], n_features: int) -> NDArray[np.float64]:
    """Return some rows, without a copy of all."""
    rows, start, order = np.empty((len(where), n_features)), 0, np.argsort(where)
    for chunk in arrays.chunks:
        first, last = np.searchsorted(where, [start, start + len(chunk)], sorter=order)
        some = order[first:last]
        rows[some] = matrix(pa.chunked_array([chunk]), n_features)[where[some] - start]
        start += len(chunk)
    return rows


def loosened(array: pa.Array) -> pa.Array:
    """Return an array of which every part may be null, as the tasks' results are declared."""
    return array.cast(_loose(array.type))


def _loose(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _loose(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(pa.field(kind.value_field.name, _loose(kind.value_type)))
    return kind


def _integers(column: Any) -> NDArray[np.int64]:
    return np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy())


def _positions(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> pa.Array:
    order = np.argsort(ids)
    return pa.array(order[np.searchsorted(ids, wanted, sorter=order)])


def _lists(sizes: NDArray[np.integer], values: pa.Array) -> pa.Array:
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values)


def _modes(values: pa.StructArray, sizes: NDArray[np.integer]) -> pa.StructArray:
    """Return the commonest value of each field, for lists of some sizes that lie one after the other."""
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
    """Return, for each draw, the commonest value of each field in its seed's list and in the seed itself."""
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
    """Return lists of some sizes that lie one after the other as rows, -1 where they have ended."""
    starts, places = np.cumsum(sizes) - sizes, np.arange(sizes.max(initial=0))
    if not len(codes):
        return np.full((len(sizes), len(places)), -1, dtype=np.int64)
    where = np.minimum(starts[:, None] + places, len(codes) - 1)
    return np.where(places < sizes[:, None], codes[where], -1)
