"""The rows of a comparison's tasks, packed in blocks: the same arrays whatever the batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.comparing._table import Table, pack
from steelyard.learning.arrays import by_task

ROWS, WIDTH = 1_000, 5


def rows() -> tuple[pa.Table, dict[str, Any]]:
    """Return rows of two tasks as Spark gives them, and their columns."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    features[rng.random(features.shape) < 0.1] = np.nan
    columns = {
        "label": (rng.random(ROWS) < 0.1).astype(float),
        "weight": rng.random(ROWS),
        "place": rng.integers(0, 1 << 62, ROWS),
        "order": rng.integers(0, 1 << 62, ROWS),
        "test": rng.random(ROWS) < 0.3,
        "bucket": rng.integers(0, 200, ROWS).astype(np.int32),
        "cost_fn": np.where(rng.random(ROWS) < 0.1, np.nan, 7.0),
        "cost_fp": np.full(ROWS, 5.0),
    }
    task = pa.array((np.arange(ROWS) >= 700).astype(np.int32))
    missing = pa.array(columns["cost_fn"], from_pandas=True)  # null, as in a table
    given = {name: pa.array(of) for name, of in columns.items()} | {"cost_fn": missing}
    listed = pa.array(list(features), pa.list_(pa.float32()))
    return pa.table({"task": task, **given, "features": listed}), {**columns, "features": features}


@pytest.mark.parametrize("size", [1, 64, 10_000])
def test_packed_rows_are_the_rows(size: int) -> None:
    table, columns = rows()

    def blocks() -> Iterator[pa.RecordBatch]:
        for block in pack(table.to_batches(max_chunksize=size)):
            assert len(block.column("records")[0].as_py()) <= 16_384
            yield from (block.slice(i, 2) for i in range(0, len(block), 2))

    found = {task: Table.of(parts) for task, parts in by_task(blocks())}
    assert list(found) == [0, 1]
    for task, part in ((0, slice(0, 700)), (1, slice(700, ROWS))):
        for name, of in columns.items():
            read = getattr(found[task], name)
            assert read.dtype == of.dtype, name
            np.testing.assert_array_equal(read, of[part])
