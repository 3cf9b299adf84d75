"""Guards without Spark and Great Expectations: judgements, suites, reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.errors import ConfigError, GuardError
from steelyard.guards import GuardReport, GuardResult, check_parameters, check_suite, shipped_suites
from steelyard.guards._counts import Bounds, Cell, LabelCounts, ScoreCounts, SharedKeys, TimeRange
from steelyard.guards._judge_labels import (
    class_counts_between,
    class_counts_equal,
    labels_match,
    minority_share,
    no_nulls,
)
from steelyard.guards._judge_leaks import no_giveaway
from steelyard.guards._judge_rows import prevalence, probabilities, synthetic_only_in, whole_numbers, within_bounds
from steelyard.guards._judge_same import (
    TIMES_CHANCE,
    known_categories,
    most_twins,
    near_duplicates,
    synthetic_duplicates,
)
from steelyard.guards._judge_splits import (
    every_row_placed,
    in_time_order,
    keys_in_one_split,
    quotas,
    split_shares,
    stratified,
)
from steelyard.guards._needs import asked, cells, same_rows, shared, together
from steelyard.guards._seen import Cells, Group, Overlap, Overlaps
from steelyard.guards._suggest import suggest_suite
from steelyard.guards._suites import load_suite, with_parameters

SHARES = {"validation": 0.1, "test": 0.2}


def counts(*cells: tuple[str | None, int] | tuple[str | None, str | None, int]) -> LabelCounts:
    """Label counts of (label, count) or (label, split, count)."""
    return LabelCounts(tuple(Cell(c[0], c[1] if len(c) == 3 else None, False, c[-1]) for c in cells))


def divided(**classes: tuple[int, int, int]) -> LabelCounts:
    """Label counts of class -> (train, validation, test)."""
    splits = ("train", "validation", "test")
    return counts(*((c, s, n) for c, of in classes.items() for s, n in zip(splits, of, strict=True) if n))


class TestLabels:
    def test_all_classes_and_no_other(self) -> None:
        assert labels_match("y", counts(("0", 9), ("1", 1)), ["1", "0"], True).success

    def test_a_strange_label_and_an_absent_class(self) -> None:
        verdict = labels_match("y", counts(("0", 9), ("x", 2)), ["0", "1"], True)
        assert not verdict.success
        assert verdict.message == ("column 'y' holds 'x' (2) and no row of '1'; expected exactly the classes '0', '1'")
        assert verdict.table == [
            {"class": "0", "rows": 9, "expected": True},
            {"class": "x", "rows": 2, "expected": False},
            {"class": "1", "rows": 0, "expected": True},
        ]

    def test_an_absent_class_may_be_allowed(self) -> None:
        assert labels_match("y", counts(("0", 9)), ["0", "1"], False).success

    def test_nulls_are_counted(self) -> None:
        verdict = no_nulls("y", counts((None, 3), ("0", 9)))
        assert (verdict.success, verdict.observed) == (False, {"null": 3, "rows": 12})
        assert verdict.message == "column 'y' is null in 3 of 12 rows; expected none"
        assert no_nulls("y", counts(("0", 9))).success

    def test_minority_share_leaves_nulls_out(self) -> None:
        verdict = minority_share("y", counts((None, 50), ("0", 90), ("1", 10)), 0.1, 0.1)
        assert verdict.success
        assert verdict.observed == {"class": "1", "share": 0.1, "count": 10}

    @pytest.mark.parametrize(("low", "high"), [(0.11, None), (None, 0.09)])
    def test_minority_share_outside(self, low: float | None, high: float | None) -> None:
        verdict = minority_share("y", counts(("0", 90), ("1", 10)), low, high)
        assert not verdict.success
        assert "'1' has 10 of 100 rows (10 %)" in verdict.message

    def test_minority_share_of_nothing(self) -> None:
        assert not minority_share("y", counts((None, 5)), 0.0, 1.0).success
        assert not minority_share("y", counts(), 0.0, 1.0).success

    def test_counts_of_each_class(self) -> None:
        table = counts(("0", 90), ("1", 10))
        assert class_counts_between("y", table, 10, 90, None).success
        assert "10 of class '1'" in class_counts_between("y", table, 11, None, None).message
        assert "90 of class '0'" in class_counts_between("y", table, None, 89, None).message
        assert not class_counts_between("y", counts(), 1, None, None).success

    def test_a_class_that_a_split_lacks_counts_as_zero(self) -> None:
        verdict = class_counts_between("y", divided(n=(7, 1, 2), p=(3, 0, 1)), 1, None, ["train", "validation", "test"])
        assert not verdict.success
        assert verdict.table == [{"split": "validation", "class": "p", "rows": 0}]

    def test_wanted_counts(self) -> None:
        table = counts(("0", 90), ("1", 10))
        assert class_counts_equal("y", table, {"0": 90, "1": 10}, 0, None).success
        assert class_counts_equal("y", table, {"0": 91, "1": 9}, 1, None).success
        verdict = class_counts_equal("y", table, {"0": 90, "1": 90}, 0, "train")
        assert verdict.message == "column 'y' has in split 'train' 10 of class '1' instead of 90"

    def test_a_class_that_nobody_wanted_is_a_fault(self) -> None:
        assert not class_counts_equal("y", counts(("0", 9), ("1", 1)), {"0": 9}, 0, None).success
        assert not class_counts_equal("y", counts(("0", 9)), {"0": 9, "1": 1}, 0, None).success


class TestSplits:
    @pytest.mark.parametrize(
        ("total", "wanted"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (3, (2, 0, 1)), (5, (3, 1, 1)), (25, (17, 3, 5))]
    )
    def test_quotas_are_rounded_half_up(self, total: int, wanted: tuple[int, int, int]) -> None:
        train, validation, test = wanted
        assert quotas(total, SHARES, "train") == {"test": test, "validation": validation, "train": train}

    def test_quotas_are_decimal(self) -> None:
        # In binary, 0.145 × 100 is 14.499999999999998.
        assert quotas(100, {"test": 0.145}, "train") == {"test": 15, "train": 85}

    def test_quotas_never_exceed_the_class(self) -> None:
        assert quotas(1, {"validation": 0.5, "test": 0.5}, "train") == {"test": 1, "validation": 0, "train": 0}

    def test_shares(self) -> None:
        verdict = split_shares("split", divided(n=(70, 10, 20)), SHARES, "train", 0.0)
        assert verdict.success, verdict.message
        assert verdict.observed == {"train": 0.7, "validation": 0.1, "test": 0.2}

    def test_shares_that_are_missed(self) -> None:
        verdict = split_shares("split", divided(n=(60, 10, 30)), SHARES, "train", 0.05)
        assert not verdict.success
        assert "30 rows (30 %) in 'test' instead of 20 %" in verdict.message

    def test_a_split_of_another_name(self) -> None:
        strange = split_shares("split", counts(("n", "train", 100), ("n", "tset", 1)), {}, "train", 0.05)
        assert not strange.success
        assert "'tset', which is not a requested split" in strange.message

    def test_no_row_in_any_split(self) -> None:
        assert not split_shares("split", counts(("n", 9)), SHARES, "train", 0.05).success

    def test_rows_in_no_split(self) -> None:
        table = counts(("n", "train", 9), ("p", None, 1))
        assert every_row_placed("split", table, 0.1).success
        verdict = every_row_placed("split", table, 0.0)
        assert verdict.message == "column 'split' leaves 1 of 10 rows (10 %) in no split; expected none"
        assert verdict.table == [{"class": "p", "rows in no split": 1}]

    def test_stratified_to_the_row(self) -> None:
        assert stratified("y", divided(n=(70, 10, 20), p=(17, 3, 5)), SHARES, "train", 0).success

    def test_one_row_too_many(self) -> None:
        off = divided(n=(70, 10, 20), p=(18, 2, 5))
        verdict = stratified("y", off, SHARES, "train", 0)
        assert not verdict.success
        assert "2 of class 'p' in validation instead of 3" in verdict.message
        assert verdict.observed["largest_deviation"] == 1
        assert stratified("y", off, SHARES, "train", 1).success

    def test_a_class_that_is_in_train_alone(self) -> None:
        assert not stratified("y", divided(n=(70, 10, 20), p=(25, 0, 0)), SHARES, "train", 0).success

    def test_keys(self) -> None:
        assert keys_in_one_split(["id"], []).success
        verdict = keys_in_one_split(["a", "b"], [SharedKeys(("train", "test"), 2, 5)])
        assert not verdict.success
        assert "the splits share 2 values of columns 'a', 'b' (2 in train and test), in 5 rows" in (verdict.message)

    def test_time_order(self) -> None:
        order = ["train", "validation", "test"]
        first, later = TimeRange("train", 1, 5, "1", "5"), TimeRange("test", 6, 9, "6", "9")
        assert in_time_order("t", [later, first], order).success
        equal = TimeRange("test", 5, 9, "5", "9")
        verdict = in_time_order("t", [equal, first], order)
        assert not verdict.success
        assert "train ends at 5, test begins at 5" in verdict.message


class TestRows:
    def test_synthetic_rows_in_train_alone(self) -> None:
        made = LabelCounts((Cell("p", "train", True, 9), Cell("p", "test", False, 9)))
        assert synthetic_only_in("is_synthetic", made, "train").success
        stray = LabelCounts((*made.cells, Cell("p", "test", True, 2), Cell("p", None, True, 1)))
        verdict = synthetic_only_in("is_synthetic", stray, "train")
        assert verdict.observed == {"outside": 3, "synthetic": 12}
        assert "2 of class 'p' in test" in verdict.message
        assert "1 of class 'p' in no split" in verdict.message

    @pytest.mark.parametrize(
        ("low", "high", "missing", "tolerance", "success"),
        [
            (0.0, 1.0, 0, 0.0, True),
            (0.0, 1.0 + 1e-15, 0, 0.0, True),
            (0.0, 1.0 + 1e-9, 0, 0.0, False),
            (-1e-9, 1.0, 0, 0.0, False),
            (-0.1, 1.1, 0, 0.1, True),
            (-0.1, 1.11, 0, 0.1, False),
            (0.2, 0.3, 1, 0.0, False),
            (None, None, 3, 0.0, False),
        ],
    )
    def test_bounds(self, low: float | None, high: float | None, missing: int, tolerance: float, success: bool) -> None:
        real = Bounds("p", False, "x", 0.0, 1.0, 0)
        assert within_bounds([real, Bounds("p", True, "x", low, high, missing)], tolerance).success is success

    def test_bounds_are_those_of_the_class(self) -> None:
        other = Bounds("n", False, "x", -9.0, 9.0, 0)
        verdict = within_bounds([other, Bounds("p", False, "x", 0.0, 1.0, 0), Bounds("p", True, "x", 0.0, 5.0, 0)], 0.0)
        assert "column 'x' of class 'p' in [0, 5], expected in [0, 1]" in verdict.message
        assert not within_bounds([other, Bounds("p", True, "x", 0.0, 1.0, 0)], 0.0).success

    def test_missing_where_originals_are_missing(self) -> None:
        real = Bounds("p", False, "x", 0.0, 1.0, 4)
        assert within_bounds([real, Bounds("p", True, "x", 0.0, 1.0, 2)], 0.0).success

    def test_no_synthetic_rows(self) -> None:
        assert within_bounds([Bounds("p", False, "x", 0.0, 1.0, 0)], 0.0).success

    def test_scores(self) -> None:
        assert probabilities("score", ScoreCounts(9, 0, 0, 0, 0, 0.0, 1.0), None).success
        assert not probabilities("score", ScoreCounts(0, 0, 0, 0, 0, None, None), None).success
        verdict = probabilities("score", ScoreCounts(9, 1, 0, 2, 3, -0.5, 7.0), None)
        assert verdict.message == (
            "column 'score' holds, among 9 scores, 1 null, 2 below 0, 3 above 1 (range [-0.5, 7]); "
            "expected numbers in [0, 1]"
        )

    def test_whole_numbers(self) -> None:
        real = [Bounds("p", False, "x", 0.0, 9.0, 0), Bounds("n", False, "x", 0.0, 9.0, 0)]
        made = Bounds("p", True, "x", 0.5, 2.0, 0, 3)
        verdict = whole_numbers([*real, made])
        assert not verdict.success
        assert "column 'x' in 3 rows" in verdict.message
        assert whole_numbers([*real, Bounds("n", False, "x", 0.5, 9.0, 0, 1), made]).success, (
            "fractions of another class"
        )
        assert whole_numbers([Bounds("p", False, "x", None, None, 5), made]).success, "nothing says what it holds"
        assert whole_numbers([*real, Bounds("p", True, "x", 1.0, 2.0, 0)]).success

    def test_near_duplicates(self) -> None:
        found = [
            Overlap(("train",), 70, {"train": 80}),
            Overlap(("test",), 20, {"test": 20}),
            Overlap(("train", "test"), 2, {"train": 3, "test": 5}),
        ]
        verdict = near_duplicates(found, "train", "test", 6, 0.02)
        assert not verdict.success
        assert verdict.observed == {"rows": 25, "twins": 5, "share": 0.2, "chance": None}
        assert verdict.expected == {"max_share": 0.02, "max_twins": 3}
        assert "(20 %) have the features of a row in 'train'; expected at most 3. Drop copies, or " in verdict.message
        by_chance = near_duplicates(found, "train", "test", 6, 0.0, 0.1)
        assert by_chance.success
        assert by_chance.message.endswith("a row in 'train'; chance gives about 2; expected at most 11")
        rare = near_duplicates(found, "train", "test", 6, 0.0, 0.0)
        assert not rare.success
        assert "; chance gives none; expected none. Drop" in rare.message
        assert near_duplicates(found, "train", "test", 6, 0.2).success
        assert near_duplicates([], "train", "test", 6, 0.0).success

    @pytest.mark.parametrize(("rows", "share", "chance"), [(24, 0.0, 0.0), (5000, 0.001, 0.0), (900, 0.0, 0.3)])
    def test_more_near_duplicates_than_allowed_are_rare_by_chance(self, rows: int, share: float, chance: float) -> None:
        drawn = np.random.default_rng(5).poisson(rows * (share + TIMES_CHANCE * chance), 20_000)
        assert np.mean(drawn > most_twins(rows, share, chance)) <= 0.012
        assert most_twins(rows, share, chance) == 0 or np.mean(drawn >= most_twins(rows, share, chance)) > 0.008

    @pytest.mark.parametrize(
        ("areas", "words"),
        [
            ({"a": 1.0, "c": 0.5}, "1 feature alone gives the label 'y' away, by ROC area: 'a' (1); expected"),
            ({"a": 0.995}, "1 feature alone almost gives the label 'y' away, by ROC area: 'a' (0.995); expected"),
            ({"a": 1.0, "b": 0.9995}, "2 features alone give the label 'y' away, by ROC area: 'a' (1), 'b' (0.9995);"),
            ({"a": 0.992, "b": 1.0}, "2 features alone give the label 'y' away, or almost, by ROC area: 'b' (1), 'a' "),
        ],
    )
    def test_giveaway(self, areas: dict[str, float], words: str) -> None:
        assert no_giveaway("y", areas, 0.99).message.startswith(words)

    def test_synthetic_duplicates(self) -> None:
        found = [
            Overlap(("original",), 9, {"original": 9}),
            Overlap(("synthetic",), 8, {"synthetic": 9}),
            Overlap(("original", "synthetic"), 1, {"original": 4, "synthetic": 1}),
        ]
        assert synthetic_duplicates(found, 0.1).success
        assert "1 of 10 synthetic rows (10 %)" in synthetic_duplicates(found, 0.09).message
        assert synthetic_duplicates(found[:1], 0.0).success

    def test_categories(self) -> None:
        known = (Overlap(("original", "synthetic"), 2, {"original": 9, "synthetic": 4}),)
        strange = (*known, Overlap(("synthetic",), 2, {"synthetic": 3}))
        assert known_categories({"kind": known}).success
        verdict = known_categories({"kind": known, "place": strange})
        assert verdict.message.endswith("column 'place' has 2 values in 3 rows")
        assert verdict.table == [{"feature": "place", "values": 2, "rows": 3}]

    @pytest.mark.parametrize(
        ("total", "positives", "success"),
        [
            (100.0, 100, True),
            (149.0, 100, True),
            (199.0, 100, False),
            (40.0, 100, True),
            (30.0, 100, False),
            (3.0, 0, True),
            (20.0, 0, False),
            (0.5, 3, True),
            (0.0, 30, False),
        ],
    )
    def test_prevalence(self, total: float, positives: int, success: bool) -> None:
        scores: dict[str | None, ScoreCounts] = {"test": ScoreCounts(1000, 0, 0, 0, 0, 0.0, 1.0, total=total)}
        labels = counts(("n", "test", 1000 - positives), ("p", "test", positives))
        verdict = prevalence("score", "p", scores, labels, 0.5, 0.99)
        assert verdict.success is success, verdict.message
        json.dumps(verdict.observed, allow_nan=False), json.dumps(verdict.table, allow_nan=False)

    def test_prevalence_of_no_split(self) -> None:
        nothing: dict[str | None, ScoreCounts] = {None: ScoreCounts(9, 0, 0, 0, 0, 0.0, 1.0, total=3.0)}
        assert not prevalence("score", "p", nothing, counts(("p", 9)), 0.5, 0.99).success


class TestSharedMetrics:
    def test_a_suite_asks_once_for_all(self) -> None:
        one = cells(label="y", split="split", synthetic=None)
        two = cells(["range", "x"], label="y", synthetic="made")
        whole = together([one, two, one])
        assert whole == together([two, one])
        assert whole["steelyard.cells"]["by"] == [["label", "y"], ["split", "split"], ["synthetic", "made"]]
        assert whole["steelyard.cells"]["measures"] == [["range", "x"]]
        with shared([one, two]):
            assert asked(one) == asked(two) == whole
            kinds = {"steelyard.overlaps": {"kinds": [same_rows(["id"], ["synthetic", "made"])]}}
            assert asked(kinds) == kinds, "what nobody told of beforehand is asked for by itself"
        assert asked(one) == one

    def test_each_expectation_takes_the_sums_it_needs(self) -> None:
        by = (("label", "y"), ("split", "s"), ("label", "decision"))
        measures = (["range", "x"], ["score", "p", None, 1e-6], ["time", "t"])

        def group(at: tuple[str | None, ...], n: int, low: float, total: float, first: int) -> Group:
            score = {"null": 0, "nan": 0, "below": 1, "above": 0, "low": low, "high": 1.0, "total": total}
            time = {"first": first, "last": first + 1, "first_text": str(first), "last_text": str(first + 1)}
            bounds = {"low": low, "high": 9.0, "missing": 1, "fractional": 2}
            return Group(at, n, (bounds, score, time))

        seen = Cells(
            by,
            measures,
            (
                group(("0", "train", "0"), 5, 1.0, 0.5, 10),
                group(("0", "test", "1"), 3, -1.0, 1.5, 30),
                group(("0", None, None), 2, 0.0, 0.0, 0),
                group(("1", "train", "1"), 4, 2.0, 3.0, 5),
            ),
        )
        assert seen.labels("y").by_class == {"0": 10, "1": 4}
        assert seen.labels("decision", "s").within("train").by_class == {"0": 5, "1": 4}
        assert seen.labels("decision").nulls == 2
        assert {t.split: (t.first, t.last) for t in seen.times("t", "s")} == {"train": (5, 11), "test": (30, 31)}
        scores = seen.scores("p", None, 1e-6)[None]
        assert (scores.rows, scores.below, scores.low, scores.total) == (14, 4, -1.0, 5.0)
        assert seen.scores("p", None, 1e-6, "s")["test"].rows == 3

    def test_overlaps_that_are_shared(self) -> None:
        kind = same_rows(["id"], ["split", "s", ["train", "test"]])
        found = (Overlap(("train",), 5, {"train": 6}), Overlap(("train", "test"), 1, {"train": 2, "test": 1}))
        assert Overlaps((kind,), (found,)).shared(kind) == [SharedKeys(("train", "test"), 1, 3)]


class TestSuggested:
    seen: dict[str, Any] = {  # noqa: RUF012
        "rows": 1003,
        "label": "y",
        "null_labels": 0,
        "imbalance_ratio": 99.0,
        "classes": {"0": {"count": 990}, "1": {"count": 10}},
    }

    def test_bounds_leave_room_on_both_sides(self) -> None:
        suite = suggest_suite(self.seen)
        of = suite["suite_parameters"]
        assert (of["class_count_min"], of["minority_share_min"], of["minority_share_max"]) == (5, 0.005, 0.02)
        assert (of["imbalance_ratio_max"], of["known_classes"]) == (198.0, ["0", "1"])
        assert of["reference"] == {"0": 990, "1": 10}
        chosen, _, left_out = with_parameters(suite, {"label": "y", "classes": ["0", "1", "2"]})
        assert len(chosen) == len(suite["expectations"]) == 7 and not left_out
        assert all(e["notes"] for e in suite["expectations"])

    def test_null_labels_are_told(self) -> None:
        suite = suggest_suite({**self.seen, "null_labels": 3})
        assert "3 further rows have no label" in suite["notes"]
        assert "expect_no_null_labels" not in {e["type"] for e in suite["expectations"]}


class TestSuites:
    def test_shipped(self) -> None:
        assert shipped_suites() == ["raw.json", "resampled.json", "scored.json", "split.json"]
        for name in shipped_suites():
            assert load_suite(name) == load_suite(name.removesuffix(".json"))
            check_suite(name)

    def test_unknown_name(self) -> None:
        with pytest.raises(ConfigError, match=r"no suite 'rwa\.json'\. Did you mean 'raw\.json'\?"):
            load_suite("rwa.json")

    def test_own_suite_by_path(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.json"
        file.write_text(json.dumps({"expectations": []}), encoding="utf-8")
        assert load_suite(str(file))["name"] == "mine"

    @pytest.mark.parametrize("text", ["{", "[]", '{"expectations": {}}', '{"expectations": [{"kwargs": {}}]}'])
    def test_what_is_no_suite(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "mine.json"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"mine\.json"):
            load_suite(str(file))

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="can't be read"):
            load_suite(str(tmp_path / "none.json"))

    def test_parameters(self) -> None:
        suite = _suite({"column": {"$PARAMETER": "label"}, "classes": {"$PARAMETER": "classes"}})
        chosen, values, left_out = with_parameters(suite, {"classes": ["0"]})
        assert chosen[0]["kwargs"] == {"column": "y", "classes": {"$PARAMETER": "classes"}}
        assert values == {"label": "y", "classes": ["0"]}
        assert left_out == []

    def test_a_parameter_that_is_null_leaves_out(self) -> None:
        suite = _suite({"column": "y", "key": {"$PARAMETER": "key"}})
        chosen, _, left_out = with_parameters(suite, {"key": None})
        assert chosen == []
        assert left_out == [{"expectation": "expect_it", "parameter": "key"}]

    def test_a_parameter_that_nobody_gave(self) -> None:
        with pytest.raises(ConfigError, match=r"expect_it, 'classes': .* no parameter 'lable'. Did you mean 'label'"):
            with_parameters(_suite({"classes": {"$PARAMETER": "lable"}}), {})

    def test_arithmetic_on_parameters(self) -> None:
        suite = _suite({"min_value": {"$PARAMETER": "round(n * 0.9)"}})
        assert with_parameters(suite, {"n": 10})[0] == suite["expectations"]


class TestReport:
    failed = GuardResult("expect_x", "y", False, "critical", 1, 0, "column 'y' is 1; expected 0")
    warned = GuardResult("expect_w", "y", False, "warning", 1, 0, "nearly")
    passed = GuardResult("expect_p", None, True, "critical", 1, 1, "fine")

    def test_json(self) -> None:
        report = GuardReport(
            "raw", "raw.json", False, (self.failed, self.passed), ({"expectation": "e", "parameter": "p"},), "file:///x"
        )
        assert GuardReport.from_json(json.loads(json.dumps(report.to_json()))) == report

    def test_raises_for_what_is_critical(self) -> None:
        report = GuardReport(
            "raw", "raw.json", False, (self.failed, self.warned, self.passed), docs="file:///d/index.html"
        )
        assert report.failures("critical") == (self.failed,)
        with pytest.raises(GuardError) as caught:
            report.raise_for_failures()
        assert "expect_x: column 'y' is 1; expected 0" in str(caught.value)
        assert "file:///d/index.html" in str(caught.value)
        assert "expect_w" not in str(caught.value)

    def test_a_warning_alone_raises_nothing(self) -> None:
        report = GuardReport("raw", "raw.json", True, (self.warned, self.passed))
        report.raise_for_failures()
        assert "warning: expect_w: nearly" in report.summary()


def test_importing_the_package_imports_neither_spark_nor_great_expectations() -> None:
    code = "import sys, steelyard.guards; print({'pyspark', 'great_expectations'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def _suite(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"suite_parameters": {"label": "y"}, "expectations": [{"type": "expect_it", "kwargs": kwargs}]}


def test_parameters_that_no_suite_knows_are_refused() -> None:
    check_parameters(shipped_suites(), ["classes", "minority_share_min"])
    with pytest.raises(ConfigError, match=r"guards.parameters.clases: .* Did you mean 'classes'"):
        check_parameters(shipped_suites(), ["clases"])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("raw", "raw"),
        ("my suite-2", "my suite-2"),
        ("../../etc/passwd", "etc-passwd"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("a.b\\c\n", "a-b-c"),
        ("", "suite"),
        ("...", "suite"),
        ("é" * 300, "é" * 50),
    ],
)
def test_a_suites_name_is_a_folders(name: str, safe: str, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"name": name, "expectations": []}))
    assert load_suite(str(file))["name"] == safe
    file.write_text(json.dumps({"expectations": []}))
    assert load_suite(str(file))["name"] == "own"


def test_a_suite_that_is_no_file_or_has_no_name_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.json")
    (tmp_path / "odd.json").write_text('{"name": [], "expectations": []}')
    (tmp_path / "deep.json").write_text("[" * 20_000)
    for name, said in (("fifo", "not a regular file"), ("odd", "its name must be text"), ("deep", "can't be read")):
        with pytest.raises(ConfigError, match=said):
            load_suite(str(tmp_path / f"{name}.json"))
