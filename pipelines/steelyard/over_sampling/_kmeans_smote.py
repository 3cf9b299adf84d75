"""SMOTE inside clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark import keyword_only

from steelyard.params import NEIGHBORS, param
from steelyard.sampling._docs import documented
from steelyard.sampling._engine._base import EngineSampler
from steelyard.sampling._engine._params import auto_or_number, clusters
from steelyard.sampling._params import HasMaxNewRows
from steelyard.sampling._strategy import Strategy


@documented
class KMeansSMOTE(EngineSampler, HasMaxNewRows):
    """SMOTE inside those k-means clusters in which a class is at home, more where it is sparse [1]_.

    imbalanced-learn's own code, on rows in the order of their ids. It rounds the share of each cluster up; of the
    surplus, the rows with the smallest hashes are dropped here, so that counts are exact, and all others are the rows
    that it makes in one process. Distances within a cluster are held at once: 8 bytes for each pair of its rows of
    a class. (Numbers that all are a million times farther from zero than from one another, such as times in
    microseconds, are moved near to it meanwhile: their squares would be mere rounding.)

    {engine}

    imbalanced-learn's `n_jobs` has no counterpart: a task has one thread.

    Parameters
    ----------
    {columns}
    {over}
    k_neighbors : int, default 2
    kmeans_estimator : int or object, optional
        Number of clusters (8 by default); or, in place of scikit-learn's MiniBatchKMeans, a clustering that has
        `n_clusters`. Its `random_state` is set where it is None. An object is for Python only: a sampler that has one
        can't be saved.
    cluster_balance_threshold : "auto" or float, default "auto"
        Share of a class's rows in a cluster from which on it is at home there.
    density_exponent : "auto" or float, default "auto"
    {numbers}
    {scope}

    References
    ----------
    .. [1] Douzas, Bacao, Last, "Improving imbalanced learning through a heuristic oversampling method based on k-means
       and SMOTE", Information Sciences 465, 2018.

    Examples
    --------
    >>> resampled = KMeansSMOTE(label_col="is_fraud", kmeans_estimator=1).fit_resample(df)
    """

    name = "kmeans_smote"
    sampling_type = "over-sampling"
    neighbors = "k_neighbors"
    near = True

    k_neighbors = param("k_neighbors", "how many nearest rows of its class and cluster a row is paired with", NEIGHBORS)
    kmeans_estimator = param("kmeans_estimator", "number of clusters, or a clustering, which can't be saved", clusters)
    cluster_balance_threshold = param(
        "cluster_balance_threshold", "share of a class in a cluster that is enough, or 'auto'", auto_or_number
    )
    density_exponent = param("density_exponent", "how much sparse clusters are favoured, or 'auto'", auto_or_number)

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
        max_new_rows: int | None = None,
        k_neighbors: int = 2,
        kmeans_estimator: Any = None,
        cluster_balance_threshold: float | str = "auto",
        density_exponent: float | str = "auto",
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
        from imblearn.over_sampling import KMeansSMOTE

        names = ("k_neighbors", "kmeans_estimator", "cluster_balance_threshold", "density_exponent")
        return KMeansSMOTE(**self._given(*names))
