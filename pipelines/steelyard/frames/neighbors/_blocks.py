"""Assign rows to blocks, and run a task for each pair of blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import of_key
from steelyard.frames.neighbors._search import Layout, Search
from steelyard.frames.tasks import in_tasks
from steelyard.frames.workers import in_worker
from steelyard.kernels.cells import Cells

TASKS = "steelyard.frames._neighbor_tasks"

# Of a row's set: blocks of queries, blocks of the index, the first pair. Of the row: the block of the index that holds
# it, its block of queries, and the blocks of the index that it is compared with.
_PLACES = ("q", "i", "f", "held", "asked", "met")


def by_blocks(points: DataFrame, search: Search, task: Callable[[Any], Any], schema: T.StructType | str) -> DataFrame:
    """Run a task for each pair of blocks."""
    layouts = search.layouts()
    n_pairs = sum(layout.pairs for layout in layouts.values())
    inside = points.where(F.col("within").isin(list(layouts)))
    copies = _copied(_placed(inside, search, layouts))
    return in_tasks(copies, F.col("pair"), n_pairs, task, schema)


def _placed(points: DataFrame, search: Search, layouts: Mapping[str, Layout]) -> DataFrame:
    """Add the block of the index that holds a row, and those that a query is compared with.

    By hashes, where blocks are all alike; where a set has cells and several blocks, by cells, which are added too:
    ``cell`` and ``visited``.
    """
    queries, index, first = (
        _by_set({n: getattr(layout, name) for n, layout in layouts.items()}) for name in ("queries", "index", "first")
    )
    # Equal rows share a block of the index, so that `distinct` can be decided inside a block.
    content = F.xxhash64(F.transform("x", lambda v: v + 0.0))
    held: Column = F.when(index == 1, 0).otherwise(F.pmod(content, index))
    met: Column = F.sequence(F.lit(0), index.cast("int") - 1)
    divided = [n for n, layout in layouts.items() if n in search.divisions and layout.index > 1]
    if divided:
        points = with_cell(points, {n: search.divisions[n].cells for n in divided}, search.n_features, search.scale)
        start, last = (_by_cell({n: [b[i] for b in search.blocks(n)] for n in divided}) for i in (0, 1))
        of_cell = start(F.col("cell")) + F.pmod(content, last(F.col("cell")) - start(F.col("cell")) + 1)
        held = F.coalesce(of_cell, held)
        visited = F.array_distinct(F.flatten(F.transform("visited", lambda c: F.sequence(start(c), last(c)))))
        met = F.coalesce(visited, met)
    asked = F.pmod(F.xxhash64("row_id"), queries)
    return points.withColumns(dict(zip(_PLACES, (queries, index, first, held, asked, met), strict=True)))


def with_cell(
    points: DataFrame, cells: Mapping[str, Cells], n_features: int, scale: Sequence[float] | None
) -> DataFrame:
    """Add the ``cell`` of each row and the cells that it visits, ``visited``; null in sets without cells.

    One crossing into Python.

    Parameters
    ----------
    points : DataFrame
        ``within`` (string) and ``x`` (array<double>).
    cells : mapping of str to Cells
        By set.
    n_features : int
    scale : sequence of float, optional
        Numbers are divided by these first.
    """
    kind = T.StructType([*points.schema.fields]).add("cell", "integer").add("visited", T.ArrayType(T.IntegerType()))
    plain = {n: (of.centroids, of.probes) for n, of in cells.items()}
    return points.mapInArrow(in_worker(TASKS, "locate", n_features=n_features, scale=scale, cells=plain), kind)


def _by_set(values: Mapping[str, int]) -> Column:
    return of_key(values, F.col("within"))


def _by_cell(values: Mapping[str, Sequence[int]]) -> Callable[[Column], Column]:
    lists = of_key({n: [int(x) for x in v] for n, v in values.items()}, F.col("within"), "array<int>")
    return lambda cell: F.element_at(lists, cell + 1)


def _copied(placed: DataFrame) -> DataFrame:
    """Copy each row into the pairs of blocks that need it, once into each."""
    carried = [c for c in placed.columns if c not in {*_PLACES, "indexed", "queried"}]

    def pair(query_block: Column, index_block: Column) -> Column:
        return (F.col("f") + query_block * F.col("i") + index_block).cast("int")

    meets_own = F.array_contains("met", F.col("held").cast("int"))
    as_index = F.transform(
        F.sequence(F.lit(0), (F.col("q") - 1).cast("int")),
        lambda block: F.struct(
            pair(block, F.col("held")).alias("pair"),
            F.col("indexed"),
            (F.col("queried") & meets_own & (block == F.col("asked"))).alias("queried"),
        ),
    )
    others = F.filter(F.col("met"), lambda block: ~(F.col("indexed") & (block == F.col("held"))))
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
    if "visited" in carried:
        copied = copied.withColumn("visited", F.when(F.col("copy.queried"), F.col("visited")))
    return copied.select(*carried, "copy.pair", "copy.indexed", "copy.queried")
