"""Stage `evaluate`: score validation and test rows with the saved model, and judge what was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard import metrics
from steelyard.deciding import DecisionPolicy, alert_counts, decision_document
from steelyard.frames.tables import write_parquet
from steelyard.kernels.arrays import Floats
from steelyard.splitting import SPLIT, ungrouped_note
from steelyard.stages._alerts import with_periods
from steelyard.stages._baseline import judge_baseline, transfer_document
from steelyard.stages._context import Context, Result
from steelyard.stages._judging import judged
from steelyard.stages._model import saved_classifier
from steelyard.stages._scores import passthrough_columns, scored
from steelyard.stages._slices import slice_metrics, slice_values
from steelyard.stages._source import check_slices, dataset, split_rows

SPLITS = ("validation", "test")


def run(ctx: Context, attempt: str) -> Result:
    """Write `scores/`, `metrics.json` and, for the report, `curves.json`."""
    data = dataset(ctx)
    classifier = saved_classifier(ctx.run)
    policy = classifier.policy
    rows = with_periods(ctx, split_rows(ctx).where(F.col(SPLIT).isin(*SPLITS)), policy)
    names = passthrough_columns(rows, data, temporal=ctx.config.split.method == "temporal")
    scores = f"scores/{attempt}"
    slices = ctx.config.data.slices
    check_slices(rows, slices, data.key)
    write_parquet(scored(rows, classifier, [*names, *slice_values(slices)]), ctx.run.uri(scores))
    written = ctx.written(scores)
    found = judged(
        ctx,
        written,
        SPLITS,
        policy,
        probabilities=policy.probabilities,
        threshold=policy.threshold,
        rivals=_rivals(policy),
    )
    notes = [f"{name}: {note}" for name, of in found.items() for note in of.notes]
    if data.group is not None and ctx.config.split.method != "group":  # that one refuses rows without a group
        notes += ungrouped_note(written, "group")
    for note in notes:
        ctx.warn(note)
    splits = {name: of.to_json() for name, of in found.items()}
    if slices:
        splits["test"] = splits["test"] | {"slices": slice_metrics(ctx, written, policy)}
    document = metrics.document(
        ctx.config.name,
        ctx.run.manifest()["run_id"],
        policy.positive,
        policy.threshold,
        splits,
        notes,
        decision_document(policy, splits, _alerts(written, policy)),
    )
    baseline, more = judge_baseline(ctx, attempt, rows, names, classifier)
    if baseline is not None:
        document["baseline"] = baseline
        transfer = transfer_document(ctx, baseline["gain"])
        document |= {} if transfer is None else {"transfer": transfer}
    curves = f"evaluate/{attempt}/curves.json"
    ctx.run.write_json(curves, {name: of.curves() for name, of in found.items()})
    ctx.run.write_json("metrics.json", document)
    support = {name: document["splits"][name]["support"] for name in SPLITS}
    return Result([scores, curves, *more, "metrics.json"], {"in": support}, _headline(document))


def _alerts(scores: DataFrame, policy: DecisionPolicy) -> Mapping[str, Floats] | None:
    """Return the alerts of each period of each split, for rules on alerts."""
    if policy.alerts is None:
        return None
    return alert_counts(scores.where(F.col("period").isNotNull()), F.col("decision") == F.lit(policy.positive))


def _rivals(policy: DecisionPolicy) -> dict[str, float]:
    """Return other thresholds that the decisions' costs are compared with."""
    rivals = {"threshold_0.5": 0.5, "best_threshold": policy.cheapest}
    return {name: t for name, t in rivals.items() if t is not None and t != policy.threshold}


def _headline(document: dict[str, Any]) -> dict[str, Any]:
    """Return the headline metrics of the test split."""
    test = document["splits"]["test"]
    return {
        name: metrics.lookup(test, name, document["positive"])["value"] for name in metrics.metric_names(headline=True)
    }
