"""Which rule speaks when, without a table."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.diagnosis import Evidence, recommend
from steelyard.sampling import check_sampler

EASY = {"safe": 0.7, "borderline": 0.2, "rare": 0.06, "outlier": 0.04}
HARD = {"safe": 0.1, "borderline": 0.3, "rare": 0.2, "outlier": 0.4}
LOGIT = "logistic_regression"  # a weak learner; of others, a recommendation knows no name


def seen(rest: int, rare: int, shares: dict[str, float] = EASY, **more: Any) -> Evidence:
    given = {"different": rare, **more}
    return Evidence(name="1", counts={"0": rest, "1": rare}, shares=shares, **given)


@pytest.mark.parametrize(
    ("found", "learner", "method", "word"),
    [
        (seen(10_000, 29), LOGIT, "none", "collect more"),
        (seen(10_000, 30), LOGIT, "none", "threshold"),
        (seen(500_000, 29), None, "none", "collect more"),
        (seen(300_000, 700, HARD), None, "random_under_sampler", "14,700"),
        (seen(300_000, 700), LOGIT, "random_under_sampler", "probabilities"),
        (seen(300_000, 299), None, "none", "threshold"),
        (seen(99_000, 700), None, "none", "threshold"),
        (seen(100_000, 1_000), None, "none", "threshold"),
        (seen(9_000, 900, HARD), LOGIT, "none", "between them"),
        (seen(9_000, 900), LOGIT, "smote", "may help"),
        (seen(9_000, 900, categories=True), LOGIT, "smotenc", "may help"),
        (seen(9_000, 900), None, "none", "threshold"),
        (seen(4_000, 900), LOGIT, "none", "threshold"),
        (seen(9_000, 900, different=99), LOGIT, "none", "threshold"),
        (seen(2_000_000, 30_000), LOGIT, "none", "threshold"),
    ],
)
def test_the_first_rule_that_applies(found: Evidence, learner: str | None, method: str, word: str) -> None:
    made = recommend(found, learner)
    assert made.method == method
    assert word in " ".join([made.summary, *made.reasons])
    check_sampler(made.method, made.params)


@pytest.mark.parametrize(("rest", "kept"), [(300_000, "30,000"), (2_000_000, "60,000"), (99_000, None)])
def test_models_that_take_offsets_get_guided_rows(rest: int, kept: str | None) -> None:
    """At least 30,000 rows, with the numbers that support it; check_sampler knows the parameters."""
    made = recommend(seen(rest, 10_000 if rest > 1e6 else 700, takes_offsets=True))
    assert made.method == ("guided_under_sampler" if kept else "none")
    if kept:
        check_sampler(made.method, made.params)
        assert made.params == {"sampling_strategy": 0.2, "min_rows": 30_000}
        assert f"become {kept}:" in made.reasons[0] and "PR area: 0.698 and 0.9995" in made.reasons[2]


def test_more_than_two_classes_are_left_alone() -> None:
    many = Evidence("c", {"a": 300_000, "b": 5_000, "c": 900}, EASY, 900)
    assert recommend(many, LOGIT).method == "none" and "3 classes" in recommend(many, LOGIT).reasons[0]


def test_warnings_come_with_any_recommendation() -> None:
    assert recommend(seen(9_000, 900)).warnings == []
    (torn,) = recommend(seen(9_000, 20, contradictory=8)).warnings
    assert "8 of 20 rows of class 1 have the same features" in torn
