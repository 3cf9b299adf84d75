"""Condensed nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark import keyword_only

from steelyard.params import NEIGHBORS, param, whole
from steelyard.sampling._docs import documented
from steelyard.sampling._engine._base import EngineSampler
from steelyard.sampling._strategy import Strategy


class Condensing(EngineSampler):
    """Base of the methods that begin with a few rows of a class."""

    sampling_type = "clean-sampling"

    n_neighbors = param("n_neighbors", "by how many of the rows kept so far a row is judged; one by default", NEIGHBORS)
    n_seeds_S = param("n_seeds_S", "how many rows of a class are kept at the beginning, by chance", whole(1, 100_000))  # noqa: N815


@documented
class CondensedNearestNeighbour(Condensing):
    """Keep the rows that their nearest neighbours among the kept ones would get wrong [1]_.

    All rows of the rarest class and a few of another are kept at first; a row of the other that those would take for
    rare is kept as well, one after the other, in the order of row ids. imbalanced-learn's own code, on rows in the
    order of their ids: the rows that it keeps in one process.

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
    .. [1] Hart, "The condensed nearest neighbor rule", IEEE Transactions on Information Theory 14, 1968.

    Examples
    --------
    >>> resampled = CondensedNearestNeighbour(label_col="is_fraud").fit_resample(df)
    """

    name = "condensed_nearest_neighbour"

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
        from imblearn.under_sampling import CondensedNearestNeighbour

        return CondensedNearestNeighbour(**self._given("n_neighbors", "n_seeds_S"))
