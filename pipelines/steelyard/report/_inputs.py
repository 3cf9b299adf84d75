"""The sections on data and on the run itself: classes, splits, features, guards, configuration, facts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from steelyard.learning import importance_of
from steelyard.report import _charts
from steelyard.report._artifacts import Artifacts
from steelyard.report._html import Section, figure, folded, legend, note, pill, table
from steelyard.report._numbers import NONE, count, duration, moment, number, percent, seconds_between, shortened
from steelyard.report._svg import group, tag

_MOST_CLASSES = 30
_MOST_FEATURES = 60
_SPLITS = ("train", "validation", "test")
_METHODS = {
    "temporal": "In order of time",
    "stratified": "At random within each class",
    "group": "At random by group, each class as evenly as groups allow",
}

_PROMOTIONS = 10  # the latest ones that are shown


def classes(found: Artifacts) -> Section | None:
    """Return the rows of each class, before and after resampling."""
    counts = {c: of["count"] for c, of in found.stats.get("classes", {}).items()}
    if not counts:
        return None
    plans = found.resample.get("classes") or {}
    total = sum(counts.values())
    rows = [
        [c, count(n), percent(n / total), *_planned(plans, c)] for c, n in sorted(counts.items(), key=lambda kv: -kv[1])
    ]
    head = ["class", "rows", "share", "training rows before", "after", "synthetic", "share after"]
    text = f"{count(found.stats['rows'])} rows; the largest class has {number(found.stats['imbalance_ratio'])} times "
    text += "the rows of the smallest."
    if found.stats.get("null_labels"):
        text += f" {count(found.stats['null_labels'])} rows have no label."
    width = len(head) if plans else 3
    shown = table(head[:width], [r[:width] for r in rows[:_MOST_CLASSES]], "lrrrrrr"[:width])
    left = len(rows) - _MOST_CLASSES
    more = note(f"{left} rarer classes are not shown.") if left > 0 else ""
    return Section("classes", "Classes", group(note(text), _bars(found, plans) if plans else "", shown, more))


def _planned(plans: Mapping[str, Any], name: str) -> list[str]:
    if name not in plans:
        return [NONE] * 4
    after = sum(p["after"] for p in plans.values())
    of = plans[name]
    return [count(of["before"]), count(of["after"]), count(of["new"]), percent(of["after"] / after if after else None)]


def _bars(found: Artifacts, plans: Mapping[str, Any]) -> Markup:
    shown = sorted(plans, key=lambda c: -plans[c]["before"])[:_MOST_CLASSES]
    before, after, made = ({c: plans[c][k] for c in shown} for k in ("before", "after", "new"))
    sampler = found.resample.get("sampler", "none")
    params = {k: v for k, v in (found.resample.get("params") or {}).items() if v is not None}
    words = ", ".join(f"{k} = {v}" for k, v in params.items())
    how = f"{sampler} ({words})" if words and sampler != "none" else sampler
    messages = "".join(f" {text}." for text in (found.resample.get("details") or {}).get("messages") or [])
    note_text = f"Sampler: {how}.{messages} Validation and test rows are never resampled."
    entries = [("bar before", "before"), ("bar after", "after")]
    entries += [("bar made", "synthetic")] if any(made.values()) else []
    drawn = _charts.class_bars(before, after, made)
    logarithmic = " (logarithmic scale)" if "logarithmic" in drawn else ""
    return figure(f"Training rows before and after resampling{logarithmic}", drawn, legend(*entries), note=note_text)


def splits(found: Artifacts) -> Section | None:
    """Return the split."""
    counts: Mapping[str, Mapping[str, int]] = found.split.get("counts", {})
    if not counts:
        return None
    given = [s for s in _SPLITS if s in counts]
    head, rows = ["class", *given], [*_class_rows(found, given), *_time_rows(found, given)]
    totals = {s: sum(counts[s].values()) for s in given}
    rarest = _largest_first(counts)[-1]
    share = [percent(counts[s].get(rarest, 0) / totals[s] if totals[s] else None) for s in given]
    rows += [["all", *map(count, totals.values())], [f"share of class {rarest}", *share]]
    return Section("splits", "Splits", group(table(head, rows, "l" + "r" * len(given)), note(_how_divided(found))))


def _largest_first(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    classes = {c for of in counts.values() for c in of}
    return sorted(classes, key=lambda c: (-sum(of.get(c, 0) for of in counts.values()), c))


def _class_rows(found: Artifacts, given: Sequence[str]) -> list[list[object]]:
    counts, deviations = found.split["counts"], found.split.get("deviations", {})
    return [
        [c, *(_part(counts[s].get(c, 0), deviations.get(s, {}).get(c, 0)) for s in given)]
        for c in _largest_first(counts)[:_MOST_CLASSES]
    ]


def _time_rows(found: Artifacts, given: Sequence[str]) -> list[list[object]]:
    times: Mapping[str, Sequence[str]] = found.split.get("times") or {}
    if not any(times.values()):
        return []
    ends = enumerate(("first", "last"))
    return [[f"{end} {found.split['time']}", *((times.get(s) or (NONE, NONE))[i] for s in given)] for i, end in ends]


def _how_divided(found: Artifacts) -> str:
    name, text = found.split.get("method", ""), ""
    if name in _METHODS:
        # Time orders the rows of a temporal split, no seed.
        text = _METHODS[name] + (". " if name == "temporal" else f"; seed {found.split.get('seed')}. ")
    text += gap_loss(found)
    if any(d for of in found.split.get("deviations", {}).values() for d in of.values()):
        return text + "Rows that stay together cause deviations from the requested counts: the small numbers."
    return text + "All counts are exactly the requested ones."


def gap_loss(found: Artifacts) -> str:
    """Return the number of rows that the gap of a temporal split leaves out, as text; empty if none."""
    lost = found.split.get("counts", {}).get("left_out") or {}
    if not sum(lost.values()):
        return ""
    classes = ", ".join(f"{count(n)} of class {c}" for c, n in sorted(lost.items(), key=lambda kv: kv[1]))
    return f"The gap leaves out {count(sum(lost.values()))} rows ({classes}). "


def _part(rows: int, deviation: int) -> Markup:
    off = f"{deviation:+,}".replace("-", "−") if deviation else ""
    return Markup("{}<small>{}</small>").format(count(rows), off)


def features(found: Artifacts) -> Section | None:
    """Return the distribution of each feature in each class."""
    described: Mapping[str, Any] = found.stats.get("features") or {}
    if not described:
        return None
    counts = {c: of["count"] for c, of in found.stats["classes"].items()}
    ordered = sorted(counts, key=lambda c: -counts[c])
    shown = ordered if len(ordered) <= 3 else [ordered[0], *ordered[-2:]]
    rows = [_feature(name, of, shown, counts) for name, of in list(described.items())[:_MOST_FEATURES]]
    names = [shortened(c, 24) for c in shown]
    head = ["feature", "type", *(f"missing, {c}" for c in names), *(f"typical, {c}" for c in names), "5 % to 95 %"]
    align = "lw" + "r" * len(shown) + "w" * len(shown) + "l"
    text = "Typical: the median of numbers, the most frequent levels of categories. "
    text += "Boxes show the middle half, from top to bottom: "
    text += ", ".join(f"class {c}" for c in shown) + "."
    if len(ordered) > len(shown):
        text += " The largest and the two smallest classes are shown."
    if len(described) > _MOST_FEATURES:
        text += f" {len(described) - _MOST_FEATURES} more features are not shown."
    text += _sampled(found.stats, counts, shown)
    parts = [note(text), table(head, rows, align)]
    importances = _importances(found)
    return Section("features", "Features", group(*([importances] if importances else []), *parts))


def _sampled(stats: Mapping[str, Any], counts: Mapping[str, int], shown: Sequence[str]) -> str:
    """Return a sentence on the classes whose percentiles are those of a sample."""
    drawn = stats.get("quantile_rows") or {}
    some = [f"{count(drawn[c])} of class {c}" for c in shown if drawn.get(c, counts[c]) < counts[c]]
    return f" Percentiles come from a sample of rows that a hash draws: {', '.join(some)}." if some else ""


def _feature(name: str, of: Mapping[str, Any], shown: list[str], counts: Mapping[str, int]) -> list[object]:
    by_class = {c: of["by_class"].get(c, {}) for c in shown}
    missing = [percent(d["missing"] / counts[c]) if d.get("missing") is not None else NONE for c, d in by_class.items()]
    kind = of["type"] + (", constant" if of.get("constant") else "")
    middle: list[object] = [_middle(d, counts[c]) for c, d in by_class.items()]
    boxes = _charts.boxes(by_class) if of.get("kind") == "numeric" else ""
    return [name, kind, *missing, *middle, boxes]


def _middle(described: Mapping[str, Any], rows: int) -> str:
    if "quantiles" in described:
        return number(described["quantiles"].get("0.5"))
    top = [f"{level} {percent(n / rows)}" for level, n in described.get("top", [])[:2]]
    return ", ".join(top) or NONE


def _importances(found: Artifacts) -> Markup | None:
    """Return the importance of each feature, as its trainer defines it."""
    told = importance_of(found.training.get("model", ""), found.training)
    if told is None:
        return None
    drawn = _charts.importances(told.features[:15], percent if told.shares else number)
    return figure(told.title, drawn, note=told.note)


def guards(found: Artifacts) -> Section | None:
    """Return the verdict of each expectation."""
    if not found.guards:
        return None
    parts = []
    for checkpoint, report in found.guards.items():
        results = sorted(report.get("results", []), key=lambda r: (r["success"], r["severity"] != "critical"))
        failed = sum(not r["success"] for r in results)
        met = f"{len(results) - failed} of {len(results)} expectations met"
        state = ("failed", "bad")
        if report["success"]:
            state = ("warns", "plain") if failed else ("passed", "good")
        title = group(tag("b", f"{checkpoint}"), " ", pill(*state), " ", met)
        rows = [_expectation(r) for r in results]
        body = table(["expectation", "", "column", "observed", "finding"], rows, "llwww")
        parts.append(folded(title, body, unfolded=failed > 0))
        left_out = [f"{_spoken(x['expectation'])} ({x['parameter']})" for x in report.get("left_out", [])]
        reason = "Skipped, because a parameter is not set or does not apply to this method"
        parts += [note(f"{reason}: {'; '.join(left_out)}.")] if left_out else []
    return Section("guards", "Guards", group(*parts))


def _expectation(result: Mapping[str, Any]) -> list[object]:
    severity = result["severity"]
    mark = pill("met", "good") if result["success"] else pill(severity, "bad" if severity == "critical" else "plain")
    observed = shortened(_in_words(result["observed"]), 120)
    return [_spoken(result["expectation"]), mark, result["column"] or NONE, observed, result["message"]]


def _spoken(expectation: str) -> str:
    return expectation.removeprefix("expect_").replace("_", " ")


def _in_words(observed: object, name: str = "") -> str:
    """Return JSON types as text for reading; `name` is the name of the value."""
    if observed is None or isinstance(observed, bool):
        return {None: NONE, True: "yes", False: "no"}[observed]
    if isinstance(observed, int | float):
        return percent(observed) if name.endswith("share") and 0 <= observed <= 1 else number(observed)
    if isinstance(observed, Mapping):
        named = [(str(k).replace("_", " "), _in_words(v, str(k)), v) for k, v in observed.items()]
        texts = [f"{k} ({text})" if isinstance(v, Mapping) else f"{k}: {text}" for k, text, v in named]
        return ", ".join(texts) or "none"
    if isinstance(observed, list | tuple):
        return ", ".join(map(_in_words, observed)) or "none"
    return str(observed)


def configuration(found: Artifacts) -> Section | None:
    """Return the configuration of the run."""
    config = found.manifest.get("config")
    if not config:
        return None
    variables = found.manifest.get("variables") or {}
    parts = [folded("Resolved configuration, defaults included", tag("pre", _yaml(config)))]
    if variables:
        parts.append(table(["variable", "value"], [[k, v] for k, v in variables.items()], "lw"))
    return Section("configuration", "Configuration", group(*parts))


def _yaml(document: Any) -> str:
    from ruamel.yaml import YAML

    out = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(document, out)
    return out.getvalue()


def _promotions(found: Artifacts) -> Markup:
    """Return who replaced whom as the current run of the pipeline, the latest first."""
    latest = found.promotions[: -_PROMOTIONS - 1 : -1]
    rows = [[p.run_id, p.replaces or "–", moment(p.at), p.by, p.reason] for p in latest]
    head = ["current run", "instead of", "since", "by", "reason"]
    judged = found.outcomes.get("promote")
    words = (judged.details.get("messages") or []) if judged is not None else []
    verdict = [note(f"Last verdict on this run: {text}.") for text in words]
    shown = table(head, rows, "llllw")
    return group(*verdict, note("Runs of this pipeline that became current, the latest first."), shown)


def facts(found: Artifacts) -> Section:
    """Return stages with their times, and versions."""
    stages = []
    longest = max((seconds_between(o.started, o.finished) for o in found.outcomes.values()), default=0.0) or 1.0
    for name, outcome in found.outcomes.items():
        seconds = seconds_between(outcome.started, outcome.finished)
        state = pill("done", "good") if outcome.done else pill(outcome.kind or "failed", "bad")
        bar = Markup('<span class="time" style="--share:{}%"></span>').format(round(100 * seconds / longest, 1))
        stages.append([name, state, duration(seconds), bar, outcome.message or ""])
    versions = [[k, v] for k, v in (found.manifest.get("versions") or {}).items()]
    began = f"Run {found.manifest.get('run_id')}, started {moment(found.manifest.get('created'))}."
    parts: list[object] = [note(began)]
    if stages:
        parts.append(table(["stage", "", "time", "", "message"], stages, "llrlw"))
    if found.promotions:
        parts.append(_promotions(found))
    if versions:
        parts.append(folded("Versions", table(["package", "version"], versions, "ll")))
    return Section("run", "The run", group(*parts))
