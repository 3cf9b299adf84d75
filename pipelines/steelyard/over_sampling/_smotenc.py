"""SMOTE-NC."""

from __future__ import annotations

from steelyard.over_sampling.neighbors import NeighborSampler
from steelyard.params import Parameter
from steelyard.sampling.params import EQUAL_ROWS_COUNT, HasNeighbors


class SMOTENC(HasNeighbors, NeighborSampler):
    """SMOTE for numbers and categories [1]_, section 6.1.

    As SMOTE, but two categories that differ add Med² to a squared distance, Med being the median of the numbers'
    standard deviations in the class; and a category of a new row is the commonest one among all `k_neighbors` nearest
    neighbours of its seed, of equally common ones that of the nearest. Without categories it is SMOTE; where all
    features are categories, SMOTEN is meant for it.

    Costs what SMOTE costs, and one scan for a sample of each class. A category's values are compared by 53 bits of
    their hashes: no list of values is made, however many there are.

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
