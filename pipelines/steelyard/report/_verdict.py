"""The result of a run as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from steelyard.errors import ConfigError
from steelyard.metrics import always_majority, class_shares, get_metric, judge_gate, majority_class
from steelyard.report._artifacts import Artifacts
from steelyard.report._comparison import compared
from steelyard.report._decision import broken, implied, matrix_cost, promise, savings
from steelyard.report._difficulty import diagnosed, leaks, listed_leaks
from steelyard.report._numbers import count, interval, metric, number, percent, value
from steelyard.report._transfer import transfer_sentence

Tone = Literal["good", "bad", "plain"]
_WHO = {"input": "The input is wrong", "guard": "The data failed a check", "engine": "The engine failed"}


@dataclass(frozen=True)
class Point:
    """A sentence and its tone."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Verdict:
    """The result of a run: a headline with its tone, and further facts."""

    headline: str
    tone: Tone
    points: list[Point] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(text for text, _ in self.lines())

    def lines(self) -> list[tuple[str, Tone]]:
        """Return the lines for a terminal, each with its tone."""
        marks = {"good": "✓", "bad": "✗", "plain": "·"}
        return [(self.headline, self.tone), *((f"  {marks[p.tone]} {p.text}", p.tone) for p in self.points)]


def judge(found: Artifacts) -> Verdict:
    """Return the verdict on a run."""
    failure = found.failure
    leak = _leak(found)
    measured = [*_compared(found), *_transfer(found), *map(Point, diagnosed(found))]
    points = [*_almost(found), *measured, *_gate(found), *_guards(found)]
    if not found.test:
        return Verdict(_unfinished(found), "bad" if failure else "plain", [*_after("", leak), *points])
    headline, more = _binary(found) if found.positive is not None else _several(found)
    first = _unfinished(found) if failure is not None else leak
    if first is not None:
        return Verdict(first, "bad", [*_after(first, leak), Point(headline), *more, *points])
    bad = any(p.tone == "bad" for p in [*more, *points])
    return Verdict(headline, "bad" if bad else "good", [*more, *points])


def _compared(found: Artifacts) -> list[Point]:
    return [Point(text) for text in compared(found)]


def _transfer(found: Artifacts) -> list[Point]:
    """Return the sentence on transfer; a source that harms is bad news."""
    of = found.metrics.get("transfer")
    tones: dict[str, Tone] = {"gains": "good", "harms": "bad"}
    return [] if not of else [Point(transfer_sentence(found.metrics), tones.get(of["verdict"], "plain"))]


def _leak(found: Artifacts) -> str | None:
    """Return the sentence that precedes all metrics if a feature determines the label entirely."""
    suspects = leaks(found, entirely=True)
    if not suspects:
        return None
    head, alone, they = "Suspected leaks", "each determine the label alone", ("they are", "them")
    if len(suspects) == 1:
        head, alone, they = "Suspected leak", "alone determines the label", ("it is", "it")
    return (
        f"{head}: {listed_leaks(suspects)} {alone}. Unless {they[0]} known before the label, exclude {they[1]} "
        "(data.exclude): the metrics do not show what the model can do."
    )


def _almost(found: Artifacts) -> list[Point]:
    suspects = leaks(found, entirely=False)
    if not suspects:
        return []
    alone = "alone almost determines the label" if len(suspects) == 1 else "each almost determine the label alone"
    words = f"{listed_leaks(suspects)} {alone}"
    return [Point(f"{words}. Exclude features that are not known before the label (data.exclude).")]


def _after(first: str, leak: str | None) -> list[Point]:
    return [Point(leak, "bad")] if leak is not None and leak != first else []


def _unfinished(found: Artifacts) -> str:
    failure = found.failure
    if failure is None:
        last = next(reversed(found.outcomes), None)
        return f"The run has not been evaluated yet; its last stage was {last}." if last else "The run has not begun."
    # The findings of a guard follow point by point.
    lines = (failure.message or "no message").splitlines()
    text = lines[0] if failure.kind == "guard" else " ".join(line.strip() for line in lines)
    return f"The run ended in stage {failure.stage}. {_WHO.get(failure.kind or '', 'It failed')}: {text}"


