"""The model and the policy that a run has published: every file verified."""

from __future__ import annotations

from steelyard.classifier import Classifier
from steelyard.dataset import Dataset
from steelyard.deciding import DecisionPolicy
from steelyard.errors import InputError
from steelyard.learning import Model, load_model
from steelyard.store import RunDir


def saved_classifier(run: RunDir) -> Classifier:
    """Return the model of a run with the policy by which its scores become decisions.

    Raises
    ------
    InputError
        If the stage `train` or `decide` is not done, or one of their files is missing or changed.
    """
    return Classifier(trained_model(run), saved_policy(run))


def trained_model(run: RunDir) -> Model:
    """Return the model that `train` has published.

    Raises
    ------
    InputError
        If `train` is not done, or a file of the model is missing or changed.
    """
    outcome = run.checked_outcome("train")
    if outcome is None or not outcome.done:
        raise InputError(f"{run.location} has no trained model: its stage train is not done")
    files = run.published("train")
    return load_model(files, f"model/{files.attempt}")


def saved_policy(run: RunDir) -> DecisionPolicy:
    """Return the policy that `decide` has published; runs of 0.1.0 store it with their model.

    Raises
    ------
    InputError
        If `decide` is not done, or the file is missing or changed.
    """
    outcome = run.checked_outcome("decide")
    if outcome is not None and outcome.done:
        files = run.published("decide")
        return DecisionPolicy.from_json(files.read_json(f"decide/{files.attempt}/policy.json"))
    files = run.published("train")
    earlier = f"model/{files.attempt}/decision.json"
    if outcome is None and files.has(earlier):
        return DecisionPolicy.from_json(files.read_json(earlier))
    raise InputError(f"{run.location} has no decision policy: its stage decide is not done")


def trained_on(run: RunDir) -> Dataset:
    """Return the roles of the columns in the table of the run."""
    files = run.published("profile")
    return Dataset.from_json(files.read_json(f"profile/{files.attempt}/stats.json")["dataset"])
