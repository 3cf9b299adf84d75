"""What an exact search saves that leaves groups of rows out: the share of distances it takes, and its time on one core.

    python benchmarks/neighbors.py table.parquet other.parquet
    python benchmarks/neighbors.py

Numbers of each table are standardised and equal rows are left out; of at most 50,000 rows, half are compared with all
for their nearest 12, in float32: by groups, by faiss's flat search, and, in float64, by scikit-learn. Without a
table: rows around 20 centres of a 12-dimensional plane in 30 dimensions, and independent normal numbers.
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
from steelyard.kernels._engines import engine_of
from steelyard.kernels._groups import Groups
from steelyard.kernels.knn import share_compared

Rows = np.ndarray[Any, np.dtype[np.float64]]
WANTED = 12  # rows that `nearest` has proposed for 5 neighbours


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


def compared(name: str, rows: Rows) -> str:
    """Return a line of the table."""
    points = np.ascontiguousarray(rows - rows.mean(axis=0), dtype=np.float32)
    queries = points[: len(points) // 2]
    start = time.perf_counter()
    groups = Groups(np.vstack([points.T, points.T[:1]]), len(queries))
    found, _ = groups.propose(queries, WANTED)
    by_groups = time.perf_counter() - start
    flat = engine_of("faiss").flat
    start = time.perf_counter()
    expected, _ = flat(queries, points, WANTED)
    by_faiss = time.perf_counter() - start
    start = time.perf_counter()
    NearestNeighbors(n_neighbors=WANTED, n_jobs=1).fit(rows).kneighbors(rows[: len(queries)])
    theirs = time.perf_counter() - start
    same = (np.sort(found, axis=1) == np.sort(expected, axis=1)).mean()
    share, estimate = groups.compared / (len(queries) * len(points)), share_compared(rows[:8192], 5)
    size = f"{name}, {len(rows):,} × {rows.shape[1]}"
    return f"| {size} | {share:.1%} | {estimate:.1%} | {by_groups:.2f} | {by_faiss:.2f} | {theirs:.2f} | {same:.2%} |"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help="Parquet files")
    print("| rows | compared | estimated before | by groups, s | faiss, s | scikit-learn, s | the same as faiss |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, given in tables(parser.parse_args().tables):
        with one_thread():
            print(compared(name, prepared(given)), flush=True)


if __name__ == "__main__":
    main()
