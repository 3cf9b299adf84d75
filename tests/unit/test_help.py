"""What `steelyard --help` imports, and other parts that need no library of a pipeline, in one fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

# In one process, because each start of Python takes half a second. No step loads what a later one must not.
STEPS = {
    "--help": (
        "from steelyard.cli import main\nsys.argv = ['steelyard', '--help']\ntry: main()\nexcept SystemExit: pass",
        "great_expectations numpy pandas pyarrow pydantic pyspark ruamel scipy sklearn xgboost",
    ),
    "a configuration": ("import steelyard.config", "pyspark pandas pyarrow"),
    "trainers' parameters": (
        "from steelyard.learning import check_trainer, trainer_names, trainer_parameters\n"
        "check_trainer('xgboost', {'max_depth': 3})\n"
        "assert all([trainer_parameters(n).allowed() for n in trainer_names()])",
        "pyspark xgboost sklearn pandas",
    ),
    "names of samplers": ("from steelyard.sampling import sampler_names; assert sampler_names()", "pyspark"),
    "guards": ("import steelyard.guards", "pyspark great_expectations"),
}
CODE = """
import json, sys
for step, (code, heavy) in json.loads(sys.argv[1]).items():
    exec(code)
    print("LOADED", json.dumps([step, sorted(set(heavy.split()) & {m.split(".")[0] for m in sys.modules})]))
"""


def test_each_step_imports_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", CODE, json.dumps(STEPS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "resample" in done.stdout, "the help was printed"
    loaded = [json.loads(line.removeprefix("LOADED")) for line in done.stdout.splitlines() if line.startswith("LOADED")]
    assert loaded == [[step, []] for step in STEPS]
