"""How each library's classifiers are made, checked, saved and loaded."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import ConfigError, closest
from steelyard.extensions import load_extension
from steelyard.frames.workers import one_thread
from steelyard.learning.local import NO_WEIGHTS, LocalLearner

Floats = NDArray[np.float64]
_CATEGORICAL = ("enable_categorical", "max_cat_to_onehot", "max_cat_threshold")


@dataclass(frozen=True)
class LocalFormat:
    """A class of classifiers with parameters; this base is for those that skops saves."""

    cls: Any
    params: dict[str, Any]
    setting: str

    suffix: ClassVar[str] = "skops"
    defaults: ClassVar[Mapping[str, Any]] = {"n_jobs": 1}

    def check(self, setting: str) -> None:
        """Raise `ConfigError` for parameters that the class does not take."""
        made = self.new(0, setting)
        if not hasattr(made, "predict_proba"):
            raise ConfigError(f"{self.setting}: {self.cls.__name__} has no predict_proba")
        for of in (made, *vars(made).values()):
            _check_values(of, setting)

    def new(self, seed: int, setting: str = "estimator_params") -> Any:
        """Return an untrained classifier."""
        params = {name: _nested(value, setting, seed) for name, value in self.params.items()}
        signature = inspect.signature(self.cls.__init__).parameters
        named = {n: p for n, p in signature.items() if n != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        open_ended = any(p.kind == p.VAR_KEYWORD for p in signature.values())
        known = set(named)
        for name in params if known and not open_ended else ():
            if name not in known:
                raise ConfigError(
                    f"{setting}: {self.cls.__name__} has no parameter {name!r}.{closest(str(name), known)}"
                )
        fixed = {"random_state": seed, **self.defaults}
        if missing := [n for n, p in named.items() if p.default is p.empty and n not in {*params, *fixed}]:
            raise ConfigError(f"{setting}: {self.cls.__name__} needs the parameter {missing[0]!r}")
        return self.cls(**{n: v for n, v in fixed.items() if n in known} | params)

    @property
    def takes_missing(self) -> bool:
        """Whether the classifier handles NaN."""
        from sklearn.utils import get_tags

        return bool(get_tags(self.new(0)).input_tags.allow_nan)

    def fit(self, X: NDArray[np.float32], y: NDArray[np.int64], weights: Floats | None, seed: int) -> bytes:
        """Train on one thread and return the saved model."""
        return self.trained(self.new(seed), X, y, weights)

    def trained(self, made: Any, X: NDArray[np.float32], y: NDArray[np.int64], weights: Floats | None) -> bytes:
        """Train a classifier on one thread and return its saved form."""
        if weights is not None and "sample_weight" not in inspect.signature(made.fit).parameters:
            raise ValueError(f"{self.cls.__name__} {NO_WEIGHTS}")
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.fit(X, y, **({} if weights is None else {"sample_weight": weights}))
        return self.dump(made)

    def dump(self, made: Any) -> bytes:
        """Return the saved form of a trained classifier."""
        from steelyard.learning._skops import dump

        return dump(made)

    def read(self, model: bytes) -> Any:
        """Return the classifier that `dump` saved."""
        from steelyard.learning._skops import load

        return load(model)

    def load(self, model: bytes) -> Any:
        """Return the function from rows to probabilities."""
        return _doubles(self.read(model).predict_proba)

    def votes(self, model: bytes) -> Any:
        """Return the function from rows to the sums of the weak learners' weights."""
        made = self.read(model)

        def count(X: NDArray[np.float32]) -> Floats:
            found = np.zeros((len(X), made.n_classes_))
            every = np.arange(len(X))
            for learner, weight in zip(made.estimators_, made.estimator_weights_, strict=False):
                found[every, learner.predict(X).astype(np.int64)] += weight
            return found

        return count

    def importances(self, model: bytes, features: int) -> Floats | None:
        """Return the gain of each feature, if the classifier has it."""
        found = getattr(self.read(model), "feature_importances_", None)
        return None if found is None else np.asarray(found, dtype=np.float64)


class XGBoostFormat(LocalFormat):
    """XGBoost: its own UBJ."""

    suffix = "ubj"
    takes_missing = True
    defaults: ClassVar[Mapping[str, Any]] = {"n_jobs": 1, "verbosity": 0}

    def check(self, setting: str) -> None:
        from steelyard.learning._xgboost import XGBoostParameters

        if self.params.get("early_stopping_rounds") is not None:
            raise ConfigError(f"{setting}: early_stopping_rounds needs validation rows, and there are none")
        if categorical := [name for name in self.params if name in _CATEGORICAL]:
            raise ConfigError(f"{setting}: {categorical[0]} has no effect: categories are numbers of 0 and 1 here")
        try:
            XGBoostParameters.parse("xgboost", self.params)
        except ConfigError as error:
            raise ConfigError(str(error).replace("train.params", setting)) from None

    def new(self, seed: int, setting: str = "estimator_params") -> Any:
        return self.cls(**{"random_state": seed, "tree_method": "hist", **self.defaults, **self.params})

    def dump(self, made: Any) -> bytes:
        return bytes(made.get_booster().save_raw("ubj"))

    def read(self, model: bytes) -> Any:
        from steelyard.learning._threads import xgb

        booster = xgb.Booster({"nthread": 1})
        booster.load_model(bytearray(model))
        booster.set_param({"nthread": 1})
        return booster

    def load(self, model: bytes) -> Any:
        booster = self.read(model)
        return lambda X: _both(booster.inplace_predict(np.ascontiguousarray(X, np.float32), validate_features=False))

    def importances(self, model: bytes, features: int) -> Floats | None:
        found = np.zeros(features)
        for name, gain in self.read(model).get_score(importance_type="total_gain").items():
            found[int(name[1:])] = gain
        return found


