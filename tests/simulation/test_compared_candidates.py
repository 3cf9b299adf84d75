"""Recipes that are compared: each is trained and judged in a task, and the better half of a search is kept. No JVM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from simulated import array_rows

from steelyard.comparing import PLAIN, more_candidates, standard_candidates
from steelyard.comparing._candidates import searched_candidates
from steelyard.comparing._comparison import compared
from steelyard.comparing._fold_scores import BUCKETS
from steelyard.comparing._search import halved
from steelyard.comparing._table import Table
from steelyard.comparing._worker import Setting, held_out, judged
from steelyard.config import SearchConfig
from steelyard.errors import InputError
from steelyard.report._comparison import _search

COUNTS = {"0": 100_000, "1": 300}


def table(n: int = 3000, folds: int = 3, **more: Any) -> Table:
    found, place = array_rows(n)
    rng = np.random.default_rng(1)
    columns = {
        "features": found.features,
        "label": found.label,
        "weight": np.ones(n),
        "place": place,
        "order": rng.permutation(n),
        "test": rng.random(n) < 1 / folds,
        "bucket": rng.integers(0, BUCKETS, n),
        "cost_fn": np.full(n, 10.0),
        "cost_fp": np.full(n, 1.0),
    }
    return Table(**{**columns, **more})


def setting(recipe: dict[str, Any], **more: Any) -> Setting:
    cost = {"false_negative": 10.0, "false_positive": 1.0}
    fixed = {"classes": ("0", "1"), "held": 0.125, "thinned": (1.0, 1.0), "rates": (1.0, 1.0)}
    return Setting(**{"recipe": recipe, "cost": cost, **fixed, **more})


@pytest.mark.parametrize(
    "name", [c.name for c in [*standard_candidates(COUNTS), *more_candidates(COUNTS, categories=False)]]
)
def test_every_candidate_is_trained_and_judged(name: str) -> None:
    [one] = [c for c in [*standard_candidates(COUNTS), *more_candidates(COUNTS, categories=False)] if c.name == name]
    recipe = one.to_json()
    if recipe["resample"]["method"].endswith("under_sampler"):
        recipe["resample"] |= {"sampling_strategy": 0.5, **({"min_rows": 0} if "guided" in name else {})}
    found, again = judged(table(), setting(recipe)), judged(table(), setting(recipe))
    assert found.to_json() == again.to_json()
    assert found.pr_auc > 0.25, "three times the share of positives"
    prior = 0.1
    plain = -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior))
    assert found.loss.sum() / found.mass.sum() < plain, "better than the share of positives for every row"
    assert found.cost.sum() < 10 * found.positives, "cheaper than no alarm at all"


def test_the_last_rows_are_held_out() -> None:
    of = table()
    held = held_out(of, 0.125)
    own = ~of.test
    assert held.sum() == pytest.approx(0.125 * own.sum(), abs=1) and not held[of.test].any()
    assert of.order[held].min() > of.order[own & ~held].max()
    late = replace(of, order=np.where(of.label > 0, 0, of.order + 1))  # all positives are among the first rows
    assert late.label[held_out(late, 0.125)].max() == 1, "some of both classes"


def test_a_fold_without_a_class_is_refused() -> None:
    of, recipe = table(), standard_candidates(COUNTS)[0].to_json()
    late = replace(of, order=np.where(of.label > 0, of.order.max() + 1, of.order))  # all positives are held out
    for wrong in (late, replace(of, test=of.label > 0), replace(of, test=np.ones(len(of.label), dtype=bool))):
        with pytest.raises(InputError, match=r"no row of class '.', or none but .* take fewer folds"):
            judged(wrong, setting(recipe))


def test_a_leaking_feature_earns_auto_nothing() -> None:
    base = table()
    leaking = replace(base, features=np.column_stack([base.features, base.label.astype(np.float32)]))
    names = (PLAIN, "logistic_regression", "xgboost balanced", "xgboost focal")
    known = [*standard_candidates(COUNTS), *more_candidates(COUNTS, categories=False)]
    candidates = [c for c in known if c.name in names]
    found = {c.name: [judged(leaking, setting(c.to_json(), cost={}))] for c in candidates}
    choice = compared(found, candidates, "log_loss", {}, costs=False)
    [taken] = [c for c in candidates if c.name == choice.chosen]
    assert taken.simplicity[0] == 0, "nothing is done to rows and loss where every recipe ranks all rows right"
    for row in choice.candidates:
        assert row["pr_auc"]["value"] == 1
        assert row["name"] == PLAIN or row["difference"]["pr_auc"] == {"value": 0, "ci95": [0, 0]}


def test_rungs_halve_the_searched_candidates() -> None:
    """Depth 1 cannot see an interaction, and a tiny rate does not learn: the planted setting is left."""
    rng = np.random.default_rng(3)
    of = table()
    x = rng.normal(size=of.features.shape).astype(np.float32)
    noisy = (x[:, 0] * x[:, 1] > 0.8) ^ (rng.random(len(x)) < 0.02)
    base = replace(of, features=x, label=noisy.astype(float))
    common = np.sort(base.place[base.label == 0])
    counts = {"0": len(common), "1": int(base.label.sum())}
    space = SearchConfig(max_depth=[1, 3], learning_rate=[0.001, 0.3], class_weight=["none", "balanced"])
    searched = searched_candidates(space, counts)
    rungs = list[dict[str, int]]()

    def judge(going: Any, rows: Any) -> Any:
        rungs.append(rows)
        assert rows["1"] == counts["1"], "the rarer class is whole"
        chosen = (base.label > 0) | (base.place <= common[rows["0"] - 1])
        part = Table(**{name: value[chosen] for name, value in vars(base).items()})
        thinned = (rows["0"] / counts["0"], 1.0)
        return {c.name: [judged(part, setting(c.to_json(), thinned=thinned, cost={}))] for c in going}

    others = standard_candidates(counts)
    left, document = halved([*others, *searched], counts, "log_loss", judge)
    assert [len(rung["candidates"]) for rung in document] == [8, 4] and left[: len(others)] == others
    assert [rung["rows"] for rung in document] == rungs and rungs[1]["0"] == pytest.approx(2 * rungs[0]["0"], abs=1)
    names = [c.name for c in left if c.searched]
    assert len(names) == 2 and "xgboost max_depth 3, learning_rate 0.3" in names
    assert {one["name"] for one in document[-1]["candidates"] if one["kept"]} == set(names)
    shown = _search({"recipes": [c.name for c in searched], "rungs": document, "left": names}, "log_loss")
    assert "8 recipes were searched" in shown and shown.count("compared above") == 2
