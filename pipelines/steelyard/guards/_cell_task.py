"""The work of Python workers for cells: aggregate the rows of batches, and merge the results of partitions."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

MAX_CELLS = 200_000
"""Combinations of the columns that define the cells, at most: all of them reach the driver."""

_TOGETHER = 1 << 17  # rows that are aggregated at once

Aggregates = Mapping[str, tuple[str, str]]
"""Aggregate → function (min, max, sum or count) and value."""


class CellCounter:
    """Aggregates rows or cells, in any order, to one row for each cell.

    Parameters
    ----------
    aggregates : mapping
    """

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def add_rows(self, batch: pa.RecordBatch) -> None:
        """Add rows: columns `d…` that define the cells, and the values."""
        made = {name: _countable(batch[value]) for name, (_, value) in self._aggregates.items()}
        dimensions = {name: batch[name] for name in batch.schema.names if name.startswith("d")}
        self.add(pa.table({**dimensions, "rows": pa.array([1] * batch.num_rows, pa.int64()), **made}))

    def add(self, cells: pa.Table) -> None:
        """Add cells."""
        self._waiting.append(cells)
        self._rows += cells.num_rows
        if self._rows > _TOGETHER:
            self._waiting = [self.merged()]
            self._rows = 0

    def merged(self) -> pa.Table:
        """Return one row for each cell; of more than `MAX_CELLS`, one more than that."""
        table = pa.concat_tables(self._waiting)
        functions = {"rows": "sum"} | {n: f if f in ("min", "max") else "sum" for n, (f, _) in self._aggregates.items()}
        by = [name for name in table.column_names if name not in functions]
        made = table.group_by(by, use_threads=False).aggregate([*functions.items()])
        named = made.select([*by, *(f"{n}_{f}" for n, f in functions.items())]).rename_columns([*by, *functions])
        return named.slice(0, MAX_CELLS + 1)

    def __bool__(self) -> bool:
        """Whether there are cells."""
        return bool(self._waiting)


def _countable(values: pa.Array) -> pa.Array:
    return pc.fill_null(values, False).cast(pa.int64()) if pa.types.is_boolean(values.type) else values
