"""Statistics and plans as tables on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from steelyard.cli._output import console, number, table

if TYPE_CHECKING:
    from steelyard.sampling import SamplingPlan
    from steelyard.splitting import FoldPlan, SplitPlan

_WHOLE = {"stratified": "key and class", "group": "group", "temporal": "time"}
_MOST = 12  # classes that are shown side by side


def show_profile(statistics: Mapping[str, Any]) -> None:
    """Print the classes, then each feature class by class."""
    classes = list(statistics["classes"])
    shown = [[c, f"{of['count']:,}", f"{of['share']:.4%}"] for c, of in statistics["classes"].items()]
    table(f"{statistics['rows']:,} rows, label {statistics['label']}", ["class", "rows", "share"], shown)
    out = console()
    nulls = statistics["null_labels"]
    out.print(f"imbalance ratio {statistics['imbalance_ratio']:,.1f}" + (f", {nulls:,} null labels" if nulls else ""))
    out.print()
    features = statistics["features"]
    numeric = {f: of for f, of in features.items() if of["kind"] == "numeric" and of["by_class"]}
    categorical = {f: of for f, of in features.items() if of["kind"] == "categorical"}
    if numeric:
        _numeric(numeric, classes[-_MOST:])
        drawn = statistics["quantile_rows"]
        some = [f"{drawn[c]:,} of class {c}" for c in classes[-_MOST:] if drawn[c] < statistics["classes"][c]["count"]]
        if some:
            out.print(f"medians are those of a sample of rows: {', '.join(some)}", markup=False)
    if categorical:
        out.print()
        _categorical(categorical, classes[-_MOST:])
    constant = [f for f, of in features.items() if of["constant"]]
    if constant:
        out.print(f"constant: {', '.join(constant)}", markup=False)


def _numeric(features: Mapping[str, Any], classes: list[str]) -> None:
    header = ["feature", "class", "missing", "mean", "std", "min", "median", "max"]

    def cells(of: Mapping[str, Any]) -> list[str]:
        return [*map(number, (of["mean"], of["std"], of["min"], of["quantiles"]["0.5"], of["max"]))]

    table("numeric features", header, _by_class(features, classes, cells))


def _categorical(features: Mapping[str, Any], classes: list[str]) -> None:
    header = ["feature", "class", "missing", "levels", "most frequent"]

    def cells(of: Mapping[str, Any]) -> list[str]:
        return [f"{of['distinct']:,}", ", ".join(f"{level} ({n:,})" for level, n in of["top"][:3])]

    table("categories", header, _by_class(features, classes, cells))


def _by_class(
    features: Mapping[str, Any], classes: list[str], cells: Callable[[Mapping[str, Any]], list[str]]
) -> list[list[str]]:
    return [
        [name if i == 0 else "", c, f"{figures['missing']:,}", *cells(figures)]
        for name, of in features.items()
        for i, c in enumerate(classes)
        if (figures := of["by_class"].get(c)) is not None
    ]


def show_split_plan(plan: SplitPlan | FoldPlan, out: str) -> None:
    """Print the rows of each class in each split, fold or block of time."""
    classes = list(next(iter(plan.counts.values())))
    rows = [[s, *(f"{of.get(c, 0):,}" for c in classes)] for s, of in plan.counts.items()]
    part = "split"
    if plan.purpose == "folds":
        part = "block" if plan.method == "temporal" else "fold"
    table(f"{plan.method} {plan.purpose} → {out}", [part, *(f"class {c}" for c in classes)], rows)
    from steelyard.stages.split import left_out, periods

    for line in (*periods(plan), *left_out(plan)):
        console().print(line, markup=False)
    for name, of in plan.deviations.items():
        for what, n in of.items():
            missed = "rows" if plan.method == "temporal" else f"rows of class {what}"
            why = f"rows of one {_WHOLE[plan.method]} stay together"
            console().print(f"{part} {name} has {n:+,} {missed} against its share: {why}", markup=False)
    if plan.torn_keys:
        from steelyard.stages.split import torn

        console().print(torn(plan, "--group with the key's column keeps them whole"), markup=False)


def show_sampling_plan(plan: SamplingPlan, out: str) -> None:
    """Print the rows of each class before and after."""
    rows = [[c, f"{of.before:,}", f"{of.after:,}", f"{of.new:,}"] for c, of in plan.classes.items()]
    table(f"{plan.sampler} → {out}", ["class", "before", "after", "of them new"], rows)


def show_scoring(written: Mapping[str, Any]) -> None:
    """Print how rows were scored."""
    decided = ", ".join(f"{n:,} × {c}" for c, n in sorted(written["decisions"].items()))
    mean = written["mean_score"]
    means = mean.items() if isinstance(mean, dict) else [(written["positive"], mean)]
    typer.echo(f"{written['rows']:,} rows scored ({decided}) → {written['out']}")
    shown = ", ".join(f"{number(m)} of class {c}" for c, m in means)
    typer.echo(f"mean score {shown}; by {written['run_dir']}")
