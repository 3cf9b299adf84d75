"""What the four guards cost: their share of the time of a whole run of `steelyard demo`.

    PYTHONPATH=pipelines python benchmarks/guards.py --rows 10000000

Seconds are those of the stages' outcomes; the rows are made before, and are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from steelyard.config import STAGES

DEMO = "import sys; from steelyard.cli import main; sys.exit(main())"


def seconds(run: Path, stage: str) -> float:
    """Return how long a stage took."""
    said = json.loads((run / "stages" / f"{stage}.json").read_text())
    began, ended = (datetime.fromisoformat(said[name]) for name in ("started", "finished"))
    return (ended - began).total_seconds()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-c", DEMO, "demo", "--rows", str(options.rows), "--store", store]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        [run] = Path(store, "demo").glob("[!_]*")
        spent = {stage: seconds(run, stage) for stage in STAGES}
    total = sum(spent.values())
    guards = sum(s for stage, s in spent.items() if stage.startswith("guard_"))
    print("| stage | seconds | share |\n| --- | --- | --- |")
    for stage, time in spent.items():
        print(f"| {stage} | {time:.1f} | {time / total:.1%} |")
    print(f"\n{options.rows:,} rows: guards {guards:.1f} of {total:.1f} s, {guards / total:.1%}")


if __name__ == "__main__":
    main()
