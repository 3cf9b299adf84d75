"""Hashes of partitions, brought together: which parts hold equal values, against a count of all rows."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest

from steelyard.frames.parts import received
from steelyard.guards import _cell_task, _same_task
from steelyard.guards._cell_task import CellCounter
from steelyard.guards._same_task import partial, whole


@pytest.mark.parametrize("cut", [1, 3, 50])
@pytest.mark.parametrize("values", [5, 3000])
def test_values_and_rows_are_those_of_a_plain_count(cut: int, values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_same_task, "_WAITING", 700)
    rng = np.random.default_rng(values)
    n = 2000
    hashes = rng.integers(-(2**63), 2**63, size=(2, 2, values))
    hashes[0, 0, :2] = 7  # two values of one first hash
    which = rng.integers(0, values, size=(2, n))
    parts = [[None if rng.random() < 0.1 else int(rng.integers(0, 3)) for _ in range(n)] for _ in range(2)]
    columns = [
        array for kind in range(2) for array in (*hashes[kind][:, which[kind]], pa.array(parts[kind], pa.int32()))
    ]
    table = pa.table({f"c{i}": array for i, array in enumerate(columns)})
    nothing = list(partial(table.slice(0, 0).to_batches(), kinds=2)) + list(partial([], kinds=2))
    sent = nothing + [
        batch
        for start in range(0, n, n // cut)
        for batch in partial(table.slice(start, n // cut).to_batches(max_chunksize=300), kinds=2)
    ]
    found = {
        (int(kind), int(bits)): (number, rows)
        for batch in whole(sent, parts=3)
        for (_, kind, bits), (number, rows) in received(batch)
    }
    expected: dict[tuple[int, int], tuple[int, list[int]]] = {}
    for kind in range(2):
        of: dict[int, Counter[int]] = defaultdict(Counter)
        for value, part in zip(which[kind].tolist(), parts[kind], strict=True):
            if part is not None:
                of[value][part] += 1
        for counts in of.values():
            bits = sum(1 << part for part in counts)
            number, rows = expected.get((kind, bits), (0, [0, 0, 0]))
            expected[kind, bits] = number + 1, [rows[p] + counts[p] for p in range(3)]
    assert found == expected


def test_equal_rows_are_sent_as_one() -> None:
    hashes = pa.array(np.repeat([3, -5], [900, 100]))
    table = pa.table({"c0": hashes, "c1": hashes, "c2": pa.array([i % 2 for i in range(1000)], pa.int32())})
    sent = [rows for batch in partial(table.to_batches(), kinds=1) for _, rows in received(batch)]
    assert sum(len(rows[0]) for rows in sent) == 4 and sum(rows[3].sum() for rows in sent) == 1000


def test_cells_are_bounded_and_merge_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cell_task, "_TOGETHER", 200)
    rng = np.random.default_rng(1)
    label, value = rng.integers(0, 30, 1000), rng.normal(size=1000)
    table = pa.table({"d0": label.astype(str), "m0_number": value, "m0_missing": pa.array(value > 0)})
    aggregates = {"m0_low": ("min", "m0_number"), "m0_missing": ("count", "m0_missing")}
    counters = [CellCounter(aggregates) for _ in range(3)]
    for i, batch in enumerate(table.to_batches(max_chunksize=100)):
        counters[i % 2].add_rows(batch)
    for counter in counters[:2]:
        counters[2].add(counter.merged())
    found = {row["d0"]: row for row in counters[2].merged().to_pylist()}
    assert len(found) == 30 and sum(row["rows"] for row in found.values()) == 1000
    for name in range(30):
        own = value[label == name]
        assert found[str(name)] == {
            "d0": str(name),
            "rows": len(own),
            "m0_low": own.min(),
            "m0_missing": (own > 0).sum(),
        }
    monkeypatch.setattr(_cell_task, "MAX_CELLS", 9)
    assert len(counters[2].merged()) == 10, "one more than are allowed, so that the driver refuses them"
