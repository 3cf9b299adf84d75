"""The estimate of the time left, on the seconds that stages of real runs took.

The runs differ in rows (1,200 to 288,000), sampler and trainer, some on an idle machine and some on a busy one. In
most of them `profile` starts Spark; the demo has started it before, to make its table.
"""

from __future__ import annotations

import pytest

from steelyard.config import STAGE_TABLE
from steelyard.stages import STAGES
from steelyard.stages._order import time_left

WEIGHTS = {stage.name: stage.weight for stage in STAGE_TABLE}

# Seconds of each stage in its order, `train` and `decide` together; then the estimate after `profile`, divided by what
# the rest took.
RUNS: dict[str, tuple[list[float], float]] = {
    "demo, 20,000 rows, random under-sampling, XGBoost": (
        [5.771, 2.847, 1.968, 1.87, 3.269, 0.827, 0.841, 6.895, 2.291, 0.389, 0.042, 0.002],
        0.65,
    ),
    "demo, 2,000 rows, random under-sampling, XGBoost": (
        [31.17, 4.459, 3.597, 3.116, 7.264, 2.47, 1.612, 12.321, 6.442, 1.161, 0.053, 0.008],
        1.76,
    ),
    "mammography, 11,183 rows, SMOTE, logistic regression": (
        [23.299, 4.222, 5.47, 8.182, 15.952, 21.686, 10.285, 24.57, 5.968, 0.818, 0.06, 0.001],
        0.57,
    ),
    "credit cards, 32,246 rows, random under-sampling, XGBoost": (
        [38.164, 4.232, 4.989, 5.593, 13.213, 3.273, 3.601, 14.194, 6.1, 1.205, 0.059, 0.001],
        1.62,
    ),
    "adult, 48,842 rows, SMOTENC, XGBoost": (
        [29.58, 5.747, 4.788, 5.38, 22.002, 20.094, 7.491, 27.181, 7.042, 1.006, 0.062, 0.002],
        0.70,
    ),
    "card transactions, 288,062 rows, random under-sampling, XGBoost": (
        [17.554, 3.205, 1.885, 3.81, 5.793, 1.383, 0.889, 7.64, 3.066, 0.494, 0.056, 0.002],
        1.49,
    ),
    "1,200 rows, SMOTE, XGBoost": (
        [26.075, 19.483, 10.162, 7.982, 13.663, 17.871, 6.607, 15.404, 5.769, 1.36, 0.289, 0.002],
        0.63,
    ),
    "1,200 rows, no resampling, logistic regression": (
        [12.406, 7.967, 3.697, 3.265, 5.351, 0.452, 1.389, 8.809, 6.141, 1.234, 0.171, 0.003],
        0.77,
    ),
}


def seconds_of(run: str) -> dict[str, float]:
    """Return the seconds of each stage; `decide` has the share that it had in a run of the demo, a fifth."""
    found = dict(zip((s for s in STAGES if s != "decide"), RUNS[run][0], strict=True))
    trained = found["train"]
    return {s: {"train": 0.8 * trained, "decide": 0.2 * trained}.get(s, found.get(s, 0.0)) for s in STAGES}


@pytest.mark.parametrize("run", RUNS)
def test_after_the_first_stage_it_is_within_a_factor_of_two(run: str) -> None:
    seconds, factor = RUNS[run]
    found = time_left({"profile": seconds[0]}) / sum(seconds[1:])
    assert found == pytest.approx(factor, abs=0.02)
    assert 0.5 <= found <= 2


@pytest.mark.parametrize("run", RUNS)
def test_it_stays_near_until_the_model_is_trained(run: str) -> None:
    spent = seconds_of(run)
    for n in range(2, STAGES.index("train") + 1):
        done = {stage: spent[stage] for stage in STAGES[:n]}
        assert 0.45 <= time_left(done) / sum(list(spent.values())[n:]) <= 2.2, STAGES[n]


def test_stages_that_were_kept_are_no_measure() -> None:
    assert time_left({"train": WEIGHTS["train"]}) == pytest.approx(
        sum(WEIGHTS[s] for s in STAGES[STAGES.index("train") + 1 :])
    )
    assert time_left({"train": WEIGHTS["train"]}, kept=STAGES[-2:]) == pytest.approx(
        sum(WEIGHTS[s] for s in ("decide", "evaluate", "guard_scored"))
    )
    assert time_left({"gate": 1}) == 0
