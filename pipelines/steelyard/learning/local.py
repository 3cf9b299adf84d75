"""Small classifiers that one task trains: NumPy in, bytes out. Importing it needs no Spark."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import ConfigError
from steelyard.extensions import VARIABLE

if TYPE_CHECKING:
    from steelyard.learning._local_formats import LocalFormat

NO_WEIGHTS = "takes no sample weights"
"""Part of the message of an estimator that cannot weigh rows."""
UNTRUSTED = "types that are not trusted"
"""Part of the message of a model that skops should not load."""
Predictor = Callable[[NDArray[Any]], NDArray[np.float64]]

ESTIMATORS: Mapping[str, str] = {
    "xgboost": "xgboost.XGBClassifier",
    "decision_tree": "sklearn.tree.DecisionTreeClassifier",
    "ada_boost": "sklearn.ensemble.AdaBoostClassifier",
    "lightgbm": "lightgbm.LGBMClassifier",
    "catboost": "catboost.CatBoostClassifier",
}
"""Classes that have a short name."""
_BY_CLASS = ("class_weight", "class_weights")


@dataclass(frozen=True)
class LocalLearner:
    """A classifier that is trained in one process, and its saved form.

    XGBoost, LightGBM and CatBoost are saved in their own formats, every other class with skops. A model that skops
    saved is loaded only if all its types are trusted: those of scikit-learn, NumPy and SciPy that skops or steelyard
    know to be safe, and those of modules that the deployment allows by `STEELYARD_ALLOWED_MODULES`.

    Parameters
    ----------
    estimator : str, default "xgboost"
        ``"xgboost"``, ``"decision_tree"``, ``"lightgbm"``, ``"catboost"``, or the dotted path of a class with the
        interface of scikit-learn's classifiers and a `predict_proba`.
    params : mapping, optional
        Of the class. A parameter that is itself an estimator is written as ``{"estimator": …, "params": {…}}``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 3)).astype(np.float32)
    >>> learner = LocalLearner("decision_tree", {"max_depth": 2})
    >>> model = learner.fit(X, X[:, 0] > 0, seed=1)
    >>> learner.load(model)(X).shape
    (100, 2)
    """

    estimator: str = "xgboost"
    params: Mapping[str, Any] = field(default_factory=dict)

    def check(self, setting: str = "estimator") -> None:
        """Raise unless the class exists, takes these parameters and can be saved. Needs no Spark session.

        Parameters
        ----------
        setting : str, default "estimator"
            The key of the YAML, for messages; that of the parameters has the ending "_params".

        Raises
        ------
        ConfigError
            Naming the parameter, and the nearest one.
        """
        made = self._format(setting)
        made.check(f"{setting}_params")
        if self.estimator not in ESTIMATORS or any(isinstance(value, Mapping) for value in self.params.values()):
            key = (self.estimator, repr(self.params), os.environ.get(VARIABLE))
            if fault := _saving_fault(_Probe(key, self)):
                raise ConfigError(f"{setting}: {fault}")

    @property
    def takes_missing(self) -> bool:
        """Whether NaN may be among the features."""
        return self._format().takes_missing

    @property
    def suffix(self) -> str:
        """The extension of a file with the saved model."""
        return self._format().suffix

    def fit(
        self, X: NDArray[Any], y: NDArray[Any], *, sample_weight: NDArray[np.float64] | None = None, seed: int = 0
    ) -> bytes:
        """Train a model on one thread.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
        y : array of shape (n_rows,)
            Whole numbers from 0 on; each of them must occur.
        sample_weight : array of shape (n_rows,), optional
        seed : int, default 0
            Of the class's `random_state`, unless `params` has one.

        Returns
        -------
        bytes
            The same for the same rows in the same order.

        Raises
        ------
        ValueError
            If a class has no rows, or weights are given to an estimator that takes none.
        """
        labels = np.asarray(y).astype(np.int64)
        if len(np.unique(labels)) != labels.max() + 1 or labels.max() < 1:
            raise ValueError("each class needs rows, and there must be two or more")
        weights = None if sample_weight is None or (sample_weight == 1).all() else np.asarray(sample_weight)
        return self._format().fit(np.ascontiguousarray(X, dtype=np.float32), labels, weights, seed)

    def load(self, model: bytes, *, votes: bool = False) -> Predictor:
        """Return the function from rows to the probability of each class.

        Parameters
        ----------
        model : bytes
        votes : bool, default False
            Return in its place the sum of the weights of the weak learners that vote for the class; of boosted
            classifiers only, such as scikit-learn's AdaBoost.

        Raises
        ------
        InputError
            If the saved model has types that are not trusted, or indices out of range.
        """
        found: Predictor = (self._format().votes if votes else self._format().load)(model)
        return found

    def importances(self, model: bytes, features: int) -> NDArray[np.float64] | None:
        """Return each feature's share of the gain (0 if nothing was split), or None where the class has none."""
        found = self._format().importances(model, features)
        return None if found is None else found / (found.sum() or 1.0)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"estimator": self.estimator, "params": dict(self.params)}

    @property
    def path(self) -> str:
        """The dotted path of the class."""
        return ESTIMATORS.get(self.estimator, self.estimator)

    def _format(self, setting: str = "estimator") -> LocalFormat:
        from steelyard.learning._local_formats import format_of

        for name in _BY_CLASS:
            if isinstance(self.params.get(name), Mapping):
                raise ConfigError(
                    f"{setting}: {name} can't be a map, because {self.path.rpartition('.')[2]} sees numbers in place "
                    "of classes; write train.class_weight, or balanced"
                )
        if "." not in self.path:
            raise ConfigError(
                f"{setting}: there is no estimator {self.estimator!r}; give the dotted path of a class, or one of "
                f"{', '.join(ESTIMATORS)}"
            )
        return format_of(self.path, dict(self.params), setting, trusted=self.estimator in ESTIMATORS)


@dataclass(frozen=True)
class _Probe:
    """A classifier with the key of the result of its check: parameters have no hash, and their keys no order."""

    key: tuple[str | None, ...]
    learner: LocalLearner = field(compare=False)


@lru_cache(maxsize=100)
def _saving_fault(probe: _Probe) -> str | None:
    """Return why a classifier could not be saved, if that is so; parameters are checked several times in a run."""
    from steelyard.learning._saving_probe import saving_fault

    return saving_fault(probe.learner._format())


@dataclass(frozen=True)
class TaskModel:
    """What one task trained.

    Parameters
    ----------
    model : bytes
        As from `LocalLearner.fit`.
    rows : int
        Rows that it was trained on.
    importances : tuple of float, optional
        Each feature's share of the gain.
    """

    model: bytes
    rows: int
    importances: tuple[float, ...] | None = None


@lru_cache(maxsize=2)
def predictors(estimator: str, params: str, models: tuple[bytes, ...], *, votes: bool = False) -> list[Predictor]:
    """Return the functions of saved models: a worker process loads them once, and not for every task.

    Parameters
    ----------
    estimator : str
    params : str
        JSON.
    models : tuple of bytes
    votes : bool, default False
        As for `LocalLearner.load`.
    """
    learner = LocalLearner(estimator, json.loads(params))
    return [learner.load(model, votes=votes) for model in models]
