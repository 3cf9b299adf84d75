"""SMOTE-NC."""

from __future__ import annotations

from steelyard.over_sampling.neighbors import NeighborSampler
from steelyard.params import Parameter
from steelyard.sampling.params import EQUAL_ROWS_COUNT, HasNeighbors


class SMOTENC(HasNeighbors, NeighborSampler):
    """SMOTE for numeric and categorical features [1]_, section 6.1.

    Like SMOTE, but two different categories add Med² to a squared distance, where Med is the median of the standard
    deviations of the numeric features in the class. A category of a new row is the most frequent one among all
    `k_neighbors` nearest neighbours of its seed, among ties that of the nearest. Without categories it equals SMOTE; if
    all features are categories, use SMOTEN.

    Costs what SMOTE costs, plus one scan for a sample of each class. Categories are compared by 53 bits of their
    hashes, so their number of values is not limited.

    imbalanced-learn's `categorical_encoder` has no counterpart: nothing is encoded.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.

    Examples
    --------
    >>> resampled = SMOTENC(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smotenc"

    k_neighbors: Parameter[int] = EQUAL_ROWS_COUNT
