"""AllKNN."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.params import Parameter, flag, param
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import Editing


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
