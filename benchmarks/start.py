"""What it takes to start: `steelyard --help`, Airflow's parse of a folder of pipelines, the wheel, and jobs.

    PYTHONPATH=pipelines python benchmarks/start.py [--pipelines 100] [--times 5]
    PYTHONPATH=pipelines:tests python benchmarks/start.py --tasks

Each is a process of its own, next to one that does nothing: an empty Python program, or an empty folder of pipelines.
Ratios are those of processor time, which other processes on the machine change less. `--tasks` runs a small pipeline
(1,200 rows, logistic regression) by spark-submit, for each value of `airflow.tasks`.
Pipelines are copies of `pipelines/card_fraud_in_time.yaml`; Airflow parses all three files of `dags/`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).parent / "steelyard"
PARSE = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert not bag.import_errors and len(bag.dags) == int(sys.argv[2]), (bag.import_errors, len(bag.dags))
"""


def seconds(command: Sequence[object], env: Mapping[str, str], times: int, *, warm: bool = True) -> tuple[float, float]:
    """Return elapsed and processor seconds of a process: medians."""
    found = []
    for _ in range(times + warm):  # the first one only fills caches
        began, before = perf_counter(), os.times()
        subprocess.run(list(map(str, command)), env=dict(env), cwd=REPOSITORY, check=True, capture_output=True)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        found.append((perf_counter() - began, spent))
    elapsed, spent = zip(*found[warm:], strict=True)
    return median(elapsed), median(spent)


def parsing(folder: Path, count: int, times: int) -> tuple[float, float]:
    """Return the seconds of a process that parses a folder of some pipelines."""
    text = (REPOSITORY / "pipelines" / "card_fraud_in_time.yaml").read_text()
    pipelines = folder / f"pipelines_{count}"
    pipelines.mkdir()
    for i in range(count):
        (pipelines / f"{i}.yaml").write_text(text.replace("name: card_fraud_in_time", f"name: pipeline_{i}"))
    own = {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    env = {**os.environ, **own, "STEELYARD_PIPELINES": str(pipelines)}
    return seconds([sys.executable, "-c", PARSE, REPOSITORY / "dags", count], env, times)


def jobs(folder: Path, tasks: str) -> tuple[float, float]:
    """Return the seconds of all jobs that Airflow submits in one run."""
    from small_pipelines import pipeline, small_table

    from steelyard.airflow._dag import stages_of_tasks

    table = folder / "t.parquet"
    small_table().to_parquet(table, index=False, coerce_timestamps="us")
    java = subprocess.run([COMMAND, "doctor", "--java-home"], capture_output=True, text=True, check=True).stdout.strip()
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "JAVA_HOME": java, "PATH": path, "SPARK_LOCAL_IP": "127.0.0.1"}
    config = pipeline(str(table), airflow={"tasks": tasks})
    where = ["--pipeline", json.dumps(config.to_json()), "--run-id", tasks, "--store", folder]
    found = []
    for stages in stages_of_tasks(config).values():
        job = REPOSITORY / "spark_jobs" / f"job_{stages[0]}.py"
        last = ["--last", stages[-1]] if len(stages) > 1 else []
        found.append(seconds(["spark-submit", "--master", "local[2]", job, *where, *last], env, 1, warm=False))
    return sum(f[0] for f in found), sum(f[1] for f in found)


def show_tasks() -> None:
    print("| `airflow.tasks` | elapsed | processor | ratio |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        modes = {tasks: jobs(Path(folder), tasks) for tasks in ("run", "group", "stage")}
    for tasks, (elapsed, spent) in modes.items():
        print(f"| `{tasks}` | {elapsed:.0f} s | {spent:.0f} s | {spent / modes['run'][1]:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=100)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--tasks", action="store_true")
    given = parser.parse_args()
    if given.tasks:
        show_tasks()
        return
    print("| process | elapsed | processor | ratio | more than nothing |\n| --- | --- | --- | --- | --- |")

    def show(name: str, found: tuple[float, float], nothing: tuple[float, float] | None = None) -> None:
        ratio, more = (f"{found[1] / nothing[1]:.1f}", f"{found[1] - nothing[1]:.2f} s") if nothing else ("1", "")
        print(f"| {name} | {found[0]:.2f} s | {found[1]:.2f} s | {ratio} | {more} |", flush=True)

    nothing = seconds([sys.executable, "-c", "pass"], os.environ, given.times)
    show("`python -c pass`", nothing)
    show("`steelyard --help`", seconds([COMMAND, "--help"], os.environ, given.times), nothing)
    with tempfile.TemporaryDirectory() as folder:
        empty = parsing(Path(folder), 0, given.times)
        show("Airflow, no pipeline", empty)
        show(f"Airflow, {given.pipelines} pipelines", parsing(Path(folder), given.pipelines, given.times), empty)
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, "."]
        show("the wheel of `make dist`", seconds(build, os.environ, 1))


if __name__ == "__main__":
    main()