def _binary(found: Artifacts) -> tuple[str, list[Point]]:
    test, positive = found.test, str(found.positive)
    of, confusion = test["per_class"][positive], test["confusion"]
    hits = confusion[positive][positive]
    alarms = sum(row[positive] for row in confusion.values())
    rows = test["support"][positive]
    headline = (
        f"Of {count(rows)} positives ({found.label} = {positive}) among {count(test['n'])} test rows, "
        f"the model finds {count(hits)} ({percent(value(of['recall']))}{' by weight' if _weight(found) else ''}); "
        + (f"{percent(value(of['precision']))} of its alarms are right." if alarms else "it raises no alarm.")
    )
    majority = majority_class(test)
    right = percent(value(test["accuracy_always_majority"]))
    finds = "finds none of them" if majority != positive else "raises an alarm on every row"
    baseline = f"“Always the majority” is right on {right} of the rows and {finds}."
    counted = f"{count(alarms)} alarms: {count(hits)} right, {count(alarms - hits)} false."
    return headline, [
        Point(f"{baseline} The model raises {counted}"),
        *_intervals(of, found.drawn_together),
        *_guessing(test, positive),
        *_cost(test),
        *_rule(found),
        *_counted(found),
    ]


def _weight(found: Artifacts) -> str | None:
    """Return the column of row weights."""
    name: str | None = found.manifest.get("config", {}).get("data", {}).get("weight")
    return name


def _counted(found: Artifacts) -> list[Point]:
    """Return what a row counts in metrics, where that is not 1."""
    weight = _weight(found)
    text = f"Rows count their weight (column {weight}) in shares, metrics and costs; numbers of rows do not."
    return [*([Point(text)] if weight else []), *_rates(found)]


def _rates(found: Artifacts) -> list[Point]:
    rates: Mapping[str, float] = found.manifest.get("config", {}).get("data", {}).get("sampling_rate") or {}
    of = [f"{percent(rate)} of class {c}" for c, rate in rates.items() if rate < 1]
    text = f"The table holds {_listed(of)} (data.sampling_rate): in shares and costs, a row counts one over that."
    return [Point(text)] if of else []


def _rule(found: Artifacts) -> list[Point]:
    promised, rest = promise(found), (savings(found), implied(found))
    kept = [Point(promised, "bad" if broken(found) else "plain")] if promised else []
    return [*kept, *(Point(text) for text in rest if text)]


def _intervals(of: Mapping[str, Any], together: str | None) -> list[Point]:
    known = [f"{name} {interval(of[name], percent)}" for name in ("recall", "precision") if of[name].get("ci95")]
    drawn = f" (resampling whole {together})" if together else ""
    return [Point(f"95 % intervals{drawn}: {', '.join(known)}.")] if known else []


def _guessing(test: Mapping[str, Any], positive: str) -> list[Point]:
    area, share = test["per_class"][positive]["pr_auc"], class_shares(test)[positive]
    if area.get("value") is None:
        return []
    text = f"{get_metric('pr_auc').label} {metric(area['value'])}, where guessing gives {metric(share)}"
    between = area.get("ci95")
    if between is None:
        return [Point(f"{text}; too few positives for an interval.")]
    if between[0] <= share:
        return [Point(f"{text}: its 95 % interval ({interval(area)}) does not exclude guessing.", "bad")]
    return [Point(f"{text} (95 % interval {interval(area)}).")]


def _cost(test: Mapping[str, Any]) -> list[Point]:
    cost = value(test.get("expected_cost"))
    never, always = (value(test.get(f"expected_cost_{x}_alarm")) for x in ("never", "always"))
    if cost is None or never is None or always is None:
        return []
    best, way = min((never, "without any alarm"), (always, "with an alarm on every row"))
    text = f"Its expected cost is {number(cost)} per row; {way} it would be {number(best)}"
    if best <= 0:
        return [Point(f"{text}.")]
    change = f"{percent(abs(1 - cost / best))} {'less' if cost < best else 'more'}"
    return [Point(f"{text}, so the model costs {change}.", "plain" if cost < best else "bad")]


