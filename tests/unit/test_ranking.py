"""Means of lists become whole numbers that are in their order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from steelyard.frames._rank_task import ranked


def test_positions_are_in_the_order_of_means() -> None:
    rng = np.random.default_rng(0)
    lists = [(rng.exponential(10.0 ** rng.integers(-9, 9), rng.integers(1, 5))).tolist() for _ in range(200)]
    lists += [[0.0], [0.0, 0.0], [5e-324], [1.7e308], [float("inf")]]
    means = [sum(v) / len(v) for v in lists]
    batch = pa.record_batch({"row_id": pa.array(range(len(lists))), "values": pa.array(lists)}).slice(3)
    for descending in (False, True):
        (found,) = ranked([batch], descending=descending)
        positions = found["position"].to_pylist()
        assert all(0 <= p < 2**63 for p in positions)
        order = sorted(range(len(positions)), key=positions.__getitem__)
        assert np.all(np.diff([means[i + 3] for i in order]) * (-1 if descending else 1) >= 0)
        assert found.schema.names == ["row_id", "position"]
