"""What a sampler says when it is called as something else is called: imbalanced-learn, or an estimator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from steelyard.errors import closest

_KNOWN_ELSEWHERE = {
    "ratio": "sampling_strategy",
    "seed": "random_state",
    "label": "label_col",
    "k": "k_neighbors",
    "n_neighbors": "k_neighbors",
}


def explained(init: Callable[..., None]) -> Callable[..., None]:
    """Return a sampler's constructor that says what it takes, where it is called with something else."""
    known = [name for name in inspect.signature(init).parameters if name != "self"]

    @functools.wraps(init)
    def made(self: Any, *args: Any, **given: Any) -> None:
        name = type(self).__name__
        if args:
            example = f"sampling_strategy={args[0]!r}" if isinstance(args[0], float | str | dict) else 'label_col="y"'
            raise TypeError(f"{name} takes keyword arguments only, and got {args[0]!r}: {name}({example}, …)")
        for parameter in given:
            if parameter not in known:
                meant = _KNOWN_ELSEWHERE.get(parameter, parameter)
                hint = f" Did you mean {meant!r}?" if meant in known else closest(parameter, known)
                raise TypeError(f"{name} has no parameter {parameter!r}.{hint} It has: {', '.join(known)}")
        init(self, **given)

    return made


def check_table(method: str, sampler: Any, df: Any, y: Any = None) -> None:
    """Raise `TypeError` for anything but one Spark DataFrame, and say how the method is called."""
    if y is None and isinstance(df, DataFrame):
        return
    name = type(sampler).__name__
    got = f"{type(df).__name__}{'' if y is None else f' and {type(y).__name__}'}"
    pandas = type(df).__module__.partition(".")[0] == "pandas"
    ways = "spark.createDataFrame(table) makes one of a pandas table" if pandas else "for arrays, use imbalanced-learn"
    raise TypeError(
        f"{method} takes one Spark DataFrame that holds features and label, and got {got}: "
        f'{name}(label_col="y").{method}(df); {ways}.'
    )