class LightGBMFormat(LocalFormat):
    """LightGBM: its own text."""

    suffix = "txt"
    takes_missing = True
    defaults: ClassVar[Mapping[str, Any]] = {"n_jobs": 1, "verbosity": -1, "deterministic": True}

    def new(self, seed: int, setting: str = "estimator_params") -> Any:
        return self.cls(**{"random_state": seed, **self.defaults, **self.params})

    def dump(self, made: Any) -> bytes:
        return str(made.booster_.model_to_string()).encode()

    def read(self, model: bytes) -> Any:
        return import_module("lightgbm").Booster(model_str=model.decode())

    def load(self, model: bytes) -> Any:
        booster = self.read(model)
        return lambda X: _both(booster.predict(X, num_threads=1))

    def importances(self, model: bytes, features: int) -> Floats | None:
        return np.asarray(self.read(model).feature_importance("gain"), dtype=np.float64)


class CatBoostFormat(LocalFormat):
    """CatBoost: its own binary format."""

    suffix = "cbm"
    takes_missing = True
    defaults: ClassVar[Mapping[str, Any]] = {"thread_count": 1, "verbose": False, "allow_writing_files": False}

    def new(self, seed: int, setting: str = "estimator_params") -> Any:
        return self.cls(**{"random_seed": seed, **self.defaults, **self.params})

    def dump(self, made: Any) -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder, "model.cbm")
            facts = made.get_metadata()
            for name in ("model_guid", "train_finish_time"):  # they differ from one training to the next
                facts[name] = ""
            made.save_model(str(path), format="cbm")
            return path.read_bytes()

    def read(self, model: bytes) -> Any:
        return self.cls().load_model(blob=model)

    def importances(self, model: bytes, features: int) -> Floats | None:
        return np.asarray(self.read(model).get_feature_importance(), dtype=np.float64)


_FORMATS = {"xgboost": XGBoostFormat, "lightgbm": LightGBMFormat, "catboost": CatBoostFormat}


def format_of(path: str, params: dict[str, Any], setting: str, *, trusted: bool) -> LocalFormat:
    """Return the format of a class by its dotted path.

    Parameters
    ----------
    path : str
    params : dict
    setting : str
        The key of the YAML, for messages.
    trusted : bool
        Whether the path is one of steelyard's own, which `STEELYARD_ALLOWED_MODULES` need not name.
    """
    module, _, name = path.rpartition(".")
    if trusted:
        if module == "xgboost":
            import_module("steelyard.learning._threads")  # it sets what XGBoost reads while it is loaded
        try:
            cls = getattr(import_module(module), name)
        except ImportError:
            raise ConfigError(f"{setting}: {module.split('.')[0]} is not installed") from None
    else:
        cls = load_extension(path, "", setting)
    if not (isinstance(cls, type) and hasattr(cls, "fit")):
        raise ConfigError(f"{setting}: {path!r} is not a classifier: it must be a class with fit and predict_proba")
    return _FORMATS.get(cls.__module__.split(".")[0], LocalFormat)(cls, params, setting)


def _nested(value: Any, setting: str, seed: int) -> Any:
    """Return an estimator for a parameter that describes one."""
    if not (isinstance(value, Mapping) and "estimator" in value):
        return value
    if unknown := sorted(str(name) for name in set(value) - {"estimator", "params"}):
        raise ConfigError(
            f"{setting}: an estimator is a map of estimator and params, and has no {unknown[0]!r}."
            f"{closest(unknown[0], ['estimator', 'params'])}"
        )
    inner = LocalLearner(str(value["estimator"]), dict(value.get("params") or {}))
    return inner._format(setting).new(seed, setting)


def _check_values(made: Any, setting: str) -> None:
    """Raise `ConfigError` for values that a classifier of scikit-learn would refuse when it is trained."""
    if not hasattr(made, "_parameter_constraints"):
        return
    try:
        made._validate_params()
    except ValueError as error:
        raise ConfigError(f"{setting}: {' '.join(str(error).split())}") from None


def _both(found: Any) -> Floats:
    """Return probabilities of all classes, where a library gives that of the second of two only."""
    p = np.asarray(found, dtype=np.float64)
    return np.column_stack([1 - p, p]) if p.ndim == 1 else p


def _doubles(predict: Any) -> Any:
    return lambda X: np.asarray(predict(X), dtype=np.float64)
