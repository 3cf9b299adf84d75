"""The work of Python workers in a neighbour search: Arrow in, kernels, Arrow out. Imports no pyspark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.frames._arrow import as_lists, by_feature, integers, loosened, matrix, positions, rows_at, scaled
from steelyard.frames._votes import modes, votes
from steelyard.frames.workers import one_thread
from steelyard.kernels import farthest as far
from steelyard.kernels.cells import Cells
from steelyard.kernels.distance import Distance
from steelyard.kernels.gathered import Gathered
from steelyard.kernels.interpolate import between, draw
from steelyard.kernels.knn import NOBODY, Neighbors, nearest
from steelyard.kernels.visits import Visits

_AT_ONCE = 1 << 14  # new rows whose numbers are made at once

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TaskSearch:
    """The settings of a search in tasks, as `steelyard.frames.neighbors.Search.settings` returns them."""

    k: int
    n_features: int
    scale: Sequence[float] | None
    distance: Mapping[str, Any]
    penalties: Mapping[str, float]
    distinct: bool
    cells: Mapping[str, tuple[Floats, int]]

    def rows(self, x: pa.Array | pa.ChunkedArray) -> Floats:
        """Return lists of numbers as a scaled matrix."""
        return scaled(matrix(x, self.n_features), self.scale)

    def within(self, name: str) -> Distance:
        """Return the distance between rows of a set."""
        return distance_within(name, self.distance, self.penalties)


def search(table: pa.Table, *, whole: bool, **settings: Any) -> pa.Table:
    """Search one block of the index for each query of one block.

    Parameters
    ----------
    table : pyarrow.Table
        ``within``, ``row_id``, ``x``, ``indexed``, ``queried``, perhaps ``carried``, perhaps ``cell`` and ``visited``.
    whole : bool
        Whether the block is the whole index.
    **settings
        Of the search.

    Returns
    -------
    pyarrow.Table
        ``within``, ``row_id`` of the queries, what they carry, as ``own``, and ``found``: totals, ids and what the
        neighbours carry.
    """
    queried, found = _searched(table, TaskSearch(**settings), whole)
    asked = table.select(["within", "row_id"]).take(pa.array(queried))
    there, ids = found.ids != NOBODY, table["row_id"].to_numpy()
    fields = {"total": pa.array(found.totals[there]), "neighbor": pa.array(found.ids[there])}
    if "carried" in table.column_names:
        carried = loosened(table["carried"].combine_chunks())
        asked = asked.append_column("own", carried.take(pa.array(queried)))
        fields["carried"] = carried.take(positions(ids, found.ids[there]))
    values = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return asked.append_column("found", as_lists(there.sum(axis=1), values))


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
        So many of the first numbers of ``x`` are interpolated.
    whole, **settings
        As for `search`.

    Returns
    -------
    pyarrow.Table
        ``seed_id``, ``neighbor_id``, ``replicate``, ``gap``, the rows ``seed`` and ``neighbor``, ``way``, and ``mode``,
        of what the neighbours carry.
    """
    queried, found = _searched(table, TaskSearch(**settings), whole)
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


def locate(
    batches: Iterable[pa.RecordBatch],
    *,
    n_features: int,
    scale: Sequence[float] | None,
    cells: Mapping[str, tuple[Floats, int]],
) -> Iterator[pa.RecordBatch]:
    """Add the cell of each row, and the cells that each query visits; nulls for sets that have none."""
    for batch in batches:
        rows = scaled(matrix(batch["x"], n_features), scale)
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


