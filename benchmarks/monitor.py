"""How often are the estimates of `steelyard monitor` right under label shift, covariate shift and concept drift?

Scores come from one normal variable, whose mean is 0 for negatives and `shift` for positives. They are exactly
calibrated at the reference's prevalence unless a scenario changes that. Each draw goes through the same functions as a
real table, without Spark: a reference of labelled rows, new rows, and labels of 300 alarms and 1,500 other new rows.

    python benchmarks/monitor.py --write         100 draws of each scenario; two minutes on two quiet cores
    python benchmarks/monitor.py --draws 20      a quick look; nothing is written
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each worker has one core

import numpy as np

from steelyard.kernels.arrays import Counts, Flags, Floats
from steelyard.monitoring import UNKNOWN, Limits, ScoreCounts, alerts, document

RESULTS = Path(__file__).parent / "results" / "monitor.md"
DRAWS = 100
LABELS = (1_500, 300)  # of new rows without and with an alarm
NOTES = "## What it shows\n"  # kept as written when the table is made again


@dataclass(frozen=True)
class Scenario:
    """Rows to draw.

    Parameters
    ----------
    what : str
        Shown in the table.
    before, now : float
        Prevalence in the reference and among the new rows.
    rows, new : int
        Reference rows and new rows.
    shift : float
        Distance between the classes' means.
    slope : float
        What the calibrated log odds are multiplied by: 1 for calibrated scores.
    negatives, positives : float
        By how much the means of the new negative and positive rows have moved.
    hidden : float
        Share of the new positives that have the features of negatives.
    relabelled : float
        Share of the new positives whose label becomes negative; their features stay.
    """

    what: str
    before: float = 0.01
    now: float = 0.01
    rows: int = 20_000
    new: int = 20_000
    shift: float = 2.0
    slope: float = 1.0
    negatives: float = 0.0
    positives: float = 0.0
    hidden: float = 0.0
    relabelled: float = 0.0

    def scores(self, x: Floats) -> Floats:
        """Return the scores of rows."""
        z = self.shift * x - self.shift**2 / 2 + np.log(self.before / (1 - self.before))
        return np.asarray(1 / (1 + np.exp(-self.slope * z)))


SCENARIOS = (
    Scenario("no shift"),
    Scenario("no shift, 40 positives", before=0.002, now=0.002, new=100_000, shift=2.5),
    Scenario("no shift, 20 %", before=0.2, now=0.2, rows=5_000, new=5_000, shift=1.5),
    Scenario("label shift, 3 times", now=0.03),
    Scenario("label shift, a third", before=0.03),
    Scenario("label shift, 5 times, 40 positives", before=0.002, now=0.01, new=100_000, shift=2.5),
    Scenario("label shift, 3 times, scores too flat", now=0.03, slope=0.6),
    Scenario("covariate shift: negatives + 0.1", negatives=0.1),
    Scenario("covariate shift: negatives + 0.3", negatives=0.3),
    Scenario("covariate shift: all rows + 0.3", negatives=0.3, positives=0.3),
    Scenario("concept drift: positives - 1", positives=-1.0),
    Scenario("concept drift: half of the positives look negative", hidden=0.5),
    Scenario("concept drift: half of the positives are relabelled", relabelled=0.5),
)


def table(of: Scenario, rng: np.random.Generator, rows: int, prevalence: float) -> tuple[Floats, Flags]:
    """Return means and classes of rows."""
    positive = rng.random(rows) < prevalence
    return rng.normal(size=rows) + of.shift * positive, positive


def new_rows(of: Scenario, rng: np.random.Generator) -> tuple[Floats, Flags]:
    """Return scores and classes of new rows."""
    x, positive = table(of, rng, of.new, of.now)
    x = x + np.where(positive, of.positives, of.negatives)
    x = np.where(positive & (rng.random(of.new) < of.hidden), rng.normal(size=of.new), x)
    return of.scores(x), positive & (rng.random(of.new) >= of.relabelled)


def labels(rng: np.random.Generator, alarm: Flags, positive: Flags) -> Counts:
    """Return codes of labels: known for a random sample of the alarms, and of the other rows."""
    known = np.full(len(alarm), UNKNOWN)
    for of, count in zip((~alarm, alarm), LABELS, strict=True):
        chosen = rng.permutation(np.flatnonzero(of))[:count]
        known[chosen] = positive[chosen]
    return known


def one(of: Scenario, seed: int) -> dict[str, float]:
    """Return the verdicts of a draw."""
    rng = np.random.default_rng(seed)
    x, y = table(of, rng, of.rows, of.before)
    score = of.scores(x)
    threshold = float(np.quantile(score, 1 - 2 * of.before))
    reference = ScoreCounts.from_rows(score, score >= threshold, y.astype(np.int64))
    s, positive = new_rows(of, rng)
    alarm = s >= threshold
    found = document(reference, ScoreCounts.from_rows(s, alarm, labels(rng, alarm, positive)), positive="1")
    truth = {"prevalence": positive.mean(), "recall": alarm[positive].mean(), "precision": positive[alarm].mean()}
    shift, known = found["label_shift"], found["labels"]
    raised = {a["what"] for a in alerts({**found, "labels": None}, Limits())}
    seen: dict[str, float] = {"rejected": "not a label shift" in (shift["reason"] or "")}
    if shift["holds"]:
        seen["share"] = inside(shift["prevalence"], of.now * (1 - of.relabelled))
        seen["precision"] = inside(found["expected"]["precision"], expected_precision(of, threshold))
    seen |= {"alert score": "score" in raised, "alert prevalence": "prevalence" in raised}
    if known["reason"] is None:
        seen |= {f"labels {name}": inside(known[name], value) for name, value in truth.items()}
    return seen | {"alert recall": any(a["what"] == "recall" for a in found["alerts"])}


def expected_precision(of: Scenario, threshold: float) -> float:
    """Return the true precision of alarms: the share of positives among scores above the threshold."""
    from scipy.stats import norm

    at = (
        np.log(threshold / (1 - threshold)) / of.slope - np.log(of.before / (1 - of.before))
    ) / of.shift + of.shift / 2
    hit = norm.sf(at - of.shift - of.positives) * (1 - of.hidden) + norm.sf(at) * of.hidden
    alarms = of.now * hit + (1 - of.now) * norm.sf(at - of.negatives)
    return float(of.now * (1 - of.relabelled) * hit / alarms)


def inside(number: dict[str, Any] | None, truth: float) -> float:
    """Return whether an interval contains the truth; NaN without an interval."""
    if number is None or number["ci95"] is None:
        return float("nan")
    return float(number["ci95"][0] <= truth <= number["ci95"][1])


COLUMNS = {
    "rejected": "label shift rejected",
    "share": "prevalence inside",
    "precision": "precision inside",
    "alert score": "alert: scores",
    "alert prevalence": "alert: prevalence",
    "labels prevalence": "labels: prevalence inside",
    "labels precision": "labels: precision inside",
    "labels recall": "labels: recall inside",
    "alert recall": "alert: recall, by labels",
}


def row(of: Scenario, draws: list[dict[str, float]]) -> str:
    """Return a line of the table."""
    cells = [of.what, f"{100 * of.before:g} %", f"{100 * of.now * (1 - of.relabelled):g} %"]
    for name in COLUMNS:
        values = [d[name] for d in draws if name in d and d[name] == d[name]]
        cells.append(f"{100 * np.mean(values):.1f} %" if len(values) >= 0.2 * len(draws) else "–")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Simulate, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    heads = ["new rows", "before", "now", *COLUMNS.values()]
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(heads))} |"]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for i, of in enumerate(SCENARIOS):
            seeds = range(i * 10_000, i * 10_000 + given.draws)  # lines are independent
            lines.append(row(of, list(pool.map(partial(one, of), seeds, chunksize=5))))
            print(lines[-1], flush=True)
    if given.write:
        _, _, notes = RESULTS.read_text().partition(NOTES) if RESULTS.exists() else ("", "", "\n")
        head = f"# Monitoring without labels\n\n`python benchmarks/monitor.py --write`, {given.draws} draws a line.\n"
        RESULTS.write_text(f"{head}\n" + "\n".join(lines) + f"\n\n{NOTES}{notes}")


if __name__ == "__main__":
    main()
