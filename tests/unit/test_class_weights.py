"""Rules for class weights, against their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steelyard.config import Recipe
from steelyard.dataset import Cost
from steelyard.errors import ConfigError, InputError
from steelyard.stats import ClassCounts
from steelyard.weighting import class_weights, weights_note, with_matrix

COUNTS = {"0": 9_000, "1": 800, "2": 200}
RULES: list[Any] = ["balanced", "sqrt_balanced", {"effective_number": "auto"}, {"effective_number": 0.99}]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_weights_of_all_rows_sum_to_their_number(rule: Any) -> None:
    weights = class_weights(COUNTS, rule)
    assert sum(weights[c] * n for c, n in COUNTS.items()) == pytest.approx(10_000, rel=1e-12)
    assert weights["0"] <= weights["1"] <= weights["2"]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_class_without_weight_is_refused(rule: Any) -> None:
    with pytest.raises(InputError, match="the training rows of class 'b' weigh nothing"):
        class_weights({"a": 5.0, "b": 0.0, "c": 3.0}, rule)
    assert class_weights({"a": 5.0, "b": 0.0}, "none") == {"a": 1.0, "b": 1.0}


def test_sqrt_balanced_is_the_square_root_of_balanced() -> None:
    balanced, root = (np.array(list(class_weights(COUNTS, rule).values())) for rule in RULES[:2])
    assert root / root[0] == pytest.approx(np.sqrt(balanced / balanced[0]))


@pytest.mark.parametrize("beta", [0.9, 0.999, 0.9999])
def test_effective_numbers_are_those_of_the_paper(beta: float) -> None:
    weights = class_weights(COUNTS, {"effective_number": beta})
    numbers = {c: (1 - beta**n) / (1 - beta) for c, n in COUNTS.items()}
    assert {c: w / weights["0"] for c, w in weights.items()} == pytest.approx(
        {c: numbers["0"] / n for c, n in numbers.items()}
    )


def test_auto_follows_the_rarest_class() -> None:
    assert class_weights(COUNTS, {"effective_number": "auto"}) == class_weights(
        COUNTS, {"effective_number": 1 - 1 / 200}
    )
    large = class_weights({"0": 9_980_000, "1": 20_000}, {"effective_number": "auto"})
    assert large["1"] / large["0"] == pytest.approx(1 / (1 - np.exp(-1)), rel=1e-4)
    assert class_weights({"0": 1, "1": 1}, {"effective_number": "auto"}) == {"0": 1.0, "1": 1.0}


def test_a_rule_that_changes_next_to_nothing_is_noted() -> None:
    counts, fixed = {"0": 9_980_000, "1": 20_000}, {"effective_number": 0.999}
    assert "weighs the classes alike" in str(weights_note(fixed, class_weights(counts, fixed)))
    auto = {"effective_number": "auto"}
    assert weights_note(auto, class_weights(counts, auto)) is None
    assert weights_note({"1": 1.01}, {"0": 1.0, "1": 1.01}) is None, "explicit weights are taken as given"


@pytest.mark.parametrize("setting", ["none", *RULES, {"1": 5}, {"0": 0.5, "1": 2}], ids=str)
def test_recipes_take_all_settings(setting: Any) -> None:
    assert Recipe.of({"train": {"class_weight": setting}}).train.class_weight == setting


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sqrt", "must be none, balanced, sqrt_balanced"),
        ({}, "must be none"),
        ([1, 2], "must be none"),
        ({"effective_number": 1}, "auto or a number between 0 and 1, got 1"),
        ({"effective_number": "x"}, "auto or a number between 0 and 1, got 'x'"),
        ({"1": "auto"}, "1 must be a number above 0, got 'auto'"),
        ({"1": True}, "1 must be a number above 0, got True"),
        ({"1": -2}, "above 0, got -2"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_a_table_is_read(setting: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Recipe.of({"train": {"class_weight": setting}})
    with pytest.raises((InputError, AttributeError)):
        class_weights({"0": 9, "1": 1}, setting or "")


def test_a_cost_matrix_weighs_a_class_by_its_mean_cost_of_being_missed() -> None:
    matrix = {"a": {"b": 1.0, "c": 3.0}, "b": {"a": 8.0, "c": 8.0}, "c": {"a": 30.0, "b": 10.0}}
    counts = {"a": 900, "b": 90, "c": 10}
    found = class_weights(counts, with_matrix("cost_matrix", Cost(matrix=matrix)))
    assert [found[c] / found["a"] for c in "abc"] == pytest.approx([1, 4, 10])
    assert sum(found[c] * n for c, n in counts.items()) == pytest.approx(1000)
    assert with_matrix("balanced", Cost()) == "balanced"
    with pytest.raises(ConfigError, match="needs data.cost.matrix"):
        with_matrix("cost_matrix", Cost())
    with pytest.raises(InputError, match="missing class 'a' costs nothing"):
        class_weights(counts, {"cost_matrix": {**matrix, "a": {"b": 0.0, "c": 0.0}}})


def test_the_rarer_class_of_a_table_that_was_sampled_before() -> None:
    counts = ClassCounts({"fraud": 600, "genuine": 400})
    assert counts.positive() == "genuine" and counts.positive("fraud") == "fraud"
    assert counts.positive(None, {"genuine": 0.01}) == "fraud"


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["no", "yes", "yes "], "classes 'yes' and 'yes ' differ only in case, spaces or the form of characters"),
        (["no", "é", "e\u0301"], "'é' and 'e\\u0301' differ only"),
        (["0", "1", "1.0", "01"], "'1' and '1.0' and '01' differ only"),
        (["0", "1", "1\u200b"], "differ only"),
        (["0", "1", "None"], "class 'None' (1 rows) may mean that the label is missing"),
        (["none", "heat", "power"], None),
        (["0", ""], None),
        (["web", "shop", "phone"], None),
        (["1", "10", "0.1", "-1", "0", "12345678901234567890", "12345678901234567891"], None),
    ],
)
def test_classes_that_are_one_by_a_slip_are_noted(classes: list[str], said: str | None) -> None:
    notes = ClassCounts(dict.fromkeys(classes, 1)).notes()
    assert (said is None and not notes) or (len(notes) == 1 and said is not None and said in notes[0])
