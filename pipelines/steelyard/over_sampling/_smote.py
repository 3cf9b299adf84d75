"""SMOTE and SMOTE-NC."""

from __future__ import annotations

from steelyard.over_sampling.neighbors import NeighborSampler
from steelyard.params import Parameter
from steelyard.sampling.params import EQUAL_ROWS_COUNT, HasNeighbors


class SMOTE(HasNeighbors, NeighborSampler):
    """Synthetic minority over-sampling [1]_: interpolate between a row and a nearest neighbour of its class.

    Every row of a class is a seed equally often (a random subset once more), as in the paper. For each new row, one of
    the seed's `k_neighbors` nearest neighbours and one gap in [0, 1) are drawn; the new row is the interpolation of the
    two at this gap, in all features. For numeric features only: SMOTENC is the same with categories.

    Neighbours are by float64 distances, ties by row id, on every machine. They are exact up to a size, and a measured
    share of the exact ones in larger classes (`search`, `recall`). Equal rows are not neighbours of each other, and
    count as one neighbour, unless `distinct_neighbors` is false, so new rows are not copies.

    In new rows, whole numbers stay whole and every feature is between its parents' values. Weights and costs are
    interpolated too, the group is kept if both parents agree, the time is the later parent's, and all other columns are
    null.

    Costs two scans of the table (label; features), and one more with `scale`. Then, for the over-sampled classes only:
    one scan, two shuffles, one crossing into Python and rows × rows distances, spread over tasks. If the features of a
    class exceed `block_mb`, it is searched block by block and joined to the result: three scans, eight shuffles, two
    crossings. For a large class, one more scan of its features measures the share of distances that can be pruned. If
    that is too small, one scan, one shuffle and one crossing measure cells, and one more crossing assigns rows to cells
    that fill several blocks. If new rows do not divide evenly among the seeds: one more scan and one more shuffle of
    ids. If missing values are imputed: two more scans. ``plan(df).work`` has the numbers for a table.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.

    Examples
    --------
    >>> resampled = SMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smote"
    categories = False


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
