"""SMOTE."""

from __future__ import annotations

from steelyard.over_sampling.neighbors import NeighborSampler
from steelyard.sampling.params import HasNeighbors


class SMOTE(HasNeighbors, NeighborSampler):
    """Synthetic minority over-sampling [1]_: new rows between a row and one of its nearest neighbours in its class.

    Every row of a class is a seed equally often (a random share of them once more), as in the paper; for each new
    row one of the seed's `k_neighbors` nearest neighbours and one gap in [0, 1) are drawn, and the new row is at
    the gap between the two, in all features. For numbers only: SMOTENC is the same with categories.

    Neighbours are those by float64 distances, ties by row id, whatever computes them; all of them up to a size, and a
    measured share of them in larger classes (`search`, `recall`). Equal rows are not neighbours
    of each other, and count as one neighbour, unless `distinct_neighbors` is off, so that new rows aren't copies.

    On new rows whole numbers stay whole and every feature stays between its parents'; weights and costs are
    interpolated too, the group is kept where both parents agree, the time is the later parent's, and all other columns
    are null.

    Costs two scans of the table (label; features), and one more with `scale`. Then, of the classes that get new rows
    only: one scan, two shuffles, one crossing into Python and rows × rows distances, spread over tasks. Where the
    features of a class exceed `block_mb`, it is searched block by block and joined to what was found: three scans,
    eight shuffles, two crossings. Of a class that is large, one scan more of its features tells which share of the
    distances can be ruled out. Where that is too little, one scan, one shuffle and one crossing more measure cells, and
    one more crossing deals rows to cells that fill several blocks. Where new rows don't divide evenly among the rows:
    one scan and one shuffle of ids more. Where gaps are filled: two scans more. ``plan(df).work`` has the figures for a
    table.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.

    Examples
    --------
    >>> resampled = SMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smote"
    categories = False
