"""Comparing recipes: the choice, paired intervals, the work of one task, and resampling in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from simulated import array_rows

from steelyard.comparing import OWN, PLAIN, Candidate, Folds, candidates_of, more_candidates, standard_candidates
from steelyard.comparing._choice import Contender, choose
from steelyard.comparing._comparison import compared
from steelyard.comparing._estimates import Draws, Value, values_of
from steelyard.comparing._fold_scores import BUCKETS, FoldScores
from steelyard.comparing._resample import Sampling
from steelyard.comparing._search import better_half
from steelyard.comparing._table import Table, pack
from steelyard.config import CompareConfig, Recipe, RedecideConfig, SearchConfig
from steelyard.errors import ConfigError
from steelyard.report._comparison import sentence
from steelyard.stages._choices import Traits, changes

COUNTS = {"0": 100_000, "1": 300}
RNG = np.random.default_rng(0)


def contender(name: str, place: int, *, rows: int = 100, **values: tuple[float, float]) -> Contender:
    """A candidate whose metrics have independent draws with a standard deviation."""
    noise = np.random.default_rng(place + 1).normal(size=500)
    made = {name: Value(value, value + error * noise) for name, (value, error) in values.items()}
    return Contender(name, (place, 0), rows, made)


DRAWS = Draws(np.ones((500, 50)), 50, 40.0)


@pytest.mark.parametrize(
    ("metric", "values", "taken"),
    [
        ("log_loss", [(0.10, 0.001, 0.5), (0.08, 0.001, 0.5)], "b"),  # clearly better
        ("log_loss", [(0.0801, 0.01, 0.5), (0.08, 0.01, 0.5)], "a"),  # as good, and simpler
        ("log_loss", [(0.0801, 0.01, 0.5), (0.08, 0.01, 0.9)], "b"),  # as good, and a better PR area
        ("log_loss", [(0.10, 0.001, 0.9), (0.08, 0.001, 0.5)], "b"),  # PR area counts among the near ones only
        ("cost", [(5.0, 1.0, 0.5), (4.9, 1.0, 0.9)], "a"),  # with costs, PR area does not count
        ("pr_auc", [(0.0, 0.0, 0.5), (0.0, 0.0, 0.9)], "b"),
    ],
)
def test_the_simplest_within_one_standard_error(metric: str, values: list[tuple[float, ...]], taken: str) -> None:
    found = [
        contender(name, i, **{metric: (value, error), "pr_auc": (area, 0.01)})
        for i, (name, (value, error, area)) in enumerate(zip("ab", values, strict=True))
    ]
    assert choose(found, metric, DRAWS).name == taken
    assert choose(found[::-1], metric, DRAWS).name == taken, "their order does not count"


@pytest.mark.parametrize("folds", [1, 61])
def test_the_number_of_folds_is_limited(folds: int) -> None:
    with pytest.raises(ConfigError, match="from 2 to 60"):
        Folds(folds=folds)


def test_among_equally_simple_ones_the_cheaper_is_taken() -> None:
    same = {"log_loss": (0.1, 0.01), "pr_auc": (0.5, 0.01)}
    found = [contender("a", 3, rows=200, **same), replace(contender("a", 3, rows=100, **same), name="b")]
    assert choose(found, "log_loss", DRAWS).name == "b"


def test_the_order_of_simplicity() -> None:
    found = {c.name: c for c in [*standard_candidates(COUNTS), *more_candidates(COUNTS, categories=False)]}
    keys = [
        found[name].simplicity
        for name in (
            "logistic_regression",
            PLAIN,
            "xgboost 20:1",
            "xgboost balanced",
            "xgboost focal",
            "balanced bagging",
            "logistic_regression smote",
        )
    ]
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert found["xgboost 20:1"].simplicity == found["xgboost 100:1"].simplicity


def scores(rng: np.random.Generator, gain: float, rows: int = 4000) -> FoldScores:
    """One fold's scores of the same rows: a greater gain separates better."""
    fixed = np.random.default_rng(5)
    y, bucket = fixed.random(rows) < 0.1, fixed.integers(0, BUCKETS, rows)
    z = gain * (2.0 * y - 1) + rng.normal(size=rows) - 2
    p = 1 / (1 + np.exp(-z))
    return FoldScores.of(p, y, p > 0.5, np.ones(rows), bucket, np.full(rows, 10.0), np.full(rows, 1.0), {"rows": rows})


