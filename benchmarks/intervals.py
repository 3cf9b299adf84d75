"""How often do the 95 % intervals of metrics.json hold the truth?

Scores are drawn from normal distributions, so that the truth is known by integration: positives around `shift`,
negatives around 0, both with deviation 1; rows of a group share a further deviate. Amounts that a missed positive
costs are lognormal: with sigma 1, a tenth of them carry 39 % of the cost, with 1.5 59 %; a false alarm costs a
fixed 5. Each draw goes through the same tables and functions as a real evaluation, without Spark.

    python benchmarks/intervals.py                  2,000 draws of each scenario; about 12 minutes on two cores
    python benchmarks/intervals.py --draws 100      a quick look; nothing is written
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each worker has one core

import numpy as np

from steelyard.kernels.arrays import Counts, Flags, Floats
from steelyard.metrics import BucketTable, ScoreTable, split_document

RESULTS = Path(__file__).parent / "results" / "intervals.md"
DRAWS = 2000
CHUNK = 100
METRICS = ("pr_auc", "recall", "expected_cost", "precision", "f2", "roc_auc", "mcc", "brier")
HEADLINE = METRICS[:3]
FALSE_ALARM = 5.0
AMOUNT = 50.0  # median cost of a missed positive


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
    size : int
        Rows in a group.
    spread : float
        Deviation of the groups' common deviates.
    struck : float
        Share of the groups that have any positives.
    sigma : float
        Of the costs of missed positives.
    told : bool
        Whether buckets keep groups whole, that is, whether `group` is given.
    """

    rows: int
    prevalence: float
    shift: float
    threshold: float
    size: int = 1
    spread: float = 0.0
    struck: float = 1.0
    sigma: float = 1.0
    told: bool = True

    @property
    def grouped(self) -> bool:
        """Whether rows come in groups."""
        return self.size > 1

    @property
    def name(self) -> str:
        """What the table says about it."""
        if not self.grouped:
            return "independent rows" if self.sigma == 1 else f"independent rows; costs with sigma {self.sigma}"
        groups = f"{self.rows // self.size:,} groups of {self.size}, {self.struck:.0%} of them with positives"
        return groups if self.told else f"{groups}; `group` not given"


SCENARIOS = (
    Scenario(2_000, 0.010, 2.5, 1.5),
    Scenario(2_000, 0.020, 2.5, 1.5),
    Scenario(20_000, 0.002, 3.0, 2.0),
    Scenario(5_000, 0.020, 2.5, 1.5),
    Scenario(20_000, 0.010, 3.0, 1.5),
    Scenario(10_000, 0.050, 2.5, 1.5),
    Scenario(5_000, 0.020, 2.5, 1.5, sigma=1.5),
    Scenario(50_000, 0.020, 2.5, 1.5, sigma=1.5),
    Scenario(20_000, 0.010, 3.0, 1.5, size=10, spread=0.7, struck=0.1),
    Scenario(8_000, 0.030, 2.5, 1.5, size=20, spread=0.7, struck=0.2),
    Scenario(5_000, 0.030, 2.5, 1.5, size=50, spread=0.5, struck=0.5),
    Scenario(4_000, 0.030, 2.5, 1.5, size=100, spread=0.5),
    Scenario(3_000, 0.050, 2.5, 1.5, size=200, spread=0.5),
    Scenario(4_000, 0.030, 2.5, 1.5, size=100, spread=0.5, told=False),
)


def draw(s: Scenario, rng: np.random.Generator) -> tuple[Floats, Flags, Counts]:
    """Return scores, labels and buckets of one sample."""
    groups = s.rows // s.size
    of = np.repeat(np.arange(groups), s.size)
    struck = rng.random(groups) < s.struck
    positive = rng.random(len(of)) < np.where(struck, s.prevalence / s.struck, 0.0)[of]
    score = rng.normal(size=len(of)) + s.shift * positive + s.spread * rng.normal(size=groups)[of]
    bucket = rng.integers(0, 200, groups)[of] if s.told else rng.integers(0, 200, len(of))
    return score, positive, bucket


def judge(s: Scenario, rng: np.random.Generator) -> tuple[int, dict[str, list[float] | None]]:
    """Return the positives of one sample and the intervals of its metrics."""
    raw, positive, bucket = draw(s, rng)
    score, alarm = 1 / (1 + np.exp(-raw)), raw >= s.threshold
    missed, false = AMOUNT * np.exp(s.sigma * rng.normal(size=len(raw))), np.full(len(raw), FALSE_ALARM)
    table = ScoreTable.from_rows(score, positive, cost_pos=missed, cost_neg=false)
    buckets = BucketTable.from_rows(table, score, positive, alarm, bucket, cost_pos=missed, cost_neg=false)
    counts = {
        label: {d: int((side & decided).sum()) for d, decided in (("0", ~alarm), ("1", alarm))}
        for label, side in (("0", ~positive), ("1", positive))
    }
    split = split_document(("0", "1"), "1", counts, {"1": (table, buckets)}, grouped=s.grouped and s.told)
    numbers = {**split, **split["per_class"]["1"]}
    return int(positive.sum()), {name: numbers[name]["ci95"] for name in METRICS}


