"""Class weights: the weight of each row in training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, of_key, unused_name
from steelyard.dataset import Cost, Dataset
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError, closest
from steelyard.labels import by_class

ClassWeight = str | Mapping[Any, Any]
EFFECTIVE, COST_MATRIX = "effective_number", "cost_matrix"
_NOTICED = 1.05
_LIGHT = 0.1


def class_weights(counts: Mapping[str, float], setting: ClassWeight = "none") -> dict[str, float]:
    """Return the weight of each class.

    Parameters
    ----------
    counts : mapping of str to float
        Rows of each class; for weighted rows, their total weight.
    setting : {"none", "balanced", "sqrt_balanced"} or mapping, default "none"
        ``"balanced"`` gives every class the same total, ``"sqrt_balanced"`` weighs a class by the square root of that
        weight. ``{"effective_number": beta}`` weighs it by (1 - beta) / (1 - beta ** rows) [1]_; ``"auto"`` stands for
        a beta of 1 - 1 / rows of the rarest class. ``{"cost_matrix": matrix}`` weighs a class by its mean cost of being
        missed, from actual class → decided class → cost. These weights are divided so that they sum to the number of
        rows.
        Any other mapping gives weights by class, in any form of the label; classes it doesn't name weigh 1.

    Raises
    ------
    InputError
        For an unknown setting or class, a weight that is not a positive number, or a class without rows or weight where
        weights follow from the counts.

    References
    ----------
    .. [1] Cui, Jia, Lin, Song, Belongie, "Class-balanced loss based on effective number of samples", CVPR 2019.

    Examples
    --------
    >>> class_weights({"0": 90, "1": 10}, "balanced")
    {'0': 0.5555555555555556, '1': 5.0}
    >>> class_weights({"0": 90, "1": 10}, {1: 20})
    {'0': 1.0, '1': 20.0}
    >>> {c: round(w, 3) for c, w in class_weights({"0": 9000, "1": 1000}, {"effective_number": "auto"}).items()}
    {'0': 0.945, '1': 1.494}
    """
    if isinstance(setting, Mapping) and not depends_on_counts(setting):
        return dict.fromkeys(counts, 1.0) | _explicit(setting, counts)
    if setting == "none":
        return dict.fromkeys(counts, 1.0)
    empty = [c for c, n in counts.items() if not n > 0]
    if empty and isinstance(setting, str | Mapping) and depends_on_counts(setting):
        name = setting if isinstance(setting, str) else next(iter(setting))
        raise InputError(f"class_weight {name}: the training rows of class {empty[0]!r} weigh nothing")
    if setting == "balanced":
        total = sum(counts.values())
        return {c: total / (len(counts) * n) for c, n in counts.items()}
    if setting == "sqrt_balanced":
        return _normalised({c: 1 / math.sqrt(n) for c, n in counts.items()}, counts)
    if isinstance(setting, Mapping) and EFFECTIVE in setting:
        return _normalised(_by_effective_number(setting[EFFECTIVE], counts), counts)
    if isinstance(setting, Mapping):
        return _normalised(_by_cost(setting[COST_MATRIX], counts), counts)
    raise InputError(
        "class_weight must be 'none', 'balanced', 'sqrt_balanced', {'effective_number': beta} or a map of class to "
        f"weight. Got {setting!r} instead."
    )


def depends_on_counts(setting: ClassWeight) -> bool:
    """Whether the weights follow from the counts of the classes."""
    if isinstance(setting, str):
        return setting in ("balanced", "sqrt_balanced", COST_MATRIX)
    return set(setting) in ({EFFECTIVE}, {COST_MATRIX})


def with_matrix(setting: ClassWeight, cost: Cost) -> ClassWeight:
    """Return the setting `cost_matrix` with its matrix, and any other as it is.

    Raises
    ------
    ConfigError
        If there is no matrix.
    """
    if setting != COST_MATRIX:
        return setting
    if cost.matrix is None:
        raise ConfigError("train.class_weight is cost_matrix, which needs data.cost.matrix")
    return {COST_MATRIX: {actual: dict(costs) for actual, costs in cost.matrix.items()}}


def _by_cost(matrix: Mapping[str, Mapping[str, float]], counts: Mapping[str, float]) -> dict[str, float]:
    """Return the mean cost of missing each class."""
    means = {c: sum(v for d, v in matrix.get(c, {}).items() if d != c) / max(len(matrix) - 1, 1) for c in counts}
    free = [c for c, mean in means.items() if not mean > 0]
    if free:
        raise InputError(
            f"class_weight cost_matrix: missing class {free[0]!r} costs nothing, so it would weigh nothing"
        )
    return means


def weights_note(setting: ClassWeight, weights: Mapping[str, float]) -> str | None:
    """Return a note where a rule for class weights changes next to nothing, else None.

    Examples
    --------
    >>> print(weights_note({"effective_number": 0.999}, {"0": 0.99, "1": 1.0}))
    train.class_weight {'effective_number': 0.999} weighs the classes alike: the weights differ by 1.0 %; auto follows
    the rarest class
    """
    if isinstance(setting, str) or not depends_on_counts(setting):
        return None
    ratio = max(weights.values(), default=1.0) / min(weights.values(), default=1.0)
    if ratio >= _NOTICED:
        return None
    return (
        f"train.class_weight {dict(setting)} weighs the classes alike: the weights differ by {ratio - 1:.1%}; auto "
        "follows the rarest class"
    ).replace("%", " %")


def scale_note(mean: float, settings: Sequence[str]) -> str | None:
    """Return a note where rows weigh so little that settings in units of weight keep a model from learning, else None.

    Parameters
    ----------
    mean : float
        Mean weight of the training rows.
    settings : sequence of str
        Settings of the trainer in units of weight.

    Examples
    --------
    >>> print(scale_note(0.001, ["min_child_weight", "reg_lambda"]))
    the training rows weigh 0.001 on average, and min_child_weight and reg_lambda are in units of weight: divide the
    weights by their mean, or lower these
    """
    if mean >= _LIGHT or not settings:
        return None
    return (
        f"the training rows weigh {mean:.3g} on average, and {' and '.join(settings)} are in units of weight: divide "
        "the weights by their mean, or lower these"
    )


def _by_effective_number(beta: float | str, counts: Mapping[str, float]) -> dict[str, float]:
    if beta == "auto":
        beta = 1 - 1 / max(min(counts.values()), 1.0 + 1e-9)
    if isinstance(beta, bool) or not isinstance(beta, Real) or not 0 < beta < 1:
        raise InputError(
            f"class_weight effective_number must be 'auto' or a number between 0 and 1. Got {beta!r} instead."
        )
    # 1 - beta ** n, exact where beta is close to 1.
    return {c: (1 - beta) / -math.expm1(n * math.log1p(beta - 1)) for c, n in counts.items()}


def _normalised(weights: Mapping[str, float], counts: Mapping[str, float]) -> dict[str, float]:
    """Return weights divided so that those of all rows sum to the number of rows."""
    factor = sum(counts.values()) / sum(weights[c] * n for c, n in counts.items())
    return {c: w * factor for c, w in weights.items()}


def weight_distortion(weights: Mapping[str, float]) -> Distortion:
    """Return how weights of classes change the class prior.

    The rates are not exact, unless all weights are equal: on real tables, the closed-form correction of boosted trees
    reaches 0.70 of the prevalence (benchmarks/results/prior_correction.md).

    Examples
    --------
    >>> weight_distortion({"0": 0.5, "1": 5.0})
    Distortion(rates={'0': 0.5, '1': 5.0}, exact=False)
    """
    return Distortion(dict(weights), exact=False) if len(set(weights.values())) > 1 else Distortion()


def total_weights(df: DataFrame, label: str, weight: str) -> dict[str, float]:
    """Return the total weight of each class's rows, the same from any partitioning. Costs one narrow scan."""
    total = F.sum(col(weight).cast("double").try_cast("decimal(38,12)")).cast("double").alias("total")
    rows = df.groupBy(class_text(df, label).alias("class")).agg(total).collect()
    return {row["class"]: row["total"] or 0.0 for row in rows if row["class"] is not None}


