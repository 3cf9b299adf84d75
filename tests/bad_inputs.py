"""Bad inputs of the command line, made from good ones: the words, and what the message must name."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from small_pipelines import small_table


class Bad(NamedTuple):
    """A command line, and a column, file, key or option that the message must name."""

    words: list[str]
    names: str


def good(table: str) -> dict[str, Any]:
    """A pipeline with most keys; it runs."""
    return {
        "version": 1,
        "name": "small",
        "data": {
            "path": table,
            "label": "y",
            "positive": 1,
            "key": ["id"],
            "exclude": ["customer", "t", "kind"],
            "format": "parquet",
            "cost": {"false_negative": "amount", "false_positive": 5.0},
            "on_null_label": "error",
            "options": {},
        },
        "split": {"method": "stratified", "validation": 0.2, "test": 0.25, "seed": 3, "materialize": False},
        "resample": {"method": "smote", "k_neighbors": 3, "missing": "impute", "sampling_strategy": 0.5},
        "train": {
            "model": "xgboost",
            "class_weight": "none",
            "loss": "log_loss",
            "params": {"n_estimators": 5},
            "num_workers": 2,
            "seed": 0,
        },
        "decide": {"calibrate": "auto", "threshold": {"minimize": "cost"}},
        "gate": {"pr_auc": {"min": 0.1}},
        "guards": {"raw": "raw.json", "quarantine": False, "parameters": {}},
        "spark": {"conf": {}},
        "airflow": {"schedule": None, "retries": 1},
    }


# A key and a value that it can't have; then what the message must name, where that isn't the key.
VALUES = """
version: 2 | version: one | name: Big Name | name: "" | name: null | name: ../up | data: [] | data: null
data.path: null | data.path: 7 | data.path: [] | data.path: "" | data.path: nowhere.parquet | data.label: null
data.label: [y] | data.label: "" | data.key: 5 | data.key: [id, null] | data.key: [""] | data.key: [y] -> y
data.exclude: {a: 1} | data.exclude: [[a]] | data.group: [customer] | data.group: y -> y | data.weight: 2
data.cost: 5 | data.cost.false_negative: -3 | data.cost.false_negative: [1] | data.cost.false_positive: .inf
data.sampling_rate: {"0": 0} | data.sampling_rate: {"0": 1.5} | data.sampling_rate: 0.1
data.on_null_label: ignore | data.format: 3 | data.options: header | data.options: {password: hunter2} -> password
data.positive: [1] | data.positive: {a: 1} | data.table: db.t -> table | data.categorical: 7 | data.where: 5
data.snapshot: 3 | split: stratified | split.method: random | split.validation: 1.5 | split.validation: -0.1
split.test: 0 | split.test: a lot | split.test: null | split.test: 0.9 | split.test: .nan | split.seed: lucky
split.seed: 1.5 | split.gap: 7d | split.gap: soon | split.method: temporal | split.method: group
split.materialize: perhaps | resample: smote | resample.method: smoet -> smoet | resample.method: null
resample.method: 5 | resample.k_neighbors: 0 | resample.k_neighbors: five | resample.k_neighbors: 2.5
resample.k_neighbors: null | resample.sampling_strategy: 2 | resample.sampling_strategy: minorty
resample.sampling_strategy: {"1": -5} | resample.sampling_strategy: {"1": 2.5} | resample.sampling_strategy: true
resample.missing: drop | resample.label_col: y | resample.random_state: x | resample.scale: 3
resample.provenance: yes please | resample.recall: 2 | resample.max_new_rows: -1 | resample.block_mb: .inf
train: null | train.model: xgbost -> train | train.model: 3 | train.class_weight: heavy | train.class_weight: {"1": x}
train.loss: {focl: {}} -> focal | train.loss: {focal: {gama: 1}} -> gamma | train.loss: {focal: {gamma: x}} -> gamma
train.class_weight: {"1": -2} | train.params: [] | train.params: {max_depth: -1} -> max_depth | train.seed: x
train.params: {max_depth: deep} -> max_depth | train.params: {eta: 0.1} -> eta
train.params: {learning_rate: .inf} -> learning_rate | train.num_workers: 0 | train.num_workers: 1.5
decide.calibrate: magic | decide.threshold: 0.5 | decide.threshold: {}
decide.threshold: {maximize: accuracyy} -> accuracyy | decide.threshold: {maximise: f1} -> maximise
decide.threshold: {value: 2} -> value | decide.threshold: {value: x} -> value
decide.threshold: {recall_at_least: 0} -> recall_at_least
decide.threshold: {precision_at_least: 1.2} -> precision_at_least | decide.threshold: {minimize: cost, value: 1}
decide.threshold: per_row_cots -> threshold | decide.threshold: {maximize: {f_beta: -1}} -> f_beta
decide.threshold: {per_row_cost: true} -> per_row_cost
decide.threshold: {minimize: alarms} -> alarms | gate: [] | gate: {pr_acu: {min: 1}} -> pr_acu | gate.pr_auc: 0.5
gate.pr_auc: {} | gate.pr_auc: {least: 0.5} -> least | gate.pr_auc: {min: high} -> min
gate.pr_auc: {min: .inf} -> min | guards.raw: row.json -> row.json | guards.raw: ./nowhere.json -> nowhere.json
guards.raw: 5 | guards.parameters: [] | guards.parameters: {minority_shar_min: 0.1} -> minority_shar_min
guards.quarantine: 3 | spark.conf: [] | spark.master: 5 | spark.conf: {spark.x.password: a} -> spark.x.password
spark.conf: {spark.x: [1]} -> spark.x | airflow.retries: -1 | airflow.start_date: someday
airflow.on_failure: no dots | airflow.schedule: 5 | compare: {folds: 1} -> folds | score: {path: x} -> out
score: {path: x, out: "${day}"} -> day
"""

# What a file holds that is no pipeline.
FILES = {
    "empty.yaml": b"",
    "list.yaml": b"- a\n- b\n",
    "word.yaml": b"pipeline",
    "tab.yaml": b"version: 1\n\tname: x\n",
    "open.yaml": b"version: 1\ndata: {path: x\n",
    "colon.yaml": b"version: 1\nname: a: b\n",
    "binary.yaml": bytes(range(256)),
    "latin.yaml": "version: 1\nname: käse\n".encode("latin-1"),
    "twice.yaml": b"version: 1\nversion: 1\nname: x\n",
    "alias.yaml": b"version: 1\nname: *nothing\n",
    "missing.yaml": b"version: 1\nname: x\n",
    "two.yaml": b"version: 1\n---\nversion: 1\n",
    "numbers.yaml": b"1: 2\n3: 4\n",
}

# A command line, and what its message must name. PIPELINE, TABLE, DIR and FILE stand for good ones.
COMMANDS = """
rnu PIPELINE | rnu
run | argument
run DIR | DIR
run DIR/nowhere.yaml | nowhere.yaml
run zzz://bucket/p.yaml | zzz://bucket/p.yaml
run file:///nowhere/p.yaml | /nowhere/p.yaml
run PIPELINE --stoer x | --stoer
run PIPELINE more | more
run PIPELINE --set train | train
run PIPELINE --set .=3 | --set
run PIPELINE --set split.test={ | split.test
run PIPELINE --set split.tset=0.1 | tset
run PIPELINE --set train.params.n_estimators.x=3 | n_estimators
run PIPELINE --set data.path='${WHERE}' | WHERE
run PIPELINE --set data.path=nowhere.parquet | nowhere.parquet
run PIPELINE --var DATE | DATE
run PIPELINE --run-id a/b | a/b
run PIPELINE --run-id '' | run id
run PIPELINE --run-id .. | '..'
run PIPELINE --resume | --run-id
run PIPELINE --overwrite | --run-id
run PIPELINE --resume --overwrite --run-id x | --resume
run PIPELINE --store FILE --run-id x | FILE
run PIPELINE --store FILE/below --run-id x | FILE
run PIPELINE --store zzz://x/y | zzz
stage | name
stage splt PIPELINE | splt
stage split PIPELINE | --run-id
stage split PIPELINE --run-id none | none
stage split --run-dir DIR | DIR
stage split --run-dir DIR/no | no
stage split PIPELINE --run-id r --run-dir DIR | --run-dir
report | run_dir
report DIR | DIR
report DIR/no | no
gc | STORE
gc DIR | --keep
gc DIR --keep -1 | --keep
gc DIR --keep few | --keep
gc DIR --days -3 | --days
gc DIR --days nan | --days
gc DIR/nowhere --keep 1 | nowhere
score | argument
score DIR TABLE --out DIR/new | DIR
score DIR/no TABLE --out DIR/new | no
demo --rows -5 | rows
demo --rows many | --rows
demo --fraud-share 2 | fraud_share
profile TABLE | --label
profile '' --label y | DATA
profile TABLE --label y --format exel | 'exel'
split TABLE --label y --format paruqet --out DIR/new | parquet
resample TABLE --label y --format exel --method none --out DIR/new | Known are avro, csv
evaluate TABLE --label y --score b --format exel | --format
score DIR TABLE --format exel --out DIR/new | 'exel'
guard suggest TABLE --label y --format exel | 'exel'
profile TABLE --label y --option sep | --option
profile DIR/no.parquet --label y | no.parquet
split TABLE --label y | --out
split TABLE --label y --out FILE | FILE
split TABLE --label y --out FILE/below | FILE
split TABLE --label y --out DIR/new --method randomly | method
split TABLE --label y --out DIR/new --method group | group
split TABLE --label y --out DIR/new --method temporal | time
split TABLE --label y --out DIR/new --validation 0.7 --test 0.7 | validation
split TABLE --label y --out DIR/new --test x | --test
split TABLE --label y --out DIR/new --test nan | test
split TABLE --label y --out DIR/new --gap 7d | gap
split TABLE --label y --out DIR/new --group customer | group
split TABLE --label y --out DIR/new --folds 3 --test 0.1 | --test
resample TABLE --label y --out DIR/new | --method
resample TABLE --label y --out FILE --method none | FILE
resample TABLE --label y --out DIR/new --method smot | smot
resample TABLE --label y --out DIR/new --method smote --param k | 'k'
resample TABLE --label y --out DIR/new --method smote --param k=5 | 'k'
resample TABLE --label y --out DIR/new --method smote --param =5 | --param
resample TABLE --label y --out DIR/new --method smote --param k_neighbors=[ | k_neighbors
resample TABLE --label y --out DIR/new --method smote --param k_neighbors=five | k_neighbors
resample TABLE --label y --out DIR/new --method smote --param label_col=a | label_col
resample TABLE --label y --out DIR/new --method auto --param k_neighbors=5 | k_neighbors
evaluate TABLE --label y | --score
evaluate TABLE --label y --score b --threshold x | --threshold
evaluate TABLE --label y --score b --cost 5 | --cost
evaluate TABLE --label y --score b --cost miss=5 | miss
evaluate TABLE --label y --score b --cost false_negative=-5 | false_negative
guard sugest TABLE | sugest
guard suggest TABLE --label y --out FILE | FILE
guard suggest TABLE --label y --out FILE/below | FILE
"""

# The same for what only the table can show, which takes Spark.
COLUMNS = """
run PIPELINE --set data.label=Y2 | Y2
run PIPELINE --set data.key=[idd] | idd
run PIPELINE --set data.exclude=[costumer] | costumer
run PIPELINE --set data.exclude=[t] | kind
run PIPELINE --set data.weight=weihgt | weihgt
run PIPELINE --set data.weight=kind | kind
run PIPELINE --set data.cost.false_negative=amuont | amuont
run PIPELINE --set data.cost.false_negative=kind | kind
run PIPELINE --set data.positive=fraud | data.positive: 'fraud' is not a class of the label. The label has 2 classes
run PIPELINE --set data.format=paruqet | Did you mean 'parquet'?
run PIPELINE --set data.label=amount | amount
run PIPELINE --set data.where='amuont > 5' | amuont
run PIPELINE --set data.where='amount / 0 > 1' | data.where
run PIPELINE --set data.where="int(kind) > 1" | data.where
run PIPELINE --set split.method=temporal --set data.time=tt | tt
run PIPELINE --set split.method=group --set data.group=grp | grp
run PIPELINE --set resample.missing=error | 'a'
run PIPELINE --set resample.categorical_features=[zz] | zz
run PIPELINE --set 'train.class_weight={fraud: 3}' | fraud
profile TABLE --label Y2 | Y2
profile TABLE --label y --exclude t --key idd | idd
profile TABLE --label y --exclude knid | knid
profile TABLE --label y --exclude t --positive fraud | --positive: 'fraud'
split TABLE --label y --exclude knid --out DIR/new | knid
evaluate TABLE --label y --score b --exclude knid | knid
evaluate TABLE --label y --score b --positive fraud | --positive: 'fraud' is not a class
split TABLE --label Y2 --out DIR/new | Y2
split TABLE --label y --key idd --out DIR/new | idd
split TABLE --label y --method group --group grp --out DIR/new | grp
split TABLE --label y --method temporal --time tt --out DIR/new | tt
split TABLE --label y --out DIR/new --folds 1 | folds
resample TABLE --label y --exclude t --method smote --param missing=impute --out DIR/new | kind
resample TABLE --label y --exclude t --exclude kind --method smote --out DIR/new | 'a'
resample TABLE --label y --exclude t --method random_over_sampler --param sampling_strategy=0.01 --out DIR/new | 0.01
evaluate TABLE --label y --score bb | bb
evaluate TABLE --label y --score kind | kind
evaluate TABLE --label y --score b --group grp | grp
evaluate TABLE --label y --score b --weight w | w
evaluate TABLE --label t --score b | 't'
"""


def with_value(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a pipeline with one value replaced."""
    changed = place = copy.deepcopy(document)
    *above, last = path.split(".")
    for key in above:
        place = place[key]
    place[last] = value
    return changed


def misspelled(table: str) -> Iterator[Bad]:
    """Each key with two of its letters swapped."""

    def keys(part: dict[str, Any], above: str = "") -> Iterator[str]:
        for key, value in part.items():
            yield above + key
            if isinstance(value, dict):
                yield from keys(value, f"{above}{key}.")

    for path in keys(good(table)):
        changed = place = good(table)
        *above, last = path.split(".")
        for key in above:
            place = place[key]
        middle = len(last) // 2 - 1
        swapped = last[:middle] + last[middle + 1] + last[middle] + last[middle + 2 :]
        place[swapped if swapped != last else f"{last}_"] = place.pop(last)
        yield Bad(["run", json.dumps(changed)], swapped)


def wrong_values(table: str) -> Iterator[Bad]:
    """A value that its key can't have, one at a time."""
    for text in (part.strip() for line in VALUES.strip().splitlines() for part in line.split(" | ")):
        case, _, names = text.partition(" -> ")
        path, _, value = case.partition(": ")
        document = with_value(good(table), path, YAML(typ="safe").load(value))
        text = json.dumps(document).replace("Infinity", ".inf").replace("NaN", ".nan")
        yield Bad(["run", text], names or path.rpartition(".")[2])


def broken_files(folder: Path) -> Iterator[Bad]:
    """Files that are no pipeline."""
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
        yield Bad(["run", str(folder / name)], name)


def commands(lines: str, folder: Path, table: str) -> Iterator[Bad]:
    """Command lines that say too little, too much, or what isn't there."""
    (folder / "file").write_text("x")
    known = {"PIPELINE": json.dumps(good(table)), "TABLE": table, "DIR": str(folder), "FILE": str(folder / "file")}
    for line in lines.strip().splitlines():
        text, _, names = line.rpartition(" | ")
        for placeholder, value in known.items():
            names = names.replace(placeholder, value)
        yield Bad([_filled(word, known) for word in shlex.split(text)], names)


def _filled(word: str, known: dict[str, str]) -> str:
    head, slash, rest = word.partition("/")
    return known[head] + slash + rest if head in known else word


def tables(folder: Path) -> Iterator[Bad]:
    """Tables that nothing can be learned from."""
    base = small_table(200).drop(columns=["t", "customer"])
    third = base["id"] == 3
    frames = {
        "empty": (base.iloc[:0], "row"),
        "one_class": (base.assign(y=0), "y"),
        "single": (base.assign(y=third.astype(int)), "'1'"),
        "no_labels": (base.assign(y=np.nan), "label"),
        "infinite": (base.assign(a=np.where(third, np.inf, 0.5)), "'a'"),
        "no_features": (base[["id", "y"]], "feature"),
        "lists": (base.assign(a=[["x"]] * len(base)), "'a'"),
        "three": (base.assign(y=base["id"] % 3), "data.positive: '1' is for labels of two classes; leave it out. The"),
        "continuous": (pd.concat([base] * 6).assign(y=np.arange(1200) / 7, id=np.arange(1200)), "'y'"),
    }
    for name, (frame, names) in frames.items():
        path = folder / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        document = with_value(good(str(path)), "data.exclude", [])
        document |= {"resample": {"method": "none"}, "decide": {}}
        document["data"]["cost"] = {}
        yield Bad(["run", json.dumps(document)], names)
    words = ["evaluate", str(folder / "three.parquet"), "--label", "y", "--score", "b", "--positive", "1"]
    yield Bad(words, "--positive: '1' is for labels of two classes; leave it out. The label has 3 classes")
