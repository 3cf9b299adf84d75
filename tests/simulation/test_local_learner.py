"""Models that one task trains: their bytes, their parameters, and what loading refuses. No JVM."""

from __future__ import annotations

import json
from importlib import import_module
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from steelyard.errors import ConfigError, InputError
from steelyard.learning import LocalLearner
from steelyard.learning._skops import load
from steelyard.learning.parameters import Parameters

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = (X[:, 0] + RNG.normal(size=300) / 2 > 0).astype(int)
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
TREE = {"estimator": "decision_tree", "params": {"max_depth": 2}}
LEARNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "xgboost": ("xgboost", {"n_estimators": 5}),
    "tree": ("decision_tree", {"max_depth": 3}),
    "boosted": ("sklearn.ensemble.AdaBoostClassifier", {"n_estimators": 4, "estimator": TREE}),
    "histogram": ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 4}),
    "linear": ("sklearn.linear_model.LogisticRegression", {"C": 0.5}),
    "lightgbm": ("lightgbm", {"n_estimators": 4}),
    "catboost": ("catboost", {"iterations": 4}),
}


def saved_by_skops(made: Any) -> bytes:
    from skops import io  # takes a second, and torch along where that is installed

    return bytes(io.dumps(made))


def learner(name: str) -> LocalLearner:
    if name in ("lightgbm", "catboost"):
        try:
            import_module(name)
        except (ImportError, OSError) as missing:  # LightGBM's wheel has no OpenMP
            pytest.skip(f"{name} cannot be imported: {missing}")
    return LocalLearner(*LEARNERS[name])


@pytest.mark.parametrize("name", list(LEARNERS))
@pytest.mark.parametrize("y", [Y, THREE], ids=["two", "three"])
def test_models_come_back_from_their_bytes(name: str, y: Any) -> None:
    local = learner(name)
    local.check()
    model = local.fit(X, y, seed=3)
    assert model == local.fit(X, y, seed=3)
    p = local.load(model)(X)
    assert p.dtype == np.float64 and p.shape == (300, y.max() + 1) and np.allclose(p.sum(axis=1), 1)
    assert (p.argmax(axis=1) == y).mean() > 0.75
    shares = local.importances(model, 4)
    assert shares is None or (shares.argmax() == 0 and abs(shares.sum() - 1) < 1e-9)


def test_probabilities_are_those_of_scikit_learn() -> None:
    theirs = DecisionTreeClassifier(max_depth=3, random_state=3).fit(X, Y, sample_weight=1.0 + Y)
    local = LocalLearner("decision_tree", {"max_depth": 3})
    ours = local.load(local.fit(X, Y, sample_weight=1.0 + Y, seed=3))(X)
    assert np.array_equal(ours, theirs.predict_proba(X))
    assert np.array_equal(local.importances(local.fit(X, Y, sample_weight=1.0 + Y), 4), theirs.feature_importances_)


