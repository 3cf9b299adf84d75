"""The neural network: several processes, losses, and what goes wrong in a process."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import roc_auc_score

from steelyard.classifier import fit_decisions
from steelyard.config import DecideConfig
from steelyard.errors import ConfigError, EngineError, InputError
from steelyard.learning import Model, _preprocessing, get_trainer, load_model
from steelyard.store import Store
from steelyard.testing._check_trainers import DATA, SEVERAL, fitted, parts, probabilities, trainer_table

pytest.importorskip("torch", reason="steelyard[deep] is not installed")
SMALL = {"width": 16, "blocks": 1, "epochs": 20, "batch_size": 64, "learning_rate": 0.01}
make = partial(get_trainer, "neural_network", SMALL)


def validation_log_loss(model: Model, df: DataFrame) -> float:
    _, validation = parts(df)
    labels = [DATA.classes.index(r["label"]) for r in validation.orderBy("id").select("label").collect()]
    return float(-np.log(probabilities(model, validation)[np.arange(len(labels)), labels]).mean())


@pytest.fixture(scope="module")
def two(spark: SparkSession) -> Model:
    """A model that two processes have trained, with the usual loss."""
    return fitted(make, trainer_table(spark), num_workers=2)


def test_two_processes_train_one_model(spark: SparkSession, two: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    df = trainer_table(spark)
    assert np.isclose(validation_log_loss(two, df), two.summary["validation_log_loss"], rtol=1e-5)
    assert two.summary["best_epoch"] < two.summary["epochs"] <= 20
    found = probabilities(two, df)
    monkeypatch.setattr(_preprocessing, "MANY", 0)
    assert np.array_equal(probabilities(two, df), found), "many features, which are one array"


def test_a_model_is_fine_tuned_alike_from_any_partitions(spark: SparkSession, two: Model) -> None:
    df = trainer_table(spark)
    slow = partial(get_trainer, "neural_network", {**SMALL, "epochs": 3, "learning_rate": 1e-5})
    # From any partitions without a start: a common check of trainers, with one process.
    more, again = (fitted(slow, rows, start=two, num_workers=2) for rows in (df, df.repartition(9)))
    assert more == again and more.preprocessing == two.preprocessing
    assert 0 < np.abs(probabilities(more, df) - probabilities(two, df)).max() < 0.1
    with pytest.raises(InputError, match=r"trained with width 16, but train\.params\.width is 8"):
        fitted(partial(get_trainer, "neural_network", {**SMALL, "width": 8}), df, start=two)


def test_the_margins_of_a_focal_loss_become_probabilities(spark: SparkSession, two: Model) -> None:
    df = trainer_table(spark)
    focal = fitted(make, df, loss={"focal": {"gamma": 2}})
    loss = validation_log_loss(focal, df)
    assert np.isclose(loss, focal.summary["validation_log_loss"], rtol=1e-5)
    assert loss < 1.15 * validation_log_loss(two, df) < validation_log_loss(replace(focal, focal=None), df)
    with pytest.raises(ConfigError, match=r"train\.loss: focal is for two classes, and the label has 3"):
        fitted(make, df, SEVERAL, loss={"focal": {"gamma": 2}})


def test_scores_of_a_loss_with_margins_rank_and_are_no_probabilities(spark: SparkSession, tmp_path: Path) -> None:
    df, loss = trainer_table(spark), {"ldam": {"drw_epoch": 10}}
    _, validation = parts(df)
    labels = validation.orderBy("id").select("label", "several").toPandas()
    two, three = (fitted(make, df, data, loss=loss) for data in (DATA, SEVERAL))
    assert two.distortion.kind == three.distortion.kind == "unknown"
    assert 10 <= two.summary["best_epoch"] < 20 and "validation_log_loss" not in two.summary
    assert roc_auc_score(labels["label"] == "bad", probabilities(two, validation)[:, 1]) > 0.85
    found = probabilities(three, validation).argmax(axis=1)
    assert (np.array(SEVERAL.classes)[found] == labels["several"]).mean() > 0.7
    two.save(Store(tmp_path).here(), "m")
    again = load_model(Store(tmp_path).here(), "m")
    assert np.array_equal(probabilities(again, validation), probabilities(two, validation))
    counts = {c: int((labels["label"] == c).sum()) for c in DATA.classes}
    policy = fit_decisions(two, validation, DATA, counts, DecideConfig())
    assert policy.probabilities and policy.calibration.method != "none"
    assert not fit_decisions(two, validation, DATA, counts, DecideConfig(calibrate="none")).probabilities


def test_what_went_wrong_in_a_process_is_told(spark: SparkSession) -> None:
    wild = partial(get_trainer, "neural_network", {**SMALL, "learning_rate": 1e30})
    with pytest.raises(EngineError, match=r"log loss of epoch 0 is not finite: lower train\.params\.learning_rate"):
        fitted(wild, trainer_table(spark))
