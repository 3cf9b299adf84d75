"""Python's own numbers in place of NumPy's and of decimals, which JSON does not hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any


def plain(value: Any) -> Any:
    """Return a value with Python's numbers in place of NumPy's, which grids of parameters often hold.

    Examples
    --------
    >>> import numpy as np
    >>> plain({np.int64(1): [np.float64(0.5)], "other": np.arange(2)})
    {1: [0.5], 'other': [0, 1]}
    """
    if isinstance(value, Mapping):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, type) or not (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return value
    found = value.tolist()
    return plain(found) if isinstance(found, list) else found


def number(value: Any) -> Any:
    """Return a number as an int, if it is a whole decimal or fraction, or a float; any other value as `plain` does.

    Examples
    --------
    >>> import numpy as np
    >>> number(np.float32(0.5)), number(Decimal("0.01")), number(Decimal("12345678901234567890"))
    (0.5, 0.01, 12345678901234567890)
    >>> number(True), number("3")
    (True, '3')
    """
    value = plain(value)
    if isinstance(value, int | float) or not isinstance(value, Real | Decimal):
        return value
    try:
        found = float(value)
    except (OverflowError, ValueError):  # a fraction beyond doubles; a signalling NaN
        return math.nan
    if not math.isfinite(found):
        return found
    whole = math.floor(value)
    return whole if value == whole else found
