"""Whether a classifier can be saved, seen before a whole table is trained on."""

from __future__ import annotations

import numpy as np

from steelyard.errors import InputError
from steelyard.kernels.random import words
from steelyard.learning._local_formats import LocalFormat

_ROWS = 200
_NARROW, _WIDE = 3, 32  # features: some classifiers choose an algorithm by their number
_COSTLY = frozenset({"n_estimators", "max_iter", "iterations", "n_restarts_optimizer"})
_CAP = 5  # of those; the types of the saved form are the same


def saving_fault(of: LocalFormat) -> str | None:
    """Return why a classifier cannot be saved, whatever the number of features; None if it may be.

    It is trained on a few rows of few and of many features. Its saved form must have types that are not trusted both
    times. Other errors are left to the training.
    """
    fault: str | None = None
    for features in (_NARROW, _WIDE):
        try:
            _save_small(of, features)
        except InputError as error:
            fault = f"{of.cls.__name__} cannot be used: {error}"
        except Exception:
            return None
        else:
            return None
    return fault


def _save_small(of: LocalFormat, features: int) -> None:
    """Train on a few rows, with fewer iterations, and save."""
    label = np.arange(_ROWS) % 2
    rows = words(range(_ROWS * features), 0, "few").reshape(_ROWS, features) % 997 + 500 * label[:, None]
    made = of.new(0)
    if hasattr(made, "get_params") and hasattr(made, "set_params"):
        given = made.get_params().items()
        costly = {n for n, v in given if n.rpartition("__")[2] in _COSTLY and isinstance(v, int) and v > _CAP}
        made.set_params(**dict.fromkeys(costly, _CAP))
    of.trained(made, rows.astype(np.float32), label, None)
