"""Errors in code name its arguments, where those of a pipeline name keys of its YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from steelyard.errors import SteelyardError

_ROLES = ("label", "key", "categorical", "group", "weight")
_EITHER = re.compile(r"data\.\w+; in code, ")  # messages that name both

DATASET = {
    **{f"data.{name}": f"dataset.{name}" for name in (*_ROLES, "positive", "time", "cost")},
    "data.cost.false_negative": "dataset.cost.false_negative",
    "data.cost.false_positive": "dataset.cost.false_positive",
    "data.exclude": "dataset.features",
    "data.where": "DataFrame.where",
}
"""The arguments of `fit`, by the keys of a pipeline YAML."""

ESTIMATOR = {
    **{f"data.{name}": f"{name}_col" for name in _ROLES},
    "data.positive": "positive",
    "data.cost": "cost_fn, cost_fp",
    "data.cost.false_negative": "cost_fn",
    "data.cost.false_positive": "cost_fp",
    "data.exclude": "exclude_col",
    "data.where": "DataFrame.where",
}
"""The parameters of `ClassifierEstimator`, by the keys of a pipeline YAML."""
ESTIMATOR |= {name: ESTIMATOR[key] for key, name in DATASET.items() if key in ESTIMATOR}
ESTIMATOR |= {"the dataset's features": "exclude_col", "the dataset's categorical": "categorical_col"}


@contextmanager
def naming(arguments: Mapping[str, str]) -> Iterator[None]:
    """Replace keys of a pipeline YAML in the messages of errors by the arguments that code has for them."""
    longest = sorted(arguments, key=len, reverse=True)
    keys = re.compile(rf"(?<![\w.'])(?:{'|'.join(map(re.escape, longest))})(?![\w'])")
    try:
        yield
    except SteelyardError as error:
        text = keys.sub(lambda found: arguments[found[0]], _EITHER.sub("", str(error)))
        error.args = (text, *error.args[1:])
        raise
