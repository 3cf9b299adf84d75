"""Tomek links."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames.caching import held
from steelyard.sampling._surroundings import Rows
from steelyard.under_sampling._cleaning import CleaningSampler, settled


class TomekLinks(CleaningSampler):
    """Drop rows in Tomek links [1]_: pairs of rows of different classes, each the nearest row of the other.

    Gives imbalanced-learn's rows wherever the nearest neighbour is not tied; of rows equally near the one with the
    smaller id counts.

    Costs three scans of the table (label; features; rows), one shuffle for ids of rows, one search of all rows with
    one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells. To apply the result, ids
    are computed anew (one shuffle of the table) and joined to the ids of the dropped rows.

    References
    ----------
    .. [1] Tomek, "Two modifications of CNN", IEEE Transactions on Systems, Man, and Cybernetics 6, 1976.

    Examples
    --------
    >>> resampled = TomekLinks(label_col="is_fraud").fit_resample(df)
    """

    name = "tomek_links"

    def _dropped(self, rows: Rows) -> tuple[DataFrame | None, Mapping[str, int]]:
        return linked(rows)


def linked(rows: Rows) -> tuple[DataFrame, dict[str, int]]:
    """Drop the rows in Tomek links."""
    near = held(rows.neighbors(1, list(rows.counts)).where(F.size("neighbors") > 0))
    one = near.select("row_id", "own", F.col("neighbors")[0].alias("other"))
    # Columns made anew: a join of a frame with itself is told apart by them.
    other = near.select((F.col("row_id") + 0).alias("other"), (F.col("neighbors")[0] + 0).alias("back"))
    rivals = near.where(F.col("classes")[0] != F.col("own")).select((F.col("row_id") + 0).alias("row_id"))
    links = one.join(rivals, "row_id", "left_semi").join(other, "other").where(F.col("back") == F.col("row_id"))
    return settled(links.where(F.col("own").isin(rows.codes(rows.cleaned))), rows)
