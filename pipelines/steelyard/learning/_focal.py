"""The losses whose margins are not log odds. Importing it needs no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.distortion import Distortion

FOCAL = ("focal", "class_balanced_focal")


def focal_distortion(loss: str | Mapping[str, Any]) -> Distortion:
    """Return the distortion of the class prior by a loss: a focal loss may have weights of classes.

    The link of a focal loss undoes these weights, but models do not follow them exactly.
    """
    named: Mapping[str, Any] = {} if isinstance(loss, str) else loss
    weighted = named.get("focal", {}).get("alpha", 0.5) != 0.5 or "class_balanced_focal" in named
    return Distortion(exact=not weighted)
