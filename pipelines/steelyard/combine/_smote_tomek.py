"""SMOTE and Tomek links."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.combine.base import CombinedSampler
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import linked


class SMOTETomek(CombinedSampler):
    """SMOTE, then drop the rows in Tomek links [1]_.

    New rows are those of SMOTE, or of SMOTENC with categories: before cleaning, the table equals their result with the
    same parameters, with exactly the requested counts. Then rows of all classes, new ones included, are dropped as in
    imbalanced-learn: those that TomekLinks drops from that table. The number of dropped rows depends on the data: the
    plan has the counts of the result, and in ``details`` those before cleaning. Distances use the scales and category
    weights of the original table; equal rows count as neighbours in cleaning.

    imbalanced-learn takes two samplers as parameters. Here their parameters belong to this sampler, so that grids and
    YAML can set them: `cleaning_strategy` is the ``sampling_strategy`` of its ``tomek``.

    Costs what SMOTE costs, plus one search of neighbours among all rows, old and new: one scan, one shuffle of the
    table for ids of rows, one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells.
    New rows are made once and stored on the executors, in memory or on disk, while the result is in use. To apply the
    result, ids are computed again (one shuffle of the table), and the ids of dropped rows are joined to both.

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
