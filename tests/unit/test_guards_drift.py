"""A label distribution against a reference: the measures against SciPy and simulation, the judgement without a JVM."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest, poisson
from verdicts import Rows, gx, judged

from steelyard.errors import InputError
from steelyard.guards._verdict import Verdict
from steelyard.kernels.drift import count_interval, jensen_shannon, psi, share_ratio_intervals


def counts(slice_: str | None = None, **classes: int) -> list[Rows]:
    return [({"label": c, "slice": slice_}, n) for c, n in classes.items()]


def same_distribution(now: Sequence[Rows], reference: Mapping[str, Any], **limits: Any) -> Verdict:
    return judged(gx.ExpectLabelDistributionToMatch(column="y", reference=reference, **limits), now)


class TestMeasures:
    def test_jensen_shannon_is_scipy_s(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(20):
            a, b = rng.integers(0, 50, 6) + 1, rng.integers(0, 50, 6) + 1
            a[rng.integers(6)] = 0
            wanted = jensenshannon(a / a.sum(), b / b.sum(), base=2)
            assert jensen_shannon(a.tolist(), b.tolist()) == pytest.approx(wanted, abs=1e-12)
        assert jensen_shannon([10, 0], [0, 7]) == 1.0
        assert jensen_shannon([10, 20], [20, 40]) == 0.0

    def test_psi_is_its_definition_and_stays_finite(self) -> None:
        p, q = np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.3, 0.2])
        assert psi([70, 20, 10], [50, 30, 20]) == pytest.approx(((p - q) * np.log(p / q)).sum(), abs=1e-12)
        assert psi([10, 20], [20, 40]) == pytest.approx(0.0, abs=1e-15)
        assert math.isfinite(psi([1000, 0], [900, 100])) and psi([1000, 0], [900, 100]) > 0.25

    def test_a_vanishing_class_of_a_thousandth_is_nothing_to_them(self) -> None:
        now, before = [100_000, 0], [99_900, 100]
        assert psi(now, before) < 0.01 and jensen_shannon(now, before) < 0.05

    @pytest.mark.parametrize(("c", "r"), [(0, 100), (7, 0), (3, 5), (60, 100), (1000, 900)])
    @pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
    def test_the_interval_of_a_share_ratio_is_clopper_and_pearson_s(self, c: int, r: int, confidence: float) -> None:
        total, before = 100_000, 40_000
        of = binomtest(c, c + r).proportion_ci(confidence, "exact")
        low, high = (float(end[0]) for end in share_ratio_intervals([c], total, [r], before, confidence))
        assert low == pytest.approx(of.low / (1 - of.low) * before / total, rel=1e-8, abs=1e-15)
        wanted = of.high / (1 - of.high) * before / total if of.high < 1 else math.inf
        assert high == pytest.approx(wanted, rel=1e-8)

    @pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0])
    @pytest.mark.parametrize("rows", [(1000, 20_000), (100_000, 30_000)])
    def test_its_coverage(self, ratio: float, rows: tuple[int, int]) -> None:
        rng, (total, before), share = np.random.default_rng(1), rows, 0.001
        c, r = rng.binomial(total, share * ratio, 20_000), rng.binomial(before, share, 20_000)
        low, high = share_ratio_intervals(c, total, r, before, 0.95)
        held = ((low <= ratio) & (ratio <= high)).mean()
        assert held >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 20_000)

    def test_large_tables(self) -> None:
        low, high = (float(end[0]) for end in share_ratio_intervals([10**8], 10**9, [10**8], 10**9, 0.99))
        half = 2.5758 * math.sqrt(2 / 10**8)
        assert (low, high) == (pytest.approx(1 - half, abs=1e-6), pytest.approx(1 + half, abs=1e-6))

    @pytest.mark.parametrize("count", [0, 1, 10, 500])
    def test_the_interval_of_a_count_is_garwood_s(self, count: int) -> None:
        low, high = count_interval(count, 0.95)
        assert poisson.cdf(count, high) == pytest.approx(0.025, rel=1e-6)
        assert (low == 0.0) if count == 0 else poisson.sf(count - 1, low) == pytest.approx(0.025, rel=1e-6)


class TestJudgement:
    reference: dict[str, Any] = {"0": 99_900, "1": 100}  # noqa: RUF012

    def judge(self, now: Sequence[Rows], **limits: Any) -> Verdict:
        return same_distribution(now, self.reference, max_change=0.5, **limits)

    def test_a_class_of_a_thousandth_that_vanishes_is_caught(self) -> None:
        verdict = self.judge(counts(**{"0": 100_000}))
        assert not verdict.success
        assert "class '1' has 0 of 100,000 rows (0 %) instead of 0.1 % (gone" in verdict.message
        assert verdict.table == [
            {"class": "1", "rows": 0, "reference rows": 100, "ratio": 0.0, "low": 0.0, "high": verdict.table[0]["high"]}
        ]

    def test_its_noise_is_not(self) -> None:
        for seen in (75, 90, 110, 130):
            assert self.judge(counts(**{"0": 100_000 - seen, "1": seen})).success

    def test_larger_than_tolerated_but_by_chance(self) -> None:
        assert self.judge(counts(**{"0": 1000})).success, "of 1,000 rows one was to be expected"
        assert self.judge(counts(**{"0": 9_996, "1": 4})).success

    def test_significant_but_tolerated(self) -> None:
        now = counts(**{"0": 99_940_000, "1": 60_000})
        before = {"0": 99_900_000, "1": 100_000}
        assert same_distribution(now, before, max_change=0.5).success
        assert not same_distribution(now, before, max_change=0.3).success

    def test_a_new_class(self) -> None:
        assert self.judge(counts(**{"0": 99_900, "1": 100, "2": 3})).success
        verdict = self.judge(counts(**{"0": 99_900, "1": 100, "2": 30}))
        assert "class '2' has 30" in verdict.message and "(new" in verdict.message
        assert verdict.table[0]["ratio"] is None and verdict.table[0]["high"] is None

    def test_growth_may_be_tolerated_more(self) -> None:
        more = counts(**{"0": 99_750, "1": 250})
        assert not self.judge(more).success
        assert self.judge(more, max_increase=2.0).success

    def test_false_alarms_are_rarer_than_promised(self) -> None:
        rng = np.random.default_rng(2)
        seen = rng.binomial(100_000, 0.001, (2000, 2)).tolist()
        alarms = 0
        for c, r in seen:
            before = {"0": 100_000 - r, "1": r}
            now = counts(**{"0": 100_000 - c, "1": c})
            alarms += not same_distribution(now, before, max_change=0.0, confidence=0.95).success
        assert alarms / 2000 <= 0.05

    def test_distances(self) -> None:
        apart = counts(**{"0": 800, "1": 200})
        verdict = same_distribution(apart, {"0": 950, "1": 50}, max_psi=0.1, max_js=0.1)
        assert "PSI is 0.234 and Jensen-Shannon distance is 0.198" in verdict.message
        near = same_distribution(apart, {"0": 950, "1": 50}, max_psi=0.5, max_js=0.5)
        assert near.success
        assert near.message.endswith("PSI 0.234, Jensen-Shannon distance 0.198; classes weren't judged one by one")
        few = counts(**{"0": 80, "1": 20})
        assert same_distribution(few, {"0": 950, "1": 50}, max_psi=0.1, max_js=0.1).success

    def test_slices(self) -> None:
        north, south = counts("north", **{"0": 9_000, "1": 1000}), counts("south", **{"0": 10_000})
        both = [*north, *south]
        whole = {"0": 18_000, "1": 2000}
        verdict = same_distribution(both, whole, max_change=0.5, slice_column="region")
        assert "differ in 1 of 2 slices by 'region'" in verdict.message and "slice 'south'" in verdict.message
        own = {"north": {"0": 9_000, "1": 1000}, "south": {"0": 10_000}}
        assert same_distribution(both, own, max_change=0.5, slice_column="region").success
        with pytest.raises(InputError, match="2 slices, more than max_slices"):
            same_distribution(both, whole, max_change=0.5, slice_column="region", max_slices=1)

    def test_a_slice_that_is_new_is_held_against_the_whole(self) -> None:
        new = counts("west", **{"0": 10_000})
        own = {"north": {"0": 9_000, "1": 1000}, "south": {"0": 9000, "1": 1000}}
        assert not same_distribution(new, own, max_change=0.5, slice_column="region").success

    def test_many_slices_ask_for_more(self) -> None:
        odd = counts("odd", **{"0": 4970, "1": 30})  # 0.6 % instead of 2 %: alone significant, among many not
        rest = [c for i in range(200) for c in counts(f"s{i}", **{"0": 49, "1": 1})]
        before = {"0": 98_000, "1": 2000}
        tight: dict[str, Any] = {"max_change": 0.45, "slice_column": "s"}
        assert not same_distribution(odd, before, **tight).success
        assert same_distribution([*odd, *rest], before, **tight).success

    def test_nothing_to_compare(self) -> None:
        assert not same_distribution(counts(), self.reference, max_change=0.5).success


def test_imbalance_ratio() -> None:
    def verdict(low: float | None, high: float | None, **classes: int) -> Verdict:
        return judged(gx.ExpectImbalanceRatioToBeBetween(column="y", min_value=low, max_value=high), counts(**classes))

    assert not verdict(None, 8.0, n=90, p=10).success
    assert verdict(None, 8.0, n=90, p=10).message == (
        "column 'y' has 90 of class 'n' for 10 of class 'p', a ratio of 9; expected at most 8.0"
    )
    assert verdict(9.0, 9.0, n=90, p=10).success
    assert not verdict(None, None).success
