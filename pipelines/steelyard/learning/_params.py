"""Names, defaults and limits of the trainers' parameters, checked before a session starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from steelyard.errors import ConfigError, closest
from steelyard.kernels.distance import LARGEST

# XGBoost computes in single precision, which ends at 3.4e38, and doubles the largest number of a feature.
SINGLE_LIMIT = 1e38
DOUBLE_LIMIT = LARGEST


@dataclass(frozen=True)
class Number:
    """A numeric parameter, `low` and `high` included unless `above` is true for `low`."""

    default: float | None = None
    low: float = 0
    high: float = float("inf")
    integer: bool = False
    above: bool = False
    optional: bool = False

    def accepts(self, value: Any) -> bool:
        """Whether `value` is a number of the right kind within the limits."""
        if value is None:
            return self.optional
        if (
            isinstance(value, bool)
            or not isinstance(value, int if self.integer else int | float)
            or not isfinite(value)
        ):
            return False
        return bool((value > self.low if self.above else value >= self.low) and value <= self.high)

    def __str__(self) -> str:
        kind = "an integer" if self.integer else "a number"
        low = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        high = f" and at most {self.high:.12g}" if self.high < float("inf") else ""
        return f"{kind} {low}{high}" + (", or null" if self.optional else "")


@dataclass(frozen=True)
class Choice:
    """A parameter with few values."""

    default: Any
    values: tuple[Any, ...]

    def accepts(self, value: Any) -> bool:
        """Whether `value` is one of the values, of the same type."""
        return any(value == v and type(value) is type(v) for v in self.values)

    def __str__(self) -> str:
        return "one of " + ", ".join(str(v) for v in self.values)


@dataclass(frozen=True)
class Parameters:
    """What a trainer can be told.

    Parameters
    ----------
    known : mapping of str to Number or Choice
        By the names of the library that trains; a default of None leaves the value to that library.
    elsewhere : mapping of str to str
        Names that the library knows and that are not to be given here, with the reason.
    """

    known: Mapping[str, Number | Choice]
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, trainer: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with defaults filled in.

        Raises
        ------
        ConfigError
            For an unknown name, or a value of the wrong type or outside its limits.
        """
        for name, value in params.items():
            if name in self.elsewhere:
                raise ConfigError(f"train.params.{name} is not for {trainer}: {self.elsewhere[name]}")
            if name not in self.known:
                hint = closest(name, self.known)
                raise ConfigError(f"{trainer} has no parameter {name!r}.{hint} It has: {', '.join(self.known)}")
            if not self.known[name].accepts(value):
                raise ConfigError(f"train.params.{name} must be {self.known[name]}. Got {value!r} instead.")
        given = {name: params.get(name, of.default) for name, of in self.known.items()}
        return {k: v for k, v in given.items() if v is not None or k in params}


_SHARE = Number(low=0, high=1, above=True)
_MOST = 2**31 - 1  # of a 32-bit integer

XGBOOST = Parameters(
    known={
        "n_estimators": Number(200, low=1, high=100_000, integer=True),
        "early_stopping_rounds": Number(20, low=1, high=_MOST, integer=True, optional=True),
        "learning_rate": Number(0.1, above=True),
        "max_depth": Number(6, high=1000, integer=True),
        "max_leaves": Number(high=_MOST, integer=True),
        "grow_policy": Choice(None, ("depthwise", "lossguide")),
        "min_child_weight": Number(),
        "gamma": Number(),
        "max_delta_step": Number(),
        "reg_alpha": Number(),
        "reg_lambda": Number(),
        "subsample": _SHARE,
        "colsample_bytree": _SHARE,
        "colsample_bylevel": _SHARE,
        "colsample_bynode": _SHARE,
        "scale_pos_weight": Number(above=True),
        "max_bin": Number(256, low=2, high=65_536, integer=True),
    },
    elsewhere={
        "eta": "write learning_rate",
        "lambda": "write reg_lambda",
        "alpha": "write reg_alpha",
        "min_split_loss": "write gamma",
        "num_boost_round": "write n_estimators",
        "objective": "it follows from the number of classes",
        "eval_metric": "training stops early on log loss; other metrics are no means over workers",
        "tree_method": "it is always hist",
        "device": "it is always cpu",
        "nthread": "train.num_workers says how many tasks train, each with one thread",
        "n_jobs": "train.num_workers says how many tasks train, each with one thread",
        "num_workers": "write train.num_workers",
        "seed": "write train.seed",
        "random_state": "write train.seed",
        "class_weight": "write train.class_weight",
        "missing": "null and NaN are missing",
    },
)

LOGISTIC_REGRESSION = Parameters(
    known={
        "regParam": Number(1e-4),
        "elasticNetParam": Number(0.0, high=1),
        "maxIter": Number(100, low=1, high=1_000_000, integer=True),
        "tol": Number(1e-6, above=True),
        "fitIntercept": Choice(True, (True, False)),
        "aggregationDepth": Number(low=2, high=100, integer=True),
        "maxBlockSizeInMB": Number(),
    },
    elsewhere={
        "C": "write regParam, which is about 1 / (C · rows)",
        "standardization": "features are always standardised",
        "family": "it follows from the number of classes",
        "weightCol": "write data.weight",
        "threshold": "write decide.threshold",
        "class_weight": "write train.class_weight",
    },
)
