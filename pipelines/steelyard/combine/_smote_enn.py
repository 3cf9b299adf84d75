"""SMOTE and edited nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.combine._base import CombinedSampler
from steelyard.sampling._docs import documented
from steelyard.sampling._strategy import Strategy
from steelyard.sampling._surroundings import Rows
from steelyard.under_sampling._cleaning import Editing, edited


@documented
class SMOTEENN(CombinedSampler):
    """SMOTE, then drop the rows that their nearest neighbours contradict [1]_.

    Rows are made as SMOTE makes them, or SMOTENC where there are categories: before cleaning, the table is the very one
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
    the result, ids are computed anew (one shuffle of the table), and those of dropped rows are joined to both.

    Parameters
    ----------
    {columns}
    {over}
    k_neighbors : int, default 5
        To make rows: each class that gets new ones needs more different rows than this.
    n_neighbors : int, default 3
        Neighbours that have a say.
    kind_sel : {"all", "mode"}, default "all"
        A row stays if all of its neighbours are of its class, or if the commonest class among them is its own.
    cleaning_strategy : str or list, default "all"
        Classes that may lose rows, by their counts after rows were made: ``"all"``, ``"auto"`` (``"not minority"``),
        ``"majority"``, ``"not majority"``, or a list of them.
    {distinct} While rows are made.
    {features}
    {provenance}
    {search}

    References
    ----------
    .. [1] Batista, Prati, Monard, "A study of the behavior of several methods for balancing machine learning training
       data", ACM SIGKDD Explorations 6, 2004.

    Examples
    --------
    >>> resampled = SMOTEENN(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smoteenn"

    n_neighbors = Editing.n_neighbors
    kind_sel = Editing.kind_sel

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
        n_neighbors: int = 3,
        kind_sel: str = "all",
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
        return edited(rows, self.getOrDefault("n_neighbors"), self.getOrDefault("kind_sel"))