def farthest(table: pa.Table, **settings: Any) -> pa.Table:
    """Search one block of the index for the rows that are farthest from each query of one block.

    Parameters
    ----------
    table : pyarrow.Table
        ``within``, ``row_id``, ``x``, ``indexed``, ``queried``, ``carried``.
    **settings
        Of the search.

    Returns
    -------
    pyarrow.Table
        ``within``, ``row_id`` of the queries, what they carry, as ``own``, and ``found``: totals, largest first.
    """
    of = TaskSearch(**settings)
    rows = of.rows(table["x"])
    queried, indexed = (np.flatnonzero(table[name].to_numpy()) for name in ("queried", "indexed"))
    near = of.within(table["within"][0].as_py())
    with one_thread():
        totals = far.farthest(rows[queried], rows[indexed], of.k, distinct=of.distinct, distance=near)
    there = totals != far.NOTHING
    asked = table.select(["within", "row_id", "carried"]).take(pa.array(queried))
    found = as_lists(there.sum(axis=1), pa.array(totals[there]))
    return asked.rename_columns(["within", "row_id", "own"]).append_column("found", found)


def look_up(
    batches: Iterable[pa.RecordBatch],
    *,
    queries: Floats,
    query_ids: NDArray[np.int64],
    within: str = "",
    centroids: Floats | None = None,
    **settings: Any,
) -> Iterator[pa.RecordBatch]:
    """Find the nearest of the partition's rows for some queries; as many rows are in memory as in one batch.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``row_id``, ``x`` and, without centroids, ``carried``.
    queries, query_ids : arrays, shapes (n, d) and (n,)
        Scaled.
    within : str
        The set whose distance is taken.
    centroids : array of float64, shape (c, d), optional
        Then rows carry the number of their cell, and the rows of each cell are counted.
    **settings
        Of the search.

    Yields
    ------
    pyarrow.RecordBatch
        ``query`` (its place), ``total``, ``neighbor`` and what that carries; for a cell c, ``query`` -1 - c and its
        number of ``rows``.
    """
    of = TaskSearch(**settings)
    near, sizes = of.within(within), np.zeros(0 if centroids is None else len(centroids), dtype=np.int64)
    gathered = Gathered(len(queries), of.k)
    for batch in batches:
        if not len(batch):
            continue
        rows, row_ids = of.rows(batch["x"]), batch["row_id"].to_numpy()
        with one_thread():
            carried = batch["carried"].to_numpy() if centroids is None else Cells(centroids, 1).of(rows)
            found = nearest(queries, query_ids, rows, row_ids, of.k, distinct=of.distinct, distance=near)
        gathered.add(found, row_ids, carried)
        if centroids is not None:
            sizes += np.bincount(carried, minlength=len(centroids))
    yield _listed(*gathered.listed())
    full = np.flatnonzero(sizes)
    yield _listed(-1 - full, np.zeros(len(full)), np.full(len(full), NOBODY), full, sizes[full])


def _listed(query: Any, total: Any, neighbor: Any, carried: Any, rows: Any = None) -> pa.RecordBatch:
    columns = {
        "query": pa.array(query, pa.int32()),
        "total": pa.array(total, pa.float64()),
        "neighbor": pa.array(neighbor, pa.int64()),
        "carried": pa.array(carried, pa.int32()),
        "rows": pa.array(np.ones(len(query), dtype=np.int64) if rows is None else rows, pa.int64()),
    }
    return pa.record_batch(columns)


def _searched(table: pa.Table, of: TaskSearch, whole: bool) -> tuple[NDArray[np.intp], Neighbors]:
    # Feature by feature, as distances are added; held once, which is most of what a task holds.
    rows, ids = by_feature(table["x"], of.n_features, of.scale).T, table["row_id"].to_numpy()
    queried, indexed = (np.flatnonzero(table[name].to_numpy()) for name in ("queried", "indexed"))
    queries, index = rows[queried], rows if len(indexed) == len(rows) else rows[indexed]
    name = table["within"][0].as_py()
    with one_thread():
        visits = _located(table, queried, indexed)
        if visits is None and name in of.cells:
            visits = Cells(*of.cells[name]).visits(queries, index)
        return queried, nearest(
            queries,
            ids[queried],
            index,
            ids[indexed],
            of.k,
            distinct=of.distinct,
            distance=of.within(name),
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
    """Return the distance between rows of a set, whose categories may weigh otherwise."""
    return Distance(**{**distance, "penalty": penalties.get(name, distance["penalty"])})
