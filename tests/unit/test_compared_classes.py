"""Comparing recipes for more than two classes: metrics, the work of one task, candidates and the choice. No JVM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss

from steelyard.comparing import PLAIN, Candidate, candidates_of, more_candidates, standard_candidates
from steelyard.comparing._comparison import Comparison, compared
from steelyard.comparing._estimates import Draws
from steelyard.comparing._fold_scores import BUCKETS, FoldScores
from steelyard.comparing._resample import Sampling
from steelyard.comparing._table import Table
from steelyard.comparing._worker import Setting, held_out, judged
from steelyard.config import CompareConfig, Recipe, SearchConfig
from steelyard.dataset import Cost
from steelyard.deciding import fit_class_array_policy
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.kernels.intervals import effective_number
from steelyard.learning.arrays import ArrayRows
from steelyard.metrics import ScoreTable

CLASSES = ("low", "mid", "high")
SHARES = (0.86, 0.1, 0.04)
MATRIX = {"low": {"mid": 1, "high": 1}, "mid": {"low": 5, "high": 1}, "high": {"low": 20, "mid": 10}}
COSTS = np.array([[0, 1, 1], [5, 0, 1], [20, 10, 0]], dtype=float)
PRIOR_LOSS = -sum(share * np.log(share) for share in SHARES)


def table(n: int = 2000) -> Table:
    """Rows of three classes, a third of which test."""
    rng = np.random.default_rng(0)
    label = np.searchsorted(np.cumsum(SHARES), rng.random(n) * 0.999).astype(float)
    x = (rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[label.astype(int)]).astype(np.float32)
    x[rng.random((n, 3)) < 0.02] = np.nan
    return Table(
        features=x,
        label=label,
        weight=np.ones(n),
        place=rng.permutation(n).astype(np.int64),
        order=rng.permutation(n),
        test=rng.random(n) < 1 / 3,
        bucket=rng.integers(0, BUCKETS, n),
        cost_fn=np.zeros(n),
        cost_fp=np.zeros(n),
    )


TABLE = table()
COUNTS = {c: int((TABLE.label == i).sum()) for i, c in enumerate(CLASSES)}


def setting(recipe: Recipe, **more: Any) -> Setting:
    document = {name: getattr(recipe, name).model_dump(mode="json") for name in ("resample", "train", "decide")}
    fixed = {"classes": CLASSES, "held": 0.125, "thinned": (1.0,) * 3, "rates": (1.0,) * 3, "whole": COUNTS}
    return Setting(**{"recipe": document, "cost": {"matrix": MATRIX}, **fixed, **more})


def candidates() -> list[Candidate]:
    """The candidates of a table with 20 times as many rows of the largest class, and five negatives in place of 20."""
    many = {**COUNTS, "low": 20 * COUNTS["low"]}
    found = [*standard_candidates(many), *more_candidates(many, categories=False)]
    few = {"method": "random_under_sampler", "sampling_strategy": {"low": 5 * COUNTS["high"]}}
    under = Recipe.of({"resample": few})
    return [
        replace(c, recipe=under) if c.recipe.resample.method != "none" else c for c in found if "100:1" not in c.name
    ]


@pytest.fixture(scope="module")
def choice() -> Comparison:
    """A comparison of all candidates on one fold."""
    found = {c.name: [judged(TABLE, setting(c.recipe))] for c in candidates()}
    return compared(found, candidates(), "log_loss", {}, costs=True)


def test_metrics_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    label = rng.choice(3, 900, p=SHARES)
    scores = rng.dirichlet(np.ones(3), 900) * 0.5 + 0.5 * np.eye(3)[label] * rng.random((900, 1))
    scores /= scores.sum(axis=1, keepdims=True)
    weight, bucket, decided = rng.random(900), rng.integers(0, BUCKETS, 900), rng.integers(0, 3, 900)
    found = FoldScores.of_classes(scores, label, decided, weight, bucket, COSTS, {})
    areas = [average_precision_score(label == i, scores[:, i], sample_weight=weight) for i in range(3)]
    assert found.pr_auc == pytest.approx(np.mean(areas))
    assert found.loss.sum() / found.mass.sum() == pytest.approx(log_loss(label, scores, sample_weight=weight))
    assert found.cost.sum() == pytest.approx(weight @ COSTS[label, decided])
    assert found.drawn_area(np.ones((1, BUCKETS))) == pytest.approx(found.pr_auc, abs=0.01)
    again = FoldScores.from_json(found.to_json())
    assert again.to_json() == found.to_json() and again.sides == 3
    rarest = np.bincount(bucket, weight * (label == 2), BUCKETS)
    assert Draws.of([found]).freedom == pytest.approx(effective_number(rarest) - 1), "that of the rarest class"
    some = label < 2
    of = FoldScores.of_classes(scores[some], label[some], decided[some], weight[some], bucket[some], COSTS, {})
    areas = [average_precision_score(label[some] == i, scores[some, i], sample_weight=weight[some]) for i in (0, 1)]
    assert of.pr_auc == pytest.approx(np.mean(areas)), "the mean over the classes that have rows"


def test_many_classes_take_little_memory() -> None:
    rng, n, classes = np.random.default_rng(2), 20_000, 60
    label = rng.integers(0, classes, n)
    scores = rng.dirichlet(np.ones(classes), n) + 0.1 * np.eye(classes)[label]
    bucket, costs = rng.integers(0, BUCKETS, n), 1 - np.eye(classes)
    found = FoldScores.of_classes(scores / 1.1, label, label, np.ones(n), bucket, costs, {})
    assert len(found.cells) <= classes * BUCKETS * 33
    assert found.sides == classes and found.drawn_area(np.ones((1, BUCKETS))) == pytest.approx(found.pr_auc, rel=0.1)


def test_every_candidate_is_trained_calibrated_and_judged(choice: Comparison) -> None:
    rows = {row["name"]: row for row in choice.candidates}
    assert set(rows) == {
        PLAIN, "logistic_regression", "xgboost 20:1", "xgboost balanced", "xgboost sqrt_balanced", "balanced bagging"
    }  # fmt: skip
    free = min(SHARES @ COSTS)  # of deciding one class for all rows
    for row in rows.values():
        assert row["log_loss"]["value"] < 0.8 * PRIOR_LOSS, "better than the shares of the classes"
        assert row["cost"]["value"] < free and row["pr_auc"]["value"] > 1.5 / 3
    assert rows["xgboost 20:1"]["folds"][0]["calibration"] == "prior", "the correction is exact"
    assert rows["xgboost 20:1"]["folds"][0]["rows"] < rows[PLAIN]["folds"][0]["rows"]
    assert choice.chosen == "logistic_regression", "the classes are normal with one covariance"
    assert choice.messages()[0].startswith("xgboost")


def test_the_same_fold_gives_the_same_bytes() -> None:
    bags = next(c for c in candidates() if c.name == "balanced bagging")
    found = [judged(TABLE, setting(bags.recipe)).to_json() for _ in range(2)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("calibrate", "cost", "decided"),
    [
        ("platt", None, 2),  # calibration undoes the weights of training, so that decisions apply them again
        ("none", None, 0),  # scores contain them still
        ("none", Cost(matrix=MATRIX), 2),  # the classes cost 1.5, 1.35 and 0.95
    ],
)
def test_decisions_follow_class_weights_or_the_matrix(calibrate: str, cost: Cost | None, decided: int) -> None:
    label = np.arange(300) % 3
    even = np.full((300, 3), 1 / 3)
    policy = fit_class_array_policy(
        [ScoreTable.from_rows(even[:, i], label == i) for i in range(3)],
        classes=CLASSES,
        distortion=Distortion(),
        calibrate=calibrate,
        class_weights={"low": 0.5, "mid": 1.0, "high": 2.0},
        cost=cost,
    )
    score = np.array([[0.85, 0.1, 0.05]]) if calibrate == "none" else even[:1]
    assert policy.decided(policy.calibrated(score)) == decided


def test_candidates_of_several_classes() -> None:
    counts = {"a": 100_000, "b": 5000, "c": 100}
    found = {c.name: c for c in [*standard_candidates(counts), *more_candidates(counts, categories=False)]}
    assert found["xgboost 20:1"].recipe.resample.params == {"sampling_strategy": {"a": 2000, "b": 2000}}
    assert found["xgboost 100:1"].recipe.resample.params == {"sampling_strategy": {"a": 10_000}}
    assert not [name for name in found if "focal" in name or "guided" in name or "smote" in name]
    auto = Recipe.of({"resample": {"method": "auto"}, "train": {"model": "auto"}})
    wanted = CompareConfig(search=SearchConfig(max_depth=[3], negatives_per_positive=[50]))
    [searched] = [c for c in candidates_of(auto, wanted, counts, categories=False) if c.searched]
    assert searched.recipe.resample.params == {"sampling_strategy": {"a": 5000}}


def test_a_fold_samples_its_share_of_a_map() -> None:
    """A map of class to rows is that of all training rows, of which a fold has a part."""
    rows = ArrayRows(TABLE.features, TABLE.label, TABLE.weight).where(~TABLE.test)
    own = {c: int((rows.label == i).sum()) for i, c in enumerate(CLASSES)}
    sampling = Sampling("random_under_sampler", {"sampling_strategy": {"low": 200}}, CLASSES, whole=COUNTS)
    drawn, distortion = sampling.apply(rows, TABLE.place[~TABLE.test])
    kept = round(200 * own["low"] / COUNTS["low"])
    assert [(drawn.label == i).sum() for i in range(3)] == [kept, own["mid"], own["high"]]
    assert distortion.exact and distortion.rates == {"low": kept / own["low"], "mid": 1, "high": 1}
    with pytest.raises(InputError, match="guided_under_sampler takes two classes"):
        Sampling("guided_under_sampler", {}, CLASSES).apply(rows, TABLE.place[~TABLE.test])
    many = round(0.8 * COUNTS["low"])  # more than the fold trains with
    bags = {"model": "balanced_bagging", "params": {"n_estimators": 2, "sampling_strategy": {"low": many, "mid": 50}}}
    backwards = dict(reversed(COUNTS.items()))
    of = judged(TABLE, setting(Recipe.of({"train": bags}), whole=backwards))
    assert of.to_json() == judged(TABLE, setting(Recipe.of({"train": bags}))).to_json()


def test_a_rare_class_does_not_take_others_along() -> None:
    early = replace(TABLE, order=np.where(TABLE.label == 2, 0, TABLE.order + 1))  # its rows come first
    held = held_out(early, 0.125)
    assert held.sum() == pytest.approx(0.125 * (~early.test).sum(), abs=1)
    found = judged(early, setting(Recipe.of({"train": {"class_weight": "balanced"}})))
    assert "none" in found.facts["calibration"], "a class that is not held out keeps its scores"
