"""Draws of partners and gaps."""

from __future__ import annotations

import numpy as np
from scipy import stats

from steelyard.kernels.interpolate import between, draw

IDS = np.unique(np.random.default_rng(0).integers(0, 2**62, 20_000))


def test_each_use_gets_a_uniform_partner_and_a_uniform_gap() -> None:
    drawn = draw(IDS, np.full(len(IDS), 2), np.full(len(IDS), 5), seed=3, purpose="p")
    assert np.array_equal(drawn.seed, np.repeat(np.arange(len(IDS)), 2))
    assert drawn.replicate[:4].tolist() == [1, 2, 1, 2]
    assert stats.kstest(drawn.gap, "uniform").pvalue > 0.001
    assert stats.chisquare(np.bincount(drawn.place, minlength=5)).pvalue > 0.001
    table = np.histogram2d(drawn.place, drawn.gap, bins=(5, 10))[0]
    assert stats.chi2_contingency(table).pvalue > 0.001
    first, second = drawn.gap[::2], drawn.gap[1::2]
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_a_draw_depends_on_the_row_and_not_on_its_company() -> None:
    uses, choices = np.arange(len(IDS)) % 4, np.arange(len(IDS)) % 7
    whole = draw(IDS, uses, choices, 3, "p")
    some = np.random.default_rng(1).permutation(len(IDS))[:500]
    part = draw(IDS[some], uses[some], choices[some], 3, "p")
    key = {(IDS[s], r): (p, g) for s, r, p, g in zip(whole.seed, whole.replicate, whole.place, whole.gap, strict=True)}
    for s, r, p, g in zip(part.seed, part.replicate, part.place, part.gap, strict=True):
        assert key[IDS[some][s], r] == (p, g)
    assert len(whole.seed) == uses.sum()
    assert (whole.place < np.maximum(choices[whole.seed], 1)).all()
    assert ((whole.place == -1) == (choices[whole.seed] == 0)).all()


def test_seed_and_purpose_matter() -> None:
    one, two = np.full(len(IDS), 1), np.full(len(IDS), 5)
    gaps = [draw(IDS, one, two, seed, purpose).gap for seed, purpose in ((0, "a"), (1, "a"), (0, "b"))]
    assert all(abs(np.corrcoef(gaps[i], gaps[j])[0, 1]) < 0.03 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_the_way_between_two_rows_never_leads_outside_of_them() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 2000, 3)) * 10.0 ** rng.integers(-300, 300, (2, 2000, 3))
    b[::5] = np.nextafter(a[::5], np.inf)
    gap = rng.uniform(size=2000)
    gap[:10] = 0.0
    way = between(a, b, gap)
    assert ((way >= np.minimum(a, b)) & (way <= np.maximum(a, b))).all()
    assert np.array_equal(way[:10], a[:10])
    np.testing.assert_allclose(between(a[:, :1] * 0, a[:, :1] * 0 + 8, gap)[:, 0], 8 * gap)
    huge = np.array([[1.7e308], [-1.7e308]])
    assert np.isfinite(between(huge, -huge, np.array([0.0, 0.5]))).all()


def test_no_rows_no_draws() -> None:
    none = np.array([], dtype=np.int64)
    assert len(draw(none, none, none, 0, "p").gap) == 0
    assert len(draw(IDS[:3], np.zeros(3, dtype=int), np.full(3, 5), 0, "p").gap) == 0
