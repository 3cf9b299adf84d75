"""Guards without Spark and Great Expectations: judgements, suites, reports."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from verdicts import Rows, compared, gx, judged

from steelyard.errors import ConfigError, GuardError
from steelyard.guards import GuardReport, GuardResult, check_parameters, check_suite, shipped_suites
from steelyard.guards._chance import TIMES_CHANCE, most_twins
from steelyard.guards._counts import ScoreCounts
from steelyard.guards._needs import asked, cells, same_rows, shared, together
from steelyard.guards._seen import Cells, Group, Overlap, Overlaps
from steelyard.guards._suggest import suggest_suite
from steelyard.guards._suites import load_suite, with_parameters
from steelyard.guards._verdict import Verdict

if TYPE_CHECKING:
    from steelyard.guards.expectations import JudgedExpectation

SHARES = {"validation": 0.1, "test": 0.2}


def rows(*of: tuple[Any, ...]) -> list[Rows]:
    """Cells of (label, count), (label, split, count) or (label, split, synthetic, count)."""
    roles = ("label", "split", "synthetic")
    return [(dict(zip(roles, c[:-1], strict=False)), c[-1]) for c in of]


def divided(**classes: tuple[int, int, int]) -> list[Rows]:
    """Cells of class -> (train, validation, test)."""
    splits = ("train", "validation", "test")
    return rows(*((c, s, n) for c, of in classes.items() for s, n in zip(splits, of, strict=True) if n))


class TestLabels:
    def test_all_classes_and_no_other(self) -> None:
        assert judged(gx.ExpectLabelsToMatchClasses(column="y", classes=["1", "0"]), rows(("0", 9), ("1", 1))).success

    def test_a_strange_label_and_an_absent_class(self) -> None:
        verdict = judged(gx.ExpectLabelsToMatchClasses(column="y", classes=["0", "1"]), rows(("0", 9), ("x", 2)))
        assert not verdict.success
        assert verdict.message == ("column 'y' holds 'x' (2) and no row of '1'; expected exactly the classes '0', '1'")
        assert verdict.table == [
            {"class": "0", "rows": 9, "expected": True},
            {"class": "x", "rows": 2, "expected": False},
            {"class": "1", "rows": 0, "expected": True},
        ]

    def test_an_absent_class_may_be_allowed(self) -> None:
        some = gx.ExpectLabelsToMatchClasses(column="y", classes=["0", "1"], all_present=False)
        assert judged(some, rows(("0", 9))).success

    def test_nulls_are_counted(self) -> None:
        verdict = judged(gx.ExpectNoNullLabels(column="y"), rows((None, 3), ("0", 9)))
        assert (verdict.success, verdict.observed) == (False, {"null": 3, "rows": 12})
        assert verdict.message == "column 'y' is null in 3 of 12 rows; expected none"
        assert judged(gx.ExpectNoNullLabels(column="y"), rows(("0", 9))).success

    def test_minority_share_leaves_nulls_out(self) -> None:
        tenth = gx.ExpectMinorityShareToBeBetween(column="y", min_value=0.1, max_value=0.1)
        verdict = judged(tenth, rows((None, 50), ("0", 90), ("1", 10)))
        assert verdict.success
        assert verdict.observed == {"class": "1", "share": 0.1, "count": 10}

    @pytest.mark.parametrize(("low", "high"), [(0.11, None), (None, 0.09)])
    def test_minority_share_outside(self, low: float | None, high: float | None) -> None:
        share = gx.ExpectMinorityShareToBeBetween(column="y", min_value=low, max_value=high)
        verdict = judged(share, rows(("0", 90), ("1", 10)))
        assert not verdict.success
        assert "'1' has 10 of 100 rows (10 %)" in verdict.message

    def test_minority_share_of_nothing(self) -> None:
        share = gx.ExpectMinorityShareToBeBetween(column="y", min_value=0.0, max_value=1.0)
        assert not judged(share, rows((None, 5))).success
        assert not judged(share, rows()).success

    def test_counts_of_each_class(self) -> None:
        def verdict(low: int | None, high: int | None, *of: tuple[Any, ...]) -> Verdict:
            return judged(gx.ExpectClassCountsToBeBetween(column="y", min_value=low, max_value=high), rows(*of))

        table = (("0", 90), ("1", 10))
        assert verdict(10, 90, *table).success
        assert "10 of class '1'" in verdict(11, None, *table).message
        assert "90 of class '0'" in verdict(None, 89, *table).message
        assert not verdict(1, None).success
        assert verdict(1, None).message == "column 'y' has no class; expected at least 1 of each class"

    def test_a_class_that_a_split_lacks_counts_as_zero(self) -> None:
        splits = ["train", "validation", "test"]
        some = gx.ExpectClassCountsToBeBetween(column="y", min_value=1, splits=splits, split_column="split")
        verdict = judged(some, divided(n=(7, 1, 2), p=(3, 0, 1)))
        assert not verdict.success
        assert verdict.table == [{"split": "validation", "class": "p", "rows": 0}]

    def test_wanted_counts(self) -> None:
        def verdict(wanted: dict[str, int], **more: Any) -> Verdict:
            table = rows(("0", "train", 90), ("1", "train", 10), ("1", "test", 80))
            more = {"split": "train", "split_column": "split", **more}
            return judged(gx.ExpectClassCountsToEqual(column="y", counts=wanted, **more), table)

        assert verdict({"0": 90, "1": 10}).success
        assert verdict({"0": 91, "1": 9}, tolerance=1).success
        assert verdict({"0": 90, "1": 90}, split=None).success
        assert verdict({"0": 90, "1": 90}).message == "column 'y' has in split 'train' 10 of class '1' instead of 90"

    def test_a_class_that_nobody_wanted_is_a_fault(self) -> None:
        assert not judged(gx.ExpectClassCountsToEqual(column="y", counts={"0": 9}), rows(("0", 9), ("1", 1))).success
        assert not judged(gx.ExpectClassCountsToEqual(column="y", counts={"0": 9, "1": 1}), rows(("0", 9))).success


class TestSplits:
    @pytest.mark.parametrize(
        ("total", "wanted"), [(0, (0, 0, 0)), (1, (1, 0, 0)), (3, (2, 0, 1)), (5, (3, 1, 1)), (25, (17, 3, 5))]
    )
    def test_quotas_are_rounded_half_up(self, total: int, wanted: tuple[int, int, int]) -> None:
        train, validation, test = wanted
        assert gx._splits.quotas(total, SHARES, "train") == {
            "test": test,
            "validation": validation,
            "train": train,
        }

    def test_quotas_are_decimal(self) -> None:
        # In binary, 0.145 × 100 is 14.499999999999998.
        assert gx._splits.quotas(100, {"test": 0.145}, "train") == {"test": 15, "train": 85}

    def test_quotas_never_exceed_the_class(self) -> None:
        assert gx._splits.quotas(1, {"validation": 0.5, "test": 0.5}, "train") == {
            "test": 1,
            "validation": 0,
            "train": 0,
        }

    def test_shares(self) -> None:
        near = gx.ExpectSplitSharesToBeNear(column="y", shares=SHARES, tolerance=0.0)
        verdict = judged(near, divided(n=(70, 10, 20)))
        assert verdict.success, verdict.message
        assert verdict.observed == {"train": 0.7, "validation": 0.1, "test": 0.2}
        assert not judged(near, rows(("n", 9))).success, "no row in any split"

    def test_shares_that_are_missed(self) -> None:
        near = gx.ExpectSplitSharesToBeNear(column="y", shares=SHARES, tolerance=0.05)
        verdict = judged(near, divided(n=(60, 10, 30)))
        assert not verdict.success
        assert "30 rows (30 %) in 'test' instead of 20 %" in verdict.message

    def test_a_split_of_another_name(self) -> None:
        near = gx.ExpectSplitSharesToBeNear(column="y", shares={}, tolerance=0.05)
        strange = judged(near, rows(("n", "train", 100), ("n", "tset", 1)))
        assert not strange.success
        assert "'tset', which is not a requested split" in strange.message

    def test_rows_in_no_split(self) -> None:
        table = rows(("n", "train", 9), ("p", None, 1))
        assert judged(gx.ExpectEveryRowInASplit(column="y", max_share=0.1), table).success
        verdict = judged(gx.ExpectEveryRowInASplit(column="y"), table)
        assert verdict.message == "column 'split' leaves 1 of 10 rows (10 %) in no split; expected none"
        assert verdict.table == [{"class": "p", "rows in no split": 1}]

    def test_stratified_to_the_row(self) -> None:
        exact = gx.ExpectSplitsToBeStratified(column="y", shares=SHARES)
        assert judged(exact, divided(n=(70, 10, 20), p=(17, 3, 5))).success
        assert not judged(exact, divided(n=(70, 10, 20), p=(25, 0, 0))).success

    def test_one_row_too_many(self) -> None:
        off = divided(n=(70, 10, 20), p=(18, 2, 5))
        verdict = judged(gx.ExpectSplitsToBeStratified(column="y", shares=SHARES), off)
        assert not verdict.success
        assert "2 of class 'p' in validation instead of 3" in verdict.message
        assert verdict.observed["largest_deviation"] == 1
        assert judged(gx.ExpectSplitsToBeStratified(column="y", shares=SHARES, tolerance=1), off).success

    def test_keys(self) -> None:
        keys = gx.ExpectKeysToStayInOneSplit(key=["a", "b"])
        assert compared(keys, [Overlap(("train",), 5, {"train": 5})]).success
        verdict = compared(keys, [Overlap(("train", "test"), 2, {"train": 3, "test": 2})])
        assert not verdict.success
        assert "the splits share 2 values of columns 'a', 'b' (2 in train and test), in 5 rows" in verdict.message

    def test_time_order(self) -> None:
        def verdict(test: tuple[int, int], **gap: float) -> Verdict:
            parts = [("test", test), ("train", (1, 5)), (None, (0, 99))]
            times = [{"first": (first, f"{first} s"), "last": (last, f"{last} s")} for _, (first, last) in parts]
            return judged(
                gx.ExpectSplitsInTimeOrder(column="t", **gap), rows(*((None, s, 1) for s, _ in parts)), *times
            )

        assert verdict((6, 9)).success
        assert not verdict((5, 9)).success
        assert "train ends at 5 s, test begins at 5 s" in verdict((5, 9)).message
        assert not verdict((6, 9), gap=1.0).success and verdict((1_000_005, 1_000_006), gap=1.0).success


class TestRows:
    def test_synthetic_rows_in_train_alone(self) -> None:
        made = [("p", "train", True, 9), ("p", "test", False, 9)]
        alone = gx.ExpectSyntheticRowsOnlyInSplit(column="y")
        assert judged(alone, rows(*made)).success
        verdict = judged(alone, rows(*made, ("p", "test", True, 2), ("p", None, True, 1)))
        assert verdict.observed == {"outside": 3, "synthetic": 12}
        assert "2 of class 'p' in test" in verdict.message
        assert "1 of class 'p' in no split" in verdict.message

    real: Mapping[str, Any] = {"low": 0.0, "high": 1.0, "missing": 0, "fractional": 0}

    @staticmethod
    def ranges(of: type[JudgedExpectation], *parts: tuple[str, bool, Mapping[str, Any]], **more: Any) -> Verdict:
        """Return the verdict on ranges of (class, synthetic, range)."""
        given = rows(*((label, None, synthetic, 9) for label, synthetic, _ in parts))
        return judged(of(column="y", features=["x"], **more), given, *(found for _, _, found in parts))

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
        made = {"low": low, "high": high, "missing": missing, "fractional": 0}
        parts = ("p", False, self.real), ("p", True, made)
        verdict = self.ranges(gx.ExpectSyntheticRowsWithinClassBounds, *parts, tolerance=tolerance)
        assert verdict.success is success

    def test_bounds_are_those_of_the_class(self) -> None:
        other, made = {**self.real, "low": -9.0, "high": 9.0}, {**self.real, "high": 5.0}
        within = gx.ExpectSyntheticRowsWithinClassBounds
        verdict = self.ranges(within, ("n", False, other), ("p", False, self.real), ("p", True, made))
        assert "column 'x' of class 'p' in [0, 5], expected in [0, 1]" in verdict.message
        assert not self.ranges(within, ("n", False, other), ("p", True, self.real)).success
        assert self.ranges(within, ("p", False, self.real)).message == "there are no synthetic rows"

    def test_missing_where_originals_are_missing(self) -> None:
        parts = ("p", False, {**self.real, "missing": 4}), ("p", True, {**self.real, "missing": 2})
        assert self.ranges(gx.ExpectSyntheticRowsWithinClassBounds, *parts).success

    def test_whole_numbers(self) -> None:
        whole, real = (
            gx.ExpectSyntheticRowsToKeepWholeNumbers,
            [("p", False, self.real), ("n", False, self.real)],
        )
        made = ("p", True, {"low": 0.5, "high": 2.0, "missing": 0, "fractional": 3})
        verdict = self.ranges(whole, *real, made)
        assert not verdict.success
        assert "column 'x' in 3 rows" in verdict.message
        other = ("n", False, {**self.real, "fractional": 1})
        assert self.ranges(whole, *real, other, made).success, "fractions of another class"
        nothing = {"low": None, "high": None, "missing": 5, "fractional": 0}
        assert self.ranges(whole, ("p", False, nothing), made).success, "nothing says what it holds"
        assert self.ranges(whole, *real, ("p", True, self.real)).success

    def test_scores(self) -> None:
        def verdict(**faults: Any) -> Verdict:
            sound = {"rows": 9, "null": 0, "nan": 0, "below": 0, "above": 0, "low": 0.0, "high": 1.0, "total": 3.0}
            return judged(gx.ExpectScoresToBeProbabilities(column="score"), rows((None, 9)), {**sound, **faults})

        assert verdict().success
        assert not judged(gx.ExpectScoresToBeProbabilities(column="score"), rows()).success
        assert verdict(null=1, below=2, above=3, low=-0.5, high=7.0).message == (
            "column 'score' holds, among 9 scores, 1 null, 2 below 0, 3 above 1 (range [-0.5, 7]); "
            "expected numbers in [0, 1]"
        )

    def test_near_duplicates(self) -> None:
        found = [
            Overlap(("train",), 70, {"train": 80}),
            Overlap(("test",), 20, {"test": 20}),
            Overlap(("train", "test"), 2, {"train": 3, "test": 5}),
        ]

        def verdict(max_share: float, chance: float | None = None, of: Sequence[Overlap] = found) -> Verdict:
            few = gx.ExpectNoNearDuplicatesAcrossSplits(features=["x"], max_share=max_share)
            return compared(few, of, chance=chance)

        many = verdict(0.02)
        assert not many.success
        assert many.observed == {"rows": 25, "twins": 5, "share": 0.2, "chance": None}
        assert many.expected == {"max_share": 0.02, "max_twins": 3}
        assert "(20 %) have the features of a row in 'train'; expected at most 3. Drop copies, or " in many.message
        by_chance = verdict(0.0, 0.1)
        assert by_chance.success
        assert by_chance.message.endswith("a row in 'train'; chance gives about 2; expected at most 11")
        rare = verdict(0.0, 0.0)
        assert not rare.success
        assert "; chance gives none; expected none. Drop" in rare.message
        assert verdict(0.2).success
        assert verdict(0.0, of=[]).success

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
        assert judged(gx.ExpectNoFeatureToGiveTheLabelAway(column="y", areas=areas), rows()).message.startswith(words)

    def test_synthetic_duplicates(self) -> None:
        found = [
            Overlap(("original",), 9, {"original": 9}),
            Overlap(("synthetic",), 8, {"synthetic": 9}),
            Overlap(("original", "synthetic"), 1, {"original": 4, "synthetic": 1}),
        ]
        assert compared(gx.ExpectFewSyntheticDuplicates(features=["x"], max_share=0.1), found).success
        few = compared(gx.ExpectFewSyntheticDuplicates(features=["x"], max_share=0.09), found)
        assert "1 of 10 synthetic rows (10 %)" in few.message
        assert compared(gx.ExpectFewSyntheticDuplicates(features=["x"]), found[:1]).success

    def test_categories(self) -> None:
        known = (Overlap(("original", "synthetic"), 2, {"original": 9, "synthetic": 4}),)
        strange = (*known, Overlap(("synthetic",), 2, {"synthetic": 3}))
        assert compared(gx.ExpectSyntheticRowsToKeepCategories(column="y", features=["kind"]), known).success
        verdict = compared(
            gx.ExpectSyntheticRowsToKeepCategories(column="y", features=["kind", "place"]), known, strange
        )
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
        near = gx.ExpectPredictedPrevalenceToBeNear(column="score", label_column="y", positive="p")
        given = rows(("n", "test", 1000 - positives), ("p", "test", positives))
        sound = {"null": 0, "nan": 0, "below": 0, "above": 0, "low": 0.0, "high": 1.0}
        scores = [{**sound, "rows": n, "total": t} for (_, n), t in zip(given, (total, 0.0), strict=True)]
        verdict = judged(near, given, *scores)
        assert verdict.success is success, verdict.message
        json.dumps(verdict.observed, allow_nan=False), json.dumps(verdict.table, allow_nan=False)
        assert not judged(near, rows(("p", None, 9)), {**sound, "rows": 9, "total": 3.0}).success, "in no split"


class TestSharedMetrics:
    def test_a_suite_asks_once_for_all(self) -> None:
        one = cells(label="y", split="split", synthetic=None)
        two = cells(["range", "x"], label="y", synthetic="made")
        whole = together([one, two, one])
        assert whole == together([two, one])
        assert whole["steelyard.cells"]["by"] == [["label", "y"], ["split", "split"], ["synthetic", "made"]]
        assert whole["steelyard.cells"]["measures"] == [["range", "x"]]
        kinds = {"steelyard.overlaps": {"kinds": [same_rows(["id"], ["synthetic", "made"])]}}
        with shared([one, two]):
            assert asked(one) == asked(two) == whole
            assert asked(kinds) == kinds, "needs that were not declared are computed by themselves"
        with shared([one, two, kinds]):
            everything = {**whole["steelyard.cells"], **kinds["steelyard.overlaps"]}
            assert asked(one) == {"steelyard.cells": everything}, "one scan for all metrics"
            assert asked(kinds) == {"steelyard.overlaps": everything}
        assert asked(one) == one

    def test_each_expectation_takes_the_sums_it_needs(self) -> None:
        by = (("label", "y"), ("split", "s"), ("label", "decision"))
        measures = (["range", "x"], ["score", "p", None, 1e-6], ["time", "t"])

        def group(at: tuple[str | None, ...], n: int, low: float, total: float, first: int) -> Group:
            score = {"rows": n, "null": 0, "nan": 0, "below": 1, "above": 0, "low": low, "high": 1.0, "total": total}
            time = {"first": (first, str(first)), "last": (first + 1, str(first + 1))}
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
        assert [t.last_text for t in seen.times("t", "s")] == ["11", "31"]
        scores: ScoreCounts = seen.scores("p", None, 1e-6)[None]
        assert (scores.rows, scores.below, scores.low, scores.total) == (14, 4, -1.0, 5.0)
        assert seen.scores("p", None, 1e-6, "s")["test"].rows == 3

    def test_overlaps_that_are_shared(self) -> None:
        kind = same_rows(["id"], ["split", "s", ["train", "test"]])
        found = (Overlap(("train",), 5, {"train": 6}), Overlap(("train", "test"), 1, {"train": 2, "test": 1}))
        assert Overlaps((kind,), (found,)).shared(kind) == [found[1]]


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
