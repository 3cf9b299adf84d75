"""Repeated edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.params import Parameter, param, whole
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import Editing


class RepeatedEditedNearestNeighbours(Editing):
    """Drop rows whose nearest neighbours are of another class, repeatedly, until there are none [1]_.

    As in imbalanced-learn, it also ends when a class has become smaller than the rarest one was, when a class has
    disappeared, or after `max_iter` rounds. Keeps exactly the rows of imbalanced-learn, unless the last of the
    neighbours is tied in a round.

    Costs what EditedNearestNeighbours costs, once per round.

    References
    ----------
    .. [1] Tomek, "An experiment with the edited nearest-neighbor rule", IEEE Transactions on Systems, Man, and
       Cybernetics 6, 1976.

    Examples
    --------
    >>> resampled = RepeatedEditedNearestNeighbours(label_col="is_fraud").fit_resample(df)
    """

    name = "repeated_edited_nearest_neighbours"

    max_iter: Parameter[int] = param("maximum number of rounds", whole(1), default=100)

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame | None, Mapping[str, int]]:
        k = self.getOrDefault("n_neighbors")
        return self._in_rounds(rows, [k] * self.getOrDefault("max_iter"), allow_minority=False, converging=True)
