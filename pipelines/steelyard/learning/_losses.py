"""What a loss is for given training rows: XGBoost's objective, weights and margins of classes, starts of margins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.kernels.losses import Focal, Ldam, ldam_margins
from steelyard.weighting import class_weights

_LARGEST_SHARE = 1 - 2**-24  # below 1 in single precision
_TINY = 1e-300


@dataclass(frozen=True)
class Objective:
    """What XGBoost minimises.

    Parameters
    ----------
    classes : int
    focal : Focal, optional
        A focal loss, which Python computes.
    starts : tuple of float
        Where the margins start, of the second class or of each of several. Empty: XGBoost finds it.
    base_score : float or list of float, optional
        XGBoost's setting for it.
    """

    classes: int
    focal: Focal | None = None
    starts: tuple[float, ...] = ()
    base_score: float | list[float] | None = None

    def booster(self) -> dict[str, Any]:
        """Return XGBoost's parameters."""
        score = {} if self.base_score is None else {"base_score": self.base_score}
        if self.focal is not None:
            return {"disable_default_eval_metric": True, **score}
        if self.classes > 2:
            return {"objective": "multi:softprob", "num_class": self.classes, "eval_metric": "mlogloss", **score}
        return {"objective": "binary:logistic", "eval_metric": "logloss", **score}


def objective_of(
    loss: str | Mapping[str, Any], sizes: Sequence[float], masses: Sequence[float], *, offsets: bool
) -> Objective:
    """Return the objective for a loss.

    Parameters
    ----------
    loss : str or mapping
        As from `parse_loss`.
    sizes : sequence of float
        Training rows of each class.
    masses : sequence of float
        The same, times the weight of the class.
    offsets : bool
        Whether training rows have offsets. XGBoost adds nothing to a base margin, which then holds the start too.
    """
    classes, named = len(masses), {} if isinstance(loss, str) else loss
    logs = np.log(np.maximum(masses, _TINY) / max(sum(masses), _TINY))
    focal = _focal(named, sizes)
    if focal is not None:
        start = float(np.float32(focal.margin(logs[1] - logs[0])))
        return Objective(classes, focal, (start,), start)
    if not named and not offsets:
        return Objective(classes)
    tau = named["logit_adjusted"]["tau"] if named else 1.0
    if classes > 2:
        starts = [float(np.float32(tau * x)) for x in logs]
        return Objective(classes, None, tuple(starts), starts)
    share = 1 / (1 + math.exp(min(tau * (logs[0] - logs[1]), 60)))
    # Rounded as XGBoost does, so that training starts from the same margin that the booster adds in scoring.
    share = float(np.float32(min(share, _LARGEST_SHARE)))
    return Objective(classes, None, (math.log(share / (1 - share)),), share)


def ldam_of(loss: str | Mapping[str, Any], sizes: Sequence[float]) -> Ldam | None:
    """Return the loss with margins of classes, None for other losses.

    In its last epochs classes weigh the inverse of their effective numbers.
    """
    if isinstance(loss, str) or "ldam" not in loss:
        return None
    of = loss["ldam"]
    weights = class_weights({str(i): n for i, n in enumerate(sizes)}, {"effective_number": "auto"})
    return Ldam(of["scale"], ldam_margins(sizes, of["max_margin"]), tuple(weights.values()), of["drw_epoch"])


def _focal(named: Mapping[str, Any], sizes: Sequence[float]) -> Focal | None:
    """Return a focal loss with the weights of both classes; None for other losses."""
    if "focal" in named:
        alpha = named["focal"]["alpha"]
        return Focal(named["focal"]["gamma"], (2 * (1 - alpha), 2 * alpha))
    if "class_balanced_focal" in named:
        of = named["class_balanced_focal"]
        weights = class_weights(dict(zip("01", sizes, strict=True)), {"effective_number": of["beta"]})
        return Focal(of["gamma"], (weights["0"], weights["1"]))
    return None
