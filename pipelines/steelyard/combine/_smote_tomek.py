"""SMOTE and Tomek links."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.combine.base import CombinedSampler
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import linked


class SMOTETomek(CombinedSampler):
    """SMOTE, then drop the rows in Tomek links [1]_.

    Rows are made and cleaned as in SMOTEENN, but the dropped rows are those that TomekLinks drops from the table with
    the new rows. In imbalanced-learn's terms, `cleaning_strategy` is the ``sampling_strategy`` of its ``tomek``.

    Costs what SMOTEENN costs.

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
