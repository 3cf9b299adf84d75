"""Losses of two classes as functions of the margin: values, derivatives, and the way back to log odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.kernels.arrays import Floats

LARGEST_MARGIN = 500.0
"""Margins are clipped to this size, where probabilities are 0 or 1 in floating point and exponentials still finite."""


@dataclass(frozen=True)
class Focal:
    """The focal loss -w_t (1 - p_t)^gamma ln(p_t), where p_t is the predicted probability of the row's class.

    Parameters
    ----------
    gamma : float, default 0
        0 or more. With 0 and equal weights it is log loss.
    weights : tuple of float, default (1, 1)
        Of the negative and of the positive class. The usual alpha is (2 (1 - alpha), 2 alpha).

    References
    ----------
    Lin, Goyal, Girshick, He, Dollár, "Focal loss for dense object detection", ICCV 2017; Charoenphakdee, Vongkulbhisal,
    Chairatanakul, Sugiyama, "On focal loss for class-posterior probability estimation", CVPR 2021.

    Examples
    --------
    >>> Focal().derivatives(np.zeros(2), np.array([0.0, 1.0]))
    (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """

    gamma: float = 0.0
    weights: tuple[float, float] = (1.0, 1.0)

    def values(self, margin: Floats, label: Floats) -> Floats:
        """Return the loss of each row; labels are 0 and 1."""
        weight, _, _, q, log_p = self._parts(margin, label)
        loss: Floats = -weight * q**self.gamma * log_p
        return loss

    def derivatives(self, margin: Floats, label: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian by the margin.

        The exact Hessian is negative for rows that the model gets wrong by much. It is the curvature of log loss times
        a factor; the factor is replaced by 1 where it is smaller.
        """
        weight, sign, p, q, log_p = self._parts(margin, label)
        gamma = self.gamma
        scale = weight * q**gamma
        gradient = scale * sign * (gamma * p * log_p - q)
        factor = 1 + 2 * gamma + gamma * log_p - gamma**2 * p * log_p / q
        return gradient, scale * p * q * np.maximum(1.0, factor)

    def log_odds(self, margin: Floats) -> Floats:
        """Return the log odds for which each margin minimises the expected loss."""
        z = np.clip(np.asarray(margin, np.float64), -LARGEST_MARGIN, LARGEST_MARGIN)
        up, down = (np.log1p(self.gamma * np.exp(-s * z) * np.logaddexp(0, s * z)) for s in (1, -1))
        found: Floats = (1 + self.gamma) * z + up - down + np.log(self.weights[0] / self.weights[1])
        return found

    def margin(self, log_odds: float) -> float:
        """Return the margin that minimises the expected loss for some log odds; the inverse of `log_odds`."""
        low, high = -LARGEST_MARGIN, LARGEST_MARGIN
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (low, middle) if self.log_odds(np.array(middle)) > log_odds else (middle, high)
        return (low + high) / 2

    def _parts(self, margin: Floats, label: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Return weight and sign of each row's class, its probability, 1 minus that, and its logarithm."""
        z = np.clip(np.asarray(margin, np.float64), -LARGEST_MARGIN, LARGEST_MARGIN)
        positive = np.asarray(label) > 0
        sign = np.where(positive, 1.0, -1.0)
        log_p, log_q = -np.logaddexp(0, -sign * z), -np.logaddexp(0, sign * z)
        return np.where(positive, *self.weights[::-1]), sign, np.exp(log_p), np.exp(log_q), log_p


@dataclass(frozen=True)
class Ldam:
    """The label-distribution-aware margin loss: cross-entropy of scaled cosines, that of the row's class less a margin.

    Parameters
    ----------
    scale : float
        What cosines are multiplied by.
    margins : tuple of float
        Of each class: in proportion to its rows to the power of -1/4.
    weights : tuple of float
        Of each class, in the epochs with deferred re-weighting.
    drw_epoch : int
        The first of these.

    References
    ----------
    Cao, Wei, Gaidon, Arechiga, Ma, "Learning imbalanced datasets with label-distribution-aware margin loss", NeurIPS
    2019.

    Examples
    --------
    >>> ldam_margins([10_000, 16], 0.5)
    (0.1, 0.5)
    """

    scale: float
    margins: tuple[float, ...]
    weights: tuple[float, ...]
    drw_epoch: int = 0

    @property
    def shifts(self) -> tuple[float, ...]:
        """What is taken from the scaled cosine of the row's class."""
        return tuple(self.scale * margin for margin in self.margins)

    def values(self, outputs: Floats, label: Floats) -> Floats:
        """Return the loss of each row.

        Parameters
        ----------
        outputs : array of shape (n, classes)
            Scaled cosines.
        label : array of int, shape (n,)
        """
        shifted, rows, label = np.array(outputs, np.float64), np.arange(len(label)), np.asarray(label, np.int64)
        shifted[rows, label] -= np.array(self.shifts)[label]
        loss: Floats = np.logaddexp.reduce(shifted, axis=1) - shifted[rows, label]
        return loss


def ldam_margins(sizes: Sequence[float], largest: float) -> tuple[float, ...]:
    """Return the margin of each class, so that the rarest one has the largest."""
    rarest = min(sizes)
    return tuple(float(largest * (rarest / n) ** 0.25) for n in sizes)
