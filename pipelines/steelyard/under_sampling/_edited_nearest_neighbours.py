"""Edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import Editing


class EditedNearestNeighbours(Editing):
    """Drop rows whose nearest neighbours are of another class [1]_.

    Keeps exactly the rows of imbalanced-learn, unless the last of the neighbours is tied.

    Costs three scans of the table (label; features; rows), one shuffle for ids of rows, one search of the cleaned
    classes with one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells. To apply the
    result, ids are computed again (one shuffle of the table) and joined to the ids of the dropped rows.

    References
    ----------
    .. [1] Wilson, "Asymptotic properties of nearest neighbor rules using edited data", IEEE Transactions on Systems,
       Man, and Cybernetics 2, 1972.

    Examples
    --------
    >>> resampled = EditedNearestNeighbours(label_col="is_fraud").fit_resample(df)
    """

    name = "edited_nearest_neighbours"

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame | None, Mapping[str, int]]:
        return self._edited(rows, self.getOrDefault("n_neighbors"))
