"""How often do the 95 % intervals of metrics.json contain the true value?

Scores are drawn from normal distributions: positives around `shift`, negatives around 0, both with deviation 1; rows of
a group share a further deviate. The true value of each metric is that of the same distributions on a fine grid. Amounts
that a missed positive costs are lognormal: with sigma 1, a tenth of them carry 39 % of the cost, with 1.5 59 %; a false
alarm costs a fixed 5. Each draw goes through the same tables and functions as a real evaluation, without Spark.

    python benchmarks/intervals.py --write         200 draws of each scenario; two minutes on two quiet cores
    python benchmarks/intervals.py --draws 50      a quick look; nothing is written
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each worker has one core

import numpy as np

from steelyard.kernels import reliability
from steelyard.kernels.arrays import Counts, Flags, Floats
from steelyard.metrics import BucketTable, ConfusionCounts, ScoreTable, get_metric, split_document

RESULTS = Path(__file__).parent / "results" / "intervals.md"
DRAWS = 200
CHUNK = 25
METRICS = (
    "pr_auc", "roc_auc", "recall", "precision", "f1", "f2", "balanced_accuracy", "g_mean", "mcc", "kappa", "iba",
    "recall_at_precision_0.9", "precision_at_k", "brier", "log_loss", "ece", "expected_cost",
)  # fmt: skip
FALSE_ALARM = 5.0
AMOUNT = 50.0  # median cost of a missed positive
LOW, HIGH = 0.93, 0.97  # outside, a cell is marked
NOTES = "## What it shows\n"  # kept as written when the table is made again


@dataclass(frozen=True)
class Scenario:
    """Rows to draw.

    Parameters
    ----------
    rows : int
    prevalence : float
    shift : float
        Distance between the classes' mean scores.
    threshold : float
    what : str
        Shown in the table.
    size : int
        Rows in a group.
    spread : float
        Deviation of the groups' common deviates.
    struck : float
        Share of the groups that have any positives.
    told : bool
        Whether buckets keep groups whole, that is, whether `group` is given.
    costs, weights : float
        Sigma of lognormal costs of missed positives, and of lognormal weights (0: no weights).
    levels : int
        Distinct scores; 0 for continuous ones.
    hidden : float
        Share of the positives whose scores are those of negatives.
    calibrated : bool
        Whether scores are the true probabilities.
    large : float
        Share of all rows in each of two large groups.
    """

    rows: int
    prevalence: float
    shift: float
    threshold: float
    what: str = "independent rows"
    size: int = 1
    spread: float = 0.0
    struck: float = 1.0
    told: bool = True
    costs: float = 1.0
    weights: float = 0.0
    levels: int = 0
    hidden: float = 0.0
    calibrated: bool = True
    large: float = 0.0

    def scores(self, raw: Floats) -> Floats:
        """Return the score of a raw score."""
        x = raw
        if self.levels:
            edges = self.threshold + np.arange(self.levels - 1) - (self.levels - 1) // 2
            x = (edges[0] - 0.5) + np.searchsorted(edges, raw, side="right")
        if not self.calibrated:
            return 1 / (1 + np.exp(-x))
        odds = (1 - self.hidden) * np.exp(self.shift * x - self.shift**2 / 2) + self.hidden
        p = self.prevalence * odds
        return p / (p + 1 - self.prevalence)


SCENARIOS = (
    Scenario(2_000, 0.015, 2.5, 1.5),
    Scenario(2_000, 0.020, 2.5, 1.5),
    Scenario(20_000, 0.002, 3.0, 2.0),
    Scenario(10_000, 0.050, 2.5, 1.5),
    Scenario(5_000, 0.020, 2.5, 1.5, calibrated=False, what="scores not calibrated"),
    Scenario(10_000, 0.004, 5.0, 2.6, what="nearly all positives found"),
    Scenario(20_000, 0.002, 4.0, 2.0, hidden=0.15, what="15 % of the positives look like negatives"),
    Scenario(5_000, 0.010, 2.5, 1.0, levels=2, what="2 distinct scores"),
    Scenario(10_000, 0.004, 5.0, 2.6, levels=2, what="2 distinct scores, nearly all positives found"),
    Scenario(5_000, 0.010, 2.5, 1.5, levels=5, what="5 distinct scores"),
    Scenario(5_000, 0.020, 2.5, 1.5, weights=1.0, what="weights with sigma 1"),
    Scenario(20_000, 0.020, 2.5, 1.5, weights=1.5, what="weights with sigma 1.5"),
    Scenario(5_000, 0.020, 2.5, 1.5, costs=1.5, what="costs with sigma 1.5"),
    Scenario(20_000, 0.010, 3.0, 1.5, size=10, spread=0.7, struck=0.1, what="groups of 10, a tenth with positives"),
    Scenario(4_000, 0.030, 2.5, 1.5, size=100, spread=0.5, what="40 groups of 100"),
    Scenario(3_000, 0.050, 2.5, 1.5, size=200, spread=0.5, what="15 groups of 200"),
    Scenario(3_000, 0.050, 2.5, 1.5, size=10, spread=0.5, large=0.45, what="2 groups have 90 % of the rows"),
    Scenario(3_000, 0.050, 2.5, 1.5, size=10, spread=0.5, large=0.27, what="2 groups have 54 % of the rows"),
    Scenario(4_000, 0.030, 2.5, 1.5, size=100, spread=0.5, told=False, what="40 groups of 100, `group` not given"),
)


def draw(s: Scenario, rng: np.random.Generator) -> tuple[Floats, Flags, Counts]:
    """Return raw scores, labels and buckets of one sample."""
    groups = s.rows // s.size
    of = np.repeat(np.arange(groups), s.size)
    if s.large:
        of = np.where(rng.random(len(of)) < 2 * s.large, rng.integers(0, 2, len(of)), of)
    struck = rng.random(groups) < s.struck
    positive = rng.random(len(of)) < np.where(struck, s.prevalence / s.struck, 0.0)[of]
    seen = positive & (rng.random(len(of)) >= s.hidden)
    raw = rng.normal(size=len(of)) + s.shift * seen + s.spread * rng.normal(size=groups)[of]
    bucket = rng.integers(0, 200, groups)[of] if s.told else rng.integers(0, 200, len(of))
    return raw, positive, bucket


def judge(s: Scenario, rng: np.random.Generator) -> tuple[int, dict[str, list[float] | None]]:
    """Return the positives of one sample and the intervals of its metrics."""
    raw, positive, bucket = draw(s, rng)
    score, alarm = s.scores(raw), raw >= s.threshold
    cost = {
        "cost_fn": AMOUNT * np.exp(s.costs * rng.normal(size=len(raw))),
        "cost_fp": np.full(len(raw), FALSE_ALARM),
    }
    weight = np.exp(s.weights * rng.normal(size=len(raw))) if s.weights else None
    table = ScoreTable.from_rows(score, positive, weight, **cost)
    buckets = BucketTable.from_rows(table, score, positive, alarm, bucket, weight=weight, **cost)
    counts = {
        label: {d: int((side & decided).sum()) for d, decided in (("0", ~alarm), ("1", alarm))}
        for label, side in (("0", ~positive), ("1", positive))
    }
    split = split_document(("0", "1"), "1", counts, {"1": (table, buckets)}, grouped=s.size > 1 and s.told)
    numbers = {**split, **split["per_class"]["1"]}
    return int(positive.sum()), {name: numbers[name]["ci95"] for name in METRICS}


def _true(name: str, table: ScoreTable, counts: ConfusionCounts) -> Any:
    metric = get_metric(name)
    if metric.needs == "decisions":
        return metric.of_decisions(counts)
    if metric.kind == "ranking":
        return metric.value(table.pos, table.neg)
    if metric.kind == "probabilities":
        return metric.value(table.score, table.pos, table.neg)
    return reliability.mean_loss(metric.value(table.score), table.pos, table.neg)


def truth(s: Scenario) -> dict[str, float]:
    """Return the metrics of infinitely many rows."""
    width, p = math.sqrt(1 + s.spread**2), s.prevalence
    at = np.linspace(-8.0, s.shift + 8.0, 60_001)
    at += s.threshold - at[np.searchsorted(at, s.threshold)]  # the threshold is on the grid

    def density(mean: float) -> Floats:
        mass = np.exp(-(((at - mean) / width) ** 2) / 2)
        return mass / mass.sum()

    seen = (1 - s.hidden) * density(s.shift) + s.hidden * density(0.0)
    raw, positive = np.concatenate([at, at]), np.arange(2 * len(at)) < len(at)
    mass = np.concatenate([p * seen, (1 - p) * density(0.0)])
    table = ScoreTable.from_rows(s.scores(raw), positive, mass)
    alarm = raw >= s.threshold
    tp, fp, fn, tn = (
        mass[side].sum() for side in (positive & alarm, ~positive & alarm, positive & ~alarm, ~positive & ~alarm)
    )
    counts = ConfusionCounts(tp, fp, fn, tn)
    found = {name: _true(name, table, counts) for name in METRICS if name != "expected_cost"}
    found["expected_cost"] = fn * AMOUNT * math.exp(s.costs**2 / 2) + fp * FALSE_ALARM
    if s.calibrated and not s.levels and not s.spread:
        found["ece"] = 0.0
    return {name: float(found[name]) for name in METRICS}


def chunk(task: tuple[int, int, int]) -> tuple[int, list[int], dict[str, list[float]]]:
    """Return, for some draws of a scenario: positives, and per metric how often low, held, high, none; the width."""
    index, first, count = task
    scenario, known = SCENARIOS[index], truth(SCENARIOS[index])
    rng = np.random.default_rng([index, first])
    tally = {name: [0.0] * 5 for name in METRICS}
    positives = []
    for _ in range(count):
        found, judged = judge(scenario, rng)
        positives.append(found)
        for name, interval in judged.items():
            if interval is None:
                tally[name][3] += 1
                continue
            tally[name][1 + (known[name] > interval[1] + 1e-12) - (known[name] < interval[0] - 1e-12)] += 1
            tally[name][4] += interval[1] - interval[0]
    return index, positives, tally


def run(draws: int, workers: int, chosen: Sequence[int]) -> dict[int, tuple[float, dict[str, list[float]]]]:
    """Return for each scenario the mean number of positives, and the tallies."""
    tasks = [(i, k, min(CHUNK, draws - k)) for i in chosen for k in range(0, draws, CHUNK)]
    seen: dict[int, list[int]] = {i: [] for i in chosen}
    tallies = {i: {name: [0.0] * 5 for name in METRICS} for i in chosen}
    with ProcessPoolExecutor(workers) as pool:
        for index, positives, tally in pool.map(chunk, tasks):
            seen[index] += positives
            for name, counts in tally.items():
                tallies[index][name] = [a + b for a, b in zip(tallies[index][name], counts, strict=True)]
    return {i: (float(np.mean(seen[i])), tallies[i]) for i in chosen}


def cell(counts: Sequence[float]) -> str:
    """Return how often the interval contained the true value, marked where that is not 93 to 97 %."""
    below, held, above, none, _ = counts
    there = below + held + above
    if there < none or not there:
        return "–"
    share = held / there
    mark = "**" if share < LOW else ""
    return f"{mark}{share:.0%}{mark}{' +' if share > HIGH else ''}"


def table(results: dict[int, tuple[float, dict[str, list[float]]]], draws: int) -> str:
    """Return the results as Markdown: a row for each scenario."""
    heads = ["rows", "positives (mean)", "what", *METRICS]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for i, (positives, tallies) in results.items():
        s = SCENARIOS[i]
        cells = [f"{s.rows:,}", f"{positives:.0f}", s.what, *(cell(tallies[name]) for name in METRICS)]
        lines.append("| " + " | ".join(cells) + " |")
    return (
        HEADER.format(draws=draws, error=round(100 * 1.96 * math.sqrt(0.95 * 0.05 / draws), 1))
        + "\n".join(lines)
        + "\n"
    )


HEADER = """# Do the intervals contain the true value?

How often a 95 % interval of `metrics.json` contained the true value in {draws:,} simulated samples. Made by
`benchmarks/intervals.py`, which says how the samples are drawn. With {draws:,} draws, a true 95 % shows as
95 ± {error} %. Bold: below 93 %, the interval is too narrow. `+`: above 97 %, it is wider than it needs to be.
`–`: no interval, because there are too few positives, groups or rows of equal weight.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scenario", type=int, action="append", help="by number; all unless given")
    parser.add_argument("--write", action="store_true", help="write the table of results")
    given = parser.parse_args()
    chosen = given.scenario or range(len(SCENARIOS))
    text = table(run(given.draws, given.workers, chosen), given.draws)
    print(text)
    if given.write and not given.scenario:
        notes = RESULTS.read_text(encoding="utf-8").partition(NOTES)[2]
        RESULTS.write_text(text + "\n" + NOTES + notes, encoding="utf-8")


if __name__ == "__main__":
    main()
