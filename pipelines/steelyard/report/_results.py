"""The sections on what the model reaches: metrics, curves, threshold, confusion, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from steelyard.report import _charts
from steelyard.report._artifacts import Artifacts
from steelyard.report._charts import Curve, Point
from steelyard.report._html import Section, figure, folded, legend, note, pair, table
from steelyard.report._majority import always_majority, prevalence
from steelyard.report._numbers import NONE, count, interval, metric, number, percent, value
from steelyard.report._svg import group

_OWN = {
    "recall": ("Recall", "share of the positives that are found"),
    "precision": ("Precision", "share of the alarms that are right"),
    "f1": ("F1", "precision and recall, equally weighted"),
    "f2": ("F2", "recall counts twice as much"),
    "pr_auc": ("PR area", "over all thresholds; guessing gives the share of positives"),
    "roc_auc": ("ROC area", "over all thresholds; flatters where positives are rare"),
    "specificity": ("Specificity", "share of the negatives without an alarm"),
}
_WHOLE = {
    "recall_at_precision_0.9": ("Recall at precision 0.9", "the most that is found while 9 of 10 alarms are right"),
    "expected_cost": ("Expected cost", "of the wrong decisions, per row; less is better"),
    "accuracy": ("Accuracy", "share of the rows decided right; says little here"),
    "balanced_accuracy": ("Balanced accuracy", "mean of the classes' recalls"),
    "mcc": ("MCC", "correlation of decision and truth"),
    "brier": ("Brier score", "squared error of the probabilities; less is better"),
    "ece": ("Calibration error", "mean gap of predicted and observed shares; less is better"),
    "log_loss": ("Log loss", "logarithmic loss of the probabilities; less is better"),
    "precision_at_k": ("Precision at k", "among as many of the highest scores as there are positives"),
    "g_mean": ("G-mean", "geometric mean of the classes' recalls"),
    "kappa": ("Kappa", "agreement beyond chance"),
    "iba": ("IBA", "balanced accuracy, tilted towards recall"),
}
_LESS_USED = ("specificity", "log_loss", "precision_at_k", "g_mean", "kappa", "iba")
_NO_LINE = ("brier", "log_loss", "ece", "expected_cost")
_MOST_CELLS = 25
_MOST_CURVES = 7


def metrics(found: Artifacts) -> Section | None:
    """Return the table of headline metrics."""
    if not found.test:
        return None
    body = _binary_metrics(found, str(found.positive)) if found.positive is not None else _mean_metrics(found)
    return Section("metrics", "Metrics on test rows", body)


def _binary_metrics(found: Artifacts, positive: str) -> Markup:
    test, seen = found.test, found.metrics["splits"].get("validation") or {}
    rows: dict[str, list[object]] = {}
    for name, (title, meaning) in {**_OWN, **_WHOLE}.items():
        own = name in _OWN
        now = (test["per_class"][positive] if own else test).get(name)
        before = (seen.get("per_class", {}).get(positive, {}) if own else seen).get(name)
        if now is not None and not (name == "expected_cost" and value(now) is None):
            drawn = _figures(now, always_majority(test, name, positive), line=name not in _NO_LINE)
            rows[name] = [_named(title, meaning), *drawn, metric(value(before))]
    head = ["metric", "model", "95 % interval", "always the majority", "", "validation"]
    text = (
        f"The positive class is {found.label} = {positive}. The threshold was chosen on validation rows and judged on "
        "test rows, which took part in nothing else. In the pictures, the dot is the model with its interval, the "
        "upright line is “always the majority”: the decision that accuracy alone would reward."
    )
    if found.drawn_together:
        text += f" Intervals come from draws of {found.drawn_together}, since rows of one are alike."
    return group(
        note(text),
        table(head, [row for name, row in rows.items() if name not in _LESS_USED], "wrrrlr"),
        folded("More metrics", table(head, [rows[name] for name in _LESS_USED if name in rows], "wrrrlr")),
        _bounds_note(test, positive),
    )


def _named(title: str, meaning: str) -> Markup:
    return Markup("{}<small>{}</small>").format(title, meaning)


def _figures(now: Mapping[str, Any], base: float | None, *, line: bool) -> list[object]:
    shown = metric(value(now))
    between: object = interval(now)
    if not now.get("ci95"):
        between = Markup("<small>{}</small>").format(now.get("note") or "too little data")
    drawn = _charts.whisker(now, base) if line and value(now) is not None else ""
    return [Markup("<b>{}</b>").format(shown), between, metric(base), drawn]


def _bounds_note(test: Mapping[str, Any], positive: str) -> Markup | str:
    """Say how far numbers from binned scores can be off."""
    numbers = {**test["per_class"][positive], **{k: v for k, v in test.items() if isinstance(v, Mapping)}}
    loose = {k: v["bounds"] for k, v in numbers.items() if isinstance(v, Mapping) and v.get("bounds")}
    if not loose:
        return ""
    words = "; ".join(f"{k} {number(low)} to {number(high)}" for k, (low, high) in loose.items())
    return note(f"So many distinct scores are put in bins; the exact values certainly lie within: {words}.")


def _mean_metrics(found: Artifacts) -> Markup:
    """Return means over the classes beside what always saying the majority reaches."""
    test = found.test
    chance = 1 / sum(n > 0 for n in test["support"].values())
    base: dict[str, float | None] = {"accuracy": value(test["accuracy_always_majority"]), "balanced_accuracy": chance}
    base |= {"recall": chance, "g_mean": 0.0, "mcc": 0.0, "kappa": 0.0, "roc_auc": 0.5}
    head = ["metric", "model", "95 % interval", "always the majority", ""]

    def rows(numbers: Mapping[str, Any], names: Mapping[str, tuple[str, str]], expected: Any) -> list[list[object]]:
        return [
            [_named(*words), *_figures(numbers[name], expected.get(name), line=name not in _NO_LINE)]
            for name, words in names.items()
            if value(numbers.get(name)) is not None
        ]

    means = {name: (title, "mean over the classes, which all count the same") for name, (title, _) in _OWN.items()}
    weighted = {name: (title, "mean over the classes by their rows") for name, (title, _) in _OWN.items()}
    return group(
        note("Means over the classes: “always the majority” finds one class and none of the others."),
        table(head, [*rows(test["macro"], means, base), *rows(test, _WHOLE, base)], "wrrrl"),
        folded("Means weighted by the size of the classes", table(head, rows(test["weighted"], weighted, {}), "wrrrl")),
    )


def classes(found: Artifacts) -> Section | None:
    """Return the metrics of each class."""
    if not found.test:
        return None
    per_class, support = found.test["per_class"], found.test["support"]
    rows = [
        [
            c,
            count(support[c]),
            *(_with_interval((per_class.get(c) or {}).get(m)) for m in _OWN),
        ]
        for c in sorted(support, key=lambda c: support[c])
    ]
    head = ["class", "test rows", *(title for title, _ in _OWN.values())]
    body = group(
        table(head, rows, "l" + "r" * (len(head) - 1)),
        note("The rarest class comes first; below each number, its 95 % interval."),
    )
    return Section("per-class", "Class by class", body)


def _with_interval(figure: Mapping[str, Any] | None) -> Markup:
    if value(figure) is None:
        return Markup(NONE)
    below = interval(figure) if figure and figure.get("ci95") else ""
    return Markup("{}<small>{}</small>").format(metric(value(figure)), below)


def curves(found: Artifacts) -> Section | None:
    """Return precision-recall and ROC curves."""
    lines = _lines(found)
    if not lines:
        return None
    positive = found.positive
    share = prevalence(found.test, positive) if positive is not None and found.test else None
    at = _point(found)
    entries = [(c.style, c.name) for c in lines]
    marks = [("point", "the decisions of this run")] if at else []
    base = [("base", "guessing")] if positive is not None else []
    shown = pair(
        figure("Precision and recall", _charts.precision_recall(lines, share, at), legend(*entries, *base, *marks)),
        figure("ROC", _charts.roc(lines, at), legend(*entries, ("base", "guessing"), *marks)),
    )
    said = "Each class against all others, the rarest classes first. " if positive is None else ""
    left = len(found.curves.get("test", {})) - len(lines)
    if positive is None and left > 0:
        said += f"{left} more classes are left out. "
    said += "The ROC curve looks good even where most alarms are false: with rare positives, judge by the left picture."
    return Section("curves", "Curves", group(shown, note(said)))


def _lines(found: Artifacts) -> list[Curve]:
    test = {c: d for c, d in (found.curves.get("test") or {}).items() if d}
    if found.positive is not None:
        seen = found.curves.get("validation", {}).get(found.positive)
        lines = [Curve("validation rows", "s1 thin dashed", seen)] if seen else []
        return [*lines, *(Curve("test rows", "s0", d) for d in test.values())]
    rarest = sorted(test, key=lambda c: test[c]["prevalence"])[:_MOST_CURVES]
    return [Curve(f"class {c}", f"s{i}", test[c]) for i, c in enumerate(rarest)]


def _point(found: Artifacts) -> Point | None:
    if found.positive is None or not found.test:
        return None
    of = found.test["per_class"][found.positive]
    recall, specificity = value(of["recall"]), value(of["specificity"])
    if recall is None or specificity is None:
        return None
    return Point(recall, value(of["precision"]), 1 - specificity)


def decisions(found: Artifacts) -> Section | None:
    """Return what was decided for the rows of each class, and how that depends on the threshold."""
    if not found.test:
        return None
    matrix: Mapping[str, Mapping[str, int]] = found.test["confusion"]
    confusion = _matrix(matrix) if len(matrix) <= _MOST_CELLS else _most_confused(matrix)
    data = (found.curves.get("test") or {}).get(found.positive or "")
    if not data:
        return Section("decisions", "Decisions", confusion)
    lower = "expected cost per row" if "expected_cost" in data["thresholds"] else "alarms"
    over = figure(
        "Threshold against precision, recall and " + ("alarms" if lower == "alarms" else "expected cost"),
        _charts.thresholds(data, found.metrics.get("threshold")),
        legend(("s0", "precision"), ("s1 dashed", "recall"), ("s2", lower), ("mark", "chosen threshold")),
        note=_threshold_note(found),
    )
    return Section("decisions", "Decisions", pair(over, figure("Confusion", confusion)))


def _threshold_note(found: Artifacts) -> str:
    text = "On test rows. A row raises an alarm if its score is the threshold or more."
    chosen = found.training.get("threshold") or {}
    if chosen.get("rule"):
        words = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in chosen["rule"].items())
        text += f" The threshold was chosen on validation rows by the rule “{words}”."
    return f"{text} {chosen['note']}" if chosen.get("note") else text


def _matrix(matrix: Mapping[str, Mapping[str, int]]) -> Markup:
    names = list(matrix)
    rows = []
    for actual in names:
        total = sum(matrix[actual].values())
        cells = [_cell(matrix[actual][d], total, right=d == actual) for d in names]
        rows.append([Markup("<small>actually</small> {}").format(actual), *cells, count(total)])
    head = ["", *(Markup("<small>decided</small> {}").format(d) for d in names), "rows"]
    body = table(head, rows, "l" + "r" * (len(names) + 1))
    return group(
        Markup('<div class="matrix">{}</div>').format(body),
        note("Below each count, its share of the row; right decisions are on the diagonal."),
    )


def _cell(rows: int, total: int, *, right: bool) -> Markup:
    share = rows / total if total else 0.0
    # The root lets single mistakes be seen beside thousands of right decisions.
    heat = round(70 * share**0.5)
    tone = "right" if right else "wrong"
    return Markup('<span class="cell {}" style="--heat:{}%">{}<small>{}</small></span>').format(
        tone, heat, count(rows), percent(share) if total else NONE
    )


def _most_confused(matrix: Mapping[str, Mapping[str, int]]) -> Markup:
    wrong = [(n, actual, d) for actual, row in matrix.items() for d, n in row.items() if d != actual and n]
    top = sorted(wrong, key=lambda w: (-w[0], w[1], w[2]))[:_MOST_CELLS]
    rows = [[a, d, count(n), percent(n / sum(matrix[a].values()))] for n, a, d in top]
    said = f"With {len(matrix)} classes, the {len(top)} most frequent mistakes of {count(len(wrong))} kinds."
    return group(note(said), table(["actually", "decided", "rows", "of the class"], rows, "llrr"))


def probabilities(found: Artifacts) -> Section | None:
    """Return whether scores can be taken for probabilities, and how they are spread."""
    lines = [c for c in _lines(found) if c.data.get("calibration") and _is_probability(c)]
    if not lines:
        return None
    text = "Rows in bins of equal size, the tenth with the highest scores in finer ones. "
    text += "On the line, a score is a probability."
    if found.training.get("calibration"):
        text += f" Calibration: {found.training['calibration']}."
    honest = figure(
        "Predicted and observed",
        _charts.calibration(lines),
        legend(*((f"dot {c.colour}", c.name) for c in lines), ("base", "honest")),
        note=text,
    )
    data = found.curves["test"].get(found.positive or "")
    if not data:
        return Section("probabilities", "Probabilities", honest)
    spread = figure(
        "Scores of positives and negatives",
        _charts.histogram(data),
        legend(("fill-base", "negatives"), ("fill0", "positives")),
        note="On test rows, on a logarithmic scale; the bars of each class add up to 1.",
    )
    return Section("probabilities", "Probabilities", pair(honest, spread))


def _is_probability(curve: Curve) -> bool:
    predicted = curve.data["calibration"]["predicted"]
    return bool(min(predicted) >= 0 and max(predicted) <= 1)
