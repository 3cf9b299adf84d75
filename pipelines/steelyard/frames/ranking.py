"""The first rows of each group by a number that is computed: exact counts, no sort, no group in one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import of_key
from steelyard.frames.workers import in_worker
from steelyard.hashing import cuts

_LAST = 2**63 - 1
_TASK = "steelyard.frames._rank_task"


def ranked(rows: DataFrame, *, descending: bool = False) -> DataFrame:
    """Replace ``values`` by ``position``, a bigint that orders the rows as the means of their values do.

    Costs one crossing into Python.

    Parameters
    ----------
    rows : DataFrame
        ``row_id``, ``own`` and ``values`` (array<double>, none negative).
    descending : bool, default False
        The largest mean comes first.
    """
    narrow = rows.select("row_id", "own", "values")
    task = in_worker(_TASK, "ranked", descending=descending)
    return narrow.mapInArrow(task, "row_id bigint, own int, position bigint")


@dataclass(frozen=True)
class Line:
    """The end of the first rows of a group.

    Parameters
    ----------
    position, row_id : int
        Of the last of them: at its position, rows with larger ids come after it. -1 where there is none.
    count : int
        How many they are.
    """

    position: int
    row_id: int
    count: int


def find_lines(rows: DataFrame, wanted: Mapping[int, int]) -> dict[int, Line]:
    """Find the end of the first rows of each group: by position, ties by id.

    Costs two narrow aggregations, and two more where rows at the end share a position.

    Parameters
    ----------
    rows : DataFrame
        ``row_id`` (unique, not negative), ``own`` (int, the group) and ``position``; read several times. Rows without a
        position are nowhere.
    wanted : mapping of int to int
        Requested rows of each group; where there are fewer, the line's count is less.
    """
    placed = rows.where(F.col("position").isNotNull())
    group = _places(wanted)
    by_position = cuts(placed, F.col("position"), group, {str(g): [n] for g, n in wanted.items()}, ties="exact")
    found = {int(g): cut for g, (cut,) in by_position.items()}
    tied = {g: (cut, *cut.equal[cut.below]) for g, cut in found.items() if cut.equal}
    lines = {g: Line(cut.below - 1, _LAST, cut.count) for g, cut in found.items() if g not in tied}
    if tied:
        equal = placed.where(_at({g: cut.below for g, (cut, *_) in tied.items()}))
        group = _places(tied)
        by_id = cuts(equal, F.col("row_id"), group, {str(g): [take] for g, (_, take, _) in tied.items()}, ties="exact")
        lines |= {g: Line(cut.below, by_id[str(g)][0].below - 1, cut.count) for g, (cut, *_) in tied.items()}
    return lines


def before(lines: Mapping[int, Line]) -> Column:
    """Return whether a row is one of the first of its group. A pure column expression."""
    position = _of_group({g: line.position for g, line in lines.items()})
    row_id = _of_group({g: line.row_id for g, line in lines.items()})
    at = F.col("position")
    return F.coalesce((at < position) | ((at == position) & (F.col("row_id") <= row_id)), F.lit(False))


def _at(positions: Mapping[int, int]) -> Column:
    return F.col("position") == _of_group(positions)


def _places(groups: Iterable[int]) -> Column:
    """Return the place of a row's group among some groups."""
    return _of_group({g: place for place, g in enumerate(groups)}).cast("int")


def _of_group(values: Mapping[int, int]) -> Column:
    return of_key(values, F.col("own"), "bigint", plain=True)
