"""The neighbourhood cleaning rule."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames.caching import checkpointed
from steelyard.params import NEIGHBORS, Parameter, at_least_zero, param
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import CleaningSampler, commonest, outvoted, settled


class NeighbourhoodCleaningRule(CleaningSampler):
    """Drop rows whose neighbours are of another class, and neighbours that misclassify a row of the rarest class [1]_.

    First, it drops rows of the cleaned classes whose neighbours are mostly of another class. Second, for each row of
    the rarest class that its neighbourhood (itself and its n - 1 nearest) misclassifies, it drops those of its n
    nearest rows that belong to a cleaned class with more than `threshold_cleaning` times the rows of the rarest. Keeps
    exactly the rows of imbalanced-learn, unless the last of the neighbours is tied.

    Costs three scans of the table (label; features; rows), one shuffle for ids of rows, one search of the cleaned and
    the rarest class with one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells. To
    apply the result, ids are computed again (one shuffle of the table) and joined to the ids of the dropped rows.

    References
    ----------
    .. [1] Laurikkala, "Improving identification of difficult small classes by balancing class distribution", AIME,
       2001.

    Examples
    --------
    >>> resampled = NeighbourhoodCleaningRule(label_col="is_fraud").fit_resample(df)
    """

    name = "neighbourhood_cleaning_rule"

    n_neighbors: Parameter[int] = param("number of nearest rows that vote", NEIGHBORS, default=3)
    threshold_cleaning: Parameter[float] = param(
        "how large a class must be to lose neighbours of rare rows, as a multiple of the rarest class",
        at_least_zero,
        default=0.5,
    )

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame | None, Mapping[str, int]]:
        rare, k = rows.rarest, self.getOrDefault("n_neighbors")
        near = checkpointed(rows.neighbors(k, list({*rows.cleaned, rare})))
        contradicted = near.where(F.col("own").isin(rows.codes(rows.cleaned)) & outvoted("mode"))
        least = rows.counts[rare] * self.getOrDefault("threshold_cleaning")
        large = rows.codes([c for c in rows.cleaned if rows.counts[c] > least])
        seen_as = commonest(F.concat(F.array("own"), F.slice("classes", 1, k - 1)))
        mistaken = near.where((F.col("own") == rows.codes([rare])[0]) & (seen_as != F.col("own")))
        neighbor = F.explode(F.arrays_zip("neighbors", "classes")).alias("n")
        rivals = mistaken.select(neighbor).select(F.col("n.neighbors").alias("row_id"), F.col("n.classes").alias("own"))
        both = contradicted.select("row_id", "own").unionByName(rivals.where(F.col("own").isin(large)))
        return settled(both.distinct(), rows)