def cost_weighted(df: DataFrame, data: Dataset, weight: str | None) -> tuple[DataFrame, str]:
    """Return training rows with a column of weights, and its name: each row's cost of an error on it, times its weight.

    The weights are divided so that they sum to the number of rows. Costs one scan.

    Parameters
    ----------
    df : DataFrame
    data : Dataset
        With two classes and both costs.
    weight : str, optional
        A column of row weights.

    Raises
    ------
    InputError
        If all errors on a class cost nothing.
    """
    label, name = class_text(df, data.label), unused_name("cost_weight", df.columns)
    missed, false = (
        col(of).cast("double") if isinstance(of, str) else F.lit(float(of or 0.0))
        for of in (data.cost.false_negative, data.cost.false_positive)
    )
    own = F.lit(1.0) if weight is None else col(weight).cast("double")
    cost = own * F.when(label == F.lit(data.positive), missed).otherwise(false)
    # In decimals: their sum does not depend on the order of rows.
    total = F.sum(cost.try_cast("decimal(38,12)")).cast("double").alias("total")
    rows = df.groupBy(label.alias("class")).agg(F.count(F.lit(1)).alias("n"), total).collect()
    free = sorted(row["class"] for row in rows if not (row["total"] or 0) > 0)
    if free:
        raise InputError(f"train.cost_weights: errors on class {free[0]!r} cost nothing, so it would weigh nothing")
    factor = sum(row["n"] for row in rows) / sum(row["total"] for row in rows)
    return df.withColumn(name, cost * F.lit(factor)), name


def weight_column(df: DataFrame, label: str, weights: Mapping[str, float], *, existing: str | None = None) -> Column:
    """Return each row's weight: that of its class, times the row's own where it has one.

    Parameters
    ----------
    df : DataFrame
        Gives the type of the label.
    label : str
    weights : mapping of str to float
        As from `class_weights`; null for rows of other classes.
    existing : str, optional
        A column of row weights.
    """
    weight = of_key({c: float(w) for c, w in weights.items()}, class_text(df, label))
    return weight * col(existing).cast("double") if existing else weight


def _explicit(setting: Mapping[Any, float], counts: Mapping[str, float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for name, weight in by_class(setting).items():
        if name not in counts:
            raise InputError(
                f"class_weight names class {name!r}, which is not in the table.{closest(name, counts)} "
                f"It has: {', '.join(map(repr, list(counts)[:20]))}"
            )
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 < weight < math.inf:
            raise InputError(f"class_weight must give class {name!r} a positive number. Got {weight!r} instead.")
        weights[name] = float(weight)
    return weights
