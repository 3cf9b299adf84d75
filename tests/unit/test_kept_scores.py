"""What an interrupted comparison keeps: whole files only, whatever moment the process was killed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.stages.compare import Kept
from steelyard.store import Store


def test_unfinished_files_count_as_none(tmp_path: Path) -> None:
    run = Store(tmp_path).create("p", "r1", {"pipeline": "p", "run_id": "r1"})
    kept = Kept(run, "compare/parts/digest")
    assert len(kept) == 0 and "xgboost" not in kept
    kept["xgboost"], kept["logistic_regression"] = [{"pr_auc": 0.5}], [{"pr_auc": 0.4}]
    folder = tmp_path / "p" / "r1" / "compare" / "parts" / "digest"
    one, other = sorted(folder.iterdir())
    (folder / f".{one.name}.1a2b").write_text('{"name": "xgboost", "sco')  # before it is moved to its place
    (folder / f".{other.name}.3c4d").write_bytes(other.read_bytes())
    assert set(kept) == {"xgboost", "logistic_regression"} and len(kept) == 2
    one.write_text("")
    [left] = kept
    assert kept[left] and len(kept) == 1
    with pytest.raises(KeyError):
        kept["xgboost" if left != "xgboost" else "logistic_regression"]
