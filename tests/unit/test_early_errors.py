"""Errors that are found before Spark starts, and how they are put."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_pipelines import pipeline

from steelyard.classifier import Classifier, ClassifierEstimator, check_calibration
from steelyard.classifier._arguments import DATASET, ESTIMATOR, naming
from steelyard.columns import check_free
from steelyard.config import Recipe, as_options, plain
from steelyard.dataset import Cost, Dataset
from steelyard.errors import ConfigError, InputError, short
from steelyard.learning import get_trainer
from steelyard.sampling import get_sampler
from steelyard.stages import STAGES, run_config, start_run
from steelyard.stages._check import check_classes
from steelyard.stages._order import fingerprint
from steelyard.stages.commands.check import check, check_paths
from steelyard.stages.commands.submit import locate
from steelyard.store import Outcome, RunDir, RunExistsError, Store
from steelyard.weighting import with_matrix

MATRIX = {"a": {"b": 1, "c": 2}, "b": {"a": 3, "c": 4}, "c": {"a": 5, "b": 6}}
BOTH = {"false_negative": 30, "false_positive": 2}


def text(**sections: object) -> str:
    return json.dumps(pipeline("/nowhere/t.parquet", **sections).to_json())


def failed_profile(run: RunDir) -> None:
    run.publish(Outcome("profile", "failed", "a", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", kind="input"))


def test_a_stage_refuses_a_pipeline_that_its_run_was_not_started_with(tmp_path: Path) -> None:
    store = Store(tmp_path)
    start_run(store, pipeline("/nowhere/t.parquet"), "r1", {})
    same, config, _ = locate("split", text(), "r1", None, store)
    assert config.split.test == 0.25 and same.location.endswith("small/r1")
    locate("split", text(airflow={"retries": 3}), "r1", None, store)  # no stage reads it
    with pytest.raises(
        InputError, match=r"split\.test is 0\.3 now, and was 0\.25 when .*r1 was made; stage split reads it"
    ):
        locate("train", text(gate={"recall": {"min": 0.5}}), "r1", None, store, ["split.test=0.3"])
    with pytest.raises(
        InputError, match=r"resample\.method is 'smote' now, and was 'none'.*stage resample .*--run-dir"
    ):
        locate("train", text(resample={"method": "smote", "k_neighbors": 3}), "r1", None, store)
    with pytest.raises(InputError, match=r"^data\.options.* has changed when") as error:
        locate("train", text(data={"options": {"x": "hidden"}}), "r1", None, store)
    assert "hidden" not in str(error.value)


def test_a_stage_takes_what_it_and_later_ones_read_as_it_is_now(tmp_path: Path) -> None:
    store, before = Store(tmp_path), pipeline("/nowhere/t.parquet")
    run = start_run(store, before, "r1", {"date": "2026-01-01"})
    for stage in STAGES[:-2]:
        run.publish(Outcome(stage, "done", "a", "", "", fingerprint(stage, before)))
    changes = ["decide.threshold={value: 0.5}", "guards.scored=scored.json", "gate.recall={min: 0.5}"]
    _, config, adopt = locate("guard_resampled", text(), "r1", None, store, changes)
    assert run_config(run) == before and all(run.outcome(stage) for stage in STAGES[:-2]), "not checked yet"
    assert adopt is not None
    adopt()
    assert run_config(run) == config and config.decide.threshold == {"value": 0.5}
    assert run.manifest()["variables"] == {"date": "2026-01-01"}
    assert [stage for stage in STAGES if run.outcome(stage) is not None] == list(STAGES[: STAGES.index("decide")])


def test_run_dir_takes_neither_a_pipeline_nor_changes(tmp_path: Path) -> None:
    run = start_run(Store(tmp_path), pipeline("/nowhere/t.parquet"), "r1", {}).location
    with pytest.raises(InputError, match="either a pipeline and --run-id, or --run-dir"):
        locate("split", text(), None, run, Store(tmp_path))
    with pytest.raises(InputError, match="--set and --var need a pipeline"):
        locate("split", None, None, run, Store(tmp_path), ["split.test=0.3"])


def test_a_run_that_failed_in_profile_does_not_use_up_its_id(tmp_path: Path) -> None:
    store, config = Store(tmp_path), pipeline("/nowhere/t.parquet")
    run = start_run(store, config, "r1", {})
    with pytest.raises(RunExistsError):  # it may be in its profile just now
        start_run(store, config, "r1", {})
    failed_profile(run)
    again = start_run(store, config, "r1", {})
    assert again.outcome("profile") is None and again.exists("run.json")
    again.publish(Outcome("profile", "done", "a", "", ""))
    with pytest.raises(RunExistsError):
        start_run(store, config, "r1", {})
    with pytest.raises(InputError, match="give one of them"):
        start_run(store, config, "r1", {}, resume=True, overwrite=True)


def test_local_inputs_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEELYARD_MASTER", raising=False)
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    (tmp_path / "käse 🧀.parquet").touch()
    check_paths(pipeline(f"{tmp_path}/käse 🧀.parquet"))
    check_paths(pipeline(f"file://{tmp_path}"))
    with pytest.raises(InputError, match=r"data\.path: there is no file or folder .*Did you mean 'käse 🧀\.parquet'"):
        check_paths(pipeline(f"{tmp_path}/kase 🧀.parquet"))
    for unseen in ("s3a://bucket/x", f"{tmp_path}/*.csv"):
        check_paths(pipeline(unseen))
    check_paths(pipeline("/on/hdfs", spark={"master": "spark://master:7077"}))
    check_paths(pipeline("/on/hdfs", spark={"conf": {"spark.hadoop.fs.defaultFS": "hdfs://n:8020"}}))


def test_checks_name_the_section_of_a_pipeline_and_of_a_recipe() -> None:
    for sections, said in (
        ({"resample": {"method": "smoet"}}, "resample: there is no sampler 'smoet'"),
        ({"resample": {"method": "smote", "k_neighbors": None}}, "resample: .*k_neighbors must have a value"),
        ({"train": {"model": "xgbost"}}, "train: there is no trainer 'xgbost'"),
        ({"train": {"model": "xgboost", "params": {"max_depth": -1}}}, r"train\.params\.max_depth must be"),
        ({"decide": {"threshold": {"maximise": "f1"}}}, r"decide\.threshold: there is no rule 'maximise'"),
        ({"decide": {"threshold": {"value": 2}}}, r"decide\.threshold\.value: must be a probability"),
        ({"decide": {"threshold": {"value": 1.5}}}, r"decide\.threshold\.value: must be a probability"),
        ({"resample": {"method": "auto", "k_neighbors": 3}}, r"resample\.k_neighbors: with method auto"),
        ({"decide": {"calibrate": "prior"}}, r"decide\.calibrate: prior undoes a resampling or class weights"),
    ):
        with pytest.raises(InputError, match=f"^{said}"):
            check(pipeline("/nowhere/t.parquet", **sections))
        with pytest.raises(InputError, match=f"^{said}"):
            ClassifierEstimator(recipe=sections)


def test_a_comparison_by_cost_needs_costs() -> None:
    with pytest.raises(ConfigError, match=r"compare\.metric is cost, which needs data\.cost"):
        check(pipeline("/nowhere/t.parquet", compare={"metric": "cost"}))
    two = {"matrix": {"0": {"1": 5}, "1": {"0": 100, "1": 5}}}
    check(pipeline("/nowhere/t.parquet", data={"cost": two}, compare={"metric": "cost"}))


@pytest.mark.parametrize("name", ["pipeline", "xgboost", "xgboost 100:1", "xgboost max_depth 3"])
def test_names_of_candidates_are_those_of_no_other(name: str) -> None:
    compare = {"candidates": {name: {"train": {"params": {"max_depth": 9}}}}, "search": {"max_depth": [3, 6]}}
    with pytest.raises(ConfigError, match=rf"compare\.candidates\.{name}: the comparison has a candidate"):
        check(pipeline("/nowhere/t.parquet", compare=compare))


def test_decision_rules_are_refused_with_keys_that_contradict_them() -> None:
    per_row: dict[str, Any] = {"decide": {"threshold": "per_row_cost"}}
    for sections, said in (
        (per_row, r"decide\.threshold\.per_row_cost: needs both costs"),
        ({"data": {"cost": BOTH}, **per_row}, r"decide\.threshold\.per_row_cost: both costs are numbers"),
        (
            {
                "data": {"cost": {**BOTH, "false_negative": "amount"}},
                "decide": {"threshold": "per_row_cost", "calibrate": "none"},
                "resample": {"method": "smote"},
            },
            r"decide\.calibrate is none, but decide\.threshold per_row_cost compares probabilities",
        ),
        (
            {"decide": {"threshold": {"alerts": {"per": "day", "top": 5}}}},
            r".*decide\.threshold\.alerts needs data\.time",
        ),
        ({"train": {"cost_weights": True}}, r".*train\.cost_weights needs data\.cost\.false_negative and"),
        (
            {"data": {"cost": BOTH}, "train": {"cost_weights": True, "class_weight": "balanced"}},
            r".*train\.cost_weights and train\.class_weight both weigh",
        ),
        (
            {"data": {"cost": BOTH}, "train": {"cost_weights": True}, "decide": {"calibrate": "platt"}},
            r".*decide\.calibrate is platt, but with train\.cost_weights",
        ),
        (
            {"data": {"cost": BOTH}, "train": {"cost_weights": True}, **per_row},
            r".*per_row_cost would count costs that train\.cost_weights",
        ),
        ({"data": {"cost": {"false_negative": 0, "false_positive": 0}}}, ".*errors cost nothing"),
        ({"data": {"cost": {**BOTH, "matrix": MATRIX}}}, ".*'matrix' holds the costs of all errors"),
        (
            {"data": {"cost": {"matrix": {"a": {"a": 1, "b": 0.5}}}}},
            ".*deciding 'b' for 'a' costs 0.5, less than the right decision: 1",
        ),
        ({"data": {"cost": {"matrix": MATRIX}}, "train": {"cost_weights": True}}, r".*cost_weights is for two classes"),
        (
            {"train": {"class_weight": "cost_matrix"}},
            r".*train\.class_weight is cost_matrix, which needs data\.cost\.mat",
        ),
        (
            {"data": {"cost": {"matrix": MATRIX}}, "decide": {"threshold": {"value": 0.5}}},
            r".*decide\.threshold is for two classes, and data\.cost\.matrix has more",
        ),
        (
            {
                "data": {"cost": {"matrix": MATRIX}},
                "decide": {"calibrate": "none"},
                "train": {"model": "logistic_regression", "class_weight": "balanced"},
            },
            r"decide\.calibrate is none, but data\.cost\.matrix compares probabilities",
        ),
        (
            {"data": {"weight": "amount"}, "decide": {"threshold": {"conformal_recall": 0.9}}},
            r".*decide\.threshold\.conformal_recall counts rows, and data\.weight is given",
        ),
    ):
        with pytest.raises(InputError, match=f"^{said}"):
            check(pipeline("/nowhere/t.parquet", **sections))


@pytest.mark.parametrize(
    ("sections", "classes", "refused"),
    [
        ({}, (), True),
        ({"resample": {"method": "random_under_sampler"}}, (), False),
        ({"resample": {"method": "random_under_sampler", "weight_output_col": "w"}}, (), True),
        ({"resample": {"method": "guided_under_sampler"}}, (), True),
        ({"resample": {"method": "smote"}}, (), False),
        ({"resample": {"method": "auto"}}, ("0", "1"), False),
        ({"train": {"class_weight": "balanced"}}, ("0", "1"), False),
        ({"train": {"class_weight": {"effective_number": "auto"}}}, ("0", "1"), False),
        ({"train": {"class_weight": {"1": 1}}}, (), True),
        ({"train": {"class_weight": {"0": 2, "1": 2}}}, (), False),
        ({"train": {"class_weight": {"0": 2, "1": 2}}}, ("0", "1"), True),
        ({"train": {"class_weight": {"1": 2}}}, ("0", "1"), False),
        ({"train": {"params": {"scale_pos_weight": 3}}}, (), False),
        ({"train": {"params": {"scale_pos_weight": 3}}}, ("a", "b", "c"), True),
    ],
)
def test_the_prior_correction_needs_a_changed_prior(sections: dict[str, Any], classes: Any, refused: bool) -> None:
    recipe = Recipe.of({**sections, "decide": {"calibrate": "prior"}})
    with pytest.raises(ConfigError, match="there were none") if refused else nullcontext():
        check_calibration(recipe, classes)


def test_what_the_classes_of_a_profile_do_not_allow() -> None:
    found = {"classes": {name: {"count": 9} for name in "abc"}, "features": {}}
    for sections, said in (
        ({"data": {"cost": {"false_negative": 5.0}}}, r"data\.cost: costs of errors are for two classes.* 3: 'a', 'b'"),
        ({"decide": {"threshold": {"value": 0.5}}}, r"decide\.threshold is for two classes"),
        ({"train": {"class_weight": {"d": 2}}}, "'d'"),
        ({"train": {"loss": {"focal": {}}}}, r"train\.loss: focal is for two classes, and the label has 3"),
        (
            {"train": {"params": {"scale_pos_weight": 3}}, "decide": {"calibrate": "prior"}},
            r"decide\.calibrate: prior undoes",
        ),
    ):
        with pytest.raises(InputError, match=said):
            check_classes(pipeline("/t", **sections), found)
    check_classes(pipeline("/t", compare={}), found)


def test_errors_in_code_name_arguments() -> None:
    text = "data.cost.false_positive, data.key, 'data.key', a.data.key (data.exclude; in code, the dataset's features)"
    for arguments, said in (
        (DATASET, "dataset.cost.false_positive, dataset.key, 'data.key', a.data.key (dataset.features)"),
        (ESTIMATOR, "cost_fp, key_col, 'data.key', a.data.key (exclude_col)"),
    ):
        with pytest.raises(InputError, match=f"^{re.escape(said)}$"), naming(arguments):
            raise InputError(text)
    with (
        pytest.raises(ConfigError, match=r"needs dataset\.cost\.matrix of steelyard\.classifier\.fit$"),
        naming(ESTIMATOR),
    ):
        with_matrix("cost_matrix", Cost())
    assert as_options("data.cost.false_negative, data.cost, data.positive.") == (
        "--cost false_negative, --cost, --positive."
    )


def test_two_new_columns_have_two_names() -> None:
    with pytest.raises(InputError, match="scoring adds two columns 'P'; give each a name of its own"):
        check_free(["a"], ["p", "q", "P"], "scoring")
    sampler = get_sampler("random_under_sampler", weight_output_col="is_synthetic")
    with pytest.raises(InputError, match="'is_synthetic', and weight_output_col adds"):
        sampler.check_output(["a"])


def test_places_that_are_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=f"can't be a folder: {tmp_path}/file is a file"):
            Store(root).create("small", "r1", {})
    with pytest.raises(InputError, match="zzz://x/y can't be used"):
        Store("zzz://x/y")


def test_messages_are_short() -> None:
    assert short("Job aborted\n\tat org.apache.spark.X\n\tat Y") == "Job aborted"
    assert short("a\n\nb\nTraceback (most recent call last):\n  File") == "a\nb"
    assert short("\n".join("abcdefg")) == "a\nb\nc\nd\nand 3 more"
    assert len(short("x" * 5000)) == 600


def test_a_positional_argument_gets_an_example_that_the_class_takes() -> None:
    with pytest.raises(TypeError, match=r"got 'y': ClassifierEstimator\(label_col=\"y\", …\)"):
        ClassifierEstimator("y")  # type: ignore[call-arg]


def test_numbers_of_numpy_are_numbers_in_a_recipe() -> None:
    given = {
        "resample": {"method": "smote", "sampling_strategy": {np.int64(1): np.int64(50)}, "k_neighbors": np.int64(3)},
        "train": {
            "params": {"max_depth": np.int64(3), "learning_rate": np.float32(0.5)},
            "class_weight": {np.int64(1): np.float32(2)},
        },
        "decide": {"threshold": {"recall_at_least": np.float32(0.5)}},
    }
    recipe = ClassifierEstimator(recipe=given).getOrDefault("recipe")
    wanted: dict[str, dict[str, Any]] = {
        "resample": {"method": "smote", "sampling_strategy": {"1": 50}, "k_neighbors": 3},
        "train": {"params": {"max_depth": 3, "learning_rate": 0.5}, "class_weight": {"1": 2.0}},
        "decide": {"threshold": {"recall_at_least": 0.5}},
    }
    assert json.loads(json.dumps(recipe)) == wanted
    sections = Recipe(**given).model_dump(mode="json")  # type: ignore[arg-type]
    assert {name: {key: sections[name][key] for key in of} for name, of in wanted.items()} == wanted
    assert plain({"dtype": np.float32, "of": np.array([np.int64(1), None])}) == {"dtype": np.float32, "of": [1, None]}
    assert get_trainer("xgboost", {"max_depth": np.int64(3)}, loss={"focal": {"gamma": np.int64(1)}}).settings["loss"]
    with pytest.raises(InputError, match="recipe must hold numbers, text, lists and maps only"):
        ClassifierEstimator(recipe={"resample": {"method": "smote", "sampling_strategy": lambda counts: counts}})


@pytest.mark.parametrize("document", ["[]", '{"format": 1, "files": ["model.json"]}', '{"format": 1, "files": 3}'])
def test_a_damaged_list_of_a_classifiers_files_is_named(tmp_path: Path, document: str) -> None:
    (tmp_path / "classifier.json").write_text(document)
    with pytest.raises(InputError, match=r"classifier\.json is damaged"):
        Classifier.load(str(tmp_path))


def test_roles_and_costs_take_classes_and_numbers_in_any_form() -> None:
    cost = Cost(matrix={0: {1: np.int64(5)}, 1: {0: 100}})  # type: ignore[dict-item]
    given: dict[str, Any] = {"positive": np.int64(1), "classes": (0, 1.0), "sampling_rate": {0: 0.1}}
    data = Dataset("y", features=["a", "b"], key="id", cost=cost, **given)  # type: ignore[arg-type]
    assert (data.features, data.key) == (("a", "b"), ("id",))
    assert (data.positive, data.classes, data.sampling_rate) == ("1", ("0", "1"), {"0": 0.1})
    assert Dataset.from_json(json.loads(json.dumps(data.to_json()))) == data
    assert cost == Cost(matrix={"0": {"1": 5}, "1": {"0": 100}})
    assert type(Cost(np.int64(3)).false_negative) is int
    decimals: dict[str, Any] = {"false_negative": Decimal("1.5"), "matrix": {"a": {"b": Decimal(2)}}}
    assert Cost(**decimals) == Cost(1.5, matrix={"a": {"b": 2}})
    none: dict[str, Any] = {"key": None, "sampling_rate": {1: np.float32(0.5)}}
    assert Dataset("y", ("a",), **none) == Dataset("y", ("a",), sampling_rate={"1": 0.5})


@pytest.mark.parametrize("amount", [-1, float("nan"), True, np.bool_(True), Decimal(-3), Decimal("sNaN")])
def test_costs_are_numbers_of_0_or_more(amount: Any) -> None:
    with pytest.raises(InputError, match="the cost false_positive must be a number from 0"):
        Cost(1.0, amount)
    with pytest.raises(InputError, match="the cost matrix must be a number from 0"):
        Cost(matrix={"0": {"1": amount}})


@pytest.mark.parametrize("matrix", [{1: {}, "1": {}}, {0: {1: 5, "1": 7}}])
def test_classes_that_costs_or_rates_name_twice_are_refused(matrix: Any) -> None:
    with pytest.raises(InputError, match="class '1' is named twice"):
        Cost(matrix=matrix)
    with pytest.raises(InputError, match="class '1' is named twice"):
        Dataset("y", ("a",), sampling_rate={1: 0.5, "1": 0.1})  # type: ignore[dict-item]