def test_paired_differences_are_narrower_than_their_parts() -> None:
    one, other = scores(np.random.default_rng(1), 1.0), scores(np.random.default_rng(1), 1.05)
    draws = Draws.of([one])
    a, b = (values_of([of], draws) for of in (one, other))
    for name in ("log_loss", "pr_auc", "cost"):
        paired = b[name].minus(a[name])
        assert paired.error(draws) < 0.7 * a[name].error(draws), name
        assert paired.value == pytest.approx(b[name].value - a[name].value)
    y = np.random.default_rng(5).random(4000) < 0.1
    assert a["log_loss"].value == pytest.approx(one.loss.sum() / 4000)
    assert one.positives == y.sum()


def test_the_binned_area_agrees_with_the_exact_one() -> None:
    one = scores(np.random.default_rng(1), 1.0)
    [area] = one.drawn_area(np.ones((1, BUCKETS)))
    assert area == pytest.approx(one.pr_auc, abs=0.01)
    again = FoldScores.from_json(one.to_json())
    assert again.pr_auc == one.pr_auc and np.array_equal(again.cells, one.cells) and again.facts == one.facts


def test_blocks_of_ranges_keep_the_order_of_rows() -> None:
    """Rows of two ranges in three batches: numbers of blocks ascend, and a fold's task gets its rows in their order."""
    rows, place = array_rows(900)
    place = np.sort(place)
    sides = {"train": 0b10 + (place % 2), "test": 1 - place % 2}  # fold 0 trains or tests with a row, fold 1 trains
    ends = {name: pa.array(np.arange(900) % 200) for name in ("order", "bucket", "cost_fn", "cost_fp")}
    features = pa.array(list(rows.features), pa.list_(pa.float32()))
    ranges = pa.array(np.repeat(np.arange(2, dtype=np.int32), [250, 650]))
    columns = {"range": ranges, **{n: pa.array(of) for n, of in sides.items()}, "place": pa.array(place), **ends}
    columns |= {"label": pa.array(rows.label), "weight": pa.array(rows.weight), "features": features}
    table = pa.RecordBatch.from_pydict(columns)
    blocks = list(pack(table.slice(start, 300) for start in (0, 300, 600)))
    numbers = np.concatenate([of.column("number").to_numpy() for of in blocks])
    assert len(numbers) > 4 and (np.diff(numbers) > 0).all()
    found = Table.of(blocks, 1)
    assert np.array_equal(found.place, place) and np.array_equal(found.features, rows.features, equal_nan=True)
    first = Table.of(blocks, 0)
    assert np.array_equal(first.test, place % 2 == 0) and np.array_equal(first.bucket, np.arange(900) % 200)


def test_smaller_samples_are_parts_of_larger_ones() -> None:
    table, place = array_rows()
    kept = {}
    for ratio in (0.5, 0.2):
        drawn, distortion = Sampling("random_under_sampler", {"sampling_strategy": ratio}, ("0", "1")).apply(
            table, place
        )
        kept[ratio] = {x.tobytes() for x in drawn.features[drawn.label == 0]}
        negatives, positives = (table.label == 0).sum(), (table.label == 1).sum()
        assert (drawn.label == 0).sum() == int(positives / ratio) and (drawn.label == 1).sum() == positives
        assert distortion.rates["0"] == pytest.approx(int(positives / ratio) / negatives)
    limit = np.sort(place[table.label == 0])[len(kept[0.5]) - 1]
    assert kept[0.5] == {x.tobytes() for x in table.features[(table.label == 0) & (place <= limit)]}, "as NumPy cuts"
    assert kept[0.5] < kept[0.2]


def test_thinned_rows_stand_for_all() -> None:
    table, place = array_rows()
    thinned = (0.25, 1.0)
    back, _ = Sampling("none", {}, ("0", "1"), thinned).apply(table, place)
    assert set(back.weight[back.label == 0]) == {4.0} and set(back.weight[back.label == 1]) == {1.0}
    drawn, distortion = Sampling("random_under_sampler", {"sampling_strategy": 0.5}, ("0", "1"), thinned).apply(
        table, place
    )
    positives, negatives = (table.label == 1).sum(), (table.label == 0).sum()
    assert set(drawn.weight) == {1.0}, "there are enough rows for the sample"
    assert distortion.rates["0"] == pytest.approx(2 * positives / (4 * negatives), rel=0.01)
    made, _ = Sampling("smote", {"sampling_strategy": 0.5}, ("0", "1"), thinned).apply(table, place)
    masses = [made.weight[made.label == i].sum() for i in (0, 1)]
    assert masses[1] == pytest.approx(0.5 * masses[0], rel=0.01), "1:2, as on all rows"


