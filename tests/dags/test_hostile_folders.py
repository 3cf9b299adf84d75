"""What lies in the pipelines' folder, a form or a deployment can neither stop parsing nor run anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import ParamValidationError
from test_dag_pipelines import DAGS, write
from test_stage_operator import dag_run

from steelyard import store
from steelyard.airflow._params import overrides
from steelyard.airflow._run import RUN_ID
from steelyard.airflow._score import run_below
from steelyard.config import load
from steelyard.errors import ConfigError, InputError

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
)
HOSTILE = {
    "bomb": BOMB,
    "deep": "a: " + "[" * 5000,
    "itself": "a: &a [*a]\n",
    "long": "# " + "x" * 300_000,
    "digits": "version: " + "9" * 5000,
    "object": "version: !!python/object/apply:os._exit [1]\n",
}


def bag_of(pipelines: Path) -> tuple[DagBag, str]:
    bag = DagBag(str(DAGS))
    [(file, said)] = bag.import_errors.items()
    assert file == str(DAGS / "dag_broken_pipelines.py")
    return bag, said


def test_no_file_stops_the_others(pipelines: Path) -> None:
    write(pipelines, "sound")
    for name, text in HOSTILE.items():
        (pipelines / f"{name}.yaml").write_text(text)
    os.mkfifo(pipelines / "fifo.yaml")
    (pipelines / "folder.yaml").mkdir()
    (pipelines / "dangling.yaml").symlink_to("nowhere")
    (pipelines / "zero.yaml").symlink_to("/dev/zero")

    bag, said = bag_of(pipelines)

    assert list(bag.dags) == ["sound"] and "10 of 11 pipelines have no DAG" in said
    for name in ("fifo", "folder", "dangling", "zero"):
        assert f"{pipelines}/{name}.yaml\nis not a regular file" in said
    assert "is of more than 20,000 nodes" in said and "is nested deeper than 40 levels" in said


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules of anybody's: one that may be imported, and some that must not."""
    folder = tmp_path / "modules"
    (folder / "hooks").mkdir(parents=True)
    (folder / "hooks" / "__init__.py").write_text("def tell(message, context): ...\n")
    (folder / "hooks" / "quits.py").write_text("import sys\nsys.exit('bye')\n")
    (folder / "hooks_of_others.py").write_text("raise AssertionError\n")
    (folder / "evil.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("STEELYARD_ALLOWED_MODULES", "hooks")
    return folder


@pytest.mark.usefixtures("modules")
def test_only_allowed_modules_are_imported(pipelines: Path) -> None:
    write(pipelines, "sound", "airflow: {on_failure: hooks.tell}\n")
    write(pipelines, "quits", "airflow: {on_failure: hooks.quits.tell}\n")
    write(pipelines, "near", "airflow: {on_failure: hooks_of_others.tell}\n")
    write(pipelines, "evil", "airflow: {on_failure: evil.tell}\n")
    write(pipelines, "sampler", "resample: {method: evil.Sampler}\ntrain: {model: evil.Trainer}\n")

    bag, said = bag_of(pipelines)

    assert set(bag.dags) == {"sound", "sampler"} and not {"evil", "hooks_of_others"} & set(sys.modules)
    assert "airflow.on_failure: cannot import 'hooks.quits.tell': bye" in said
    for path in ("hooks_of_others.tell", "evil.tell"):
        assert f"{path!r} is not below a module that STEELYARD_ALLOWED_MODULES allows; it allows hooks" in said


def test_without_the_variable_no_yaml_names_a_module(pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEELYARD_ALLOWED_MODULES", raising=False)
    write(pipelines, "hook", "airflow: {on_failure: json.dumps}\n")
    bag, said = bag_of(pipelines)
    assert not bag.dags and "that STEELYARD_ALLOWED_MODULES allows; it isn't set" in said


NAMES = ["{{ params.seed }}", "{% raw %}", "{# x #}", "a'b\"{{ é }} 🐟", "{{ '{% endraw %}' }}"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_are_no_templates(pipelines: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("STEELYARD_STORE", f"/runs/{name}")
    monkeypatch.setenv("STEELYARD_JOBS", f"/jobs/{name}")
    file = pipelines / f"{name}.yaml"
    score = "{path: '/in/{{ 1 }}/${date}', out: '/out/{{ conn.x.password }}/${date}'}"
    file.write_text(f"version: 1\nname: p\ndata: {{path: t.parquet, label: y}}\nscore: {score}\n")
    bag = DagBag(str(DAGS))
    assert bag.import_errors == {}

    dag = bag.dags["p"]
    task: Any = dag.task_dict["profile"]
    macros = {**(dag.user_defined_macros or {}), "dag_run": dag_run(), "params": dag.params.dump()}
    task.render_template_fields(macros)
    assert task.application_args[:6] == [
        "--pipeline", str(file), "--run-id", "20260301T030000", "--store", f"/runs/{name}",
    ]  # fmt: skip
    assert (task.pipeline, task.store) == (str(file), f"/runs/{name}")
    assert task.application == f"/jobs/{name}/job_profile.py"

    score_dag = bag.dags["p.score"]
    [job] = score_dag.tasks
    job.render_template_fields({"dag_run": dag_run(), "params": score_dag.params.dump()})
    assert job.application_args[:4] == [
        f"/runs/{name}/p", "/in/{{ 1 }}/2026-03-01", "--out", "/out/{{ conn.x.password }}/2026-03-01",
    ]  # fmt: skip


CONFIG = load("{version: 1, name: p, data: {path: /t, label: y}, resample: {method: smote}}")
FORM = {"seed": 0, "sampler": "smote", "ratio": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": "1\nspark.master=x"},
        {"seed": True},
        {"sampler": "smote\ndata.path=/etc"},
        {"sampler": ["smote"]},
        {"ratio": "1\ndata.path=/etc"},
        {"ratio": float("nan")},
        {"ratio": float("inf")},
    ],
)
def test_a_form_adds_no_lines(wrong: dict[str, Any]) -> None:
    assert overrides(CONFIG, FORM) == ""
    with pytest.raises(ConfigError, match=f"the form's {next(iter(wrong))} can't be"):
        overrides(CONFIG, {**FORM, **wrong})


@pytest.mark.parametrize("wrong", ["../../other/run", "/etc", "a/b", ".", "x\n"])
def test_a_run_to_score_with_lies_in_the_pipelines_folder(pipelines: Path, wrong: str) -> None:
    assert store.RUN_ID.pattern == RUN_ID
    write(pipelines, "mine", "score: {path: in, out: out}\n")
    dag = DagBag(str(DAGS)).dags["mine.score"]
    with pytest.raises(InputError, match="run id .* is not of the form"):
        run_below(wrong)
    dag.params["run_id"] = "20260301T000000"
    if not wrong.endswith("\n"):  # which the form's own check lets pass
        with pytest.raises(ParamValidationError):
            dag.params["run_id"] = wrong
