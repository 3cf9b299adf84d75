"""Condensed nearest neighbours and one-sided selection."""

from __future__ import annotations

from typing import Any

from steelyard.params import NEIGHBORS, Parameter, param, whole
from steelyard.sampling.engine.base import EngineSampler


class Condensing(EngineSampler):
    """Base of the methods that begin with a few rows of a class."""

    sampling_type = "clean-sampling"

    n_neighbors: Parameter[int | None] = param(
        "number of nearest kept rows that classify a row; 1 by default", NEIGHBORS, default=None
    )
    n_seeds_S: Parameter[int] = param(  # noqa: N815
        "number of random rows of a class that are kept at first", whole(1, 100_000), default=1
    )


class CondensedNearestNeighbour(Condensing):
    """Keep the rows that their nearest neighbours among the kept rows misclassify [1]_.

    At first, all rows of the rarest class and a few rows of another class are kept. Each other row of that class, in
    the order of row ids, is kept too if the kept rows misclassify it. Runs imbalanced-learn's own code on rows ordered
    by id: the rows are those that it keeps in one process.

    Costs what `steelyard.sampling.ImblearnSampler` costs; its notes on features and new rows apply here too.

    imbalanced-learn's `n_jobs` has no counterpart: a task has one thread.

    References
    ----------
    .. [1] Hart, "The condensed nearest neighbor rule", IEEE Transactions on Information Theory 14, 1968.

    Examples
    --------
    >>> resampled = CondensedNearestNeighbour(label_col="is_fraud").fit_resample(df)
    """

    name = "condensed_nearest_neighbour"

    def _wrapped(self) -> Any:
        from imblearn.under_sampling import CondensedNearestNeighbour

        return CondensedNearestNeighbour(**self._given("n_neighbors", "n_seeds_S"))


class OneSidedSelection(Condensing):
    """Keep the rows that a few rows of their class misclassify, then drop those in Tomek links [1]_.

    At first, all rows of the rarest class and a few rows of another class are kept; rows of that class that are nearest
    to a row of the rarest class are kept too. Runs imbalanced-learn's own code on rows ordered by id: the rows are
    those that it keeps in one process.

    Costs what `steelyard.sampling.ImblearnSampler` costs; its notes on features and new rows apply here too.

    imbalanced-learn's `n_jobs` has no counterpart: a task has one thread.

    References
    ----------
    .. [1] Kubat, Matwin, "Addressing the curse of imbalanced training sets: one-sided selection", ICML 1997.

    Examples
    --------
    >>> resampled = OneSidedSelection(label_col="is_fraud").fit_resample(df)
    """

    name = "one_sided_selection"

    def _wrapped(self) -> Any:
        from imblearn.under_sampling import OneSidedSelection

        return OneSidedSelection(**self._given("n_neighbors", "n_seeds_S"))
