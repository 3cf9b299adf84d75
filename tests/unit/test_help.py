"""What `steelyard --help` imports: it answers before any library of the pipeline is loaded."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    "great_expectations",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyspark",
    "ruamel",
    "scipy",
    "sklearn",
    "xgboost",
}


def test_help_imports_no_library_of_a_pipeline() -> None:
    code = "import sys; from steelyard.cli import main; sys.argv = ['steelyard', '--help']\n"
    code += "try: main()\nexcept SystemExit: print('MODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, _, modules = done.stdout.partition("MODULES")
    assert "resample" in text and HEAVY & {name.split(".")[0] for name in modules.split()} == set()
