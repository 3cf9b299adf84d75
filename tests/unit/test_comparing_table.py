"""The rows of a comparison, packed in blocks: each fold's arrays are the same whatever the batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.comparing._table import Table, pack

ROWS, WIDTH = 1_000, 5


def rows() -> tuple[pa.Table, dict[str, Any]]:
    """Return rows as Spark gives them, and their columns."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    features[rng.random(features.shape) < 0.1] = np.nan
    columns = {
        "label": (rng.random(ROWS) < 0.1).astype(float),
        "weight": rng.random(ROWS),
        "place": rng.integers(0, 1 << 62, ROWS),
        "order": rng.integers(0, 1 << 62, ROWS),
        "bucket": rng.integers(0, 200, ROWS).astype(np.int32),
        "cost_fn": np.where(rng.random(ROWS) < 0.1, np.nan, 7.0),
        "cost_fp": np.full(ROWS, 5.0),
    }
    given = {"range": pa.array(np.zeros(ROWS, np.int32)), **{name: pa.array(of) for name, of in columns.items()}}
    given |= {"cost_fn": pa.array(columns["cost_fn"], from_pandas=True)}  # null, as in a table
    given |= {name: pa.array(of, pa.int32()) for name, of in sides().items()}
    return pa.table({**given, "features": pa.array(list(features), pa.list_(pa.float32()))}), {
        **columns,
        "features": features,
    }


def sides() -> dict[str, np.ndarray]:
    """Return the sides of rows in four blocks of time: fold 0 trains with the first one, and does not see the last."""
    block = np.arange(ROWS) * 4 // ROWS
    return {"train": sum((block <= i) << i for i in range(3)), "test": sum((block == i + 1) << i for i in range(3))}


@pytest.mark.parametrize("size", [1, 64, 10_000])
def test_packed_rows_are_the_rows(size: int) -> None:
    table, columns = rows()
    blocks = list(pack(table.to_batches(max_chunksize=size)))
    numbers = np.concatenate([block.column("number").to_numpy() for block in blocks])
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    assert max(len(value.as_py()) for block in blocks for value in block.column("records")) <= 16_384
    parts = [block.slice(i, 2) for block in blocks for i in range(0, len(block), 2)]
    for fold in (0, 2):
        train, test = (of >> fold & 1 > 0 for of in sides().values())
        found = Table.of(parts, fold)
        np.testing.assert_array_equal(found.test, test[train | test])
        for name, of in columns.items():
            read = getattr(found, name)
            assert read.dtype == of.dtype, name
            np.testing.assert_array_equal(read, of[train | test])
