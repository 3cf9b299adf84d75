"""The arguments that code has for keys of a pipeline YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from steelyard.config import as_arguments
from steelyard.errors import SteelyardError

_ROLES = ("label", "key", "categorical", "group", "weight")

DATASET = {
    **{name: f"dataset.{name}" for name in (*_ROLES, "positive", "time", "cost")},
    "cost.matrix": "dataset.cost.matrix",
    "cost.false_negative": "dataset.cost.false_negative",
    "cost.false_positive": "dataset.cost.false_positive",
    "exclude": "dataset.features",
    "where": "DataFrame.where",
}
"""Of `fit`, by the key in the section `data`."""

ESTIMATOR = {
    **{name: f"{name}_col" for name in _ROLES},
    "positive": "positive",
    "cost": "cost_fn, cost_fp",
    "cost.matrix": "dataset.cost.matrix of steelyard.classifier.fit",
    "cost.false_negative": "cost_fn",
    "cost.false_positive": "cost_fp",
    "exclude": "exclude_col",
    "where": "DataFrame.where",
}
"""Of `ClassifierEstimator`."""


@contextmanager
def naming(arguments: Mapping[str, str]) -> Iterator[None]:
    """Name arguments in the messages of errors, in place of keys of a pipeline YAML."""
    try:
        yield
    except SteelyardError as error:
        error.args = (as_arguments(str(error), arguments), *error.args[1:])
        raise
