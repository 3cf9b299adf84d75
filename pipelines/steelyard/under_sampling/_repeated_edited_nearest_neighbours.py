"""Repeated edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.params import param, whole
from steelyard.sampling._docs import documented
from steelyard.sampling._strategy import Strategy
from steelyard.sampling._surroundings import Rows
from steelyard.under_sampling._cleaning import Editing


@documented
class RepeatedEditedNearestNeighbours(Editing):
    """Drop rows that their nearest neighbours contradict, again and again, until none is [1]_.

    Ends, as in imbalanced-learn, also when a class has become smaller than the rarest one was, when a class has
    disappeared, or after `max_iter` rounds. Gives imbalanced-learn's rows wherever the last of the neighbours is not
    tied in any round.

    Costs what EditedNearestNeighbours costs, once for each round.

    Parameters
    ----------
    {columns}
    {clean}
    n_neighbors : int, default 3
        Neighbours that have a say.
    kind_sel : {"all", "mode"}, default "all"
        A row stays if all of its neighbours are of its class, or if the commonest class among them is its own.
    max_iter : int, default 100
        Rounds at most.
    {counted}
    {features}
    {search}

    References
    ----------
    .. [1] Tomek, "An experiment with the edited nearest-neighbor rule", IEEE Transactions on Systems, Man, and
       Cybernetics 6, 1976.

    Examples
    --------
    >>> resampled = RepeatedEditedNearestNeighbours(label_col="is_fraud").fit_resample(df)
    """

    name = "repeated_edited_nearest_neighbours"

    max_iter = param("max_iter", "rounds at most", whole(1))

    @keyword_only
    def __init__(
        self,
        *,
        label_col: str = "label",
        features_col: str | Sequence[str] | None = None,
        key_col: str | Sequence[str] | None = None,
        group_col: str | None = None,
        time_col: str | None = None,
        weight_col: str | None = None,
        cost_cols: str | Sequence[str] | None = None,
        sampling_strategy: Strategy = "auto",
        random_state: int = 0,
        n_neighbors: int = 3,
        kind_sel: str = "all",
        max_iter: int = 100,
        distinct_neighbors: bool = False,
        categorical_features: Sequence[str] | None = None,
        missing: str = "error",
        scale: str = "none",
        search: str = "auto",
        recall: float = 0.95,
        block_mb: int = 192,
    ) -> None:
        super().__init__()
        self._configure()

    def _dropped(self, rows: Rows) -> tuple[DataFrame | None, Mapping[str, int]]:
        k = self.getOrDefault("n_neighbors")
        return self._in_rounds(rows, [k] * self.getOrDefault("max_iter"), allow_minority=False, converging=True)
