"""Decide whether to search by cells, and by how many: a cost model, and a measured recall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames._arrow import matrix, scaled
from steelyard.frames._neighbor_tasks import distance_within
from steelyard.frames.caching import cached
from steelyard.frames.neighbors._lookup import partial_lists
from steelyard.frames.neighbors._search import Division, Search
from steelyard.hashing import row_hash, sample_limit
from steelyard.kernels.cells import Cells, k_means, near_centroids, recalls
from steelyard.kernels.knn import share_compared

AFFORDABLE = 1.5e12
"""Multiplications of a search that is always exact: 220,000 rows of 30 features among themselves; seconds on two cores
where rows form groups, else a minute."""

_FINDING = 60_000  # multiplications that cells must save for each number of the index (measured: 20,000 to 40,000)
_SHARED = 8192  # rows by which the share of pairs is estimated
_MOST_CELLS = 4096
_SAMPLED = 16  # rows of the sample for each cell
_SAMPLE_VALUES = 1 << 22
_QUERIES = 1024  # on which the recall is measured
_FEWEST = 4  # rows of the sample in a cell
_PART_BYTES = 16 * 2**20  # of rows that are compared with those queries in one task

Floats = NDArray[np.float64]


def with_cells(points: DataFrame, search: Search, *, how: str = "auto", recall: float = 0.95) -> Search:
    """Return the search with cells for those of its sets that are searched faster by them.

    A set of m queries, n index rows and d features costs m·n·d multiplications exactly, times the share of pairs that
    can't be ruled out: beyond `AFFORDABLE` it is estimated from 8,192 rows, and how queries are dealt into blocks goes
    by it. Up to `AFFORDABLE`, and 60,000 multiplications for each number of the index more, a set is searched exactly.
    Beyond, 2√n centroids are found in a sample of the rows, the exact neighbours of 1,024 queries are
    looked up, and the number of cells that a query visits is the smallest that holds `recall` of those neighbours
    (by the mean less one standard error). If comparing with the rows of so many cells, at six times the cost a pair,
    isn't less work, the set is searched exactly all the same.

    Costs, for each set beyond `AFFORDABLE`: one scan of its features. For each that cells are looked for: two scans of
    the points, which are cached meanwhile, one crossing into Python and one shuffle of short lists. Samples and
    centroids are on the driver.

    Parameters
    ----------
    points : DataFrame
        As for `nearest`.
    search : Search
    how : {"auto", "exact", "cells"}, default "auto"
        "cells" looks for them in any set, and takes them whatever they save.
    recall : float, default 0.95
        Share of the exact neighbours that is to be found.
    """
    numbers = search.n_features - search.distance.nominal
    if search.distance.name != "euclidean" or not numbers:
        return search
    shares = {s: _share(points, s, search) for s in search.sizes if search.work(s) > AFFORDABLE}
    search = replace(search, shares=shares) if shares else search
    large = [s for s in search.sizes if search.work(s) > _affordable(search, s) or how == "cells"]
    if how == "exact" or not large:
        return search
    # The hundreds of partitions that a shuffle leaves would each have the queries compared with a handful of rows.
    rows = sum(max(search.sizes[s]) for s in large)
    parts = max(8 * rows * search.n_features // _PART_BYTES, 2)
    with cached(points.select("within", "row_id", "x", "indexed", "queried").coalesce(parts)) as kept:
        found = {s: _division(kept.where(F.col("within") == s), s, search, recall) for s in large}
    for name, division in found.items():
        divided = replace(search, divisions={**search.divisions, name: division})
        if how == "cells" or divided.work(name) < search.work(name):
            search = divided
    return search


def _affordable(search: Search, name: str) -> float:
    """Return up to which work cells aren't looked for: what finding them costs would be most of what they save."""
    return AFFORDABLE + _FINDING * search.sizes[name][1] * search.n_features


