"""The neighbourhood cleaning rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames.caching import held
from steelyard.params import NEIGHBORS, at_least_zero, param
from steelyard.sampling._docs import documented
from steelyard.sampling._strategy import Strategy
from steelyard.sampling._surroundings import Rows
from steelyard.under_sampling._cleaning import CleaningSampler, commonest, outvoted, settled


@documented
class NeighbourhoodCleaningRule(CleaningSampler):
    """Drop rows that their neighbours contradict, and neighbours that contradict a row of the rarest class [1]_.

    First, rows of the cleaned classes that the commonest class of their neighbours contradicts. Second, for each row
    of the rarest class that its neighbourhood (itself and its n - 1 nearest) takes for another class, those of its n
    nearest that belong to a cleaned class with more than `threshold_cleaning` times the rows of the rarest. Gives
    imbalanced-learn's rows wherever the last of the neighbours is not tied.

    Costs three scans of the table (label; features; rows), one shuffle for ids of rows, one search of the cleaned and
    the rarest class with one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells. To
    apply the result, ids are computed anew (one shuffle of the table) and joined to the ids of the dropped rows.

    Parameters
    ----------
    {columns}
    {clean}
    n_neighbors : int, default 3
        Neighbours that have a say.
    threshold_cleaning : float, default 0.5
        How large a class must be to lose neighbours of rare rows, as a multiple of the rarest class.
    {counted}
    {features}
    {search}

    References
    ----------
    .. [1] Laurikkala, "Improving identification of difficult small classes by balancing class distribution", AIME,
       2001.

    Examples
    --------
    >>> resampled = NeighbourhoodCleaningRule(label_col="is_fraud").fit_resample(df)
    """

    name = "neighbourhood_cleaning_rule"

    n_neighbors = param("n_neighbors", "how many nearest rows have a say", NEIGHBORS)
    threshold_cleaning = param("threshold_cleaning", "how large a class must be, against the rarest", at_least_zero)

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
        threshold_cleaning: float = 0.5,
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
        rare, k = rows.rarest, self.getOrDefault("n_neighbors")
        near = held(rows.neighbors(k, list({*rows.cleaned, rare})))
        contradicted = near.where(F.col("own").isin(rows.codes(rows.cleaned)) & outvoted("mode"))
        least = rows.counts[rare] * self.getOrDefault("threshold_cleaning")
        large = rows.codes([c for c in rows.cleaned if rows.counts[c] > least])
        seen_as = commonest(F.concat(F.array("own"), F.slice("classes", 1, k - 1)))
        mistaken = near.where((F.col("own") == rows.codes([rare])[0]) & (seen_as != F.col("own")))
        neighbor = F.explode(F.arrays_zip("neighbors", "classes")).alias("n")
        rivals = mistaken.select(neighbor).select(F.col("n.neighbors").alias("row_id"), F.col("n.classes").alias("own"))
        both = contradicted.select("row_id", "own").unionByName(rivals.where(F.col("own").isin(large)))
        return settled(both.distinct(), rows)
