"""Centroids in place of rows."""

from __future__ import annotations

from typing import Any

from steelyard.params import Parameter, one_of, param
from steelyard.sampling.engine.base import EngineSampler
from steelyard.sampling.params import scikit_learn_object


class ClusterCentroids(EngineSampler):
    """Replace the rows of a class by cluster centroids, one per requested row [1]_.

    Runs imbalanced-learn's own code on rows ordered by id: the centroids are those that it finds in one process. With
    `voting="hard"`, the rows nearest to the centroids are kept instead; a row that is nearest to two of them is
    returned once unchanged and once as a new row.

    k-means makes rows × clusters comparisons many times: to keep many rows, RandomUnderSampler is much cheaper and as
    good. By cells, each cell has its share of the centroids.

    Costs what `steelyard.sampling.ImblearnSampler` costs; its notes on features and new rows apply here too.

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

    estimator: Parameter[Any] = param(
        "in place of scikit-learn's KMeans, a clustering that has n_clusters and finds cluster_centers_, whose "
        "random_state is set where it is None. A sampler with an object can't be saved",
        scikit_learn_object("n_clusters"),
        default=None,
    )
    voting: Parameter[str] = param(
        "'soft': centroids; 'hard': the rows nearest to them; 'auto' is 'soft': features are dense here",
        one_of("auto", "soft", "hard"),
        default="auto",
    )

    def _wrapped(self) -> Any:
        from imblearn.under_sampling import ClusterCentroids

        return ClusterCentroids(**self._given("estimator", "voting"))
