"""Copy the files of runs whose formats later versions must read: `python copy_files.py RUNS tests/golden/VERSION`.

RUNS is what `tests/fixtures/make_runs.py` wrote. Files of a released version are never changed.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

FILES = {
    "profile": ("input.json", "stats.json"),
    "split": ("plan.json",),
    "diagnose": ("difficulty.json",),
    "resample": ("plan.json",),
    "train": ("model.json", "booster.ubj", "decision.json"),
    "decide": ("policy.json",),
    "evaluate": (),
}


def copy(run: Path, out: Path) -> None:
    """Copy the files of a run, without the names of attempts."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("run.json", "metrics.json"):
        shutil.copyfile(run / name, out / name)
    for stage, names in FILES.items():
        outcome = run / "stages" / f"{stage}.json"
        if outcome.exists():
            (out / stage).mkdir(exist_ok=True)
            shutil.copyfile(outcome, out / stage / "outcome.json")
            folder = run / ("model" if stage == "train" else stage) / json.loads(outcome.read_text())["attempt"]
            for path in (folder / name for name in names if (folder / name).exists()):
                shutil.copyfile(path, out / stage / path.name)
    shutil.copyfile(next((run.parent / "_accepted").iterdir()), out / "accepted.json")


if __name__ == "__main__":
    for run in sorted(Path(sys.argv[1]).glob("*/r1")):
        copy(run, Path(sys.argv[2]) / run.parent.name)
