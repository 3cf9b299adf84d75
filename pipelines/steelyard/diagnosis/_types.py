"""Types of the rarest class's rows, by the nearest neighbours of a sample of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.diagnosis._table import Table
from steelyard.frames.neighbors import MOST_BYTES, look_up
from steelyard.hashing import find_heavy_groups, is_clumped, sample_limit
from steelyard.kernels.intervals import finite_wilson
from steelyard.kernels.knn import NOBODY, nearest
from steelyard.kernels.minority import TYPES, Surroundings, minority_types

K = 5
MOST_ROWS = 500  # shares are then within 4.4 points, at 95 %
FEWEST_ROWS = 100
MOST_WORK = 5e11
"""Multiplications of the search: half a minute on two cores. Where 500 rows would need more, fewer are looked at."""

Floats = NDArray[np.float64]
_NO_IDS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Asked:
    """Rows whose neighbourhoods are requested.

    Parameters
    ----------
    ids : array of int64, shape (n,)
        Ascending.
    x : array of float64, shape (n, d)
    copies : array of int64, shape (n,)
        How many rows there are of each.
    weights : array of float64, shape (n,)
        For how many rows of the sample each stands: all its copies, of a heavy group its proportion.
    """

    ids: NDArray[np.int64]
    x: Floats
    copies: NDArray[np.int64]
    weights: Floats

    def where(self, chosen: NDArray[np.bool_]) -> Asked:
        """Return some of the rows."""
        return Asked(self.ids[chosen], self.x[chosen], self.copies[chosen], self.weights[chosen])

    def with_rows(self, others: Asked) -> Asked:
        """Return these rows, and those of others that are not among them."""
        new = others.where(~np.isin(others.ids, self.ids))
        return Asked(*(np.concatenate(pair) for pair in zip(vars(self).values(), vars(new).values(), strict=True)))


def affordable(rows: int, n_features: int) -> int:
    """Return the number of rows of the rarest class to examine, at most.

    Examples
    --------
    >>> affordable(350_000, 12), affordable(100_000_000, 30), affordable(10_000_000_000, 30)
    (500, 166, 100)
    """
    by_work = max(int(MOST_WORK / (rows * n_features)), FEWEST_ROWS)
    return min(MOST_ROWS, by_work, max(MOST_BYTES // (8 * n_features), 1))


def types_of(table: Table) -> dict[str, Any]:
    """Return how many rows of the rarest class are of each type, and how many are nearest to a row of another class.

    Costs two scans of the table, one of them with the search. A row with one neighbour of its class is judged by the
    neighbours of that one, which is the nearest row of the class. Where the class has few rows, all are known, and the
    search asks for these nearest too; otherwise it takes two more scans.

    Parameters
    ----------
    table : Table

    Returns
    -------
    dict
        ``k``; ``rows`` of the class; ``sampled`` of them; ``limited``: whether the cost allowed no more; ``different``:
        rows in the sample that differ in some feature; each of `TYPES` and ``nearest_is_other``: ``rows``, ``share``,
        ``ci95``.
    """
    n, wanted = table.counts[table.rarest], affordable(table.total, table.space.n_features)
    points = table.points()
    own = _Class(points.where("carried = 1"), n, table)
    asked = _sampled(own, wanted, n)
    known = _around(points, asked.with_rows(own.nearest(asked)), table)
    rows = known.of(asked.ids)
    missing = np.setdiff1d(rows.doubtful, known.ids)
    if len(missing):
        known = known.joined(_around(points, own.rows(-1, missing), table))
    sampled = max(round(asked.weights.sum()), 1)
    kinds = minority_types(rows, known)
    found = {name: round(asked.weights[kinds == i].sum()) for i, name in enumerate(TYPES)}
    found["nearest_is_other"] = round(asked.weights[~rows.same[:, 0]].sum())
    different = len(np.unique(asked.x, axis=0))
    return {
        "k": K,
        "rows": n,
        "sampled": sampled,
        "limited": wanted < min(n, MOST_ROWS),
        "different": different,
        **{name: _share(count, sampled, n) for name, count in found.items()},
    }


class _Class:
    """The rows of the rarest class as a search sees them: on the driver where they are few, else in the table."""

    def __init__(self, points: DataFrame, n: int, table: Table) -> None:
        self.points, self._search = points, table.search(1)
        few = 8 * n * table.space.n_features <= MOST_BYTES
        self._held = _asked(points) if few else None

    def rows(self, limit: int, ids: NDArray[np.int64] = _NO_IDS) -> Asked:
        """Return the rows up to an id, and those of some ids."""
        if self._held is not None:
            return self._held.where((self._held.ids <= limit) | np.isin(self._held.ids, ids))
        among = F.array_contains(F.lit(ids.tolist()).cast("array<bigint>"), F.col("row_id"))
        return _asked(self.points.where((F.col("row_id") <= F.lit(limit)) | among))

    def nearest(self, asked: Asked) -> Asked:
        """Return the nearest row of the class of each row, where the class is on the driver; else nothing."""
        if self._held is None:
            return asked.where(np.zeros(len(asked.ids), dtype=bool))
        x, index = (of.x / np.asarray(self._search.scale or 1.0) for of in (asked, self._held))
        found = nearest(x, asked.ids, index, self._held.ids, 1, distance=self._search.distance)
        return self.rows(-1, found.ids[:, 0])


def _sampled(own: _Class, wanted: int, n: int) -> Asked:
    """Return about `wanted` of `n` rows: those with the smallest ids.

    Equal rows share an id. Where the sample shows heavy groups of them, all of these are asked for, each with its
    proportion of the sample.
    """
    limit = sample_limit(wanted, n)
    asked = own.rows(limit)
    if n <= wanted or not is_clumped(asked.copies, wanted):
        return asked
    groups = own.points.select(F.lit("").alias("s"), F.col("row_id").alias("p"))
    heavy = np.array(list(find_heavy_groups(groups, {"": n}).get("", {})), dtype=np.int64)
    while not len(heavy) and not len(asked.ids):
        limit = min(limit * 8, sample_limit(n, n))
        asked = own.rows(limit)
    if len(heavy):
        asked = own.rows(limit, heavy)
    proportion = np.where(np.isin(asked.ids, heavy), wanted / n, 1.0)
    return replace(asked, weights=(asked.copies * proportion).astype(np.float64))


def _asked(points: DataFrame) -> Asked:
    found = points.groupBy("row_id").agg(F.min("x").alias("x"), F.count(F.lit(1)).alias("n")).toArrow()
    order = np.argsort(found["row_id"].to_numpy())
    x = np.array(found["x"].to_pylist(), dtype=np.float64).reshape(len(order), -1)
    copies = found["n"].to_numpy()[order]
    return Asked(found["row_id"].to_numpy()[order], x[order], copies, copies.astype(np.float64))


def _around(points: DataFrame, asked: Asked, table: Table) -> Surroundings:
    """Return the neighbourhoods of rows. A row's copies share its id, so the search skips them: they are added here."""
    found = look_up(points, asked.x, asked.ids, table.search(K))
    copy = np.arange(K) < asked.copies[:, None] - 1
    ids = np.concatenate([found.ids, np.where(copy, asked.ids[:, None], NOBODY)], axis=1)
    totals = np.concatenate([found.totals, np.where(copy, 0.0, np.inf)], axis=1)
    same = np.concatenate([found.carried == 1, copy], axis=1)
    best = np.lexsort((ids, totals), axis=1)[:, :K]
    return Surroundings(asked.ids, *(np.take_along_axis(part, best, axis=1) for part in (ids, same)))


def _share(count: int, sampled: int, total: int) -> dict[str, Any]:
    share = count / sampled
    return {"rows": count, "share": share, "ci95": list(finite_wilson(share, sampled, total))}