def truth(s: Scenario) -> dict[str, float]:
    """Return the metrics of infinitely many rows."""
    width = math.sqrt(1 + s.spread**2)
    at = np.linspace(-12.0, 15.0, 100_001)

    def above(x: Floats, mean: float) -> Floats:
        return np.array([math.erfc((v - mean) / width / math.sqrt(2)) / 2 for v in x.tolist()])

    def density(mean: float) -> Floats:
        return np.exp(-(((at - mean) / width) ** 2) / 2) / width / math.sqrt(2 * math.pi)

    p = s.prevalence
    tp, fp = p * above(at, s.shift), (1 - p) * above(at, 0.0)
    pr_auc = np.trapezoid(density(s.shift) * tp / np.maximum(tp + fp, 1e-300), at)
    a, b = (float(above(np.array([s.threshold]), mean)[0]) for mean in (s.shift, 0.0))
    hit, false, miss, right = p * a, (1 - p) * b, p * (1 - a), (1 - p) * (1 - b)
    p_at = 1 / (1 + np.exp(-at))
    brier = np.trapezoid(p * density(s.shift) * (1 - p_at) ** 2 + (1 - p) * density(0.0) * p_at**2, at)
    return {
        "pr_auc": float(pr_auc),
        "recall": a,
        "expected_cost": miss * AMOUNT * math.exp(s.sigma**2 / 2) + false * FALSE_ALARM,
        "precision": hit / (hit + false),
        "f2": 5 * hit / (5 * hit + 4 * miss + false),
        "roc_auc": float(above(np.zeros(1), s.shift / math.sqrt(2))[0]),
        "mcc": (hit * right - false * miss) / math.sqrt((hit + false) * p * (1 - p) * (right + miss)),
        "brier": float(brier),
    }


def chunk(task: tuple[int, int, int]) -> tuple[int, list[int], dict[str, list[int]]]:
    """Return, for some draws of a scenario: positives, and per metric how often low, held, high, no interval."""
    index, first, count = task
    scenario, known = SCENARIOS[index], truth(SCENARIOS[index])
    rng = np.random.default_rng([index, first])
    tally = {name: [0, 0, 0, 0] for name in METRICS}
    positives = []
    for _ in range(count):
        found, judged = judge(scenario, rng)
        positives.append(found)
        for name, interval in judged.items():
            place = 3 if interval is None else 1 + (known[name] > interval[1]) - (known[name] < interval[0])
            tally[name][place] += 1
    return index, positives, tally


def run(draws: int, workers: int) -> list[tuple[float, dict[str, list[int]]]]:
    """Return for each scenario the mean number of positives, and the tallies."""
    tasks = [(i, k, min(CHUNK, draws - k)) for i in range(len(SCENARIOS)) for k in range(0, draws, CHUNK)]
    seen: list[list[int]] = [[] for _ in SCENARIOS]
    tallies = [{name: [0, 0, 0, 0] for name in METRICS} for _ in SCENARIOS]
    with ProcessPoolExecutor(workers) as pool:
        for done, (index, positives, tally) in enumerate(pool.map(chunk, tasks), 1):
            seen[index] += positives
            for name, counts in tally.items():
                tallies[index][name] = [a + b for a, b in zip(tallies[index][name], counts, strict=True)]
            print(f"\r{done} of {len(tasks)} chunks", end="", flush=True)
    print()
    return [(float(np.mean(s)), t) for s, t in zip(seen, tallies, strict=True)]


def shown(counts: Sequence[int], sides: bool) -> str:
    """Return a cell: how often the interval held the truth, and how often the truth lay below and above it."""
    below, held, above, none = counts
    there = below + held + above
    if there < none:
        return "too few"
    text = f"{held / there:.1%}"
    return f"{text} ({below / there:.1%}, {above / there:.1%})" if sides else text


def table(results: Sequence[tuple[float, dict[str, list[int]]]], draws: int) -> str:
    """Return the results as Markdown."""
    heads = ["rows", "positives (mean)", "dependence", *METRICS]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for s, (positives, tallies) in zip(SCENARIOS, results, strict=True):
        cells = [f"{s.rows:,}", f"{positives:.0f}", s.name]
        cells += [shown(tallies[name], name in HEADLINE) for name in METRICS]
        lines.append("| " + " | ".join(cells) + " |")
    return HEADER.format(draws=draws) + "\n".join(lines) + "\n" + NOTES


HEADER = """# Do the intervals hold the truth?

How often a 95 % interval of `metrics.json` held the true value in {draws:,} simulated samples; in brackets, how often
the truth lay below and above it. Made by `benchmarks/intervals.py`, which says how the samples are drawn. With
{draws:,} draws, a true 95 % shows as 94.0 to 96.0 %.

"""
NOTES = """
What it shows:

- PR area, recall and cost are held in 93 to 97 % of samples, with independent rows and with groups, from 30
  positives on (6 of 40 missed, so 6 costs seen: 97 %).
- Where costs are very uneven (sigma 1.5: a tenth of the missed positives carries 59 % of their cost), intervals of the
  cost hold in 91 to 92 %: a sample that lacks the dearest rows can't know of them.
- ROC area is optimistic where a few low-ranked positives decide it: 86 to 92 % with 40 positives, 93 % from 100 on.
- Under 15 effective groups with positives (about 20 of equal size), areas and costs get no interval.
- Without `group`, dependent rows pass for independent ones, and intervals of precision, MCC and Brier score hold
  far too seldom: the last line.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    text = table(run(given.draws, given.workers), given.draws)
    print(text)
    if given.draws >= DRAWS:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
