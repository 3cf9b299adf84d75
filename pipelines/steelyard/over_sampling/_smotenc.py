"""SMOTE-NC."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark import keyword_only

from steelyard.over_sampling._neighbors import NeighborSampler
from steelyard.sampling._docs import documented
from steelyard.sampling._params import HasNeighbors
from steelyard.sampling._strategy import Strategy


@documented
class SMOTENC(NeighborSampler, HasNeighbors):
    """SMOTE for numbers and categories [1]_, section 6.1.

    As SMOTE, but two categories that differ add Med² to a squared distance, Med being the median of the numbers'
    standard deviations in the class; and a category of a new row is the commonest one among all `k_neighbors` nearest
    neighbours of its seed, of equally common ones that of the nearest. Without categories it is SMOTE; where all
    features are categories, SMOTEN is meant for it.

    Costs what SMOTE costs, and one scan for a sample of each class. A category's values are compared by 53 bits of
    their hashes: no list of values is made, however many there are.

    imbalanced-learn's `categorical_encoder` has no counterpart: nothing is encoded.

    Parameters
    ----------
    {columns}
    {over}
    k_neighbors : int, default 5
        Each class that gets new rows needs more rows than this, equal ones included.
    {distinct}
    {features}
    {provenance}
    {search}

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.

    Examples
    --------
    >>> resampled = SMOTENC(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smotenc"

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
