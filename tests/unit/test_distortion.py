"""How resampling, weights and losses change the class prior, alone and together."""

from __future__ import annotations

import json

import numpy as np
import pytest

from steelyard.distortion import Distortion
from steelyard.learning import get_trainer
from steelyard.sampling import ClassPlan, SamplingPlan
from steelyard.weighting import weight_distortion


@pytest.mark.parametrize(
    ("effect", "kind"),
    [("none", "none"), ("random_under", "prior shift"), ("random_over", "unknown"), ("bends", "unknown")],
)
def test_only_random_under_sampling_is_corrected_exactly(effect: str, kind: str) -> None:
    classes = {"0": ClassPlan(900, 100), "1": ClassPlan(10, 10)}
    plan = SamplingPlan("s", effect, "y", classes)  # type: ignore[arg-type]
    assert plan.distortion.kind == kind
    weighted = SamplingPlan("s", effect, "y", classes, weight_output="w")  # type: ignore[arg-type]
    assert weighted.distortion.kind == "none", "the weights make up for the dropped rows"


def test_steps_combine() -> None:
    rng = np.random.default_rng(0)
    a, b = (Distortion(dict(zip("xyz", rng.uniform(0.1, 9, 3), strict=True))) for _ in range(2))
    both = a.then(b)
    assert both.kind == "prior shift" and both == b.then(a)
    assert [both.rate(c) for c in "xyz"] == [a.rate(c) * b.rate(c) for c in "xyz"]
    assert a.then(weight_distortion({"x": 1.0, "y": 2.0})).kind == "unknown"
    assert a.then(Distortion()) == a and Distortion().then(a) == a
    assert Distortion.from_json(json.loads(json.dumps(both.to_json()))) == both


@pytest.mark.parametrize(("classes", "kind"), [(("0", "1"), "unknown"), (("a", "b", "c"), "none")])
def test_scale_pos_weight_is_a_weight_of_the_positive_class(classes: tuple[str, ...], kind: str) -> None:
    trainer = get_trainer("xgboost", {"scale_pos_weight": 9.0})
    found = trainer.loss_distortion(classes)
    assert found.kind == kind and found.rate(classes[-1]) == (9.0 if kind == "unknown" else 1.0)
    assert get_trainer("xgboost").loss_distortion(classes) == Distortion()
