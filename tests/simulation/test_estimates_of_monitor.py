"""Estimates of `steelyard monitor` on many simulated tables. No JVM."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import score_counts

from steelyard.kernels.drift import psi, psi_by_chance
from steelyard.kernels.prediction_powered import Strata, share, total
from steelyard.monitoring import document


def test_label_shift_is_estimated_and_another_shift_claims_nothing() -> None:
    reference, missed = score_counts(4, 20_000, 0.05), 0
    for seed in range(10):
        found = document(reference, score_counts(100 + seed, 10_000, 0.15, known=False), positive="1")
        shift, (low, high) = found["label_shift"], found["label_shift"]["prevalence"]["ci95"]
        missed += not low < 0.15 < high
        assert shift["holds"] and 2.4 < shift["ratio"]["value"] < 3.6
        assert [a["what"] for a in found["alerts"]] in (["prevalence"], ["score", "prevalence"])
        after = found["expected"]
        assert after["recall"]["value"] == pytest.approx(found["reference"]["recall"])
        assert after["precision"]["value"] > after["precision_before"]
    assert missed <= 3
    other = document(reference, score_counts(5, 10_000, 0.05, known=False, moved=0.3), positive="1")
    assert not other["label_shift"]["holds"] and "not a label shift" in other["label_shift"]["reason"]
    assert other["label_shift"]["prevalence"] is None is other["expected"]
    assert "prevalence" not in [a["what"] for a in other["alerts"]]


def test_labels_chosen_by_score_give_totals_without_bias() -> None:
    rng, found = np.random.default_rng(13), []
    p = np.array([0.01, 0.1, 0.6])
    truth, rows = np.array([0.02, 0.1, 0.5]), np.array([9000.0, 900.0, 100.0])
    for _ in range(400):
        labels = np.array([200.0, 100.0, 50.0])
        hits = rng.binomial(labels.astype(int), truth)
        errors, squares = hits - labels * p, hits * (1 - p) ** 2 + (labels - hits) * p**2
        strata = Strata(rows, rows * p, labels, errors, squares, p * (1 - p))
        (value, error), (part, part_error) = total(strata), share(strata, np.array([0.0, 0.0, 1.0]))
        found.append((value, error, part, part_error))
    value, error, part, part_error = np.array(found).T
    assert value.mean() == pytest.approx((rows * truth).sum(), rel=0.05)
    assert error.mean() == pytest.approx(value.std(), rel=0.2)
    assert part_error.mean() == pytest.approx(part.std(), rel=0.3)


def test_chance_explains_the_psi_of_equal_distributions() -> None:
    rng = np.random.default_rng(11)
    limit = psi_by_chance(2000, 5000, 8, 0.99)
    p = rng.dirichlet(np.full(8, 5.0))
    beyond = [psi(*(rng.multinomial(n, p).tolist() for n in (2000, 5000))) > limit for _ in range(1000)]
    assert 0.002 < np.mean(beyond) < 0.025
