"""Secrets are never literal, never echoed, and never written where they come from the environment; YAML has limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.config import hidden_env, hide_env, load, parse_yaml, resolve_env
from steelyard.config._secrets import is_secret_name
from steelyard.errors import ConfigError, EngineError, InputError
from steelyard.extensions import check_module
from steelyard.stages.commands.submit import exit_with

SECRET = "hunter2x"


def config(**sections: Any) -> dict[str, Any]:
    data = {"path": "/t", "label": "y", **sections.pop("data", {})}
    return {"version": 1, "name": "p", "data": data, **sections}


NAMES = [
    "password", "passwd", "dbPassword", "pwd", "MYSQL_PWD", "pass", "db_pass", "dbpass", "user.pass", "keyPass",
    "passphrase", "sas", "fs.azure.sas.container.account", "sasToken", "api_key", "apikey", "apiKey", "x-api-key",
    "private_key", "privateKey", "secret", "fs.s3a.secret.key", "fs.azure.account.key.x.net", "accessKey", "token",
    "spark.executorEnv.DB_PASS", "spark.executorEnv.AWS_SECRET_ACCESS_KEY", "credentials", "sharedKey", "jaas.config",
]  # fmt: skip
HARMLESS = [
    "passenger_count", "bypass", "compass", "pass_rate_min", "keytab", "key", "sassafras", "header", "keyColumn",
    "spark.executor.cores", "primaryKey", "mergeSchema", "partitionColumn", "dbtable", "user", "url", "monkey",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_by_its_name_is_refused_and_not_shown(name: str) -> None:
    for section in ({"data": {"options": {name: SECRET}}}, {"spark": {"conf": {name: SECRET}}}):
        with pytest.raises(ConfigError, match="contains a literal secret; write ") as error:
            load(config(**section))
        assert SECRET not in str(error.value) and name in str(error.value)
    assert load(config(data={"options": {name: "${env:SECRET}"}})).data.options == {name: "${env:SECRET}"}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_name_is_none(name: str) -> None:
    assert not is_secret_name(name) and load(config(data={"options": {name: "x"}})).data.options


VALUES = [
    "jdbc:postgresql://h/db?user=me&password={}",
    "jdbc:postgresql://me:{}@h/db",
    "jdbc:oracle:thin:me/{}@h:1521:x",
    "jdbc:oracle:thin:me/{}@//h:1521/x",
    "jdbc:sqlserver://h;user=me;pwd={}",
    "jdbc:mysql://h/db?user=me&pass={}",
    "mongodb://:{}@h/db",
    "https://h/t.csv?token={}",
    "https://h/t.csv?sv=2024&sig={}",
    "https://h/t.csv?api_key={}",
    "https://{}@raw.example/t.csv",
    "-Ddb.password={}",
    "-Xmx2g -Dapi.key={}",
    "Bearer {}",
    "AccountKey={};EndpointSuffix=core.windows.net",
    "SharedAccessSignature={}",
    "-----BEGIN RSA PRIVATE KEY-----{}",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_secret_within_a_value_is_refused_and_not_shown(value: str) -> None:
    literal = value.format(SECRET)
    for section in (
        {"data": {"options": {"url": literal}}},
        {"spark": {"conf": {"spark.executorEnv.URL": literal}}},
        {"spark": {"master": literal}},
    ):
        with pytest.raises(ConfigError, match="literal secret") as error:
            load(config(**section))
        assert SECRET not in str(error.value)
    if not value.startswith("---"):
        assert load(config(data={"options": {"url": value.format("${env:SECRET}")}}))


@pytest.mark.parametrize("value", [v for v in VALUES if "://" in v and not v.startswith("jdbc:sqlserver")])
def test_a_secret_in_a_path_is_refused(value: str) -> None:
    for section in ({"data": {"path": value.format(SECRET)}}, {"score": {"path": value.format(SECRET), "out": "/o"}}):
        with pytest.raises(ConfigError, match="literal secret") as error:
            load(config(**section))
        assert SECRET not in str(error.value)


def test_places_that_only_look_like_secrets_are_paths() -> None:
    for path in (
        "abfss://box@account.dfs.core.windows.net/t",
        "/data/token=3/pass=1/t",
        "s3a://b/a@b",
        "hdfs://me@h/t",
    ):
        assert load(config(data={"path": path})).data.path == path


WRONG: list[tuple[Any, list[str]]] = [
    (config(data={"options": {"password": [SECRET]}}), []),
    (config(data={"options": f"password={SECRET}"}), []),
    (config(spark={"conf": SECRET}), []),
    (config(spark={"conf": {"spark.x": [SECRET]}}), []),
    (config(spark={"master": [SECRET]}), []),
    (config(data={"snapshot": f"https://me:{SECRET}@h"}), []),
    (config(), [f"data.options.password:{SECRET}"]),
    (config(), [f"data.options.password={SECRET}"]),
    (config(), [f"data.options.password=[{SECRET}"]),
    (config(), [f"name.password={SECRET}"]),
    (f"{{version: 1, password: {SECRET}, password: other{SECRET}}}", []),
]


@pytest.mark.parametrize(("text", "sets"), WRONG)
def test_errors_never_show_values_of_options(text: Any, sets: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        load(text, sets)
    assert SECRET not in str(error.value) and str(error.value)


def test_other_wrong_values_are_shown() -> None:
    with pytest.raises(ConfigError, match=r"train.num_workers: .*got 'many'"):
        load(config(train={"num_workers": "many"}))


def test_what_comes_from_the_environment_is_hidden_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/vault/s3cret")
    monkeypatch.setenv("DEEP", "/vault/s3cret/deeper")
    monkeypatch.setenv("SHORT", "a")
    monkeypatch.setenv("OTHER", "table")
    source = {"path": ["${env:PLACE}/t", "${env:DEEP}/u"], "options": {"x": "${env:SHORT}${env:ABSENT}"}}
    said = {"files": [["file:/vault/s3cret/t", 7], ["file:/vault/s3cret/deeper/u", 8]], "message": "a table"}
    hidden = hide_env(said, source)
    assert hidden["files"] == [["file:${env:PLACE}/t", 7], ["file:${env:DEEP}/u", 8]]
    assert hidden["message"] == "a table" and resolve_env(hidden) == said
    with pytest.raises(InputError, match=r"^cannot read \$\{env:PLACE\}/t$"), hidden_env(source):
        raise InputError("cannot read /vault/s3cret/t")


def test_an_unused_variable_is_refused() -> None:
    text = config(data={"path": "/in/${region}/${date}"})
    assert load(text, variables={"region": "eu", "date": "2026-01-01"}).data.path == "/in/eu/2026-01-01"
    assert load(config(), variables={"date": "2026-01-01"})  # every DAG gives it
    assert load(config(), ["data.path=/in/${region}"], {"region": "eu"}).data.path == "/in/eu"
    with pytest.raises(ConfigError, match=r"--var regoin: the pipeline has no \$\{regoin\}. Did you mean 'region'\?"):
        load(text, variables={"region": "eu", "date": "d", "regoin": "us"})
    for name, value in (("password", SECRET), ("url", f"https://me:{SECRET}@h")):
        with pytest.raises(ConfigError, match=f"--var '{name}' contains a literal secret") as error:
            load(config(data={"where": f"x = '${{{name}}}'"}), variables={name: value})
        assert SECRET not in str(error.value)


def aliases(levels: int, each: Callable[[str], str]) -> str:
    first = "a: &a {x: 1}\n"
    return first + "".join(f"{chr(98 + i)}: &{chr(98 + i)} {each('*' + chr(97 + i))}\n" for i in range(levels))


HOSTILE = {
    "lists of aliases": aliases(8, lambda a: f"[{','.join([a] * 9)}]"),
    "merged aliases": aliases(8, lambda a: f"{{<<: [{','.join([a] * 9)}]}}"),
    "mappings of aliases": aliases(8, lambda a: "{" + ",".join(f"k{i}: {a}" for i in range(9)) + "}"),
    "itself": "a: &a {b: [*a]}",
    "deep": "a: " + "[" * 600,
    "deep mapping": "{a: " * 999,
    "deep block": "\n".join(" " * i + "a:" for i in range(300)),
    "long": "a: " + "x" * 300_000,
    "digits": "a: " + "9" * 9_999,
    "no character": "a: \x00",
    "no alias": "a: *b",
    "two": "a: 1\n---\na: 2\n",
    "tab": "a:\n\t- b",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_an_error_at_once(name: str, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(HOSTILE[name])
    began = time.process_time()
    with pytest.raises(ConfigError, match=r"p\.yaml") as error:
        load(file)
    assert len(str(error.value)) < 500
    assert time.process_time() - began < 30  # it would never end
    with pytest.raises(ConfigError):
        load(config(), [f"train.params={HOSTILE[name]}"])


def test_sound_aliases_and_lists_stay_within_the_limits() -> None:
    text = "x: &x {a: [" + ",".join(map(str, range(994))) + "]}\ny: [" + ",".join(["*x"] * 19) + "]"
    found = parse_yaml(text, "p")  # of nearly 20,000 nodes, those of an alias counted at each use
    assert len(found["y"]) == 19 and found["y"][18]["a"] == list(range(994))
    with pytest.raises(ConfigError, match="20,000 nodes"):
        parse_yaml(text.replace("[*x", "[*x,*x"), "p")


def test_modules_are_allowed_by_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_ALLOWED_MODULES", "alerts, company.hooks.")
    for path in ("alerts.tell", "alerts.mail.tell", "company.hooks.tell"):
        check_module(path, "airflow.on_failure", needed=True)
    for path in ("alert.tell", "alertsx.tell", "company.tell", "os.system", "alerts"):
        with pytest.raises(ConfigError, match=f"resample.method: '{path}' is not below a module"):
            check_module(path, "resample.method", needed=False)
    monkeypatch.delenv("STEELYARD_ALLOWED_MODULES")
    check_module("anybody.Sampler", "resample.method", needed=False)
    with pytest.raises(ConfigError, match="it isn't set"):
        check_module("alerts.tell", "airflow.on_failure", needed=True)


def test_a_jobs_traceback_keeps_placeholders(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_PASS", SECRET)

    def fails() -> None:
        try:
            raise RuntimeError(f"no connection to jdbc:x://me:{SECRET}@h")
        except RuntimeError as error:
            raise EngineError("stage profile failed") from error

    with pytest.raises(SystemExit):
        exit_with(fails, lambda text: str(hide_env(text, {"url": "${env:DB_PASS}"})))
    said = capsys.readouterr().err
    assert "me:${env:DB_PASS}@h" in said and SECRET not in said
