"""SMOTE along the border that a support vector machine draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark import keyword_only

from steelyard.params import NEIGHBORS, param
from steelyard.sampling._docs import documented
from steelyard.sampling._engine._base import EngineSampler
from steelyard.sampling._engine._params import estimator, from_zero_to_one
from steelyard.sampling._params import HasMaxNewRows
from steelyard.sampling._strategy import Strategy


@documented
class SVMSMOTE(EngineSampler, HasMaxNewRows):
    """SMOTE from support vectors [1]_: inwards where the other class is near, outwards where it isn't.

    The rows of a class that a support vector machine leans on are seeds; those whose `m_neighbors` nearest rows are
    mostly of other classes get new rows on the way to neighbours, the others beyond themselves, and those that are
    surrounded by other classes none. imbalanced-learn's own code, on rows in the order of their ids: the rows that it
    makes in one process, but that features beyond the range of their class are put on its bound. (Where all seeds are
    of one kind, imbalanced-learn makes only a random part of what it is asked for; it is then asked for more.)

    scikit-learn's SVC takes its width from the variance of all numbers together: `scale="standard"` is what it needs
    where features have units of their own.

    {engine}

    Parameters
    ----------
    {columns}
    {over}
    k_neighbors : int, default 5
    m_neighbors : int, default 10
    svm_estimator : object, optional
        In place of scikit-learn's SVC, a classifier that finds `support_`. Its `random_state` is set where it is
        None. For Python only: a sampler that has one can't be saved.
    out_step : float, default 0.5
        How far beyond a row new ones may lie, as a part of the way to its neighbour.
    {numbers}
    {scope}

    References
    ----------
    .. [1] Nguyen, Cooper, Kamei, "Borderline over-sampling for imbalanced data classification", IJKESDP 3, 2011.

    Examples
    --------
    >>> resampled = SVMSMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "svmsmote"
    sampling_type = "over-sampling"
    neighbors = "k_neighbors"

    k_neighbors = param("k_neighbors", "how many nearest rows of its class a row is paired with", NEIGHBORS)
    m_neighbors = param("m_neighbors", "how many nearest rows of all say whether a row is in danger", NEIGHBORS)
    svm_estimator = param("svm_estimator", "a classifier with support vectors; can't be saved", estimator("fit"))
    out_step = param("out_step", "how far beyond a row new ones may lie", from_zero_to_one)

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
        m_neighbors: int = 10,
        svm_estimator: Any = None,
        out_step: float = 0.5,
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
        from imblearn.over_sampling import SVMSMOTE

        return SVMSMOTE(**self._given("k_neighbors", "m_neighbors", "svm_estimator", "out_step"))
