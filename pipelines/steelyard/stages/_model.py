"""The model that a run has published, as `evaluate` and whoever scores new rows load it: every file verified."""

from __future__ import annotations

from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.learning import Model, load_model
from steelyard.stages._decision import Decision
from steelyard.store import RunDir


def saved_model(run: RunDir) -> tuple[Model, Decision]:
    """Return what `train` has left in a run.

    Raises
    ------
    InputError
        If it hasn't been done, or one of its files is missing or changed.
    """
    outcome = run.checked_outcome("train")
    if outcome is None or not outcome.done:
        raise InputError(f"{run.location} has no trained model: its stage train is not done")
    files = run.published("train")
    folder = f"model/{files.attempt}"
    return load_model(files, folder), Decision.from_json(files.read_json(f"{folder}/decision.json"))


def trained_on(run: RunDir) -> Dataset:
    """Return the roles of the columns in the table of the run."""
    files = run.published("profile")
    return Dataset.from_json(files.read_json(f"profile/{files.attempt}/stats.json")["dataset"])
