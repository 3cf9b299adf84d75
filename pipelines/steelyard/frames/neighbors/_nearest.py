"""The nearest or farthest rows of each query row, and pairs of rows with their neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import clamped
from steelyard.frames.neighbors._blocks import TASKS, by_blocks
from steelyard.frames.neighbors._search import Search
from steelyard.frames.workers import in_worker, nullable

_PARTNERS = "steelyard.frames._partner_tasks"
# As `steelyard.kernels.interpolate.between`.
_WAY = f"zip_with(seed.x, neighbor.x, (a, b) -> {clamped('a + gap * (b - a)', 'a', 'b')})"


def nearest(points: DataFrame, search: Search) -> DataFrame:
    """Find the k nearest index rows of each query row; ties go to the smaller id.

    Costs one shuffle of `points`, in which index rows travel once for each block of queries and queries once for
    each block of the index that they meet, one crossing into Python (two where cells fill several blocks), and one
    shuffle of short lists where an index has more than one block. No row comes to the driver.

    Parameters
    ----------
    points : DataFrame
        ``within`` (string): only rows that agree in it are neighbours (a class; a constant for all rows);
        ``row_id`` (bigint): unique inside a set, a row is not its own neighbour; ``x`` (array<double>): finite, no
        nulls, all of one length; ``indexed`` and ``queried`` (boolean): whether the row is in the index, and whether
        its neighbours are asked for; ``carried``, optional: what lists hold of neighbours, of a type with an order.
    search : Search
        What neighbours are, and how they are looked for.

    Returns
    -------
    DataFrame
        ``within``, ``row_id``, ``neighbors`` (array<bigint>, nearest first), ``distances`` (array<double>) and, where
        rows carry something, the query's ``own`` and its neighbours' ``carried`` (array); shorter lists where the index
        holds too few rows.
    """
    schema = T.StructType().add("within", "string").add("row_id", "long")
    listed = T.StructType().add("total", "double").add("neighbor", "long")
    known = ["within", "row_id"]
    if "carried" in points.columns:
        carried = points.schema["carried"].dataType
        known, schema, listed = [*known, "own"], schema.add("own", carried), listed.add("carried", carried)
    whole = search.one_block()
    task = in_worker(TASKS, "search", whole=whole, **search.settings())
    found = by_blocks(points, search, task, nullable(schema.add("found", T.ArrayType(listed))))
    if not whole:
        merged = F.slice(F.array_sort(F.flatten(F.collect_list("found"))), 1, search.k)
        found = found.groupBy(*known).agg(merged.alias("found"))
    rooted = search.distance.name != "manhattan"
    distances = F.transform("found.total", F.sqrt) if rooted else F.col("found.total")
    named = {"neighbors": F.col("found.neighbor"), "distances": distances}
    if "carried" in points.columns:
        named["carried"] = F.col("found.carried")
    return found.select(*known, *[column.alias(name) for name, column in named.items()])


def farthest(points: DataFrame, search: Search) -> DataFrame:
    """Find the distances of each query row to the k index rows that are farthest from it. Always exact.

    Costs one shuffle of `points`, as `nearest` does, one crossing into Python, and one shuffle of short lists where an
    index has more than one block.

    Parameters
    ----------
    points : DataFrame
        As for `nearest`; ``carried`` must be there. A row that is in the index and queried is compared with itself too.
    search : Search
        Cells are of no use here.

    Returns
    -------
    DataFrame
        ``within``, ``row_id``, ``own`` and ``distances`` (array<double>, largest first).
    """
    search = replace(search, divisions={})
    listed = T.ArrayType(T.DoubleType())
    schema = T.StructType().add("within", "string").add("row_id", "long")
    schema = schema.add("own", points.schema["carried"].dataType).add("found", listed)
    found = by_blocks(points, search, in_worker(TASKS, "farthest", **search.settings()), schema)
    if not search.one_block():
        merged = F.reverse(F.array_sort(F.flatten(F.collect_list("found"))))
        found = found.groupBy("within", "row_id", "own").agg(F.slice(merged, 1, search.k).alias("found"))
    rooted = search.distance.name != "manhattan"
    distances = F.transform("found", F.sqrt) if rooted else F.col("found")
    return found.select("within", "row_id", "own", distances.alias("distances"))


def pairs(
    points: DataFrame, search: Search, *, seed: int, purpose: str, ballot: bool = False, numbers: int = 0
) -> DataFrame:
    """Pair rows with neighbours drawn from their k nearest, and draw a gap for each pair.

    Where the rows of every index fit one block, they are paired in the task that finds the neighbours, and the costs
    are those of `nearest`; else neighbours are found first, and the rows joined to them: two joins, one more crossing
    into Python. The pairs are the same.

    Parameters
    ----------
    points : DataFrame
        As for `nearest`, and ``uses`` (int): how many pairs a query is to have; ``row`` (struct, without vectors): what
        goes with the pairs. What is ``carried``, if anything, is a struct.
    search : Search
    seed : int
    purpose : str
        Of the draws, which are functions of these and the query's id.
    ballot : bool, default False
        Whether ``mode`` counts what the seed itself carries, and is drawn for each pair where values tie.
    numbers : int, default 0
        So many of the first numbers of ``x`` are interpolated.

    Returns
    -------
    DataFrame
        ``seed_id``, ``neighbor_id``, ``replicate`` (int, from 1), ``gap`` (double, in [0, 1)), the rows ``seed`` and
        ``neighbor`` (structs), with `numbers` the point at the gap between them, ``way`` (array<double>), and ``mode``
        (struct): the commonest values of what all k neighbours of the seed carry, of equally common ones the nearest.
        A query without any neighbour is paired with itself.
    """
    if not search.one_block():
        found = nearest(points.drop("uses", "row"), search)
        if not numbers:
            return pairs_from(found, points, seed=seed, purpose=purpose, ballot=ballot)
        points = points.withColumn("row", F.col("row").withField("x", F.slice("x", 1, numbers)))
        made = pairs_from(found, points, seed=seed, purpose=purpose, ballot=ballot)
        return made.withColumn("way", F.expr(_WAY))
    row = points.schema["row"].dataType
    schema = _drawn(row).add("neighbor", row)
    if "carried" in points.columns:
        schema = schema.add("mode", points.schema["carried"].dataType)
    if numbers:
        schema = schema.add("way", T.ArrayType(T.DoubleType()))
    draws: dict[str, Any] = {"seed": seed, "purpose": purpose, "ballot": ballot, "numbers": numbers, "whole": True}
    return by_blocks(points, search, in_worker(_PARTNERS, "pair_up", **draws, **search.settings()), nullable(schema))


def pairs_from(found: DataFrame, points: DataFrame, *, seed: int, purpose: str, ballot: bool = False) -> DataFrame:
    """Draw pairs from lists of neighbours that are known.

    Costs two joins by id, and one crossing into Python.

    Parameters
    ----------
    found : DataFrame
        ``within``, ``row_id``, ``neighbors`` and, if any, ``own`` and ``carried``, as from `nearest`.
    points : DataFrame
        ``within``, ``row_id``, ``indexed``, ``uses`` and ``row`` of all rows that may be in a pair.
    seed, purpose, ballot
        Of the draws.

    Returns
    -------
    DataFrame
        As `pairs` does.
    """
    kept = [c for c in ("within", "row_id", "neighbors", "own", "carried") if c in found.columns]
    seeds = points.where(F.col("uses") > 0).select("within", "row_id", "uses", F.col("row").alias("seed"))
    known = found.select(*kept).join(seeds, ["within", "row_id"])
    schema = T.StructType().add("within", "string")
    schema = T.StructType([*schema.fields, *_drawn(points.schema["row"].dataType).fields])
    if "carried" in kept:
        schema = schema.add("mode", found.schema["carried"].dataType.elementType)  # type: ignore[attr-defined]
    drawn = known.mapInArrow(
        in_worker(_PARTNERS, "draw_partners", seed=seed, purpose=purpose, ballot=ballot), nullable(schema)
    )
    # A join of a frame with itself needs new attributes.
    other, own = (F.col("row_id") + 0).alias("neighbor_id"), F.concat("within", F.lit("")).alias("within")
    partners = points.where("indexed").select(own, other, F.col("row").alias("neighbor"))
    return drawn.join(partners, ["within", "neighbor_id"]).drop("within")


def _drawn(row: T.DataType) -> T.StructType:
    drawn = T.StructType()
    for name, kind in (("seed_id", "long"), ("neighbor_id", "long"), ("replicate", "integer"), ("gap", "double")):
        drawn = drawn.add(name, kind)
    return drawn.add("seed", row)
