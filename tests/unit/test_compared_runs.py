"""Champion and challenger: the metric, and which run is current after a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_pipelines import pipeline

from steelyard.stages import Context, start_run
from steelyard.stages._context import no_session
from steelyard.stages.commands.current import find_run
from steelyard.stages.promote import Verdict, metric_of, run
from steelyard.store import Outcome, RunDir, Store, now
from steelyard.store.promotions import history, promote, promoted

MATRIX = {"0": {"1": 5}, "1": {"0": 100, "1": 5}}


@pytest.mark.parametrize(
    ("cost", "promote", "name"),
    [
        ({}, {}, "pr_auc"),
        ({"false_negative": "amount"}, {}, "expected_cost"),
        ({"matrix": MATRIX}, {}, "expected_cost"),
        ({"matrix": MATRIX}, {"metric": "recall"}, "recall"),
    ],
)
def test_auto_is_the_cost_where_costs_are_given(
    cost: dict[str, Any], promote: dict[str, Any], name: str, tmp_path: Path
) -> None:
    config = pipeline("/nowhere/t.parquet", data={"cost": cost} if cost else {}, promote=promote)
    made = start_run(Store(tmp_path), config, "r1", {})
    assert metric_of(Context(made, config, no_session)).name == name


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Context]:
    """Runs of three days, whose gates have passed; none was promoted."""
    store, config = Store(tmp_path), pipeline("/nowhere/t.parquet", promote={})
    made = {f"r{day}": start_run(store, config, f"r{day}", {"date": f"2026-03-0{day}"}) for day in (1, 2, 3)}
    for of in made.values():
        of.publish(Outcome("gate", "done", "a", now(), now()))
    return {name: Context(of, config, no_session) for name, of in made.items()}


def compared(monkeypatch: pytest.MonkeyPatch, *verdicts: bool, meanwhile: str | None = None) -> list[str]:
    """Let comparisons end so, and note the champions; `meanwhile` is promoted during the first of them."""
    champions: list[str] = []

    def against(ctx: Context, champion: RunDir, attempt: str) -> Verdict:
        champions.append(champion.location.rpartition("/")[2])
        if meanwhile is not None and len(champions) == 1:
            promote(ctx.run.parent(), meanwhile, champions[0], by="stage promote", reason="at the same time")
        return Verdict(verdicts[len(champions) - 1], "because", {})

    monkeypatch.setattr("steelyard.stages.promote._against", against)
    return champions


def test_a_current_run_stays_that_was_never_promoted(runs: dict[str, Context], monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier runs were made without the section `promote`, and the new run has the latest data."""
    place = runs["r3"].run.parent()
    champions = compared(monkeypatch, False)
    assert not run(runs["r3"], "a").details["promoted"] and champions == ["r2"]
    assert promoted(place) == "r2" and find_run(place.location).location.endswith("/r2")
    [first] = history(place)
    assert first.replaces is None and first.reason == "it was current, and run r3 has not replaced it"


def test_a_run_that_became_current_meanwhile_is_the_champion(
    runs: dict[str, Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, notes = runs["r1"].run.parent(), list[str]()
    promote(place, "r2", None, by="steelyard promote", reason="of old")
    runs["r1"].warn = notes.append
    champions = compared(monkeypatch, True, False, meanwhile="r3")
    details = run(runs["r1"], "a").details
    assert champions == ["r2", "r3"] and not details["promoted"] and details["champion"] == "r3"
    assert promoted(place) == "r3", "not replaced by a run that was compared with another one"
    assert notes == ["run r3 has become current during the comparison; comparing with it"]
