"""Stage `promote`: compare the model of a run with the current one, and make the run current if the rule allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.metrics import Metric, SplitMetrics, get_metric, lookup
from steelyard.splitting import SPLIT, SplitPlan, apply_split
from steelyard.stages._context import Context, Result, no_session, run_config
from steelyard.stages._history import data_date
from steelyard.stages._judging import side_by_side
from steelyard.stages._model import saved_classifier, trained_on
from steelyard.stages._scores import passthrough_columns
from steelyard.stages._source import dataset, split_rows
from steelyard.stages.commands.current import current_run, run_name
from steelyard.store import RunDir
from steelyard.store.promotions import promote, promoted, standing

CHAMPION, CHALLENGER = "champion", "challenger"
_BY = "stage promote"
_AGAIN = 3
"""Comparisons at most with runs that became current meanwhile."""


@dataclass(frozen=True)
class Verdict:
    """Whether a run becomes current, why, and the numbers behind it."""

    passed: bool
    reason: str
    numbers: dict[str, Any]


def run(ctx: Context, attempt: str) -> Result:
    """Judge the run, and write `current.json` and the history if it becomes current.

    Without a current run, or if that one has another label, other classes or another positive class, the gate alone
    decides. A run of earlier data than the current one never replaces it. If another run becomes current during the
    comparison, the run is compared with that one. A current run that stays, and was never promoted, is written to
    `current.json` too: it was current only as long as its data were the latest.

    Costs one scan of the test rows for each of the two models, and three scans of their narrow scores.
    """
    ctx.published("gate")
    place, own = ctx.run.parent(), ctx.run_id
    champion = current_run(place, without=own)
    verdict = _verdict(ctx, champion, attempt)
    for _ in range(_AGAIN):
        latest = current_run(place, without=own)
        if not verdict.passed or _name(latest) == _name(champion):
            break
        ctx.warn(f"run {_name(latest)} has become current during the comparison; comparing with it")
        champion, verdict = latest, _verdict(ctx, latest, attempt)
    name, stands = _name(champion), standing(place) == own
    document = {"champion": name, "challenger": own, "promoted": verdict.passed, "reason": verdict.reason}
    document |= verdict.numbers
    file = f"promote/{attempt}/comparison.json"
    ctx.run.write_json(file, document)
    if not stands:
        record(place, own, name, verdict)
    words = f"run {own} is current: {verdict.reason}" if verdict.passed else f"run {name} stays: {verdict.reason}"
    return Result([file, *_tables(ctx, attempt)], details={**document, "messages": [words]})


def _verdict(ctx: Context, champion: RunDir | None, attempt: str) -> Verdict:
    if standing(ctx.run.parent()) == ctx.run_id:
        return Verdict(True, "it is the current run already", {})
    if champion is None:
        return Verdict(True, "there is no current run to compare with, and its gate has passed", {})
    return _against(ctx, champion, attempt)


def _name(run: RunDir | None) -> str | None:
    return None if run is None else run_name(run)


def record(place: RunDir, own: str, champion: str | None, verdict: Verdict) -> None:
    """Write the promotion of a run, or that of the current run which stays, if no run was promoted before."""
    if verdict.passed:
        promote(place, own, champion, by=_BY, reason=verdict.reason, more={"numbers": verdict.numbers})
    elif champion is not None and promoted(place) is None:
        promote(place, champion, None, by=_BY, reason=f"it was current, and run {own} has not replaced it")


def _tables(ctx: Context, attempt: str) -> list[str]:
    scores = f"promote/{attempt}/scores"
    return [scores] if ctx.run.exists(scores) else []


def _against(ctx: Context, champion: RunDir, attempt: str) -> Verdict:
    """Compare with the current run."""
    before = Context(champion, run_config(champion), no_session)
    other = _other_task(ctx, before)
    if other is not None:
        return Verdict(True, f"run {before.run_id} {other}, so they can't be compared, and the gate has passed", {})
    dates = data_date(before), data_date(ctx)
    if dates[0] > dates[1]:
        return Verdict(False, f"its data are of {dates[0]:%Y-%m-%d}, later than {dates[1]:%Y-%m-%d}", {})
    return judge(_measured(ctx, before, attempt), ctx, before.run_id)


def _other_task(ctx: Context, before: Context) -> str | None:
    """Return what makes a comparison meaningless, or None."""
    ours, theirs = saved_classifier(ctx.run), saved_classifier(before.run)
    if dataset(ctx).label != trained_on(before.run).label:
        return f"has another label, {trained_on(before.run).label}"
    if set(ours.policy.classes) != set(theirs.policy.classes) or ours.policy.positive != theirs.policy.positive:
        return f"has other classes: {', '.join(theirs.policy.classes)}, positive {theirs.policy.positive}"
    missing = sorted({*trained_on(before.run).features, *theirs.policy.columns} - set(split_rows(ctx).columns))
    return f"needs column {missing[0]}, which the table lacks" if missing else None


def _measured(ctx: Context, before: Context, attempt: str) -> dict[str, SplitMetrics]:
    """Return the metrics of both models on the test rows that the current one was neither trained nor chosen on."""
    data = dataset(ctx)
    rows = _unseen(ctx, before)
    names = passthrough_columns(rows, data, temporal=ctx.config.split.method == "temporal")[1:]
    sides = {CHAMPION: saved_classifier(before.run), CHALLENGER: saved_classifier(ctx.run)}
    place = f"promote/{attempt}/scores"
    ctx.run.delete(place)  # of a comparison with an earlier champion
    return side_by_side(ctx, rows, names, sides, place)


def _unseen(ctx: Context, before: Context) -> DataFrame:
    """Return the test rows that the split of the current run puts neither into training nor into validation."""
    plan = SplitPlan.from_json(before.read("split", "plan.json"))
    test = split_rows(ctx).where(F.col(SPLIT) == "test").drop(SPLIT)
    try:
        divided = apply_split(test, plan)
    except InputError as error:
        raise InputError(
            f"run {before.run_id} can't be compared: its split does not fit this table: {error}; `steelyard promote "
            "RUN_DIR --reason TEXT` makes this run current without a comparison"
        ) from None
    seen = F.coalesce(F.col(SPLIT).isin("train", "validation"), F.lit(False))
    return divided.where(~seen).withColumn(SPLIT, F.lit("test"))


def metric_of(ctx: Context) -> Metric:
    """Return the metric by which runs are compared."""
    name = ctx.config.promote.metric if ctx.config.promote else "auto"
    usual = "expected_cost" if ctx.config.data.cost.known else "pr_auc"
    return get_metric(usual if name == "auto" else name)


def judge(found: dict[str, SplitMetrics], ctx: Context, champion: str) -> Verdict:
    """Apply the rule to the paired gain."""
    rule = ctx.config.promote
    assert rule is not None
    metric = metric_of(ctx)
    gain = found[CHALLENGER].gain_over(found[CHAMPION], metric.name)
    positive = saved_classifier(ctx.run).policy.positive
    values = {side: lookup(of.to_json(), metric.name, positive)["value"] for side, of in found.items()}
    share = values[CHAMPION] if metric.kind == "cost" and values[CHAMPION] else 1.0
    needed = -rule.margin * share if rule.rule == "not_worse" else 0.0
    numbers = {
        "metric": metric.name,
        "rule": rule.rule,
        "margin": rule.margin,
        "support": found[CHALLENGER].to_json()["support"],
        "values": values,
        "gain": gain,
        "needed": needed,
    }
    if gain["ci95"] is None:
        note = gain.get("note") or "it has no value"
        return Verdict(False, f"{metric.name} cannot be compared on {_rows(numbers)}: {note}", numbers)
    low, high = gain["ci95"]
    words = (
        f"{metric.name} is {values[CHALLENGER]:.4g}, against {values[CHAMPION]:.4g} of run {champion}, on "
        f"{_rows(numbers)}; the gain is {gain['value']:.4g} (95 % interval {low:.4g} to {high:.4g}), and {rule.rule} "
        f"needs a lower end above {needed:.4g}"
    )
    return Verdict(low > needed, words, numbers)


def _rows(numbers: dict[str, Any]) -> str:
    return f"{sum(numbers['support'].values()):,} test rows"
