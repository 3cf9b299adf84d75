"""What a task that pairs neighbours makes of an Arrow table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from steelyard.frames import _partner_tasks as task
from steelyard.kernels.distance import EUCLIDEAN
from steelyard.kernels.interpolate import between


def test_new_numbers_made_by_parts_are_those_made_at_once() -> None:
    """Of a table in several chunks, more new rows than a part holds."""
    rng = np.random.default_rng(0)
    rows, width, uses = rng.normal(size=(50, 3)), 2, 400
    assert len(rows) * uses > task._AT_ONCE
    table = pa.table(
        {
            "within": pa.array(["1"] * len(rows)),
            "row_id": pa.array(rng.permutation(len(rows))),
            "x": pa.chunked_array([pa.array(list(part)) for part in np.split(rows, [7, 30])]),
            "indexed": pa.array([True] * len(rows)),
            "queried": pa.array([True] * len(rows)),
            "uses": pa.array([uses] * len(rows)),
            "row": pa.StructArray.from_arrays([pa.array(range(len(rows)))], names=["place"]),
        }
    )
    made = task.pair_up(
        table,
        seed=0,
        purpose="test",
        ballot=False,
        numbers=width,
        k=5,
        n_features=3,
        scale=None,
        distance=vars(EUCLIDEAN),
        penalties={},
        distinct=True,
        cells={},
        whole=True,
    )
    seeds, partners = (made[name].combine_chunks().field("place").to_numpy() for name in ("seed", "neighbor"))
    way = np.stack(made["way"].to_numpy())
    assert len(way) == len(rows) * uses
    assert np.array_equal(way, between(rows[seeds, :width], rows[partners, :width], made["gap"].to_numpy()))
