"""SMOTE and Tomek links."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.combine.base import CombinedSampler
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import linked


class SMOTETomek(CombinedSampler):
    """SMOTE, then drop the rows in Tomek links [1]_.

    Rows are made as SMOTE makes them, or SMOTENC where there are categories: before cleaning, the table is the one
    that these give with the same parameters, with exactly the counts that are asked for. Then rows are dropped
    that are, with a row of another class, each other's nearest, in all classes and new rows included, as in
    imbalanced-learn: those that TomekLinks drops from that table.
    How many these are, the data say: the plan tells the counts of the result, and in ``details`` those before cleaning.
    Distances are taken with the scales, and categories weighed with the spreads, of the table as it was given; equal
    rows count as neighbours while rows are dropped.

    imbalanced-learn takes two samplers as parameters. Here their parameters are this one's, so that grids and pipelines
    in YAML reach them: `cleaning_strategy` is the ``sampling_strategy`` of its ``tomek``.

    Costs what SMOTE costs, and one search of neighbours among all rows, old and new: one scan more, one shuffle of the
    table for ids of rows, one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells.
    New rows are made once and kept on the executors, in memory or on disk, while the result is referred to. To apply
    the result, ids are recomputed (one shuffle of the table), and those of dropped rows are joined to both.

    References
    ----------
    .. [1] Batista, Bazzan, Monard, "Balancing training data for automated annotation of keywords: a case study", WOB,
       2003.

    Examples
    --------
    >>> resampled = SMOTETomek(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smote_tomek"

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame, Mapping[str, int]]:
        return linked(rows)
