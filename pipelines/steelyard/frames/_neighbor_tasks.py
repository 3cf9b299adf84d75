"""The work of Python workers that search blocks for neighbours: Arrow in, kernels, Arrow out. Imports no pyspark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.frames._arrow import as_lists, by_feature, loosened, matrix, positions, scaled
from steelyard.frames.workers import one_thread
from steelyard.kernels import farthest as far
from steelyard.kernels.cells import Cells
from steelyard.kernels.distance import Distance
from steelyard.kernels.knn import NOBODY, Neighbors, Visits, nearest

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
    """Search one block of the index, or the `whole` one, for each query of one block.

    The table has ``within``, ``row_id``, ``x``, ``indexed``, ``queried``, perhaps ``carried``, perhaps ``cell`` and
    ``visited``. Returns ``within``, ``row_id`` of the queries, what they carry, as ``own``, and ``found``: totals, ids
    and what the neighbours carry.
    """
    queried, found = searched(table, TaskSearch(**settings), whole)
    asked = table.select(["within", "row_id"]).take(pa.array(queried))
    there, ids = found.ids != NOBODY, table["row_id"].to_numpy()
    fields = {"total": pa.array(found.totals[there]), "neighbor": pa.array(found.ids[there])}
    if "carried" in table.column_names:
        carried = loosened(table["carried"].combine_chunks())
        asked = asked.append_column("own", carried.take(pa.array(queried)))
        fields["carried"] = carried.take(positions(ids, found.ids[there]))
    values = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return asked.append_column("found", as_lists(there.sum(axis=1), values))


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

    The table has ``within``, ``row_id``, ``x``, ``indexed``, ``queried``, ``carried``. Returns ``within``, ``row_id``
    of the queries, what they carry, as ``own``, and ``found``: totals, largest first.
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


def searched(table: pa.Table, of: TaskSearch, whole: bool) -> tuple[NDArray[np.intp], Neighbors]:
    """Return the places of the queries in a block, and their neighbours."""
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
