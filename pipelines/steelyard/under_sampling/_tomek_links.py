"""Tomek links."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import CleaningSampler, linked


class TomekLinks(CleaningSampler):
    """Drop rows in Tomek links [1]_: two rows of different classes that are each other's nearest neighbour.

    Keeps exactly the rows of imbalanced-learn, unless the nearest neighbour is tied; among equally near rows, the
    smaller id counts.

    Costs three scans of the table (label; features; rows), one shuffle for ids of rows, one search of all rows with one
    crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells. To apply the result, ids are
    computed again (one shuffle of the table) and joined to the ids of the dropped rows.

    References
    ----------
    .. [1] Tomek, "Two modifications of CNN", IEEE Transactions on Systems, Man, and Cybernetics 6, 1976.

    Examples
    --------
    >>> resampled = TomekLinks(label_col="is_fraud").fit_resample(df)
    """

    name = "tomek_links"

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame | None, Mapping[str, int]]:
        return linked(rows)