def _several(found: Artifacts) -> tuple[str, list[Point]]:
    test = found.test
    support: Mapping[str, int] = test["support"]
    there = [c for c in support if support[c]]
    headline = (
        f"Among {count(len(support))} classes, the model is right on {percent(value(test['accuracy']))} of "
        f"{count(test['n'])} test rows; on average over the classes it finds {percent(value(test['macro']['recall']))}."
    )
    rarest = min(there, key=lambda c: support[c])
    hits = test["confusion"][rarest][rarest]
    baseline = (
        f"“Always the majority” ({found.label} = {majority_class(test)}) is right on "
        f"{percent(value(test['accuracy_always_majority']))} and finds "
        f"{percent(always_majority(test, 'recall', None))} on average."
    )
    rare = f"Of the rarest class there, {rarest}, it finds {count(hits)} of {count(support[rarest])}."
    never = [c for c in there if not test["confusion"][c][c]]
    points = [Point(baseline), Point(rare, "plain" if hits else "bad")]
    if never and never != [rarest]:
        points.append(Point(f"It never recognises {len(never)} of the classes: {_listed(never)}.", "bad"))
    weights = found.metrics.get("decision", {}).get("class_weights")
    if weights:
        shown = _listed([f"{number(w)} for {c}" for c, w in sorted(weights.items(), key=lambda item: -item[1])])
        points.append(
            Point(f"The decision is the class with the greatest class weight × calibrated probability: {shown}.")
        )
    points += [Point(text) for text in (matrix_cost(found), savings(found)) if text]
    points += _counted(found)
    absent = [c for c in support if not support[c]]
    if absent:
        points.append(Point(f"The test rows hold none of {_listed(absent)}, so they are not evaluated."))
    return headline, points


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def gate_verdicts(found: Artifacts) -> list[dict[str, Any]]:
    """Return the verdicts of the gate: the published ones, or before it has run, the expected ones."""
    outcome = found.outcomes.get("gate")
    if outcome is not None and "verdicts" in outcome.details:
        given: list[dict[str, Any]] = outcome.details["verdicts"]
        return given
    gate = found.manifest.get("config", {}).get("gate") or {}
    if not gate or not found.test:
        return []
    bounds = {name: {k: v for k, v in bound.items() if v is not None} for name, bound in gate.items()}
    try:
        return judge_gate(found.metrics, bounds)
    except ConfigError as error:
        return [{"passed": False, "message": str(error)}]


def _gate(found: Artifacts) -> list[Point]:
    verdicts = gate_verdicts(found)
    failed = [v["message"] for v in verdicts if not v["passed"]]
    if failed:
        return [Point(f"The gate failed: {'; '.join(failed)}.", "bad")]
    if verdicts:
        return [Point(f"The gate passed: {'; '.join(v['message'] for v in verdicts)}.", "good")]
    return []


def _guards(found: Artifacts) -> list[Point]:
    points = []
    for checkpoint, report in found.guards.items():
        failed = [r for r in report.get("results", []) if not r["success"] and not _already_shown(r)]
        if failed:
            critical = not report["success"]
            kind = "failed" if critical else "warns"
            words = "; ".join(r["message"] for r in failed[:3]) + ("; …" if len(failed) > 3 else "")
            points.append(Point(f"Guard “{checkpoint}” {kind}: {words}", "bad" if critical else "plain"))
    results = [r for report in found.guards.values() for r in report.get("results", [])]
    if results and all(r["success"] for r in results):
        guards = "one guard" if len(found.guards) == 1 else f"{len(found.guards)} guards"
        points.append(Point(f"All {len(results)} expectations of {guards} are met.", "good"))
    return points


def _already_shown(result: Mapping[str, Any]) -> bool:
    """Whether the verdict already contains it: suspected leaks come first."""
    return result["severity"] != "critical" and str(result["expectation"]).endswith("_to_give_the_label_away")
