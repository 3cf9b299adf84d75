"""Estimates of `steelyard monitor`, against brute force and simulated rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from simulated import score_counts, two_normal_classes

from steelyard.kernels.calibration import fit_logistic, log_odds
from steelyard.kernels.drift import closest_shares
from steelyard.kernels.label_shift import likelihood_prevalence, logistic_probabilities
from steelyard.kernels.prediction_powered import Strata, labels_needed, strata_edges
from steelyard.monitoring import Limits, ScoreCounts, document, expected, label_shift, profiled_features
from steelyard.monitoring._count_task import _level_cells, _number_cells
from steelyard.monitoring._counts import BINS, bins_of, score_at


def test_bins_ascend_with_the_score_and_their_edges_are_scores() -> None:
    score = np.sort(np.random.default_rng(0).random(1000) ** 4)
    bins = bins_of(np.concatenate([[0.0], score, [1.0]]))
    assert (np.diff(bins) >= 0).all() and bins.min() >= 0 and bins.max() < BINS
    for edge in (100, 277, 400):
        assert ((score >= score_at(edge)) == (bins[1:-1] >= edge)).all()


def test_the_logistic_fit_is_that_of_one_draw() -> None:
    rng = np.random.default_rng(1)
    score, pos, neg = rng.random(40), rng.integers(0, 5, (3, 40)), rng.integers(0, 50, (3, 40))
    p = logistic_probabilities(log_odds(score), pos.astype(float), neg.astype(float))
    design = np.stack([log_odds(score), np.ones(40)], axis=1)
    for i in range(3):
        slope, intercept = fit_logistic(design, pos[i].astype(float), neg[i].astype(float))
        assert p[i] == pytest.approx(1 / (1 + np.exp(-slope * log_odds(score) - intercept)), abs=1e-7)


def test_the_likelihood_is_greatest_at_the_prevalence() -> None:
    rng = np.random.default_rng(2)
    p, new = rng.random((4, 30)), rng.integers(0, 20, (4, 30)).astype(float)
    before = np.array([0.1, 0.3, 0.5, 0.05])
    grid = np.linspace(0, 1, 20001)[1:-1]
    found = likelihood_prevalence(p, before, new)
    for i, q in enumerate(found):
        ratios = grid[:, None] * p[i] / before[i] + (1 - grid[:, None]) * (1 - p[i]) / (1 - before[i])
        assert q == pytest.approx(grid[np.argmax((new[i] * np.log(ratios)).sum(axis=1))], abs=1e-4)


def test_scores_of_the_reference_itself_give_its_own_prevalence() -> None:
    reference = score_counts(3, 5000, 0.05)
    shift = label_shift(reference, reference)
    assert shift.prevalence[0] == pytest.approx(shift.before[0], rel=1e-3) and shift.holds


def test_expected_precision_and_cost_follow_from_the_rates() -> None:
    reference, new = score_counts(6, 20_000, 0.05), score_counts(7, 20_000, 0.1, known=False)
    shift = label_shift(reference, new)
    missed = reference.rows[:, 0, 1].sum(axis=1) * 10.0
    false = reference.rows[:, 1, 0].sum(axis=1) * 2.0
    found = expected(shift, (missed, false), fixed=True)
    assert found is not None and expected(shift, None, fixed=False) is None
    q = shift.prevalence[0]
    score, y = two_normal_classes(6, 20_000, 0.05)
    recall, rate = (score[y == 1] >= 0.2).mean(), (score[y == 0] >= 0.2).mean()
    assert found["precision"]["value"] == pytest.approx(q * recall / (q * recall + (1 - q) * rate))
    assert found["cost_per_row"]["value"] == pytest.approx(q * (1 - recall) * 10 + (1 - q) * rate * 2)
    assert found["alarms"]["value"] == pytest.approx(20_000 * (q * recall + (1 - q) * rate))
    low, high = found["cost_per_row"]["ci95"]
    assert low < found["cost_per_row"]["value"] < high


@pytest.mark.parametrize(("before", "now"), [(0.0, 0.05), (0.05, 0.0), (1.0, 0.05)])
def test_a_class_that_is_absent_gives_a_document_too(before: float, now: float) -> None:
    found = document(score_counts(15, 500, before), score_counts(16, 500, now), positive="1")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["label_shift"]["holds"] is False and found["label_shift"]["prevalence"] is None
    nothing = document(score_counts(15, 500, 0.1), score_counts(16, 0, 0.1), positive="1")
    assert (nothing["rows"], nothing["alerts"], nothing["label_shift"]) == (0, [], None)


def test_a_class_that_has_almost_vanished_has_bounded_intervals() -> None:
    """Bisection came to 1e-16 in place of 0: 1e+14 times as rare, in an interval of 0 % to 100 %."""
    reference, new = score_counts(3, 5000, 0.1), score_counts(20, 800, 0.0, known=False)
    found = document(reference, new, positive="1")
    shift, expected_precision = found["label_shift"], found["expected"]["precision"]
    assert shift["holds"] and shift["prevalence"]["value"] == shift["ratio"]["value"] == 0
    low, high = shift["prevalence"]["ci95"]
    assert low == 0 and 3 / 800 < high < 0.01, "about the rule of three"
    assert shift["ratio"]["ci95"] == pytest.approx([0, high / shift["reference_prevalence"]])
    assert expected_precision["value"] == 0 and 0.03 < expected_precision["ci95"][1] < 0.2
    [message] = [of["message"] for of in found["alerts"] if of["what"] == "prevalence"]
    assert "has become absent or nearly so: 0 % of the rows (0 % to 0.486 %) by the scores" in message
    assert len(found["labels"]["strata"]) > 2 and found["labels"]["more"] > 100, "where to look first"
    p, alike = np.full((1, 5), 0.4), np.ones((1, 5))
    assert likelihood_prevalence(p, np.array([0.1]), alike)[0] == 1
    assert likelihood_prevalence(p, np.array([0.9]), alike)[0] == 0


def test_too_few_positives_claim_nothing() -> None:
    shift = label_shift(score_counts(8, 300, 0.05), score_counts(9, 1000, 0.05, known=False))
    assert not shift.holds and "fewer than 30" in str(shift.reason)


def test_cuts_of_distributions_are_as_close_as_what_is_known_allows() -> None:
    rng = np.random.default_rng(10)
    for _ in range(200):
        ranges = np.sort(rng.random((2, 8))).reshape(2, 4, 2)
        now, before = closest_shares(ranges[0, :, 0], ranges[0, :, 1], ranges[1, :, 0], ranges[1, :, 1])
        for shares, of in ((now, ranges[0]), (before, ranges[1])):
            cuts = np.cumsum(shares)[:-1]
            assert (shares >= 0).all() and shares.sum() == pytest.approx(1)
            assert ((of[:, 0] - 1e-9 <= cuts) & (cuts <= of[:, 1] + 1e-9)).all()
        gaps = np.maximum(np.maximum(ranges[0, :, 0] - ranges[1, :, 1], ranges[1, :, 0] - ranges[0, :, 1]), 0)
        assert np.abs(np.cumsum(now) - np.cumsum(before))[:-1] == pytest.approx(gaps, abs=1e-9)


def profile_of(columns: dict[str, Any], rows: int) -> dict[str, Any]:
    """`stats.json` of a table with one class."""
    features: dict[str, Any] = {}
    for name, values in columns.items():
        if isinstance(values, list):
            known = [v for v in values if v is not None]
            top = sorted({v: known.count(v) for v in known}.items(), key=lambda kv: -kv[1])[:10]
            of = {"missing": rows - len(known), "distinct": len(set(known)), "top": [list(pair) for pair in top]}
            features[name] = {"kind": "categorical", "by_class": {"0": of}}
        else:
            x = values[~np.isnan(values)]
            q = {str(p): float(np.quantile(x, p, method="inverted_cdf")) for p in (0.05, 0.25, 0.5, 0.75, 0.95)}
            of = {"missing": rows - len(x), "quantiles": q, "min": float(x.min()), "max": float(x.max())}
            features[name] = {"kind": "numeric", "by_class": {"0": of}}
    return {"classes": {"0": {"count": rows}}, "features": features}


def drifts(before: dict[str, Any], now: dict[str, Any], rows: int) -> dict[str, Any]:
    import pyarrow as pa

    found = {}
    for feature in profiled_features(profile_of(before, rows)):
        values = now[feature.name]
        if feature.categorical:
            cells = _level_cells(pa.array(values, pa.string()), pa.array(feature.levels, pa.string()))
        else:
            cells = _number_cells(values, np.array(feature.edges))
        assert cells.sum() == len(values) and len(cells) == feature.cells
        found[feature.name] = feature.drift(cells, 1)
    return found


def test_features_drift_only_where_they_changed() -> None:
    rng = np.random.default_rng(12)

    def table(seed: int) -> dict[str, Any]:
        r = np.random.default_rng(seed)
        return {
            "normal": np.where(r.random(4000) < 0.1, np.nan, r.normal(size=4000)),
            "mostly zero": np.where(r.random(4000) < 0.9, 0.0, r.gamma(2, 10, 4000)),
            "constant": np.full(4000, 3.0),
            "kind": r.choice(["a", "b", None], 4000, p=[0.5, 0.4, 0.1]).tolist(),
        }

    before = table(1)
    same = drifts(before, table(2), 4000)
    assert all(of["psi"] <= of["by_chance"] for of in same.values())
    changed = {
        "normal": rng.normal(1.0, 1, 4000),
        "mostly zero": np.where(rng.random(4000) < 0.5, 0.0, rng.gamma(2, 10, 4000)),
        "constant": np.full(4000, 2.0),
        "kind": rng.choice(["a", "c"], 4000).tolist(),
    }
    other = drifts(before, changed, 4000)
    assert all(of["psi"] > max(of["by_chance"], 0.2) for of in other.values())
    assert other["mostly zero"]["cell"].startswith("values above") or other["mostly zero"]["cell"] == "the value 0"
    assert (other["kind"]["cell"], other["kind"]["reference_share"]) == ("any other value", 0)


def test_quantiles_of_a_rare_class_far_above_the_frequent_one_are_no_drift() -> None:
    """Between the last quantiles of the frequent class, its profile does not fix the share above those of the rare."""
    frequent = {"0.05": 8.0, "0.25": 27.0, "0.5": 50.0, "0.75": 76.0, "0.95": 113.0}
    rare = {"0.05": 12.0, "0.25": 39.0, "0.5": 86.0, "0.75": 171.0, "0.95": 393.0}
    by_class = {
        "0": {"missing": 0, "min": 0.0, "max": 606.0, "quantiles": frequent},
        "1": {"missing": 0, "min": 2.0, "max": 708.0, "quantiles": rare},
    }
    stats = {
        "classes": {"0": {"count": 72_000}, "1": {"count": 440}},
        "features": {"amount": {"kind": "numeric", "by_class": by_class}},
    }
    [feature] = profiled_features(stats)
    levels, values = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999, 1.0], [0.0, *frequent.values(), 200.0, 606.0]
    new = np.interp(np.linspace(0, 1, 36_000), levels, values)
    same = feature.drift(_number_cells(new, np.array(feature.edges)), 1)
    assert same["psi"] < 0.02
    assert feature.drift(_number_cells(2 * new, np.array(feature.edges)), 1)["psi"] > 0.2


@pytest.mark.parametrize(
    ("kind", "levels"), [("double", ["1.0", "2.5", "-0.0", "0.0"]), ("decimal(6,2)", ["1.00", "2.50", "0.00"])]
)
def test_levels_of_numbers_are_written_alike_whatever_type_the_new_rows_have(kind: str, levels: list[str]) -> None:
    by_class = {"0": {"missing": 0, "distinct": len(levels), "top": [[level, 25] for level in levels]}}
    of = {"kind": "categorical", "type": kind, "by_class": by_class}
    [feature] = profiled_features({"classes": {"0": {"count": 25 * len(levels)}}, "features": {"code": of}})
    assert feature.levels == ("0", "1", "2.5")
    assert dict(feature.classes[0].top)["0"] == (0.5 if kind == "double" else 1 / 3)


def test_more_labels_reach_the_wanted_error_and_no_fewer_do() -> None:
    rows = np.array([9000.0, 900.0, 100.0, 0.0])
    strata = Strata(rows, rows * 0.1, np.array([5.0, 0, 100, 0]), np.zeros(4), np.zeros(4), np.full(4, 0.09))
    needed = labels_needed(strata, 200.0)
    assert (needed >= strata.labels).all() and (needed <= rows).all()
    reached = strata.variance_of_total(needed.astype(float))[:3].sum() ** 0.5
    assert 195 < reached <= 200
    assert labels_needed(strata, 0.0).tolist() == rows.tolist()
    assert strata_edges(np.array([0.0, 0, 0]), 3).tolist() == []
    assert strata_edges(np.array([1.0, 1, 1, 1]), 2).tolist() == [2]


def labelled(seed: int, chosen: Any, rows: int = 20_000, recall: float = 1.0) -> dict[str, Any]:
    """A document of new rows of which `chosen` says what share have a label; some positives score like negatives."""
    score, y = two_normal_classes(seed, rows, 0.05)
    rng = np.random.default_rng(1000 + seed)  # not the deviates of the rows
    hidden = (y == 1) & (rng.random(rows) >= recall)
    score = np.where(hidden, two_normal_classes(seed + 1, rows, 0.0)[0], score)
    known = np.where(rng.random(rows) < chosen(score), y, 2)
    new = ScoreCounts.from_rows(score, score >= 0.2, known)
    return document(score_counts(3, 20_000, 0.05), new, positive="1", limits=Limits())


def test_a_fall_of_recall_shows_in_labels() -> None:
    same = labelled(30, lambda score: np.where(score > 0.02, 0.5, 0.1))
    assert [a["what"] for a in same["alerts"]] == []
    score, y = two_normal_classes(30, 20_000, 0.05)
    true = {"prevalence": y.mean(), "recall": (score[y == 1] >= 0.2).mean(), "precision": y[score >= 0.2].mean()}
    for name, value in true.items():
        assert same["labels"][name]["ci95"][0] < value < same["labels"][name]["ci95"][1], name
    fallen = labelled(21, lambda score: np.where(score > 0.02, 0.5, 0.2), recall=0.5)
    assert "recall" in [a["what"] for a in fallen["alerts"]]
    assert "recall has fallen from" in fallen["alerts"][-1]["message"]


def test_labels_of_alarms_alone_say_nothing_and_more_are_wanted_elsewhere() -> None:
    found = labelled(22, lambda score: np.where(score >= 0.2, 0.5, 0.0))["labels"]
    assert found["prevalence"] is None and "without an alarm" in found["reason"]
    assert sum(s["more"] for s in found["strata"]) == found["more"] > 0
    assert all(s["more"] > 0 for s in found["strata"] if not s["alarm"])
