"""SMOTE inside clusters."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

from steelyard.params import NEIGHBORS, Check, Parameter, number, param, wrong
from steelyard.sampling.engine.base import EngineSampler
from steelyard.sampling.params import HasMaxNewRows


def _clusters(name: str, value: object) -> Any:
    """Accept a number of clusters, or a clustering."""
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1:
        return int(value)
    if isinstance(value, type) or not hasattr(value, "fit_predict") or not hasattr(value, "n_clusters"):
        raise wrong(name, "a whole number, 1 or more, or a clustering object with n_clusters", value)
    return value


def _auto_or_number(name: str, value: object) -> float | str:
    return "auto" if value == "auto" else number(-math.inf, math.inf, "'auto' or a number")(name, value)


AUTO_OR_NUMBER = Check(_auto_or_number, {"anyOf": [{"const": "auto"}, {"type": "number"}]})


class KMeansSMOTE(HasMaxNewRows, EngineSampler):
    """SMOTE within k-means clusters where the class is frequent enough, with more rows in sparse clusters [1]_.

    Runs imbalanced-learn's own code on rows ordered by id. imbalanced-learn rounds the share of each cluster up; here,
    the surplus rows with the smallest hashes are dropped, so counts are exact, and all other rows are those that it
    makes in one process. Distances within a cluster are held in memory at once: 8 bytes per pair of its rows of a
    class. (Numeric features whose values are all a million times farther from zero than from one another, such as times
    in microseconds, are shifted meanwhile, because their squares would lose all precision.)

    Costs what `steelyard.sampling.ImblearnSampler` costs; its notes on features and new rows apply here too.

    imbalanced-learn's `n_jobs` has no counterpart: a task has one thread.

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

    k_neighbors: Parameter[int] = param(
        "number of nearest rows of its class and cluster with which a row is paired", NEIGHBORS, default=2
    )
    kmeans_estimator: Parameter[Any] = param(
        "number of clusters, 8 by default; or, in place of scikit-learn's MiniBatchKMeans, a clustering with "
        "n_clusters, whose random_state is set where it is None. A sampler with an object can't be saved",
        Check(_clusters, {"type": "integer", "minimum": 1}),
        default=None,
    )
    cluster_balance_threshold: Parameter[float | str] = param(
        "lowest share of a class among the rows of a cluster that gets new rows, or 'auto'",
        AUTO_OR_NUMBER,
        default="auto",
    )
    density_exponent: Parameter[float | str] = param(
        "how much sparse clusters are favoured, or 'auto'", AUTO_OR_NUMBER, default="auto"
    )

    def _wrapped(self) -> Any:
        from imblearn.over_sampling import KMeansSMOTE

        names = ("k_neighbors", "kmeans_estimator", "cluster_balance_threshold", "density_exponent")
        return KMeansSMOTE(**self._given(*names))
