"""SMOTE and edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.combine.base import CombinedSampler
from steelyard.params import Parameter
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.under_sampling.cleaning import Editing, edited


class SMOTEENN(CombinedSampler):
    """SMOTE, then drop the rows whose nearest neighbours are of another class [1]_.

    New rows are those of SMOTE, or of SMOTENC with categories: before cleaning, the table equals their result with the
    same parameters, with exactly the requested counts. Then rows of all classes, new ones included, are dropped as in
    imbalanced-learn: those that EditedNearestNeighbours drops from that table. The number of dropped rows depends on
    the data: the plan has the counts of the result, and in ``details`` those before cleaning. Distances use the scales
    and category weights of the original table; equal rows count as neighbours in cleaning.

    imbalanced-learn takes two samplers as parameters. Here their parameters belong to this sampler, so that grids and
    YAML can set them: `n_neighbors` and `kind_sel` are those of its ``enn``, and `cleaning_strategy` is the
    ``sampling_strategy`` of it.

    Costs what SMOTE costs, plus one search of neighbours among all rows, old and new: one scan, one shuffle of the
    table for ids of rows, one crossing into Python, and rows × rows distances, spread over tasks, or fewer in cells.
    New rows are made once and stored on the executors, in memory or on disk, while the result is in use. To apply the
    result, ids are computed again (one shuffle of the table), and the ids of dropped rows are joined to both.

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
