"""Edited nearest neighbours, once and repeated."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.params import Parameter, flag, param, whole
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


class AllKNN(Editing):
    """Drop rows whose nearest neighbours are of another class, with 1, 2, … `n_neighbors` neighbours in turn [1]_.

    As in imbalanced-learn, each round works on the rows that the previous one kept (the paper drops all at the end).
    The rounds end when a class has become smaller than the rarest one was, unless `allow_minority`, or has disappeared.
    Keeps exactly the rows of imbalanced-learn, unless the last of the neighbours is tied in a round.

    Costs what EditedNearestNeighbours costs, once per round.

    References
    ----------
    .. [1] Tomek, "An experiment with the edited nearest-neighbor rule", IEEE Transactions on Systems, Man, and
       Cybernetics 6, 1976.

    Examples
    --------
    >>> resampled = AllKNN(label_col="is_fraud").fit_resample(df)
    """

    name = "all_knn"

    allow_minority: Parameter[bool] = param(
        "whether classes may become smaller than the rarest one was", flag, default=False
    )

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame | None, Mapping[str, int]]:
        ks = range(1, self.getOrDefault("n_neighbors") + 1)
        return self._in_rounds(rows, ks, allow_minority=self.getOrDefault("allow_minority"), converging=False)
