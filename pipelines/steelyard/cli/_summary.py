"""What a run ends with on the terminal: the verdict, the minority class beside "always the majority", the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.cli._output import console, print_json, table
from steelyard.errors import SteelyardError
from steelyard.report import metric
from steelyard.store import RunDir

_BINARY = ("precision", "recall", "f1", "f2", "specificity", "pr_auc", "roc_auc")
_WHOLE = ("accuracy", "balanced_accuracy", "g_mean", "mcc", "brier", "expected_cost")
_NAMES = {
    "pr_auc": "PR area",
    "roc_auc": "ROC area",
    "f1": "F1",
    "f2": "F2",
    "g_mean": "G-mean",
    "mcc": "MCC",
    "brier": "Brier score",
    "expected_cost": "expected cost",
}


def show_run(run: RunDir, failure: SteelyardError | None, *, json: bool) -> None:
    """Show what came of a run: one JSON document, or the last lines of a terminal session."""
    ended = run.outcome("evaluate")
    metrics = run.published("evaluate").read_json("metrics.json") if ended is not None and ended.done else None
    has_report = run.exists("report.html")
    if json:
        print_json(_document(run, metrics, failure, has_report))
        return
    out = console()
    if metrics is not None:
        from steelyard.report import judged

        out.print()
        for text, tone in judged(run).lines():
            out.print(text, markup=False, style="red" if tone == "bad" else None)
        out.print()
        show_split(metrics, "test", metrics["splits"]["test"])
    if failure is not None:
        console(err=True).print(f"error: {failure}", style="red", markup=False)
    if has_report:
        out.print(f"report: {run.uri('report.html')}", markup=False)


def _document(run: RunDir, metrics: Any, failure: SteelyardError | None, has_report: bool) -> dict[str, Any]:
    failed = _failed_stage(run) if failure else None
    return {
        **(metrics or {"pipeline": run.manifest()["pipeline"], "run_id": run.manifest()["run_id"]}),
        "status": "failed" if failure else "done",
        "stage": failed,
        "kind": failure.kind if failure else None,
        "message": str(failure) if failure else None,
        "run_dir": run.location,
        "report": run.uri("report.html") if has_report else None,
    }


def _failed_stage(run: RunDir) -> str | None:
    from steelyard.stages import STAGES

    outcomes = (run.outcome(s) for s in STAGES)
    return next((o.stage for o in outcomes if o is not None and not o.done), None)


def show_split(metrics: Mapping[str, Any], name: str, split: Mapping[str, Any]) -> None:
    """Print one split's metrics: of the positive class, or with more classes of each."""
    from steelyard.report import always_majority

    positive = metrics["positive"]
    if positive is None:
        _show_classes(name, split)
        return
    support = split["support"]
    count = support.get(positive, 0)
    title = f"{name}: class {positive}, {count:,} of {sum(support.values()):,} rows"
    if metrics["threshold"] is not None:
        title += f", threshold {metrics['threshold']:.4g}"
    of = split["per_class"][positive]
    rows = [_row(m, of[m], always_majority(split, m, positive)) for m in _BINARY if of.get(m)]
    whole = [m for m in _WHOLE if split.get(m) and not (m == "expected_cost" and split[m]["value"] is None)]
    rows += [_row(m, split[m], always_majority(split, m, positive)) for m in whole]
    table(title, ["", "model", "95 % interval", "always the majority"], rows)


def _row(name: str, figure: Mapping[str, Any], majority: float | None) -> list[str]:
    interval = figure.get("ci95")
    between = f"{metric(interval[0])} – {metric(interval[1])}" if interval else "–"
    if interval and figure.get("note"):
        between = f"{figure['note']} {between}"
    return [_NAMES.get(name, name.replace("_", " ")), metric(figure["value"]), between, metric(majority)]


def _show_classes(name: str, split: Mapping[str, Any]) -> None:
    shown = ("precision", "recall", "f1", "pr_auc", "roc_auc")
    rows = []
    for c, n in sorted(split["support"].items(), key=lambda item: item[1]):
        of = split["per_class"].get(c) or {}
        rows.append([c, f"{n:,}", *(metric((of.get(m) or {}).get("value")) for m in shown)])
    for mean in ("macro", "weighted"):
        if mean in split:
            rows.append([f"{mean} mean", "", *(metric((split[mean].get(m) or {}).get("value")) for m in shown)])
    table(f"{name}: {len(split['support'])} classes, the rarest first", ["class", "rows", *map(_title, shown)], rows)


def _title(metric: str) -> str:
    return _NAMES.get(metric, metric)
