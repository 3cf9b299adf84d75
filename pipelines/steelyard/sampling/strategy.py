"""`sampling_strategy`: its spellings, resolved to a count for each class, from class counts alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

from steelyard.errors import InputError, closest
from steelyard.labels import by_class, class_name, class_order

Kind = Literal["over-sampling", "under-sampling", "clean-sampling"]
Strategy = float | str | Sequence[Any] | Mapping[Any, int] | Callable[[dict[str, int]], Mapping[Any, int]]

_MOST_ROWS = 10**12
SPELLINGS = ("auto", "minority", "not minority", "not majority", "all", "majority")
STRATEGY_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        {"enum": list(SPELLINGS)},
        {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
        {"type": "array"},
    ]
}


def check_strategy(strategy: object) -> Strategy:
    """Return a strategy that is valid for some class counts, with the classes of a map in string form.

    Raises
    ------
    InputError
        If it is not valid for any counts.
    """
    if isinstance(strategy, str):
        if strategy not in SPELLINGS:
            raise InputError(
                f"sampling_strategy must be one of {', '.join(map(repr, SPELLINGS))} where it is a string. "
                f"Got {strategy!r} instead.{closest(strategy, SPELLINGS)}"
            )
        return strategy
    if isinstance(strategy, Mapping):
        return _counts_by_name(strategy)
    if isinstance(strategy, Real) and not isinstance(strategy, bool):
        if not 0 < float(strategy) <= 1:
            raise InputError(f"sampling_strategy must be in (0, 1] where it is a ratio. Got {strategy} instead.")
        return float(strategy)
    if callable(strategy):
        return strategy
    if isinstance(strategy, Sequence):
        return [class_name(label) for label in strategy]
    raise InputError(
        "sampling_strategy must be a ratio, a string, a map of class to count, a function of the class counts, or, for "
        "cleaning, a list of classes. "
        f"Got {strategy!r} instead."
    )


def _counts_by_name(wanted: Mapping[Any, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in by_class(wanted).items():
        if isinstance(count, bool) or not isinstance(count, Integral) or count < 0:
            raise InputError(
                f"sampling_strategy must give a whole number of rows, 0 or more, for class {name!r}. "
                f"Got {count!r} instead."
            )
        counts[name] = int(count)
    return counts


def resolve(strategy: Strategy, counts: Mapping[str, int], kind: Kind) -> dict[str, int]:
    """Return the requested rows of each targeted class.

    Equal to imbalanced-learn's `check_sampling_strategy`, but with totals also for over-sampling.

    Parameters
    ----------
    strategy : float, str, mapping or callable
        A ratio of the rarest class to the other afterwards (two classes only); ``"auto"``, ``"minority"``,
        ``"not minority"``, ``"not majority"``, ``"all"`` or ``"majority"``: the classes that get the size of the
        largest (over-sampling) or of the smallest (under-sampling); a map of class to count, classes in any form; or a
        function from class counts to such a map.
    counts : mapping of str to int
        Rows of each class, by the string form of its label.
    kind : {"over-sampling", "under-sampling"}

    Returns
    -------
    dict of str to int
        In the order of the classes, without classes that are not targeted.

    Raises
    ------
    InputError
        If the table has one class only, or the counts are impossible: the message gives both numbers.

    Examples
    --------
    >>> resolve("auto", {"0": 90, "1": 10}, "over-sampling")
    {'1': 90}
    >>> resolve(0.5, {"0": 90, "1": 10}, "under-sampling")
    {'0': 20}
    """
    ordered = {name: counts[name] for name in class_order(counts)}
    if len(ordered) < 2:
        shown = ", ".join(f"{n!r} ({c:,} rows)" for n, c in ordered.items()) or "none"
        raise InputError(f"resampling needs at least two classes, and the table has only {shown}.")
    checked = check_strategy(strategy)
    if isinstance(checked, str):
        return _by_name(checked, ordered, kind)
    if isinstance(checked, Mapping):
        return _by_count(checked, ordered, kind)
    if isinstance(checked, float):
        return _by_ratio(checked, ordered, kind)
    if not callable(checked):
        raise InputError(f"sampling_strategy is a list of classes for cleaning only. Got {checked!r} for {kind}.")
    asked = checked(dict(ordered))
    if not isinstance(asked, Mapping):
        raise InputError(f"the function sampling_strategy must return a map of class to count. Got {asked!r} instead.")
    return _by_count(_counts_by_name(asked), ordered, kind)


def for_part(params: Mapping[str, Any], shares: Mapping[str, float]) -> dict[str, Any]:
    """Return parameters for a part of the rows: a map of class to rows is reduced to the part's share of each class.

    Parameters
    ----------
    params : mapping
        Of a sampler, or of an ensemble. Other spellings of `sampling_strategy` stay as they are.
    shares : mapping of str to float

    Examples
    --------
    >>> for_part({"sampling_strategy": {"0": 90}, "random_state": 1}, {"0": 0.5, "1": 0.5})
    {'sampling_strategy': {'0': 45}, 'random_state': 1}
    """
    wanted = params.get("sampling_strategy")
    if not isinstance(wanted, Mapping):
        return dict(params)
    rows = {c: max(round(n * shares.get(class_name(c), 1.0)), 1) for c, n in wanted.items()}
    return {**params, "sampling_strategy": rows}


def added(targets: Mapping[str, int], counts: Mapping[str, int], most: int | None) -> dict[str, int]:
    """Return the number of new rows of each class that gets any.

    Raises
    ------
    InputError
        If they are more than `most`.
    """
    new = {c: n - counts[c] for c, n in targets.items() if n > counts[c]}
    total = sum(new.values())
    if most is not None and total > most:
        raise InputError(
            f"sampling_strategy asks for {total:,} new rows, and max_new_rows is {most:,}: "
            "lower the one or raise the other"
        )
    return new


def check_enough(method: str, name: str, k: int, sizes: Mapping[str, int], what: str = "rows", hint: str = "") -> None:
    """Check that classes have more rows than the parameter `name`, with the value `k`, requests neighbours.

    Raises
    ------
    InputError
        With both numbers, and a value that works.
    """
    for c, n in sizes.items():
        if n <= k:
            smaller = f"set {name} to {n - 1} or less, or " if n > 1 else ""
            raise InputError(
                f"{method} with {name}={k} needs at least {k + 1} {what} of a class, and class {c!r} has "
                f"{n:,}: {smaller}leave the class out of sampling_strategy{hint}"
            )


def cleaned(strategy: Strategy, counts: Mapping[str, int]) -> list[str]:
    """Return the classes that a cleaning method may remove rows of; their number depends on the data.

    Parameters
    ----------
    strategy : str or sequence
        ``"auto"`` (``"not minority"``), ``"majority"``, ``"not minority"``, ``"not majority"``, ``"all"``; or the
        classes themselves.
    counts : mapping of str to int

    Raises
    ------
    InputError
        For a strategy that gives counts, or a class that isn't in the table.

    Examples
    --------
    >>> cleaned("auto", {"0": 90, "1": 10})
    ['0']
    """
    checked = check_strategy(strategy)
    if isinstance(checked, str):
        return list(resolve(checked, counts, "under-sampling"))
    if isinstance(checked, Mapping) or not isinstance(checked, Sequence):
        raise InputError(
            "cleaning removes the rows that its rule names, however many: sampling_strategy must be a word or a list "
            f"of classes. Got {strategy!r} instead."
        )
    _check_known(checked, counts)
    return [c for c in class_order(counts) if c in set(checked)]


def _check_known(names: Iterable[str], counts: Mapping[str, int]) -> None:
    for name in names:
        if name not in counts:
            raise InputError(
                f"sampling_strategy names class {name!r}, which is not in the table.{closest(name, counts)} "
                f"It has: {', '.join(map(repr, list(counts)[:20]))}"
            )


def _by_name(strategy: str, counts: Mapping[str, int], kind: Kind) -> dict[str, int]:
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    over = kind == "over-sampling"
    if strategy == ("majority" if over else "minority"):
        raise InputError(f"sampling_strategy={strategy!r} makes no sense for {kind}.")
    if strategy == "auto":
        strategy = "not majority" if over else "not minority"
    targeted = {
        "minority": {smallest},
        "majority": {largest},
        "not minority": set(counts) - {smallest},
        "not majority": set(counts) - {largest},
        "all": set(counts),
    }[strategy]
    return {c: counts[largest if over else smallest] for c in counts if c in targeted}


def _by_ratio(ratio: float, counts: Mapping[str, int], kind: Kind) -> dict[str, int]:
    if len(counts) != 2:
        raise InputError(
            f"sampling_strategy={ratio} is a ratio of two classes, and the table has {len(counts)}: "
            "give a map of class to count instead."
        )
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    asked = f"sampling_strategy={ratio} asks for"
    if kind == "over-sampling":
        rare = next(c for c in counts if c != largest)
        wanted, rows = counts[rare] + int(counts[largest] * ratio - counts[rare]), counts[rare]
        if wanted <= rows:
            asked += f" {math.floor(counts[largest] * ratio):,} rows of class {rare!r}"
            raise InputError(f"{asked}, and it has {rows:,} already: over-sampling adds rows. Raise the ratio.")
        return {rare: wanted}
    common = next(c for c in counts if c != smallest)
    wanted, rows = int(min(counts[smallest] / ratio, 1e18)), counts[common]
    if wanted > rows:
        asked += f" {wanted:,} rows of class {common!r}"
        raise InputError(f"{asked}, and it has only {rows:,}: under-sampling removes rows. Raise the ratio.")
    return {common: wanted}


def _by_count(wanted: Mapping[str, int], counts: Mapping[str, int], kind: Kind) -> dict[str, int]:
    _check_known(wanted, counts)
    for name, count in wanted.items():
        asked = f"sampling_strategy asks for {count:,} rows of class {name!r}, and"
        if count > _MOST_ROWS:
            raise InputError(f"{asked} {_MOST_ROWS:,} are the most.")
        if kind == "over-sampling" and count < counts[name]:
            raise InputError(f"{asked} it has {counts[name]:,} already: over-sampling adds rows.")
        if kind == "under-sampling" and count > counts[name]:
            raise InputError(f"{asked} it has only {counts[name]:,}: under-sampling removes rows.")
    return {name: wanted[name] for name in counts if name in wanted}
