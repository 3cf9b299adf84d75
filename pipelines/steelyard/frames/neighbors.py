"""Exact nearest neighbours between rows of a DataFrame, by blocks.

Rows are dealt into blocks by hashes of what they are. Every block of queries meets every block of the index in a
task of its own, where `steelyard.kernels.knn` searches; the partial lists of a query are merged. Blocks depend on
the data and on `block_bytes` alone, and the kernel's distances don't depend on the blocks, so neither do the
neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.frames.workers import in_worker

BLOCK_BYTES = 128 * 2**20
"""How large the features of a block of rows may be."""

_TASK = "steelyard.frames._neighbor_task"
_TASK_WORK = 4e10  # multiplications in one task: some seconds with faiss
_MOST_QUERY_BLOCKS = 64  # each carries a copy of the index; more only where memory asks for them
_MOST_SPREAD = 1024  # pairs of blocks that get a partition each, on the dot

Sizes = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Layout:
    """How one set of rows is divided: `queries` × `index` pairs of blocks, numbered from `first`."""

    queries: int
    index: int
    first: int = 0

    @property
    def pairs(self) -> int:
        """How many pairs of blocks there are, each a task."""
        return self.queries * self.index


def lay_out(sizes: Sizes, n_features: int, block_bytes: int = BLOCK_BYTES) -> dict[str, Layout]:
    """Return how many blocks each set of rows is divided into.

    Parameters
    ----------
    sizes : mapping of str to (int, int)
        Queries and index rows of each set.
    n_features : int
    block_bytes : int

    Examples
    --------
    >>> lay_out({"fraud": (1000, 1000)}, n_features=30)
    {'fraud': Layout(queries=1, index=1, first=0)}
    """
    layouts: dict[str, Layout] = {}
    first = 0
    for name, (n_queries, n_index) in sizes.items():
        row_bytes = 8 * n_features
        by_memory = -(-n_queries * row_bytes // block_bytes)
        by_work = -(-n_queries * n_index * n_features // int(_TASK_WORK))
        layout = Layout(
            queries=max(by_memory, min(by_work, _MOST_QUERY_BLOCKS), 1),
            index=max(-(-n_index * row_bytes // block_bytes), 1),
            first=first,
        )
        layouts[name] = layout
        first += layout.pairs
    return layouts


def nearest(
    points: DataFrame,
    k: int,
    *,
    sizes: Sizes,
    n_features: int,
    scale: Sequence[float] | None = None,
    distinct: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> DataFrame:
    """Find the k nearest index rows of each query row, by Euclidean distance; ties go to the smaller id.

    Costs one shuffle of `points`, in which index rows travel once for each block of queries and queries once for
    each block of the index, one crossing into Python, and one shuffle of short lists where an index has more than
    one block. No row comes to the driver.

    Parameters
    ----------
    points : DataFrame
        ``within`` (string): only rows that agree in it are neighbours (a class; a constant for all rows);
        ``row_id`` (bigint): unique, a row is not its own neighbour; ``x`` (array<double>): finite, no nulls, all of
        one length; ``indexed`` and ``queried`` (boolean): whether the row is in the index, and whether its neighbours
        are asked for.
    k : int
    sizes : mapping of str to (int, int)
        Queries and index rows for each value of ``within``; other values are left out.
    n_features : int
        Length of ``x``.
    scale : sequence of float, optional
        Features are divided by these before distances are taken.
    distinct : bool, default False
        Neighbours differ from the query and from one another: of equal rows the one with the smallest id stands for
        all.
    block_bytes : int, default 128 MiB

    Returns
    -------
    DataFrame
        ``within``, ``row_id``, ``neighbors`` (array<bigint>, nearest first) and ``distances`` (array<double>) for
        each query; shorter lists where the index holds too few rows.
    """
    layouts = lay_out(sizes, n_features, block_bytes)
    search = _settings(k, n_features, scale, distinct)
    schema = "within string, row_id bigint, found array<struct<squared:double,neighbor:bigint>>"
    found = _by_blocks(points, layouts, in_worker(_TASK, "search", **search), schema)
    if any(layout.index > 1 for layout in layouts.values()):
        merged = F.slice(F.array_sort(F.flatten(F.collect_list("found"))), 1, k)
        found = found.groupBy("within", "row_id").agg(merged.alias("found"))
    return found.select(
        "within",
        "row_id",
        F.col("found.neighbor").alias("neighbors"),
        F.transform("found.squared", F.sqrt).alias("distances"),
    )


def pairs(
    points: DataFrame,
    k: int,
    *,
    sizes: Sizes,
    n_features: int,
    seed: int,
    purpose: str,
    scale: Sequence[float] | None = None,
    distinct: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> DataFrame:
    """Pair rows with neighbours drawn from their k nearest, and draw a gap for each pair.

    Where the rows of every index fit one block, they are paired in the task that finds the neighbours, and the costs
    are those of `nearest`; else neighbours are found first, and the rows joined to them: two joins, one more crossing
    into Python. The pairs are the same.

    Parameters
    ----------
    points : DataFrame
        As for `nearest`, and ``uses`` (int): how many pairs a query is to have; ``row`` (struct, without vectors): what
        goes with the pairs.
    k, sizes, n_features, scale, distinct, block_bytes
        As for `nearest`.
    seed : int
    purpose : str
        Of the draws, which are functions of these and the query's id.

    Returns
    -------
    DataFrame
        ``seed_id``, ``neighbor_id``, ``replicate`` (int, from 1), ``gap`` (double, in [0, 1)), and the rows ``seed``
        and ``neighbor`` (structs). A query without any neighbour is paired with itself.
    """
    row = points.schema["row"].dataType
    draws = {"seed": seed, "purpose": purpose}
    drawn = T.StructType()
    for name, kind in (("seed_id", "long"), ("neighbor_id", "long"), ("replicate", "integer"), ("gap", "double")):
        drawn = drawn.add(name, kind)
    drawn = drawn.add("seed", row)
    layouts = lay_out(sizes, n_features, block_bytes)
    if all(layout.index == 1 for layout in layouts.values()):
        task = in_worker(_TASK, "pair_up", **draws, **_settings(k, n_features, scale, distinct))
        return _by_blocks(points, layouts, task, drawn.add("neighbor", row))
    searched = points.drop("uses", "row")
    settings: dict[str, Any] = {"scale": scale, "distinct": distinct, "block_bytes": block_bytes}
    found = nearest(searched, k, sizes=sizes, n_features=n_features, **settings)
    seeds = points.select("row_id", "uses", F.col("row").alias("seed"))
    known = found.select("row_id", "neighbors").join(seeds, "row_id")
    partners = points.select(F.col("row_id").alias("neighbor_id"), F.col("row").alias("neighbor"))
    return known.mapInArrow(in_worker(_TASK, "draw_partners", **draws), drawn).join(partners, "neighbor_id")


def _settings(k: int, n_features: int, scale: Sequence[float] | None, distinct: bool) -> dict[str, Any]:
    divisors = None if scale is None else [float(s) for s in scale]
    return {"k": k, "n_features": n_features, "scale": divisors, "distinct": distinct}


def _by_blocks(
    points: DataFrame, layouts: Mapping[str, Layout], task: Callable[[Any], Any], schema: T.StructType | str
) -> DataFrame:
    """Run a task for each pair of blocks."""
    n_pairs = sum(layout.pairs for layout in layouts.values())
    copies = _copied(points.where(F.col("within").isin(list(layouts))), layouts, _labels(points.sparkSession, n_pairs))
    return copies.repartition(n_pairs, "pair").groupBy("pair").applyInArrow(task, schema)


def _copied(points: DataFrame, layouts: Mapping[str, Layout], labels: Sequence[int]) -> DataFrame:
    """Copy each row into the pairs of blocks that need it, once into each."""
    queries, index, first = (
        F.try_element_at(
            F.create_map(*[F.lit(v) for n, lay in layouts.items() for v in (n, getattr(lay, field))]), "within"
        )
        for field in ("queries", "index", "first")
    )
    # Equal rows share a block of the index, so that `distinct` can be decided inside a block.
    held = F.when(index == 1, 0).otherwise(F.pmod(F.xxhash64(F.transform("x", lambda v: v + 0.0)), index))
    asked = F.pmod(F.xxhash64("row_id"), queries)
    placed = points.withColumns({"q": queries, "i": index, "f": first, "held": held, "asked": asked})
    carried = [c for c in points.columns if c not in {"indexed", "queried"}]

    def pair(query_block: Column, index_block: Column) -> Column:
        return (F.col("f") + query_block * F.col("i") + index_block).cast("int")

    as_index = F.transform(
        F.sequence(F.lit(0), F.col("q") - 1),
        lambda block: F.struct(
            pair(block, F.col("held")).alias("pair"),
            F.col("indexed"),
            (F.col("queried") & (block == F.col("asked"))).alias("queried"),
        ),
    )
    others = F.filter(
        F.sequence(F.lit(0), F.col("i") - 1), lambda block: ~(F.col("indexed") & (block == F.col("held")))
    )
    as_query = F.transform(
        others,
        lambda block: F.struct(
            pair(F.col("asked"), block).alias("pair"), F.lit(False).alias("indexed"), F.col("queried")
        ),
    )
    nowhere = F.array().cast("array<struct<pair:int,indexed:boolean,queried:boolean>>")
    copies = F.concat(
        F.when(F.col("indexed"), as_index).otherwise(nowhere), F.when(F.col("queried"), as_query).otherwise(nowhere)
    )
    copied = placed.select(*carried, F.explode(copies).alias("copy"))
    label = F.element_at(F.lit([int(n) for n in labels]).cast("array<bigint>"), F.col("copy.pair") + 1)
    return copied.select(*carried, label.alias("pair"), "copy.indexed", "copy.queried")


def _labels(spark: SparkSession, n: int) -> list[int]:
    """Return a name for each pair of blocks, such that Spark's partitioner gives each a partition of its own.

    Plain numbers would leave a third of the partitions empty and put several searches into others.
    """
    if n == 1 or n > _MOST_SPREAD:
        return list(range(n))
    slot = F.pmod(F.hash("id"), n).alias("slot")
    found = spark.range(n * 32).groupBy(slot).agg(F.min("id").alias("id")).collect()
    taken = sorted(row["id"] for row in found)
    return (taken + [n * 32 + i for i in range(n - len(taken))])[:n]
