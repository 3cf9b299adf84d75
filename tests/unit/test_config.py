"""The pipeline YAML: what is accepted, and what each mistake is told."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from steelyard.config import duration, load, resolve_env
from steelyard.errors import ConfigError
from steelyard.store import to_json

GOOD = """\
version: 1
name: card_fraud
data:
  path: ../data/t.parquet
  label: is_fraud
  key: transaction_id
  cost: {false_negative: amount, false_positive: 5.0}
"""


def write(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "pipelines"
    folder.mkdir(exist_ok=True)
    (folder / "p.yaml").write_text(text)
    return folder / "p.yaml"


def refused(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, text), overrides)
    return str(error.value)


def test_paths_are_taken_from_the_yaml_s_folder_and_overrides_from_here(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    assert load(file).data.path == str(tmp_path / "data/t.parquet")
    assert load(file, ["data.path=x/y"]).data.path == str(Path.cwd() / "x/y")
    assert load(file, ["data.path=s3a://b/y"]).data.path == "s3a://b/y"
    assert load(file, ["guards.raw=my/raw.json"]).guards.raw == str(Path.cwd() / "my/raw.json")
    assert load(file).guards.raw == "raw.json"


def test_defaults_and_scalars_where_lists_are_meant(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.data.key == ["transaction_id"]
    assert (config.split.validation, config.split.test, config.resample.method) == (0.1, 0.2, "none")
    assert config.threshold_rule == {"minimize": "cost"}


def test_json_text_and_round_trip(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD), ["resample.method=smote", "resample.sampling_strategy={1: 500, 0.0: 3}"])
    assert config.resample.params == {"sampling_strategy": {"1": 500, "0": 3}}
    import json

    assert load(json.dumps(config.to_json())).to_json() == config.to_json()


def test_a_mapping_is_read_as_its_text_and_stays_as_it_was() -> None:
    given = {
        "version": 1,
        "name": "p",
        "data": {"path": "in/${region}.parquet", "label": "y", "key": ("a", "b")},
        "guards": {"raw": "my/raw.json"},
    }
    before = deepcopy(given)
    data = '{path: "in/${region}.parquet", label: y, key: [a, b]}'
    text = f"{{version: 1, name: p, data: {data}, guards: {{raw: my/raw.json}}}}"
    how = ["split.test=0.3", "spark.conf={a.b: c}"], {"region": "eu"}
    assert load(given, *how) == load(text, *how) and given == before
    slip = "trian: unknown key. Did you mean 'train'"
    for wrong, said in (({"trian": {}}, slip), ({"split": {"validation": 0.9}}, "leave no row for training")):
        with pytest.raises(ConfigError, match=said):
            load({**given, **wrong}, *how)
    with pytest.raises(ConfigError, match="split.validation: must be a finite number"):
        load({**given, "split": {"validation": float("nan")}}, *how)


def test_parameters_are_plain_python_values(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD), ["train.params={a: 1.0, b: 2, c: true, d: 'x', e: [0.5]}"])
    values = list(config.train.params.values())
    assert [type(v) for v in values] == [float, int, bool, str, list]
    assert type(values[-1][0]) is float


def test_classes_keep_their_string_form(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    assert load(file, ["data.positive=1"]).data.positive == "1"
    assert load(file, ["data.positive=true"]).data.positive == "true"
    assert load(file, ["data.positive='01'"]).data.positive == "01"
    assert load(file, ["train.class_weight={1: 5, 0: 1}"]).train.class_weight == {"1": 5.0, "0": 1.0}


def test_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, GOOD.replace("t.parquet", "${date}/t.parquet"))
    assert load(file, variables={"date": "2026-01-01"}).data.path == str(tmp_path / "data/2026-01-01/t.parquet")
    with pytest.raises(ConfigError, match=r"data\.path: \$\{date\} has no value; give it with --var date="):
        load(file)
    monkeypatch.setenv("PG_PASSWORD", "s3cret")
    assert resolve_env({"a": ["${env:PG_PASSWORD}!"]}) == {"a": ["s3cret!"]}
    with pytest.raises(ConfigError, match="environment has no NOPE"):
        resolve_env("${env:NOPE}")


def test_secrets_are_never_literal_and_stay_placeholders(tmp_path: Path) -> None:
    text = GOOD.replace("path: ../data/t.parquet", "format: jdbc\n  options: {url: 'jdbc:x', password: hunter2}")
    assert "literal secret" in refused(tmp_path, text)
    config = load(write(tmp_path, text.replace("hunter2", "'${env:PG_PASSWORD}'")))
    assert config.to_json()["data"]["options"]["password"] == "${env:PG_PASSWORD}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "label: is_fraud",
            "lable: is_fraud",
            ["data.label: is missing", "data.lable: unknown key. Did you mean 'label'?", "line 5"],
        ),
        ("version: 1", "version: 2", ["version: input should be 1, got 2 (line 1"]),
        ("name: card_fraud", "name: Card", ["name: string should match pattern", "line 2"]),
        ("path: ../data/t.parquet", "path: {}", ["data.path", "line 4"]),
        ("  path: ../data/t.parquet\n", "", ["data: give exactly one of 'path' and 'table'", "line 3"]),
        ("false_positive: 5.0", "false_positive: [1]", ["data.cost.false_positive", "line 7"]),
        ("key: transaction_id", "key: is_fraud", ["'is_fraud' is the label"]),
    ],
)
def test_mistakes_name_their_path_and_line(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    message = refused(tmp_path, GOOD.replace(old, new))
    for words in said:
        assert words in message


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("split={method: temporal}", "needs data.time"),
        ("split={validation: 0.5, test: 0.5}", "leave no row for training"),
        ("split={gap: 7d}", "'gap' is for the temporal method"),
        ("split={method: temporal, gap: soon}", "is not a duration"),
        ("split={test: 0}", "must both be more than 0"),
        ("data.group=customer", "would divide groups; use split.method group"),
        ("split={method: group}", "needs data.group"),
        ("split={method: groups}", "split.method"),
        ("gate={pr_auc: {}}", "at least one of"),
        ("data.sampling_rate={0: 0.5, '0': 0.1}", "data.sampling_rate: class '0' is named twice, as 0 and as '0'"),
        ("train.class_weight={true: 1, 'true': 2}", "class 'true' is named twice"),
        ("split.seed=true", "split.seed: must be a number. Got true instead"),
        ("data.cost.false_positive=false", "data.cost.false_positive: must be a number. Got false instead"),
        ("compare={search: {max_depth: [3, true]}}", "compare.search.max_depth.1: must be a number. Got true instead"),
        ("data.sampling_rate={0: true}", "data.sampling_rate.0: must be a number. Got true instead"),
        ("resample={method: smote, sampling_strategy: {1: 5, '1': 9}}", "resample: sampling_strategy: class '1' is"),
        ("data.cost.false_positive=is_fraud", "'is_fraud' is the label and cannot be a cost too"),
        ("gate={pr_auc: {mni: 0.5}}", "gate.pr_auc.mni: unknown key. Did you mean 'min'?"),
        ("data.domain={x: {monoton: 1}}", "data.domain.x.monoton: unknown key. Did you mean 'monotone'?"),
        ("data.cost={false_negatives: 1}", "data.cost.false_negatives: unknown key. Did you mean 'false_negative'?"),
        ("decide.threshold=0.3", "decide.threshold: must be one rule, such as {value: 0.3}"),
        ("decide.threshold=per_row", "Did you mean 'per_row_cost'? Got 'per_row' instead"),
        ("promote={rul: better}", "promote.rul: unknown key. Did you mean 'rule'?"),
        ("train.transfer={sorce: r}", "train.transfer.sorce: unknown key. Did you mean 'source'?"),
        ("compare={folds: 1}", "compare.folds"),
        ("data", "not of the form a.b=value"),
        ("name.x=1", "is a value, not a section"),
        ("splt.test=0.3", "splt: unknown key. Did you mean 'split'?"),
    ],
)
def test_overrides_are_checked_too(tmp_path: Path, override: str, said: str) -> None:
    assert said in refused(tmp_path, GOOD, override)


def test_a_mistake_below_one_type_of_a_union_is_the_only_one(tmp_path: Path) -> None:
    message = refused(tmp_path, GOOD, "compare.candidates={a: {trian: {}}}")
    assert message.startswith("compare.candidates.a.trian: unknown key. Did you mean 'train'?")
    assert len(message.splitlines()) == 1


def test_cost_rule_without_costs(tmp_path: Path) -> None:
    text = GOOD.replace("  cost: {false_negative: amount, false_positive: 5.0}\n", "")
    assert load(write(tmp_path, text)).threshold_rule == {"maximize": "f2"}
    assert "needs data.cost" in refused(tmp_path, text, "decide.threshold={minimize: cost}")


def test_broken_yaml_and_missing_files(tmp_path: Path) -> None:
    assert "line 2" in refused(tmp_path, "version: 1\nversion: 1\n")
    assert "line" in refused(tmp_path, "version: [1\n")
    assert "mapping" in refused(tmp_path, "- 1\n")
    with pytest.raises(ConfigError, match="cannot read the pipeline .*nope.yaml: No such file"):
        load(tmp_path / "nope.yaml")


def test_duration() -> None:
    assert duration("36h").total_seconds() == 36 * 3600


@pytest.mark.parametrize(
    "section",
    [
        "spark: {conf: {spark.hadoop.fs.s3a.secret.key: abcdef}}",
        'data: {format: jdbc, label: y, options: {url: "jdbc:postgresql://h/db?user=u&password=hunter2"}}',
        "data: {path: 's3a://key:hunter2@bucket/t', label: y}",
    ],
)
def test_secrets_inside_values_are_refused_too(tmp_path: Path, section: str) -> None:
    rest = "" if section.startswith("data") else "data: {path: t.parquet, label: y}\n"
    assert "literal secret" in refused(tmp_path, f"version: 1\nname: p\n{rest}{section}\n")


def test_new_rows_have_a_date_only_once_they_are_scored(tmp_path: Path) -> None:
    file = write(tmp_path, f"{GOOD}score: {{path: 'in/${{date}}.parquet', out: '../scored/${{date}}'}}\n")
    for config in (load(file), load(file, variables={"date": "2026-01-01"})):
        assert config.score is not None
        assert config.score.path == str(tmp_path / "pipelines/in/${date}.parquet")
        day = config.score.on("2026-03-02")
        assert (day.path, day.out) == (f"{file.parent}/in/2026-03-02.parquet", f"{tmp_path}/scored/2026-03-02")
    assert load(to_json(config.to_json()).decode()) == config
    assert "score: only ${date} is available when new rows are scored, got ${region}" in refused(
        tmp_path, f"{GOOD}score: {{path: 'in/${{region}}.parquet', out: o}}\n"
    )
    assert "score.out: is missing" in refused(tmp_path, f"{GOOD}score: {{path: p}}\n")