def test_guided_sampling_keeps_the_wanted_number_and_its_offsets_balance() -> None:
    table, place = array_rows(20_000, 0.03)
    params = {"sampling_strategy": 0.1, "min_rows": 0}
    drawn, _ = Sampling("guided_under_sampler", params, ("0", "1")).apply(table, place)
    positives, negatives = int((table.label == 1).sum()), int((table.label == 0).sum())
    assert (drawn.label == 0).sum() == 10 * positives and (drawn.label == 1).sum() == positives
    assert drawn.offset is not None and drawn.offset.min() >= 0
    # Each kept negative stands for exp(offset) rows.
    assert np.exp(drawn.offset[drawn.label == 0]).sum() == pytest.approx(negatives, rel=0.05)


def test_what_auto_leaves_open() -> None:
    wanted = CompareConfig()
    both = candidates_of(
        Recipe.of({"resample": {"method": "auto"}, "train": {"model": "auto"}}), wanted, COUNTS, categories=False
    )
    assert all(c.eligible for c in both) and both[0].name == PLAIN
    informs = candidates_of(Recipe.of({"train": {"params": {"max_depth": 3}}}), wanted, COUNTS, categories=False)
    assert [c.name for c in informs if c.eligible] == [OWN]
    plain = candidates_of(Recipe(), wanted, COUNTS, categories=False)
    assert [c.name for c in plain if c.eligible] == [PLAIN], "the pipeline's own recipe is the plain one"
    own = {"model": "xgboost", "params": {"max_depth": 3}}
    sampled = [
        c
        for c in candidates_of(
            Recipe.of({"resample": {"method": "auto"}, "train": own}), wanted, COUNTS, categories=False
        )
        if c.eligible
    ]
    assert {c.recipe.resample.method for c in sampled} == {
        "none",
        "random_under_sampler",
        "guided_under_sampler",
    }, "SMOTE is for weak learners"
    assert all(c.recipe.train.params == {"max_depth": 3} for c in sampled)


def test_a_candidate_names_what_it_is() -> None:
    from steelyard.config import load, stages_of

    document = {"version": 1, "name": "t", "data": {"path": "t.parquet", "label": "y"}}
    with pytest.raises(ConfigError, match="compare"):
        load({**document, "train": {"model": "auto"}})
    with pytest.raises(ConfigError, match="'auto' is not one"):
        load({**document, "compare": {"candidates": {"a": {"resample": {"method": "auto"}}}}})
    with pytest.raises(ConfigError, match="train.loss"):
        load({**document, "compare": {}, "train": {"model": "auto", "loss": {"focal": {"gamma": 2}}}})
    assert "compare" in stages_of(load({**document, "compare": {}}))
    assert "compare" not in stages_of(load(document))


def test_terminal_and_report_say_what_was_left_out_and_what_only_informs() -> None:
    plain, logistic, searched = (
        Candidate(name, Recipe(), eligible=name != "deep", searched=name == "deep") for name in (PLAIN, "line", "deep")
    )
    gains = {PLAIN: 1.0, "line": 1.0, "deep": 3.0}
    found = {name: [scores(np.random.default_rng(1), gain)] for name, gain in gains.items()}
    facts = {"search": {"left_out": ["deep a", "deep b"]}}
    choice = compared(found, [plain, logistic, searched], "log_loss", facts, costs=False)
    assert choice.chosen != "deep" and (choice.suggestion or "").startswith("deep (deep has the best log loss")
    words = "5 compared recipes, 2 of them left out by the search"
    *rows, taken, hint = choice.messages()
    assert taken.startswith(f"chosen: {choice.chosen}, of {words} (") and hint == f"suggested: {choice.suggestion}"
    assert [row.endswith(", only informs") for row in rows] == [False, False, True]
    assert sentence(choice.to_json()).startswith(f"Of {words}, {choice.chosen} was taken: ")
    alone = compared(found, [plain, logistic], "log_loss", {}, costs=False)
    assert alone.suggestion is None
    assert alone.messages()[-1].startswith(f"chosen: {alone.chosen}, of 2 compared recipes (")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Traits(4000, 0.02, 0.5), ""),  # at the bounds
        (Traits(4001, 0.01, 0.3), "rows are 4,001 instead of 1,000"),
        (Traits(1000, 0.004, 0.3), "prevalence is 0.004 instead of 0.01"),
        (Traits(1000, 0.01, 0.55), "difficulty is 0.55 instead of 0.30"),
        (Traits(1000, 0.01, None), ""),
    ],
)
def test_a_later_table_differs_beyond_the_bounds(now: Traits, said: str) -> None:
    found = changes(Traits(1000, 0.01, 0.3), now, RedecideConfig())
    assert len(found) == bool(said) and "".join(found).startswith(said)


