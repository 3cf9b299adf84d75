"""More than two classes: what class weights and thresholds mean there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import recall_score
from small_pipelines import pipeline

from steelyard.classifier import Classifier, fit_decisions
from steelyard.config import DecideConfig
from steelyard.errors import ConfigError
from steelyard.explaining import importances
from steelyard.metrics import judge_gate
from steelyard.report import verdict
from steelyard.stages import Context, run_stage
from steelyard.stages._model import saved_policy, trained_model
from steelyard.stages._source import dataset, rows_of

Start = Callable[..., Context]


@pytest.mark.long
def test_calibration_keeps_what_class_weights_asked_for(
    start: Start, spark: SparkSession, real_data: Callable[[str], str]
) -> None:
    """Three classes of 93 %, 5 % and 2 %, balanced: the weights decide, calibrated or not."""
    data = {"label": "label", "positive": None, "key": [], "exclude": []}
    weighted = {"model": "logistic_regression", "class_weight": "balanced"}
    ctx = start(pipeline(real_data("thyroid_ann"), data=data, train=weighted))
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
        run_stage(ctx, stage)
    model, decision = trained_model(ctx.run), saved_policy(ctx.run)
    used = set(decision.calibration.method.split(", "))
    assert used and used <= {"temperature", "platt", "beta", "quadratic", "isotonic"}, "chosen class by class"
    share = {c: decision.priors[c] * w for c, w in decision.class_weights.items()}
    assert set(share) == set(decision.classes)
    assert list(share.values()) == pytest.approx([1 / len(share)] * len(share)), "probability over prior"

    known = dataset(ctx)
    counts, rows = ctx.read("split", "plan.json")["counts"]["train"], rows_of(ctx, "validation")
    alone = fit_decisions(model, rows, known, counts, DecideConfig(calibrate="none"))
    assert alone.class_weights == {}, "the weights are in the probabilities already"
    assert decision.probabilities and not alone.probabilities, "balanced weights distort what is not calibrated"
    with pytest.raises(ConfigError, match="decide.threshold is for two classes"):
        fit_decisions(model, rows, known, counts, DecideConfig(threshold={"value": 0.3}))
    platt = fit_decisions(model, rows, known, counts, DecideConfig(calibrate="platt"))
    heavy, total = replace(known, weight="heavy"), sum(counts.values())
    weighed, train = (
        df.withColumn("heavy", F.when(F.col("label") == "A", 10.0).otherwise(1.0))
        for df in (rows, rows_of(ctx, "train"))
    )
    of_weights = fit_decisions(model, weighed, heavy, counts, DecideConfig(calibrate="platt"), train=train)
    of_rows = decision.class_weights["A"] * (total + 9 * counts["A"]) / total
    assert of_weights.class_weights["A"] == pytest.approx(of_rows / 10), "the same total weight for every class"
    ways = {"weighted": decision, "uncalibrated": alone, "undone": replace(decision, class_weights={})}
    ways |= {"platt": platt, "platt undone": replace(platt, class_weights={})}
    matter = importances(Classifier(model, decision), rows_of(ctx, "test"), known, rows=90)
    assert matter["method"] == "permutation" and matter["rows"] == dict.fromkeys(known.classes, 30)
    assert {of["feature"] for of in matter["features"]} == set(known.features)
    assert matter["features"][0]["ci95"][0] > 0 >= matter["features"][-1]["ci95"][0]
    tested = model.predict(rows_of(ctx, "test"))
    decided = [way.decide(way.calibrated(F.col("probabilities"))).alias(name) for name, way in ways.items()]
    found = tested.select("label", *decided).toPandas()
    recall = {name: recall_score(found.label, found[name], average="macro") for name in ways}
    # Calibration class by class costs a little; without weights it costs more, and with one that fits worse much more.
    assert recall["weighted"] >= recall["uncalibrated"] - 0.03 and recall["weighted"] > recall["undone"]
    assert recall["platt"] >= recall["uncalibrated"] - 0.03 and recall["platt"] > recall["platt undone"] + 0.1

    metrics = ctx.run.read_json("metrics.json")
    assert metrics["splits"]["test"]["macro"]["recall"]["value"] == pytest.approx(recall["weighted"])
    assert metrics["decision"]["class_weights"] == decision.class_weights
    assert "greatest class weight × calibrated probability" in str(verdict(ctx.run))

    matrix = {a: {d: (1 if a == "C" else 40) for d in "CBA" if d != a} for a in "CBA"}
    costly = Context(
        ctx.run,
        pipeline(real_data("thyroid_ann"), data={**data, "cost": {"matrix": matrix}}, train=weighted),
        lambda: spark,
    )
    for stage in ("decide", "evaluate"):
        run_stage(costly, stage)
    metrics = ctx.run.read_json("metrics.json")
    split = metrics["splits"]["test"]
    wrong = sum(n * matrix[a][d] for a, row in split["confusion"].items() for d, n in row.items() if a != d)
    assert split["expected_cost"]["value"] == pytest.approx(wrong / split["n"])
    assert judge_gate(metrics, {"expected_cost": {"max": wrong / split["n"] + 1e-9}})[0]["passed"]
    assert metrics["decision"]["rule"] == "least expected cost" and split["saved"]["same_class"]["value"] > 0
    assert "the class with the least expected cost" in str(verdict(ctx.run))


def test_a_threshold_is_for_two_classes(start: Start, real_data: Callable[[str], str]) -> None:
    data = {"label": "label", "positive": None, "key": [], "exclude": []}
    ctx = start(pipeline(real_data("yeast"), data=data, decide={"threshold": {"value": 0.3}}))
    with pytest.raises(ConfigError, match="decide.threshold is for two classes, and the label has 10: 'CYT'"):
        run_stage(ctx, "profile")
