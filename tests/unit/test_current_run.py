"""Which run is current: the latest data whose gate has passed, whatever was executed last."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import InputError
from steelyard.stages.commands.current import find_run, promotion_notes, replaced_run
from steelyard.stages.commands.retention import judge
from steelyard.store import Outcome, RunDir, Store, now
from steelyard.store.promotions import ROLLBACK, history, predecessor, promote, promoted, standing


def make(
    root: Path, run_id: str, *, gate: str | None = "done", created: str = "2026-03-09T00:00:00Z", **var: str
) -> None:
    manifest = {"pipeline": "p", "run_id": run_id, "variables": var, "created": created, "config": {}}
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
    with pytest.raises(InputError, match="has 1 run, but none whose gate has passed"):
        find_run(str(tmp_path / "p"))


def test_a_gate_whose_outcome_has_changed_is_named(tmp_path: Path) -> None:
    for run_id in ("r1", "r2"):
        make(tmp_path, run_id)
    file = tmp_path / "p" / "r2" / "stages" / "gate.json"
    file.write_text(file.read_text().replace('"done"', '"dome"'))
    with pytest.raises(InputError, match=rf"{file} has changed since it was written; run stage gate again"):
        current(tmp_path)


def test_a_promoted_run_is_current_until_another_is(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        make(tmp_path, f"r{day}", date=f"2026-03-0{day}")
    place = Store(tmp_path / "p").here()
    assert promoted(place) is None and current(tmp_path) == "r3"
    promote(place, "r1", "r3", by="steelyard promote", reason="by hand")
    assert current(tmp_path) == "r1" and promoted(place) == "r1"
    promote(place, "r2", "r1", by="stage promote", reason="better")
    assert current(tmp_path) == "r2" and predecessor(place, "r2") == "r1"
    promote(place, "r1", "r2", by=ROLLBACK, reason="false alarms")
    assert current(tmp_path) == "r1" and predecessor(place, "r1") == "r3", "not r2, which was rolled back"
    assert [p.run_id for p in history(place)] == ["r1", "r2", "r1"]
    assert [p.reason for p in history(place)] == ["by hand", "better", "false alarms"]


def test_a_promotion_holds_for_a_model_whose_gate_passes(tmp_path: Path) -> None:
    runs = {day: Store(tmp_path).run("p", f"r{day}") for day in (1, 2, 3)}
    place = Store(tmp_path / "p").here()
    for day, run in runs.items():
        make(tmp_path, f"r{day}", date=f"2026-03-0{day}")
        run.publish(Outcome("decide", "done", "a", now(), now()))
        promote(place, f"r{day}", f"r{day - 1}" if day > 1 else None, by="stage promote", reason="better")
    assert current(tmp_path) == "r3" and promotion_notes(place.location, runs[3]) == []

    runs[3].publish(Outcome("gate", "failed", "b", now(), now()))
    assert current(tmp_path) == "r2" and promoted(place) == "r3"
    note = "run r3 was promoted, but since then its gate has not passed, or its model has changed; run r2 is current"
    assert promotion_notes(place.location, runs[2]) == [note]
    assert promotion_notes(runs[2].location, runs[2]) == [], "the run was named"
    kept = {judged.run_id: judged.kept for judged in judge(Store(tmp_path), keep=0)}
    assert kept["r2"] == "the current run, whose model scores" and kept["r3"] == "promoted last"
    runs[2].publish(Outcome("decide", "done", "b", now(), now()))  # another model; its gate passes
    assert current(tmp_path) == "r1"
    runs[1].void(["gate"])
    with pytest.raises(InputError, match=r"has no current run: run r3 was promoted, but .* Promote another run"):
        current(tmp_path)

    promote(place, "r3", None, by="steelyard promote", reason="in spite of its gate")
    assert current(tmp_path) == "r3" and not history(place)[-1].gate_passed
    runs[3].publish(Outcome("decide", "done", "b", now(), now()))
    assert standing(place) is None
    promote(place, "r3", None, by="steelyard promote", reason="the new model")
    assert standing(place) == "r3"


def test_a_current_run_that_is_gone_or_damaged_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, "r1", date="2026-03-01")
    place = Store(tmp_path / "p").here()
    promote(place, "r0", None, by="steelyard promote", reason="of old")
    with pytest.raises(InputError, match="names run r0, which is gone"):
        current(tmp_path)
    place.write_text("current.json", '{"run_id": "r1", "sha256": "0"}')
    with pytest.raises(InputError, match="can't be read"):
        current(tmp_path)


@pytest.mark.parametrize("text", ["", '{"run_id": "r1", "repl', "[]", '{"run_id": 5}', '{"sha256": "0"}'])
def test_a_damaged_file_is_written_again_by_hand(text: str, tmp_path: Path) -> None:
    """The message on a damaged file advises `steelyard promote`, which must not need that file."""
    for day in (1, 2, 3):
        make(tmp_path, f"r{day}", date=f"2026-03-0{day}")
    place = Store(tmp_path / "p").here()
    promote(place, "r1", None, by="stage promote", reason="first")
    promote(place, "r2", "r1", by="stage promote", reason="better")
    place.write_text("current.json", text)
    with pytest.raises(InputError, match="`steelyard promote RUN_DIR` writes it again"):
        current(tmp_path)
    assert replaced_run(place, "r3") == "r2", "the last in the history"
    assert replaced_run(place, "r2") == "r1", "for a rollback"


def test_another_run_replaces_one_that_is_gone(tmp_path: Path) -> None:
    make(tmp_path, "r1", date="2026-03-01")
    place = Store(tmp_path / "p").here()
    promote(place, "r0", None, by="steelyard promote", reason="of old")
    assert replaced_run(place, "r1") == "r0"


def test_gc_keeps_the_promoted_run_and_the_one_before(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        make(tmp_path, f"r{day}", date=f"2026-03-0{day}")
    promote(Store(tmp_path / "p").here(), "r2", "r1", by="stage promote", reason="better")
    kept = {judged.run_id: judged.kept for judged in judge(Store(tmp_path), keep=1)}
    assert kept["r2"] == "the current run, whose model scores" and kept["r1"] == "rollback leads to it"
