"""What an exact search saves that leaves groups of rows out: the share of distances it takes, and its time on one core.

    python benchmarks/neighbors.py table.parquet other.parquet
    python benchmarks/neighbors.py

Numbers of each table are standardised and equal rows are left out; at most 50,000 rows are searched for the 5
neighbours of half of them, by `steelyard.kernels.knn` with groups and without, and by scikit-learn. Without a table:
rows around 20 centres of a 12-dimensional plane in 30 dimensions, and independent normal numbers.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import pandas as pd
from samplers import clustered, gaussian
from sklearn.neighbors import NearestNeighbors

from steelyard.frames.workers import one_thread
from steelyard.kernels import _groups, _propose
from steelyard.kernels.knn import nearest, share_compared

Rows = np.ndarray[Any, np.dtype[np.float64]]
K = 5


def tables(paths: list[str]) -> Iterator[tuple[str, Rows]]:
    """Return what is searched, by name."""
    if not paths:
        yield "around centres", clustered(50_000, 30)
        yield "no structure", gaussian(50_000, 30)
    for path in paths:
        numbers = pd.read_parquet(path).select_dtypes("number").dropna()
        yield Path(path).stem, numbers.to_numpy(dtype=float)


def prepared(rows: Rows) -> Rows:
    """Return different rows in another order, of unit variance."""
    spread = rows.std(axis=0)
    rows = np.unique(rows / np.where(spread > 0, spread, 1.0), axis=0)
    return rows[np.random.default_rng(0).permutation(len(rows))][:50_000]


def timed(rows: Rows) -> tuple[float, Any]:
    """Return the seconds of a search, and what it found."""
    ids, half = np.arange(len(rows)), len(rows) // 2
    start = time.perf_counter()
    found = nearest(rows[:half], ids[:half], rows, ids, K)
    return time.perf_counter() - start, found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help="Parquet files")
    print("| rows | compared | estimated before | s | without groups, s | scikit-learn, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    pay = _groups.Groups.pay
    for name, given in tables(parser.parse_args().tables):
        rows = prepared(given)
        counted = []
        with one_thread():
            _groups.Groups.pay = staticmethod(lambda *_: False)  # type: ignore[method-assign]
            all_pairs, expected = timed(rows)
            _groups.Groups.pay = pay  # type: ignore[method-assign]
            _propose.Groups = counting(counted)  # type: ignore[misc, assignment]
            seconds, found = timed(rows)
            _propose.Groups = _groups.Groups  # type: ignore[misc]
            share = share_compared(rows[:8192], K)
            start = time.perf_counter()
            NearestNeighbors(n_neighbors=K + 1, n_jobs=1).fit(rows).kneighbors(rows[: len(rows) // 2])
            theirs = time.perf_counter() - start
        assert np.array_equal(found.ids, expected.ids) and np.array_equal(found.totals, expected.totals)
        compared = sum(g.compared for g in counted) / (len(rows) * (len(rows) // 2))
        size = f"{name}, {len(rows):,} × {rows.shape[1]}"
        print(f"| {size} | {compared:.1%} | {share:.1%} | {seconds:.2f} | {all_pairs:.2f} | {theirs:.2f} |", flush=True)


def counting(made: list[_groups.Groups]) -> type[_groups.Groups]:
    """Return groups that can be asked afterwards."""

    class Counted(_groups.Groups):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    return Counted


if __name__ == "__main__":
    main()
