"""Skew and layout: whole runs on uneven tables, next to an even one with as many rows or cells.

    python benchmarks/skew.py                        all cases on 1,000,000 rows
    python benchmarks/skew.py --rows 200000 --only one_group many_files

Each case is a whole `steelyard run` (random under-sampling, XGBoost of 50 trees, the threshold of best F1) on ten
features. Printed are its seconds, the ratio to its even case, and the largest resident memory of the JVM, of the
driver's Python and of a Python worker. Goal: at most 3 times the even case, in no more memory than it and 1 GiB. All
cases write benchmarks/results/skew.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from timing import conditions, page, resident

RESULTS = Path(__file__).parent / "results" / "skew.md"
HEAD = (
    "| case | seconds | ratio to even | JVM, MiB | driver's Python, MiB | a worker, MiB | outcome |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def table(n: int, *, positives: float = 0.01, features: int = 10, seed: int = 0) -> pd.DataFrame:
    """Return rows with a key, a group of about 50 rows and features that separate the classes in part."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(n) < round(n * positives)
    x = rng.normal(size=(n, features)).astype(np.float32) + label[:, None] * (np.arange(features) < 5) * np.float32(0.8)
    made = pd.DataFrame(x, columns=[f"f{i}" for i in range(features)])
    return made.assign(id=np.arange(n), customer=rng.integers(0, n // 50, n), label=label.astype(int))


def in_files(df: pd.DataFrame, folder: Path, files: int = 8) -> None:
    """Write a table as files of equal size."""
    in_parts(df, folder, np.linspace(0, len(df), files + 1).astype(int).tolist())


def in_parts(df: pd.DataFrame, folder: Path, ends: list[int]) -> None:
    """Write a table as files that end at these rows."""
    folder.mkdir()
    for i, (start, end) in enumerate(pairwise(ends)):
        df.iloc[start:end].to_parquet(folder / f"{i:05}.parquet", index=False)


def even(n: int, folder: Path) -> None:
    in_files(table(n), folder)


def one_class(n: int, folder: Path) -> None:
    in_files(table(n, positives=0.0001), folder)


def one_group(n: int, folder: Path) -> None:
    df = table(n)
    df.loc[np.random.default_rng(1).random(n) < 0.1, "customer"] = -1
    in_files(df, folder)


def one_file(n: int, folder: Path) -> None:
    in_parts(table(n), folder, [0, *(n * i // 70 for i in range(1, 8)), n])


def many_files(n: int, folder: Path) -> None:
    in_files(table(n), folder, 10_000)


def many_columns(n: int, folder: Path) -> None:
    in_files(table(max(n // 200, 2_000), positives=0.1, features=2_000), folder)


def long_rows(n: int, folder: Path) -> None:
    """Rows of 100 kB: five columns of 20 kB of text that does not repeat."""
    df = table(max(n // 250, 2_000), positives=0.1)
    for i in range(5):
        rng = np.random.default_rng(i)
        df[f"text{i}"] = [rng.bytes(10_000).hex() for _ in range(len(df))]
    in_files(df, folder)


def few_rows(n: int, folder: Path) -> None:
    """Return as many rows as `long_rows`, without text."""
    in_files(table(max(n // 250, 2_000), positives=0.1), folder)


@dataclass(frozen=True)
class Case:
    """A table and how it is run.

    Parameters
    ----------
    made : callable
        Writes n rows into a folder.
    against : str
        The even case.
    data, split : dict
        Changes of these sections.
    """

    made: Callable[[int, Path], None]
    against: str = "even"
    data: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)


GROUPED: dict[str, Any] = {"data": {"group": "customer", "exclude": []}, "split": {"method": "group"}}
TEXTS = [f"text{i}" for i in range(5)]
CASES = {
    "even": Case(even),
    "99.99 % in one class": Case(one_class),
    "90 % of rows in one file": Case(one_file),
    "10,000 files": Case(many_files),
    "even groups": Case(even, **GROUPED),
    "a tenth of rows in one group": Case(one_group, "even groups", **GROUPED),
    "no key": Case(even, data={"key": []}),
    "2,000 columns, as many cells": Case(many_columns),
    "few rows": Case(few_rows),
    "100 kB a row, text left out": Case(long_rows, "few rows", data={"exclude": ["customer", *TEXTS]}),
    "100 kB a row, text as features": Case(long_rows, "few rows"),
    "100 kB a row, no key": Case(long_rows, "few rows", data={"key": [], "exclude": ["customer", *TEXTS]}),
}


def pipeline(case: Case, path: str) -> str:
    """Return the pipeline of a case."""
    data = {"path": path, "label": "label", "positive": 1, "key": "id", "exclude": ["customer"], **case.data}
    document = {
        "version": 1,
        "name": "skew",
        "data": data,
        "split": {"method": "stratified", "validation": 0.1, "test": 0.2, **case.split},
        "resample": {"method": "random_under_sampler", "sampling_strategy": 0.2},
        "train": {"model": "xgboost", "params": {"n_estimators": 50}},
        "decide": {"threshold": {"maximize": "f1"}},
    }
    return json.dumps(document)


class Watched:
    """A command with all its processes: seconds and the largest resident memory of each kind."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.peak = {"jvm": 0.0, "driver": 0.0, "worker": 0.0}
        start = time.perf_counter()
        with log.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watcher.start()
        try:
            self.code = self.process.wait(1800)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.code = -1
        self.seconds = time.perf_counter() - start
        over.set()
        watcher.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.3):
            for place in Path("/proc").glob("[0-9]*"):
                try:
                    if os.getsid(int(place.name)) != self.process.pid:
                        continue
                    words = (place / "cmdline").read_bytes()
                    kind = "worker" if b"pyspark.daemon" in words else "jvm" if b"java" in words[:200] else "driver"
                    self.peak[kind] = max(self.peak[kind], resident(place))
                except (OSError, KeyError, ValueError):
                    continue


def stages(store: Path) -> str:
    """Return the five slowest stages of the only run in a store."""
    spent = {}
    for path in store.glob("skew/*/stages/*.json"):
        said = json.loads(path.read_text())
        began, ended = (pd.Timestamp(said[name]) for name in ("started", "finished"))
        spent[path.stem] = (ended - began).total_seconds()
    return ", ".join(f"{name} {s:.0f}" for name, s in sorted(spent.items(), key=lambda x: -x[1])[:5])


def measured(chosen: list[str], n: int, folder: Path) -> Iterator[str]:
    """Run cases and yield a line for each."""
    took: dict[str, float] = {}
    for name, case in CASES.items():
        if name not in chosen:
            continue
        path = folder / f"{case.made.__name__}.parquet"
        if not path.exists():
            case.made(n, path)
        with tempfile.TemporaryDirectory() as store:
            command = [str(Path(sys.executable).with_name("steelyard")), "run", pipeline(case, str(path))]
            run = Watched([*command, "--store", store, "--run-id", "r"], log := Path(store, "log.txt"))
            outcome = stages(Path(store)) + f" s; exit code {run.code}"
            if run.code:
                print(log.read_text()[-1500:], file=sys.stderr)
        took[name] = run.seconds
        ratio = f"{run.seconds / took[case.against]:.2f}" if case.against in took and case.against != name else "–"
        memory = " | ".join(f"{run.peak[kind]:.0f}" for kind in ("jvm", "driver", "worker"))
        yield f"| {name} | {run.seconds:.1f} | {ratio} | {memory} | {outcome} |"


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where tables are made and kept; by default a temporary folder")
    parser.add_argument("--only", nargs="+", metavar="CASE", default=list(CASES), choices=list(CASES))
    options = parser.parse_args()
    text = f"`python benchmarks/skew.py --rows {options.rows}` on {conditions()}"
    print(f"{text}\n\n{HEAD}", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for line in measured(options.only, options.rows, options.folder or Path(folder)):
            print(line, flush=True)
            rows.append(line)
    if options.only == list(CASES):
        RESULTS.write_text(page("Do uneven tables take longer?", text, rows, HEAD))


if __name__ == "__main__":
    main()