def test_what_takes_missing_values() -> None:
    assert learner("xgboost").takes_missing and learner("tree").takes_missing and learner("histogram").takes_missing
    assert not learner("linear").takes_missing and not learner("boosted").takes_missing


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        ("xgbost", {}, "there is no estimator 'xgbost'; give the dotted path of a class, or one of xgboost,"),
        ("xgboost", {"max_depht": 1}, "xgboost has no parameter 'max_depht'. Did you mean 'max_depth'"),
        ("xgboost", {"max_depth": -1}, "e_params.max_depth must be an integer of at least 0 and at most 1000. Got -1"),
        ("xgboost", {"early_stopping_rounds": 3}, "early_stopping_rounds needs validation rows"),
        ("xgboost", {"enable_categorical": True}, "e_params: enable_categorical has no effect"),
        ("decision_tree", {"max_dept": 1}, "DecisionTreeClassifier has no parameter 'max_dept'. Did you mean 'max_d"),
        ("decision_tree", {"max_depth": -1}, "e_params: The 'max_depth' parameter of DecisionTreeClassifier must be"),
        ("decision_tree", {"class_weight": {0: 1, 1: 9}}, "e: class_weight can't be a map, because DecisionTreeCl"),
        ("sklearn.svm.LinearSVC", {}, "LinearSVC has no predict_proba"),
        ("sklearn.tree.DecisionTreClassifier", {}, "has no 'DecisionTreClassifier'. Did you mean"),
        ("sklearn.tree", {}, "'sklearn.tree' is not a classifier"),
        ("no_such.Thing", {}, "No module named 'no_such'"),
    ],
)
def test_mistakes_are_found_before_training(estimator: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LocalLearner(estimator, params).check("e")
    assert message in str(caught.value)


def test_a_class_without_rows_and_weights_without_use_are_refused() -> None:
    with pytest.raises(ValueError, match="each class needs rows"):
        learner("tree").fit(X, Y * 2)
    with pytest.raises(ValueError, match="KNeighborsClassifier takes no sample weights"):
        LocalLearner("sklearn.neighbors.KNeighborsClassifier").fit(X, Y, sample_weight=1.0 + Y)


class Foreign(DecisionTreeClassifier):
    """Not on the list of trusted types."""


def test_types_that_are_not_trusted_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = saved_by_skops(Foreign(max_depth=1).fit(X, Y))
    with pytest.raises(InputError, match=rf"types that are not trusted: {__name__}\.Foreign; STEELYARD_ALLOWED"):
        load(saved)
    with pytest.raises(InputError, match="KDTree"):
        LocalLearner("sklearn.neighbors.KNeighborsClassifier").fit(X, Y)
    with pytest.raises(InputError, match="not trusted"):
        load(saved_by_skops({"f": Parameters}))
    monkeypatch.setenv("STEELYARD_ALLOWED_MODULES", __name__)
    assert load(saved).get_depth() == 1
    brute = KNeighborsClassifier(algorithm="brute")
    assert LocalLearner("sklearn.neighbors.KNeighborsClassifier", {"algorithm": "brute"}).path.endswith("sClassifier")
    assert load(saved_by_skops(brute.fit(X, Y))).n_neighbors == 5


@pytest.mark.parametrize(
    "made",
    [
        DecisionTreeClassifier(max_depth=2),
        AdaBoostClassifier(n_estimators=2, random_state=0),
        RandomForestClassifier(n_estimators=2, random_state=0),
        HistGradientBoostingClassifier(max_iter=2),
    ],
    ids=lambda made: type(made).__name__,
)
@pytest.mark.parametrize("wrong", [10**6, 0])
def test_trees_that_would_crash_are_refused(made: Any, wrong: int) -> None:
    saved = saved_by_skops(made.fit(X, Y))
    load(saved)
    for column in ("left_child", "left"):
        saved = _with_nodes(saved, column, wrong)
    with pytest.raises(InputError, match="a saved tree has indices out of range"):
        load(saved)


def _with_nodes(saved: bytes, column: str, value: int) -> bytes:
    """Return an archive in which the first child of the root of each tree is another node."""
    out = BytesIO()
    with ZipFile(BytesIO(saved)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(".npy"):
                nodes = np.load(BytesIO(content), allow_pickle=False)
                if nodes.dtype.names and column in nodes.dtype.names:
                    nodes[column][0] = value
                    changed = BytesIO()
                    np.save(changed, nodes)
                    content = changed.getvalue()
            new.writestr(name, content)
    return out.getvalue()


def test_saved_bytes_hold_no_address_and_no_time() -> None:
    with ZipFile(BytesIO(learner("boosted").fit(X, Y))) as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
        schema = json.loads(archive.read("schema.json"))
    assert sorted(names) == sorted([*(f"{i}.npy" for i in range(len(names) - 1)), "schema.json"])
    assert schema["__id__"] < 10_000