def _share(points: DataFrame, name: str, search: Search) -> float:
    """Return the share of pairs that an exact search of a set compares. A scan of ``x`` alone: without any id."""
    position = F.shiftrightunsigned(F.xxhash64("x"), 1)
    last = F.lit(sample_limit(_SHARED, search.sizes[name][1])).cast("bigint")
    inside = points.where((F.col("within") == name) & F.col("indexed") & (position <= last)).select("x").toArrow()
    rows = matrix(inside["x"], search.n_features)
    of_set = distance_within(name, vars(search.distance), search.penalties)
    return share_compared(np.unique(scaled(rows, search.scale), axis=0), search.k, of_set)


def _division(points: DataFrame, name: str, search: Search, recall: float) -> Division:
    n_queries, n_index = search.sizes[name]
    n_cells = int(min(2 * n_index**0.5, _MOST_CELLS, _SAMPLE_VALUES // (_SAMPLED * search.n_features), n_index))
    numbers = search.n_features - search.distance.nominal
    sample = _sample(points.where("indexed"), n_cells * _SAMPLED, n_index, search, "cells")
    centroids = centroids_of(sample["x"][:, :numbers], n_cells)
    queries = _sample(points.where("queried"), _QUERIES, n_queries, search, "recall")
    cells, sizes = _measured(points, name, search, centroids, queries)
    order = near_centroids(queries["x"], centroids, len(centroids))
    by_probes = recalls(order, cells)
    mean = by_probes.mean(axis=0)
    error = by_probes.std(axis=0) / np.sqrt(len(by_probes))
    probes = min(int(np.searchsorted(mean - error >= recall, True)) + 1, len(centroids))
    compared = sizes[order[:, :probes]].sum(axis=1).mean() + len(centroids)
    return Division(Cells(centroids, probes), tuple(sizes.tolist()), float(mean[probes - 1]), float(compared))


def _sample(points: DataFrame, wanted: int, total: int, search: Search, purpose: str) -> dict[str, NDArray[Any]]:
    """Return rows with the smallest hashes, in the order of these: about `wanted` of `total`."""
    position = row_hash(points, ["row_id"], 0, purpose)
    last = F.lit(sample_limit(wanted, total)).cast("bigint")
    found = points.select("row_id", "x", position.alias("p")).where(F.col("p") <= last).toArrow()
    x = found["x"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, search.n_features)
    order = np.argsort(found["p"].to_numpy())
    rows = x[order] if search.scale is None else x[order] / np.asarray(search.scale)
    return {"x": rows, "row_id": found["row_id"].to_numpy()[order]}


def centroids_of(sample: Floats, n_cells: int) -> Floats:
    """Return centroids in an order that keeps near ones together, without those of hardly any row."""
    centroids = k_means(sample, n_cells)
    sizes = np.bincount(near_centroids(sample, centroids, 1)[:, 0], minlength=len(centroids))
    kept = centroids[sizes >= min(_FEWEST, sizes.max())]
    # Along the direction in which they differ most: cells that are visited together then share blocks.
    centred = kept - kept.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0] if len(kept) > 1 else np.zeros(kept.shape[1])
    ordered: Floats = kept[np.argsort(np.round(centred @ direction, 6), kind="stable")]
    return ordered


def _measured(
    points: DataFrame, name: str, search: Search, centroids: Floats, queries: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells of the queries' exact neighbours, and the size of each cell."""
    found = partial_lists(
        points.where("indexed").select("row_id", "x"),
        queries["x"],
        queries["row_id"],
        search,
        within=name,
        centroids=centroids,
    )
    cells = np.full((len(queries["x"]), search.k), -1, dtype=np.int64)
    sizes = np.zeros(len(centroids), dtype=np.int64)
    for query, near, rows in zip(*(found[c].to_pylist() for c in ("query", "best", "rows")), strict=True):
        if query < 0:
            sizes[-1 - query] = rows
        else:
            cells[query, : len(near)] = [n["carried"] for n in near]
    return cells, sizes
