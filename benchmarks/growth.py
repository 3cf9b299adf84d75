"""How each stage grows: seconds = a + b × rows, fitted on some sizes and checked on a larger one.

    python benchmarks/growth.py --rows 500000 1000000 3000000
    python benchmarks/growth.py --check 30000000          fitted on 500,000 to 10,000,000 rows
    python benchmarks/growth.py --workers --rows 3000000  one worker against two, of one core each

Each size is a whole `steelyard run` as in `one_process.py`, with Spark's event log. From the log come, per stage,
scans, the bytes that tasks shuffle and return to the driver, and the seconds that all tasks take together. b is divided
into those task seconds, which more cores share, and the rest, which they do not. Writes benchmarks/results/growth.md,
with --workers benchmarks/results/workers.md, unless --print is given. Workers are a Spark standalone cluster in
processes of this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import parts
from one_process import pipeline
from timing import conditions, page, session

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.append(str(REPOSITORY / "tests"))
from event_log import SETTINGS, Traffic, Work, traffic_of, work_of, written_log
from standalone import spark_cluster

from steelyard.store import RunDir, Store

RESULTS = REPOSITORY / "benchmarks" / "results"
CORES = 2
FAR_ROWS, FAR_CORES = 1_000_000_000, 160
ALONE = ("train",)  # its tasks are two, however many cores there are, see train.num_workers
# As Spark's defaults are; those of the tests' cluster save the time that Spark needs to compile plans.
COMPILED = """
spark.sql.codegen.wholeStage true
spark.sql.codegen.factoryMode FALLBACK
spark.sql.adaptive.enabled true
spark.executor.cores 1
"""


@dataclass(frozen=True)
class Measured:
    """A run: seconds and traffic of each stage."""

    rows: int
    seconds: Mapping[str, float]
    traffic: Mapping[str, Traffic]
    work: Mapping[str, Work]


@dataclass(frozen=True)
class Growth:
    """The fit of one stage: seconds at n rows on two cores are `fixed + per_row * n`."""

    fixed: float
    per_row: float
    task_per_row: float

    def at(self, rows: int) -> float:
        """Return seconds on the cores that were measured."""
        return self.fixed + self.per_row * rows

    def far(self, rows: int, cores: int, *, alone: bool) -> tuple[float, float]:
        """Return the least and the most seconds on more cores: all of b is shared by them, or task time alone.

        Of a stage that works `alone`, nothing is shared.
        """
        most = 0.0 if alone else self.per_row
        least = 0.0 if alone else min(self.task_per_row / CORES, self.per_row)
        low, high = (self.per_row - shared + shared * CORES / cores for shared in (most, least))
        return self.fixed + low * rows, self.fixed + high * rows


def run_once(table: str, rows: int, folder: Path, env: Mapping[str, str] | None = None, tasks: int = 0) -> Measured:
    """Run a pipeline in a process of its own, and read its event log; with `tasks`, training has so many."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        config = json.loads(pipeline(table))
        if tasks:
            config["train"] = {**config.get("train", {}), "num_workers": tasks}
        config["spark"] = {"conf": {**SETTINGS, "spark.eventLog.dir": f"file://{place}"}}
        if env is None:
            config["spark"]["master"] = f"local[{CORES}]"
        command = [str(Path(sys.executable).with_name("steelyard")), "run", json.dumps(config)]
        command += ["--store", f"{place}/store", "--run-id", "r"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        log = written_log(Path(place))
        run = Store(f"{place}/store").run(config["name"], "r")
        return Measured(rows, stage_seconds(run), traffic_of(log, run), work_of(log, run))


def stage_seconds(run: RunDir) -> dict[str, float]:
    """Return how long each stage took."""
    found = {}
    for path in sorted(Path(run.location, "stages").glob("*.json")):
        said = json.loads(path.read_text())
        began, ended = (datetime.fromisoformat(said[name]) for name in ("started", "finished"))
        found[path.stem] = (ended - began).total_seconds()
    return found


def fitted(runs: Sequence[Measured], stage: str) -> Growth:
    """Return the line of least relative errors through the seconds of a stage; neither part is below 0."""
    rows = np.array([run.rows for run in runs], dtype=float)
    fixed, per_row = line(rows, np.array([run.seconds[stage] for run in runs]))
    _, tasks = line(rows, np.array([run.traffic[stage].task_seconds for run in runs]))
    return Growth(fixed, per_row, tasks)


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return a and b of y = a + b x by least squares of relative errors, both at least 0."""
    from scipy.optimize import nnls

    scale = np.maximum(y, 1e-3)
    found, _ = nnls(np.stack([1 / scale, x / 1e6 / scale], axis=1), y / scale)
    return float(found[0]), float(found[1]) / 1e6


def lines(runs: Sequence[Measured], check: Measured | None) -> list[str]:
    """Return a line for each stage that reads rows, and the sum."""
    stages = list(runs[-1].traffic)
    found, sums, far = [], np.zeros(4), np.zeros(2)
    for stage in stages:
        growth, largest = fitted(runs, stage), runs[-1]
        bytes_ = largest.traffic[stage]
        low, high = growth.far(FAR_ROWS, FAR_CORES, alone=stage in ALONE)
        far += (low, high)
        expected, seen = (growth.at(check.rows), check.seconds[stage]) if check else (float("nan"), float("nan"))
        sums += (growth.fixed, growth.per_row * 1e6, expected, seen)
        cells = [f"{growth.fixed:.1f}", f"{growth.per_row * 1e6:.2f}", f"{growth.task_per_row * 1e6:.2f}"]
        scans = largest.work[stage].scans if stage in largest.work else 0
        cells += [f"{scans}", f"{bytes_.shuffled / largest.rows:.2f}"]
        cells += [f"{bytes_.returned / 2**20:.1f}", f"{expected:.1f}", f"{seen:.1f}", f"{low:.0f}–{high:.0f}"]
        found.append(f"| `{stage}` | {' | '.join(cells)} |")
    off = f", {sums[3] / sums[2] - 1:+.0%}" if check else ""
    ends = f"{sums[2]:.1f} | {sums[3]:.1f}{off} | {far[0]:.0f}–{far[1]:.0f}"
    found.append(f"| all | {sums[0]:.1f} | {sums[1]:.2f} | | | | | {ends} |")
    return found


TEXT = """`python benchmarks/growth.py --rows {rows}{check}` on {conditions}

Seconds of a stage on {cores} cores are a + b × rows, b in seconds per million rows; task seconds are those of all tasks
together. Bytes are those of the largest table of the fit. The last column is an **extrapolation**, not a measurement: a
billion rows on 20 machines of 8 cores. The smaller number takes for granted that all of b is shared evenly by all
cores, the larger one that only task time is, and that the rest of b grows with rows whatever the number of cores. Both
assume that storage and network keep up, and that `train` keeps two tasks (`train.num_workers`)."""
HEADS = ["stage", "a, s", "b, s per million", "task s per million", "scans", "shuffled, bytes per row"]
HEADS += ["to the driver, MiB", "expected at the check, s", "measured, s", "10⁹ rows, 160 cores, s (extrapolated)"]


def grow(options: argparse.Namespace, folder: Path) -> str:
    """Return the page of growth."""
    sizes = [*options.rows, *([options.check] if options.check else [])]
    runs = [run_once(tables(folder, n), n, folder) for n in sizes]
    check = runs.pop() if options.check else None
    said = TEXT.format(
        rows=" ".join(map(str, options.rows)),
        check=f" --check {options.check}" if check else "",
        conditions=options.conditions,
        cores=CORES,
    )
    return page("How does each stage grow?", said, lines(runs, check), header(HEADS))


def tables(folder: Path, n: int) -> str:
    """Return a table of card transactions; the session ends before the runs start."""
    spark = session(CORES)
    path = parts.cards(spark, folder, n)
    spark.stop()
    return path


def header(names: Sequence[str]) -> str:
    """Return the head of a Markdown table."""
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


def workers(options: argparse.Namespace, folder: Path) -> str:
    """Return the page of one worker against two."""
    rows = options.rows[-1]
    table, runs = tables(folder, rows), []
    for count in (1, 2):
        with spark_cluster(folder / f"cluster{count}", [1] * count, COMPILED) as cluster:
            env = {**cluster.env, "STEELYARD_MASTER": cluster.url}
            runs.append(run_once(table, rows, folder, env, tasks=count))  # one core cannot run two training tasks
    one, two = runs
    cells = [(stage, one.seconds[stage], two.seconds[stage], one.traffic[stage].task_seconds) for stage in one.traffic]
    total = ("all", sum(one.seconds.values()), sum(two.seconds.values()), sum(c[3] for c in cells))
    found = [
        f"| {s} | {a:.1f} | {b:.1f} | {a / max(b, 1e-3):.2f} | {min(t / max(a, 1e-3), 1):.0%} |"
        for s, a, b, t in [*cells, total]
    ]
    said = (
        f"`python benchmarks/growth.py --workers --rows {rows}` on {options.conditions}\n\nA Spark standalone cluster "
        "with one core on each worker; the driver runs on the same machine, so that two workers share its cores with "
        "it. XGBoost trains in as many tasks as there are workers. Task time is the share of a stage's seconds in "
        "which the single worker runs a task: the rest is planning, files and NumPy on the driver, and no worker makes "
        "it faster."
    )
    heads = ["stage", "one worker, s", "two workers, s", "speed-up", "task time with one worker"]
    return page("What does a second worker bring?", said, found, header(heads))


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[500_000, 1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--check", type=int, help="rows of the table that checks the fit")
    parser.add_argument("--workers", action="store_true")
    parser.add_argument("--folder", type=Path, help="where tables are made and kept; by default a temporary folder")
    parser.add_argument("--print", action="store_true", dest="only_print", help="write no results")
    options = parser.parse_args()
    options.conditions = conditions(CORES)
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        # Tables are kept in the folder that is given; runs, logs and clusters are not.
        kept = options.folder or Path(temporary)
        text = (workers if options.workers else grow)(options, kept)
    print(text)
    if not options.only_print:
        (RESULTS / ("workers.md" if options.workers else "growth.md")).write_text(text)


if __name__ == "__main__":
    main()
