"""One-sided selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark import keyword_only

from steelyard.sampling._docs import documented
from steelyard.sampling._strategy import Strategy
from steelyard.under_sampling._condensed_nearest_neighbour import Condensing


@documented
class OneSidedSelection(Condensing):
    """Keep what a few rows of a class would get wrong, then drop the rows of it in Tomek links [1]_.

    All rows of the rarest class and a few of another are kept at first; of the other's rows those that are nearest to
    a rare one are kept as well. imbalanced-learn's own code, on rows in the order of their ids: the rows that it keeps
    in one process.

    {engine}

    imbalanced-learn's `n_jobs` has no counterpart: a task has one thread.

    Parameters
    ----------
    {columns}
    {clean_random}
    n_neighbors : int, optional
        1 by default. imbalanced-learn takes a classifier object as well, which has no counterpart.
    n_seeds_S : int, default 1
    {numbers}
    {scope}

    References
    ----------
    .. [1] Kubat, Matwin, "Addressing the curse of imbalanced training sets: one-sided selection", ICML 1997.

    Examples
    --------
    >>> resampled = OneSidedSelection(label_col="is_fraud").fit_resample(df)
    """

    name = "one_sided_selection"

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
        n_neighbors: int | None = None,
        n_seeds_S: int = 1,
        categorical_features: Sequence[str] | None = None,
        missing: str = "error",
        scale: str = "none",
        provenance: bool = False,
        scope: str = "one_task",
        max_rows: int = 50_000,
    ) -> None:
        super().__init__()
        self._configure()

    def _wrapped(self) -> Any:
        from imblearn.under_sampling import OneSidedSelection

        return OneSidedSelection(**self._given("n_neighbors", "n_seeds_S"))
