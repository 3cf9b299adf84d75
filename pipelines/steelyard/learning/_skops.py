"""Save scikit-learn's classifiers with skops as bytes that do not change from one process to the next, and load them.

skops names the parts of a model by their memory addresses, and a zip file records the time. Both are replaced.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from steelyard.errors import ConfigError, InputError
from steelyard.extensions import VARIABLE, check_module
from steelyard.lazy import import_without
from steelyard.learning.local import UNTRUSTED

# skops lists scikit-learn's estimators, and the list imports all packages of scikit-learn. One of them imports torch
# where it is installed, which takes 2 s and 190 MB.
io = import_without("skops.io", "sklearn.externals.array_api_compat.torch")

TRUSTED = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
    }
)
"""Types that skops leaves to its users. The trees' indices are checked after loading."""


def dump(estimator: Any) -> bytes:
    """Return a trained classifier as bytes.

    Raises
    ------
    InputError
        If it has types that `load` would refuse.
    """
    saved = io.dumps(estimator)
    _trusted_types(saved)
    return _canonical(saved)


def load(saved: bytes) -> Any:
    """Return the classifier that `dump` saved.

    Raises
    ------
    InputError
        If it has types that are not trusted, or trees whose indices are out of range.
    """
    found = io.loads(saved, trusted=_trusted_types(saved))
    _check_trees(found, set())
    return found


def _trusted_types(saved: bytes) -> list[str]:
    """Return the types that skops does not trust by itself; refuse those that are not trusted here either."""
    asked: list[str] = io.get_untrusted_types(data=saved)
    refused = [name for name in asked if name not in TRUSTED and not _allowed(name)]
    if refused:
        raise InputError(f"a saved model has {UNTRUSTED}: {', '.join(refused)}; {VARIABLE} can allow their modules")
    return asked


def _allowed(name: str) -> bool:
    """Whether the deployment allows a type's module."""
    try:
        check_module(name, "estimator", needed=True)
    except ConfigError:
        return False
    return True


def _canonical(saved: bytes) -> bytes:
    """Return the same archive with parts numbered in their order, and without times."""
    names: dict[Any, int] = {}
    files: dict[str, str] = {}

    def renumber(part: Any) -> None:
        """Replace memory addresses and the file names made of them by numbers, in place."""
        if isinstance(part, list):
            for item in part:
                renumber(item)
            return
        if not isinstance(part, dict):
            return
        if "__id__" in part:
            # Equal plain values may or may not be one object: each gets a number of its own.
            known = object() if part.get("is_json") else part["__id__"]
            part["__id__"] = names.setdefault(known, len(names))
        if isinstance(part.get("file"), str):
            old = part["file"]
            part["file"] = files.setdefault(old, f"{len(files)}.{old.rpartition('.')[2]}")
        for value in part.values():
            renumber(value)

    out = BytesIO()
    with ZipFile(BytesIO(saved)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        schema = json.loads(old.read("schema.json"))
        renumber(schema)
        for before, after in files.items():
            new.writestr(_entry(after), old.read(before))
        new.writestr(_entry("schema.json"), json.dumps(schema))
    return out.getvalue()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    return entry


def _check_trees(part: Any, seen: set[int]) -> None:
    """Refuse trees with a child that is not a later node, or a feature that does not exist: predicting would crash."""
    if id(part) in seen or isinstance(part, str | bytes | int | float | type(None)):
        return
    seen.add(id(part))
    if isinstance(part, dict):
        parts = list(part.values())
    elif isinstance(part, list | tuple) or (isinstance(part, np.ndarray) and part.dtype == object):
        parts = list(part.ravel() if isinstance(part, np.ndarray) else part)
    elif type(part).__name__ == "Tree" and type(part).__module__ == "sklearn.tree._tree":
        leaf = part.children_left == -1
        _check_nodes(part.children_left, part.children_right, part.feature, leaf, part.n_features)
        return
    elif type(part).__name__ == "TreePredictor":
        nodes = part.nodes
        _check_nodes(nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"] != 0, None)
        cat = nodes["is_categorical"] != 0
        if (nodes["bitset_idx"][cat] >= len(part.raw_left_cat_bitsets)).any():
            raise InputError("a saved tree has indices out of range")
        return
    else:
        parts = list(getattr(part, "__dict__", {}).values())
    for inner in parts:
        _check_trees(inner, seen)


def _check_nodes(left: Any, right: Any, feature: Any, leaf: Any, features: int | None) -> None:
    order = np.arange(len(left))
    inner = ~leaf
    fine = all(
        ((side[inner].astype(np.int64) > order[inner]) & (side[inner].astype(np.int64) < len(left))).all()
        for side in (left, right)
    )
    fine &= bool((feature[inner] >= 0).all()) and (features is None or bool((feature[inner] < features).all()))
    if not fine or not len(left):
        raise InputError("a saved tree has indices out of range")
