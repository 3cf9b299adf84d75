"""What it costs Airflow to parse the DAG file: seconds and calls of functions for 1, 50 and 200 pipelines.

    PYTHONPATH=pipelines python benchmarks/dags.py

Each number of pipelines is parsed in a fresh interpreter, once Airflow itself is imported (which it is in the DAG
processor): the least of five parses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = """
import cProfile, json, runpy, sys, time
from airflow.sdk import DAG
import steelyard.airflow
file, spent = sys.argv[1], []
for _ in range(5):
    began = time.process_time()
    made = runpy.run_path(file)
    spent.append(time.process_time() - began)
profile = cProfile.Profile()
profile.runcall(runpy.run_path, file)
calls = sum(entry.callcount for entry in profile.getstats())
print(json.dumps([sum(isinstance(v, DAG) for v in made.values()), min(spent), calls]))
"""


def measure(count: int) -> tuple[int, float, int]:
    """Return DAGs, seconds of processor time and calls."""
    template = (REPOSITORY / "pipelines" / "card_fraud_in_time.yaml").read_text()
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        for i in range(count):
            text = template.replace("name: card_fraud_in_time", f"name: pipeline_{i}")
            (Path(folder) / f"{i}.yaml").write_text(text)
        env = {
            **os.environ,
            "AIRFLOW_HOME": home,
            "STEELYARD_PIPELINES": folder,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        command = [sys.executable, "-c", PROGRAM, str(REPOSITORY / "dags" / "dag_pipelines.py")]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    dags, seconds, calls = json.loads(ran.stdout.splitlines()[-1])
    return dags, seconds, calls


if __name__ == "__main__":
    print("| pipelines | seconds of processor time | calls of functions |\n| --- | --- | --- |")
    for wanted in (1, 50, 200):
        found, seconds, calls = measure(wanted)
        assert found == wanted, f"{found} DAGs of {wanted} pipelines"
        print(f"| {wanted} | {seconds:.2f} | {calls:,} |")
