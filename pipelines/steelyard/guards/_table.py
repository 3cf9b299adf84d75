"""Read a table for all expectations of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from steelyard.guards._cells import CellQuery, count_cells
from steelyard.guards._chance import with_chances
from steelyard.guards._same_rows import find_overlaps
from steelyard.guards._seen import Cells, Overlaps


@dataclass(frozen=True)
class Seen:
    """What the expectations of a suite need to know of a table; None if none of them needs it."""

    cells: Cells | None
    overlaps: Overlaps | None


def look(
    df: DataFrame,
    by: Sequence[Sequence[str]] | None = None,
    measures: Sequence[Any] | None = None,
    kinds: Sequence[Any] | None = None,
) -> Seen:
    """Count cells and find overlaps, in one scan and action.

    A second one is needed if a time is text or a floating-point number, and two more for each kind of which more rows
    are the same than it allows without chance.

    Parameters
    ----------
    df : DataFrame
    by, measures : sequence, optional
        The cells, see `steelyard.guards._needs.cells`.
    kinds : sequence, optional
        The overlaps, see `steelyard.guards._needs.same_rows`.
    """
    query = CellQuery(df, by, measures or ()) if by is not None else None
    overlaps, cells = None, None
    if kinds:
        overlaps, cells = find_overlaps(df, kinds, query if query is not None and query.in_workers else None)
        overlaps = with_chances(df, overlaps)
    if query is not None and cells is None:
        cells = count_cells(query)
    return Seen(cells, overlaps)
