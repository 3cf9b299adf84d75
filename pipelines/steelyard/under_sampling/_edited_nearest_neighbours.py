"""Edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.sampling._docs import documented
from steelyard.sampling._strategy import Strategy
from steelyard.sampling._surroundings import Rows
from steelyard.under_sampling._cleaning import Editing


@documented
class EditedNearestNeighbours(Editing):
    """Drop rows that their nearest neighbours contradict [1]_.

    Gives imbalanced-learn's rows wherever the last of the neighbours is not tied.

    Costs three scans of the table (label; features; rows), one shuffle for ids of rows, one search of the classes that
    may lose rows with one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells. To
    apply the result, ids are computed anew (one shuffle of the table) and joined to the ids of the dropped rows.

    Parameters
    ----------
    {columns}
    {clean}
    n_neighbors : int, default 3
        Neighbours that have a say.
    kind_sel : {"all", "mode"}, default "all"
        A row stays if all of its neighbours are of its class, or if the commonest class among them is its own.
    {counted}
    {features}
    {search}

    References
    ----------
    .. [1] Wilson, "Asymptotic properties of nearest neighbor rules using edited data", IEEE Transactions on Systems,
       Man, and Cybernetics 2, 1972.

    Examples
    --------
    >>> resampled = EditedNearestNeighbours(label_col="is_fraud").fit_resample(df)
    """

    name = "edited_nearest_neighbours"

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
        return self._edited(rows, self.getOrDefault("n_neighbors"))
