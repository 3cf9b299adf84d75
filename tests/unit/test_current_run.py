"""Which run is current: the latest data whose gate has passed, whatever was executed last."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import InputError
from steelyard.stages.commands.current import find_run
from steelyard.store import Outcome, RunDir, Store, now


def make(
    root: Path, run_id: str, *, gate: str | None = "done", created: str = "2026-03-09T00:00:00Z", **var: str
) -> None:
    manifest = {"pipeline": "p", "run_id": run_id, "variables": var, "created": created}
    run = Store(root).create("p", run_id, manifest)
    if gate is not None:
        run.publish(Outcome("gate", gate, "a", now(), now()))


def current(root: Path) -> str:
    return find_run(str(root / "p")).location.rsplit("/", 1)[1]


def test_the_latest_data_rule_and_not_the_latest_execution(tmp_path: Path) -> None:
    make(tmp_path, "20260302T030000", date="2026-03-02")
    make(tmp_path, "20260301T030000", date="2026-03-01")  # a backfill, executed later
    assert current(tmp_path) == "20260302T030000"


def test_a_run_counts_once_its_gate_has_passed(tmp_path: Path) -> None:
    make(tmp_path, "20260301T030000", date="2026-03-01")
    make(tmp_path, "20260302T030000", date="2026-03-02", gate="failed")
    make(tmp_path, "20260303T030000", date="2026-03-03", gate=None)
    assert current(tmp_path) == "20260301T030000"

    run = Store(tmp_path).run("p", "20260303T030000")
    run.publish(Outcome("gate", "done", "a", now(), now()))
    assert current(tmp_path) == "20260303T030000"
    run.void(["gate"])
    assert current(tmp_path) == "20260301T030000"


def test_of_one_day_the_last_id_and_without_a_date_the_day_it_was_made(tmp_path: Path) -> None:
    make(tmp_path, "20260302T030000", date="2026-03-02")
    make(tmp_path, "20260302T150000", date="2026-03-02")
    assert current(tmp_path) == "20260302T150000"
    make(tmp_path, "by_hand", created="2026-03-03T10:00:00Z")
    assert current(tmp_path) == "by_hand"


def test_a_run_itself_needs_no_gate(tmp_path: Path) -> None:
    make(tmp_path, "r1", gate=None)
    found = find_run(str(tmp_path / "p" / "r1"))
    assert isinstance(found, RunDir) and found.location == f"{tmp_path}/p/r1"


def test_what_has_no_current_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run directory and contains none"):
        find_run(str(tmp_path / "nowhere"))
    make(tmp_path, "r1", gate="failed")
    with pytest.raises(InputError, match="has 1 runs, but none whose gate has passed"):
        find_run(str(tmp_path / "p"))


def test_a_gate_whose_outcome_has_changed_is_named(tmp_path: Path) -> None:
    for run_id in ("r1", "r2"):
        make(tmp_path, run_id)
    file = tmp_path / "p" / "r2" / "stages" / "gate.json"
    file.write_text(file.read_text().replace('"done"', '"dome"'))
    with pytest.raises(InputError, match=rf"{file} has changed since it was written; run stage gate again"):
        current(tmp_path)
