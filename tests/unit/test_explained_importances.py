"""Permutation importances of arrays of scores, with two classes and more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from steelyard.explaining._importances import MOST_CLASSES, _lost_area, importances


def test_the_lost_area_is_the_mean_of_the_classes() -> None:
    rng = np.random.default_rng(4)
    label = rng.choice(3, 300, p=[0.6, 0.3, 0.1])
    whole = rng.random((3, 300)) + (label == np.arange(3)[:, None])
    scores = [np.stack([own, rng.permutation(own), own]) for own in whole]  # the second feature has no effect
    truth = [label == k for k in range(3)]
    lost = _lost_area(scores, truth)
    areas = [[average_precision_score(t, s) for s in own] for own, t in zip(scores, truth, strict=True)]
    assert lost[0, 0] == pytest.approx(np.mean([of[0] - of[1] for of in areas]))
    assert not lost[1].any() and lost[0, 1:].std() > 0

    absent = [*truth[:2], np.zeros(300, dtype=bool)]
    assert _lost_area(scores, absent)[0, 0] == pytest.approx(np.mean([of[0] - of[1] for of in areas[:2]]))
    one = [np.arange(300) == 7]  # most draws are without the only positive row, and lose nothing
    assert np.isfinite(_lost_area(scores[:1], one)).all()


def test_too_many_classes_have_none() -> None:
    many: Any = SimpleNamespace(classes=tuple(map(str, range(MOST_CLASSES + 1))))
    unread: Any = None
    found = importances(many, unread, unread)
    assert (found["method"], found["rows"], found["features"]) == (None, {}, [])
    assert "at most 20 classes" in found["note"]
