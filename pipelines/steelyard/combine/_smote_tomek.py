"""SMOTE and Tomek links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.combine._base import CombinedSampler
from steelyard.sampling._docs import documented
from steelyard.sampling._strategy import Strategy
from steelyard.sampling._surroundings import Rows
from steelyard.under_sampling._tomek_links import linked


@documented
class SMOTETomek(CombinedSampler):
    """SMOTE, then drop the rows in Tomek links [1]_.

    Rows are made as SMOTE makes them, or SMOTENC where there are categories: before cleaning, the table is the very one
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
    the result, ids are computed anew (one shuffle of the table), and those of dropped rows are joined to both.

    Parameters
    ----------
    {columns}
    {over}
    k_neighbors : int, default 5
        To make rows: each class that gets new ones needs more different rows than this.
    cleaning_strategy : str or list, default "all"
        Classes that may lose rows, by their counts after rows were made: ``"all"``, ``"auto"`` (``"not minority"``),
        ``"majority"``, ``"not majority"``, or a list of them.
    {distinct} While rows are made.
    {features}
    {provenance}
    {search}

    References
    ----------
    .. [1] Batista, Bazzan, Monard, "Balancing training data for automated annotation of keywords: a case study", WOB,
       2003.

    Examples
    --------
    >>> resampled = SMOTETomek(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smote_tomek"

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
        max_new_rows: int | None = None,
        k_neighbors: int = 5,
        cleaning_strategy: str | Sequence[str] = "all",
        distinct_neighbors: bool | None = None,
        categorical_features: Sequence[str] | None = None,
        missing: str = "error",
        scale: str = "none",
        provenance: bool = False,
        search: str = "auto",
        recall: float = 0.95,
        block_mb: int = 192,
    ) -> None:
        super().__init__()
        self._configure()

    def _dropped(self, rows: Rows) -> tuple[DataFrame, Mapping[str, int]]:
        return linked(rows)