@pytest.mark.parametrize(
    ("metric", "values", "kept"),
    [
        ("log_loss", [0.3, 0.1, 0.4, 0.2], "bd"),
        ("pr_auc", [0.3, 0.1, 0.4, 0.2], "ca"),
        ("cost", [2.0, 1.0, 1.0, 1.0], "bc"),  # equal ones by their simplicity
        ("cost", [2.0, float("nan"), 3.0, 4.0], "ac"),
        ("log_loss", [0.3, 0.1, 0.2], "bc"),
        ("log_loss", [0.5, 0.4, 0.3, 0.2, 0.1], "edc"),
    ],
)
def test_the_better_half_is_kept(metric: str, values: list[float], kept: str) -> None:
    found = [
        contender(name, i, **{metric: (value, 0.0)})
        for i, (name, value) in enumerate(zip("abcde"[: len(values)], values, strict=True))
    ]
    assert "".join(better_half(found, metric)) == kept
    assert better_half(found[::-1], metric) == better_half(found, metric), "their order does not count"


def test_what_a_search_adds() -> None:
    wanted = CompareConfig(candidates={}, search=SearchConfig(max_depth=[3, 4], negatives_per_positive=[20, 1000]))
    auto = {"resample": {"method": "auto"}, "train": {"model": "auto"}}
    both = [c for c in candidates_of(Recipe.of(auto), wanted, COUNTS, categories=False) if c.searched]
    assert [c.name for c in both][:2] == ["xgboost max_depth 3, 20:1", "xgboost max_depth 3"], "there are 333:1"
    assert all(c.eligible for c in both) and both[0].recipe.resample.params == {"sampling_strategy": 0.05}
    informs = candidates_of(Recipe.of({"train": {"model": "logistic_regression"}}), wanted, COUNTS, categories=False)
    assert len([c for c in informs if c.searched]) == 4 and not any(c.eligible for c in informs if c.searched)
    sampled = {"resample": {"method": "smote"}, "train": {"model": "auto"}}
    depths = CompareConfig(candidates={}, search=SearchConfig(max_depth=[3, 4]))
    trained = [c for c in candidates_of(Recipe.of(sampled), depths, COUNTS, categories=False) if c.searched]
    assert [c.recipe.resample.method for c in trained] == ["smote", "smote"] and all(c.eligible for c in trained)
    same = CompareConfig(candidates={}, search=SearchConfig(negatives_per_positive=[20, 50]))
    found = candidates_of(Recipe.of(auto), same, COUNTS, categories=False)
    assert [c.name for c in found if c.searched] == ["xgboost 50:1"], "20:1 is a standard candidate"


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({}, "at least one of max_depth, learning_rate"),
        ({"max_depth": list(range(1, 14)), "learning_rate": [0.1, 0.2, 0.3, 0.4, 0.5]}, "65 combinations, and at most"),
        ({"learning_rate": [0.0]}, "learning_rate"),
        ({"negatives_per_positive": [10]}, "resample.method is smote"),
    ],
)
def test_a_search_is_small(search: dict[str, Any], said: str) -> None:
    from steelyard.config import load

    document = {"version": 1, "name": "t", "data": {"path": "t.parquet", "label": "y"}}
    sections = {"resample": {"method": "smote"}, "train": {"model": "auto"}, "compare": {"search": search}}
    with pytest.raises(ConfigError, match=said):
        load({**document, **sections})
