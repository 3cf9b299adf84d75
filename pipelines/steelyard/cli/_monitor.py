"""The content of `monitor.json` on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from steelyard.cli._output import number, table

_MOST = 10  # features that are shown


def show_monitoring(found: Mapping[str, Any]) -> None:
    """Print drift, estimates and alerts."""
    typer.echo(f"{found['rows']:,} new rows, compared with {found['run_dir']}")
    score = [] if found["score"] is None else [{"name": "score", **found["score"]}]
    drift = [*score, *found["features"][:_MOST]]
    table(
        "drift",
        ["of", "PSI", "by chance"],
        [[of["name"], f"{of['psi']:.3f}", f"{of['by_chance']:.3f}"] for of in drift],
    )
    left = len(found["features"]) - _MOST
    if left > 0:
        typer.echo(f"{left} more features have a lower PSI")
    for line in (*_shift(found), *_labels(found)):
        typer.echo(line)
    for alert in found["alerts"]:
        typer.echo(f"ALERT: {alert['message']}")
    if not found["alerts"]:
        typer.echo("no alert")


def _shift(found: Mapping[str, Any]) -> list[str]:
    shift, after = found["label_shift"], found["expected"]
    if shift is None or not shift["holds"]:
        return []
    before = number(shift["reference_prevalence"])
    lines = [f"prevalence {_interval(shift['prevalence'])}, {before} in the reference"]
    if after is not None:
        lines.append(f"expected precision {_interval(after['precision'])}, recall {_interval(after['recall'])}")
        if "cost_per_row" in after:
            old = number(after["cost_per_row_before"])
            lines.append(f"expected cost per row {_interval(after['cost_per_row'])}, {old} in the reference")
    return lines


def _labels(found: Mapping[str, Any]) -> list[str]:
    of = found["labels"]
    if of is None:
        return []
    lines = []
    if of["prevalence"] is not None:
        parts = ", ".join(f"{name} {_interval(of[name])}" for name in ("prevalence", "precision", "recall"))
        lines.append(f"by {of['known']:,} labels ({of['positives']:,} positive): {parts}")
    if of["more"]:
        lines.append(f"labels for a prevalence within {of['wanted_width'] / 2:.0%} of its value: {of['more']:,} more")
        lines += [
            f"  {s['more']:,} of {s['rows']:,} rows {'with' if s['alarm'] else 'without'} an alarm that score "
            f"{number(s['from'])} to {number(s['to'])}"
            for s in of["strata"]
            if s["more"]
        ]
    return lines


def _interval(of: Mapping[str, Any] | None) -> str:
    if of is None or of["value"] is None:
        return "unknown"
    ends = of["ci95"]
    return number(of["value"]) if ends is None else f"{number(of['value'])} ({number(ends[0])} to {number(ends[1])})"
