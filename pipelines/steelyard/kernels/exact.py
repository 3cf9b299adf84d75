"""Exact sums of doubles and of their squares, as integers: the same whatever the order and the grouping of additions.

A double is divided into digits to the base 2**19, at fixed places. Sums of digits, and of products of two digits, are
whole numbers below 2**53 for up to 32,768 values, so that NumPy adds them without rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats

MOST_VALUES = 1 << 15
"""Values that `exact_sums` takes at once."""

_BITS = 19  # of a digit
_DIGITS = 11  # enough for values between the largest and its 2**-150
_UNIT = 700  # sums are in units of 2**-700, sums of squares in units of its square
_TINY = 2.0**-600
_EASY = (2.0**-300, 2.0**400)  # sizes of the largest value for which no digit underflows


def exact_sums(values: Floats, starts: NDArray[np.intp]) -> tuple[list[int], list[int]]:
    """Return the sum and the sum of squares of each group of adjacent values, for `mean_and_deviation`.

    `values` are finite and at most `MOST_VALUES`; those below 2**-600 in size count as 0. `starts` are the places where
    groups begin; no group is empty.
    """
    sums, squares = [0] * len(starts), [0] * len(starts)
    top = float(np.abs(values).max())
    if not _EASY[0] <= top <= _EASY[1]:
        _add_each(values, np.flatnonzero(values), starts, sums, squares)
        return sums, squares
    first = math.frexp(top)[1] // _BITS + 1
    digits, odd = _digits(values * 2.0 ** (-_BITS * first))
    places = [_UNIT + _BITS * (first - 1 - i) for i in range(len(digits))]
    for i, (digit, place) in enumerate(zip(digits, places, strict=True)):
        _add(sums, np.add.reduceat(digit, starts), place)
        for j in range(i + 1):
            _add(squares, np.add.reduceat(digit * digits[j], starts), place + places[j] + (j < i))
    _add_each(values, odd, starts, sums, squares)
    return sums, squares


def _digits(rest: Floats) -> tuple[list[Floats], NDArray[np.intp]]:
    """Return the digits of values below 1 in size, and the places of values with too many digits, which get none."""
    digits: list[Floats] = []
    while len(digits) < _DIGITS and rest.any():
        rest *= 2.0**_BITS
        digits.append(np.trunc(rest))
        rest -= digits[-1]
    odd = np.flatnonzero(rest)
    for digit in digits if len(odd) else ():
        digit[odd] = 0.0
    return digits, odd


def _add(to: list[int], found: Floats, place: int) -> None:
    for i, value in enumerate(found.tolist()):
        to[i] += int(value) << place


def _add_each(
    values: Floats, at: NDArray[np.intp], starts: NDArray[np.intp], sums: list[int], squares: list[int]
) -> None:
    """Add single values, one by one: those of unusual size."""
    groups = np.searchsorted(starts, at, side="right") - 1
    for group, value in zip(groups.tolist(), values[at].tolist(), strict=True):
        if abs(value) >= _TINY:
            top, bottom = value.as_integer_ratio()
            whole = (top << _UNIT) // bottom  # without a rest: the last bit of such a value is above 2**-700
            sums[group] += whole
            squares[group] += whole * whole


def mean_and_deviation(count: int, total: int, squares: int) -> tuple[float, float]:
    """Return mean and sample standard deviation, correctly rounded; NaN where there are too few values.

    `total` and `squares` are sums of `exact_sums` over `count` values.

    Examples
    --------
    >>> sums, squares = exact_sums(np.array([1.0, 2.0, 6.0]), np.array([0]))
    >>> mean_and_deviation(3, sums[0], squares[0])
    (3.0, 2.6457513110645907)
    """
    if not count:
        return math.nan, math.nan
    mean = _ratio(total, count << _UNIT)
    if count == 1:
        return mean, math.nan
    away = count * squares - total * total
    return mean, math.sqrt(_ratio(away, count * (count - 1) << 2 * _UNIT))


def _ratio(top: int, bottom: int) -> float:
    try:
        return top / bottom
    except OverflowError:
        return math.inf
