"""The formulas of boosting: what a round's error says of its member and of the rows' weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from steelyard.kernels.allocate import largest_remainder

Algorithm = Literal["m2", "samme"]
LEAST = 1e-10
"""The least error of a round: a member that makes none would have an infinite vote."""


class Step(NamedTuple):
    """What a round adds.

    Parameters
    ----------
    vote : float
        The member's weight.
    rate : float
        What is added to the logarithm of a row's weight for each unit of `wrong`.
    """

    vote: float
    rate: float


def step(error: float, algorithm: Algorithm, learning_rate: float = 1.0) -> Step | None:
    """Return what a round adds, or None if its member is not better than chance.

    With two classes, AdaBoost.M2 [1]_ multiplies the weight of a row by α to the power of the member's probability of
    the row's class, where α is ε / (1 - ε); that is α times the power -1 of its probability of the other class, and the
    constant α has no effect once the weights are normalised. SAMME [2]_ multiplies the weights of misclassified rows.

    Parameters
    ----------
    error : float
        ε: the mean of `wrong` under the weights, which is the probability of the other class (M2), or whether the row
        is misclassified (SAMME).
    algorithm : {"m2", "samme"}
    learning_rate : float, default 1.0

    References
    ----------
    .. [1] Freund, Schapire, "A decision-theoretic generalization of on-line learning and an application to boosting",
       Journal of Computer and System Sciences 55, 1997.
    .. [2] Zhu, Zou, Rosset, Hastie, "Multi-class AdaBoost", Statistics and Its Interface 2, 2009.

    Examples
    --------
    >>> step(0.2, "samme") == (math.log(4), math.log(4))
    True
    >>> step(0.5, "m2")
    """
    if error >= 0.5:
        return None
    bounded = max(error, LEAST)
    vote = learning_rate * math.log((1 - bounded) / bounded)
    return Step(vote, vote)


def self_paced_quotas(means: Sequence[float], counts: Sequence[int], wanted: int, alpha: float) -> list[int]:
    """Return the rows to draw from each bin of hardness: in proportion to 1 / (mean hardness + alpha) [1]_.

    A bin gives all its rows if it has too few; the others then give more.

    Parameters
    ----------
    means : sequence of float
        Mean hardness of each bin.
    counts : sequence of int
    wanted : int
        At most the sum of `counts`.
    alpha : float

    References
    ----------
    .. [1] Liu et al., "Self-paced ensemble for highly imbalanced massive data classification", ICDE 2020.

    Examples
    --------
    >>> self_paced_quotas([0.1, 0.5, 0.9], [900, 50, 5], 60, 0.0)
    [46, 9, 5]
    >>> self_paced_quotas([0.1, 0.5, 0.9], [900, 50, 5], 60, 1e9)
    [28, 27, 5]
    """
    result = [0] * len(counts)
    open_bins = [i for i, n in enumerate(counts) if n]
    while open_bins and sum(result) < wanted:
        shares = [round(2**40 / max(means[i] + alpha, 2.0**-20)) + 1 for i in open_bins]
        full = False
        for i, more in zip(open_bins, largest_remainder(shares, wanted - sum(result)), strict=True):
            full |= result[i] + more > counts[i]
            result[i] = min(result[i] + more, counts[i])
        open_bins = [i for i in open_bins if result[i] < counts[i]]
        if not full:
            break
    return result
