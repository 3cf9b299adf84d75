"""Print the end of a run: the verdict, the minority class compared with "always the majority", the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from steelyard.cli._output import console, print_json, table
from steelyard.errors import SteelyardError
from steelyard.report import interval, metric
from steelyard.store import RunDir

if TYPE_CHECKING:
    from steelyard.metrics import Metric


def show_run(run: RunDir, failure: SteelyardError | None, *, json: bool) -> None:
    """Show the result of a run: one JSON document, or the last lines of a terminal session."""
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
    compared = run.outcome("compare")
    if compared is not None and compared.done and metrics is None:
        choice = run.published("compare").read_json(f"compare/{compared.attempt}/choice.json")
        metrics = {"pipeline": run.manifest()["pipeline"], "run_id": run.manifest()["run_id"], "compare": choice}
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
    from steelyard.stages import ALL_STAGES

    outcomes = (run.outcome(s) for s in ALL_STAGES)
    return next((o.stage for o in outcomes if o is not None and not o.done), None)


def show_split(metrics: Mapping[str, Any], name: str, split: Mapping[str, Any]) -> None:
    """Print one split's metrics: of the positive class, or with more classes of each."""
    positive = metrics["positive"]
    if positive is None:
        _show_classes(name, split)
        return
    support = split["support"]
    title = f"{name}: class {positive}, {support.get(positive, 0):,} of {sum(support.values()):,} rows"
    if metrics["threshold"] is not None:
        title += f", threshold {metrics['threshold']:.4g}"
    _show_metrics(title, split, positive, _headline())


def show_scores(document: Mapping[str, Any]) -> None:
    """Print the metrics of scores that belong to no run, and their notes on stderr."""
    show_split(document, "all", document["splits"]["all"])
    for note in document.get("notes", ()):
        typer.echo(f"note: {note}", err=True)


def _headline() -> list[Metric]:
    from steelyard.metrics import all_metrics

    return [m for m in all_metrics() if m.headline]


def _show_metrics(title: str, split: Mapping[str, Any], positive: str | None, shown: Sequence[Metric]) -> None:
    from steelyard.metrics import always_majority

    rows = []
    for m in shown:
        of = split["per_class"][positive] if m.scope == "class" else split
        if m.name in of and not (m.needs == "costs" and of[m.name]["value"] is None):
            base = always_majority(split, m.name, positive)
            rows.append([m.label, metric(of[m.name]["value"]), interval(of[m.name]), metric(base)])
    table(title, ["", "model", "95 % interval", "always the majority"], rows)


def _show_classes(name: str, split: Mapping[str, Any]) -> None:
    shown = [m for m in _headline() if m.scope == "class"]
    rows = []
    for c, n in sorted(split["support"].items(), key=lambda item: item[1]):
        rows.append([c, f"{n:,}", *_values(split["per_class"].get(c) or {}, shown)])
    for mean in ("macro", "weighted"):
        if mean in split:
            rows.append([f"{mean} mean", "", *_values(split[mean], shown)])
    classes = len(split["support"])
    table(f"{name}: {classes} classes, the rarest first", ["class", "rows", *(m.label for m in shown)], rows)
    _show_metrics(f"{name}: all classes", split, None, [m for m in _headline() if m.scope == "split"])


def _values(numbers: Mapping[str, Any], shown: Sequence[Metric]) -> list[str]:
    return [metric((numbers.get(m.name) or {}).get("value")) for m in shown]
