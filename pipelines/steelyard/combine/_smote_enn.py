"""SMOTE and edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.combine.base import CombinedSampler
from steelyard.params import Parameter
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import Editing, edited


class SMOTEENN(CombinedSampler):
    """SMOTE, then drop the rows that their nearest neighbours contradict [1]_.

    Rows are made as SMOTE makes them, or SMOTENC where there are categories: before cleaning, the table is the one
    that these give with the same parameters, with exactly the counts that are asked for. Then rows are dropped
    that their `n_neighbors` nearest contradict, in all classes and new rows included, as in imbalanced-learn: those
    that EditedNearestNeighbours drops from that table.
    How many these are, the data say: the plan tells the counts of the result, and in ``details`` those before cleaning.
    Distances are taken with the scales, and categories weighed with the spreads, of the table as it was given; equal
    rows count as neighbours while rows are dropped.

    imbalanced-learn takes two samplers as parameters. Here their parameters are this one's, so that grids and pipelines
    in YAML reach them: `n_neighbors` and `kind_sel` are those of its ``enn``, and `cleaning_strategy` is the
    ``sampling_strategy`` of it.

    Costs what SMOTE costs, and one search of neighbours among all rows, old and new: one scan more, one shuffle of the
    table for ids of rows, one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells.
    New rows are made once and kept on the executors, in memory or on disk, while the result is referred to. To apply
    the result, ids are recomputed (one shuffle of the table), and those of dropped rows are joined to both.

    References
    ----------
    .. [1] Batista, Prati, Monard, "A study of the behavior of several methods for balancing machine learning training
       data", ACM SIGKDD Explorations 6, 2004.

    Examples
    --------
    >>> resampled = SMOTEENN(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smoteenn"

    n_neighbors: Parameter[int] = Editing.n_neighbors
    kind_sel: Parameter[str] = Editing.kind_sel

    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame, Mapping[str, int]]:
        return edited(rows, self.getOrDefault("n_neighbors"), self.getOrDefault("kind_sel"))
