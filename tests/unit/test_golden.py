"""Files that released versions wrote, read by today's code. `tests/golden/copy_files.py` says which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from steelyard.dataset import Dataset
from steelyard.deciding import DecisionPolicy
from steelyard.frames.reading import Pin
from steelyard.learning import load_model
from steelyard.metrics import judge_gate
from steelyard.sampling import SamplingPlan
from steelyard.splitting import SplitPlan
from steelyard.stages._context import run_config
from steelyard.store import RunDir, Store, verified
from steelyard.store._outcome import outcome_from

GOLDEN = Path(__file__).parents[1] / "golden"
VERSIONS = sorted(p.name for p in GOLDEN.iterdir() if (p / "frauds").is_dir())
EACH = [pytest.param(v, n, id=f"{v}-{n}") for v in VERSIONS for n in ("frauds", "parts")]


def place(version: str, name: str) -> RunDir:
    return Store(GOLDEN / version / name).here()


def policy_of(run: RunDir) -> DecisionPolicy:
    """0.1.0 kept the policy next to the model."""
    files = [f for f in ("decide/policy.json", "train/decision.json") if run.exists(f)]
    return DecisionPolicy.from_json(run.read_json(files[0]))


@pytest.mark.parametrize(("version", "name"), EACH)
def test_run_json(version: str, name: str) -> None:
    run = place(version, name)
    manifest = run.manifest()
    assert (manifest["pipeline"], manifest["run_id"], manifest["variables"]) == (name, "r1", {"date": "2026-05-01"})
    assert version in (manifest["versions"]["steelyard"], "unreleased")
    config = run_config(run)
    assert config.split.seed == 7 and config.split.test == 0.25
    assert config.data.cost.false_positive == (30 if name == "frauds" else None)
    assert config.resample.params["sampling_strategy"] == (0.4 if name == "frauds" else "not majority")


@pytest.mark.parametrize(("version", "name"), EACH)
def test_outcomes_and_the_accepted_profile(version: str, name: str) -> None:
    run = place(version, name)
    outcomes = [outcome_from(verified(run.read_json(f))) for f in run.files("") if f.endswith("outcome.json")]
    assert len(outcomes) >= 6
    for outcome in outcomes:
        assert outcome is not None and outcome.done and outcome.files
        assert (outcome.version, outcome.format) == ("0.1.0", 0) if version == "0.1.0" else outcome.format > 0
    accepted = verified(run.read_json("accepted.json"))["classes"]
    assert accepted == ({"no": 525, "yes": 75} if name == "frauds" else {"good": 280, "crack": 40, "scratch": 40})


@pytest.mark.parametrize(("version", "name"), EACH)
def test_the_pin_and_the_roles_of_columns(version: str, name: str) -> None:
    run = place(version, name)
    pin = Pin.from_json(run.read_json("profile/input.json")["pin"])
    assert pin.format == ("csv" if name == "frauds" else "parquet") and pin.time_zone == "UTC" and len(pin.files) == 1
    known = Dataset.from_json(run.read_json("profile/stats.json")["dataset"])
    assert known.key == ("id",) and known.positive == ("yes" if name == "frauds" else None)
    assert known.features == (("amount", "distance", "channel") if name == "frauds" else ("width", "gloss"))


@pytest.mark.parametrize(("version", "name"), EACH)
def test_plans(version: str, name: str) -> None:
    run = place(version, name)
    split = SplitPlan.from_json(run.read_json("split/plan.json"))
    sampling = SamplingPlan.from_json(run.read_json("resample/plan.json"))
    if name == "frauds":
        assert split.method == "group" and split.counts["test"] == {"no": 132, "yes": 19}
        assert [len(hashes) for hashes in split.placed] == [23, 24, 43]
        cut = sampling.classes["no"].cut
        assert cut is not None and (cut.below, cut.count) == (3233002111466746530, 92)
        assert sampling.distortion.exact and sampling.rates == {"no": 92 / 262, "yes": 1.0}
    else:
        assert [cut.below for cut in split.cuts["good"]] == [2143532971654734222, 4169104393222200026]
        assert {c: of.new for c, of in sampling.classes.items()} == {"crack": 132, "good": 0, "scratch": 132}
        assert not sampling.distortion.exact


@pytest.mark.parametrize("version", VERSIONS)
def test_models(version: str) -> None:
    run = place(version, "frauds")
    model = load_model(run, "train")
    assert (model.trainer, model.classes, model.settings["params"]["max_depth"]) == ("xgboost", ("no", "yes"), 3)
    booster = xgb.Booster(model_file=bytearray(run.read_bytes("train/booster.ubj")))
    rows = np.array([[40.0, 2.5, 0, 1], [40.0, -1.0, 1, 0]], dtype=np.float32)
    found = booster.inplace_predict(rows, validate_features=False)
    assert found == pytest.approx([0.6127978, 0.1005623], rel=1e-5)

    several = load_model(place(version, "parts"), "train")
    assert (several.trainer, several.classes) == ("logistic_regression", ("good", "crack", "scratch"))
    assert several.preprocessing.names == ["width", "gloss"]
    weights = {of["feature"]: of["coefficient"] for of in several.summary["coefficients"]}
    assert weights["width"]["crack"] == pytest.approx(1.59236, abs=1e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_policies(version: str) -> None:
    policy = policy_of(place(version, "frauds"))
    assert policy.threshold == pytest.approx(0.2141246, abs=1e-6) and policy.priors["yes"] == pytest.approx(37 / 299)
    logit = 1.0800048460275686 * np.log(0.7 / 0.3) - 0.7438320875934061
    assert policy.calibration.apply_numpy(np.array([0.7])) == pytest.approx([1 / (1 + np.exp(-logit))])

    several = policy_of(place(version, "parts"))
    assert several.threshold is None and several.rule == {"rule": "greatest probability"}
    found = several.calibration.apply_numpy(np.array([[0.2, 0.7, 0.1]]))
    assert found.tolist() == [pytest.approx([0.6101336, 0.3168083, 0.0730581], abs=1e-6)]


@pytest.mark.parametrize("version", VERSIONS)
def test_metrics(version: str) -> None:
    for name, recall in (("frauds", 9 / 19), ("parts", (69 / 70 + 6 / 10 + 2 / 10) / 3)):
        found = place(version, name).read_json("metrics.json")
        passed, failed = judge_gate(found, {"recall": {"min": recall - 1e-9}, "balanced_accuracy": {"max": 0.1}})
        assert passed["passed"] and not failed["passed"]
