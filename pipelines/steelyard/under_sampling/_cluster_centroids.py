"""Centroids in place of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark import keyword_only

from steelyard.params import one_of, param
from steelyard.sampling._docs import documented
from steelyard.sampling._engine._base import EngineSampler
from steelyard.sampling._engine._params import estimator
from steelyard.sampling._strategy import Strategy


@documented
class ClusterCentroids(EngineSampler):
    """Replace the rows of a class by the centroids of as many clusters as rows are wanted [1]_.

    imbalanced-learn's own code, on rows in the order of their ids: the centroids that it finds in one process. With
    `voting="hard"` the rows nearest to the centroids are kept instead; a row that is nearest to two of them comes once
    as it is and once as a new row.

    k-means takes rows × clusters comparisons many times: where many rows are to be left, RandomUnderSampler does as
    well for nothing. By cells, each cell has its share of the centroids.

    {engine}

    Parameters
    ----------
    {columns}
    {under}
    estimator : object, optional
        In place of scikit-learn's KMeans, a clustering that has `n_clusters` and finds `cluster_centers_`. Its
        `random_state` is set where it is None. For Python only: a sampler that has one can't be saved.
    voting : {"auto", "soft", "hard"}, default "auto"
        "auto" is "soft": features are dense here.
    {numbers}
    {scope}

    References
    ----------
    .. [1] Yen, Lee, "Cluster-based under-sampling approaches for imbalanced data distributions", Expert Systems with
       Applications 36, 2009.

    Examples
    --------
    >>> resampled = ClusterCentroids(label_col="is_fraud", sampling_strategy=0.5).fit_resample(df)
    """

    name = "cluster_centroids"
    sampling_type = "under-sampling"
    makes_rows = True
    replaces = True

    estimator = param("estimator", "a clustering in place of k-means; can't be saved", estimator("n_clusters"))
    voting = param("voting", "'soft': centroids; 'hard': the rows nearest to them", one_of("auto", "soft", "hard"))

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
        estimator: Any = None,
        voting: str = "auto",
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
        from imblearn.under_sampling import ClusterCentroids

        return ClusterCentroids(**self._given("estimator", "voting"))
