"""What a model card says of a run, in the order of TRIPOD+AI; each value names the file and the key that it comes from.

References
----------
Collins et al., "TRIPOD+AI statement: updated guidance for reporting clinical prediction models that use regression or
machine learning methods", BMJ 385, 2024.
Board of Governors of the Federal Reserve System, "Supervisory guidance on model risk management", SR 11-7, 2011.
Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

from steelyard.config import rule_text
from steelyard.metrics import metric_names
from steelyard.report._card_facts import Documents, Fact, amount, figure, names, settings, share, size
from steelyard.report._numbers import count, moment, number
from steelyard.store import RunDir

_MOST_CLASSES, _MOST_SLICES, _MOST_FEATURES = 20, 50, 10
_SPLITS = ("train", "validation", "test")
_TO_ADD = (
    "intended use, users and decisions that depend on the model",
    "populations and situations that it must not be used for",
    "who owns the model, who approved it and when",
    "ethical and legal review, and harms of false negatives and false positives beyond their cost",
)


@dataclass(frozen=True)
class Part:
    """A section of a card: facts, then remarks."""

    title: str
    facts: list[Fact] = field(default_factory=list)
    remarks: tuple[str, ...] = ()


def card_parts(run: RunDir) -> list[Part]:
    """Return the sections of a run's model card; those without facts or remarks are left out."""
    found = Documents(run)
    makers = (_title, _data, _outcome, _sample, _imbalance, _training, _output, _performance, _slices, _costs)
    parts = [make(found) for make in (*makers, _limits, _monitoring, _open_science)]
    return [part for part in [*parts, Part("To be added by people", remarks=_TO_ADD)] if part.facts or part.remarks]


def _title(d: Documents) -> Part:
    facts = [
        *d.fact("Pipeline", "run", "pipeline"),
        *d.fact("Run", "run", "run_id"),
        *d.fact("Started", "run", "created", shown=moment),
        *d.fact("Model", "stage:train", "details", "model"),
        *d.fact("Predicted column", "run", "config", "data", "label"),
        *d.fact("Positive class", "stats", "positive"),
    ]
    return Part("Title and purpose", facts)


def _data(d: Documents) -> Part:
    facts = [
        *d.fact("Table", "run", "config", "data", "path"),
        *d.fact("Table", "run", "config", "data", "table"),
        *d.fact("Date of the data", "run", "variables", "date"),
        *d.fact("Latest time in the data", "stats", "latest_time"),
        *d.fact("Files, pinned by size and time", "input", "pin", "files", shown=size),
        *d.fact("Rows", "stats", "rows", shown=count),
        *d.fact("Rows without a label", "stats", "null_labels", shown=count),
        *d.fact("Condition on rows", "run", "config", "data", "where"),
        *d.fact("Weight of a row in metrics", "run", "config", "data", "weight"),
        *d.fact("Shares of classes that the table holds", "run", "config", "data", "sampling_rate", shown=settings),
        *d.fact("Key", "stats", "dataset", "key", shown=names),
        *d.fact("Group", "stats", "dataset", "group"),
        *d.fact("Split method", "split", "method"),
        *d.fact("Split seed", "split", "seed"),
    ]
    for name in _SPLITS:
        facts += d.fact(f"Rows for {name}", "split", "counts", name, shown=lambda of: count(sum(of.values())))
    return Part("Source of data and participants", facts)


def _outcome(d: Documents) -> Part:
    facts = [*d.fact("Features", "stats", "dataset", "features", shown=names)]
    facts += d.fact("Number of features", "stats", "dataset", "features", shown=size)
    facts += d.fact("Categories", "stats", "dataset", "categorical", shown=names)
    facts += d.fact("Columns that are not features", "run", "config", "data", "exclude", shown=names)
    for name in d.at("run", "config", "data", "domain") or {}:
        facts += d.fact(f"Domain of {name}", "run", "config", "data", "domain", name, shown=settings)
    return Part("Outcome and predictors", facts)


def _sample(d: Documents) -> Part:
    facts = []
    for name in list(d.at("stats", "classes") or {})[:_MOST_CLASSES]:
        facts += d.fact(f"Rows of class {name}", "stats", "classes", name, "count", shown=count)
        facts += d.fact(f"Share of class {name}", "stats", "classes", name, "share", shown=share)
    for name in list(d.at("stats", "features") or {}):
        for label, of in (d.at("stats", "features", name, "by_class") or {}).items():
            if of.get("missing"):
                at = ("features", name, "by_class", label, "missing")
                facts += d.fact(f"Missing values of {name}, class {label}", "stats", *at, shown=count)
    return Part("Sample size and missing data", facts)


def _imbalance(d: Documents) -> Part:
    facts = [
        *d.fact("Rows of the largest class per row of the smallest", "stats", "imbalance_ratio", shown=number),
        *d.fact("Recommended sampler", "difficulty", "recommendation", "method"),
        *d.facts("Reason of the recommendation", "difficulty", "recommendation", "reasons"),
        *d.fact("Sampler", "resample", "sampler"),
        *d.fact("Parameters of the sampler", "resample", "params", shown=settings),
        *d.fact("Class weights", "run", "config", "train", "class_weight"),
        *d.fact("Loss", "run", "config", "train", "loss"),
        *d.fact("Weights by cost", "run", "config", "train", "cost_weights"),
    ]
    for name in list(d.at("resample", "classes") or {})[:_MOST_CLASSES]:
        for key, words in (("before", "before"), ("after", "after"), ("new", "of them synthetic, after")):
            at = ("classes", name, key)
            facts += d.fact(f"Training rows of class {name}, {words} resampling", "resample", *at, shown=count)
    return Part("Class imbalance, and what was done about it", facts)


def _training(d: Documents) -> Part:
    facts = [
        *d.fact("Recipes were compared by", "compare", "metric"),
        *d.fact("Recipes that the search left out", "compare", "facts", "search", "left_out", shown=names),
        *d.fact("Chosen recipe", "compare", "chosen"),
        *d.fact("Reason of the choice", "compare", "reason"),
        *d.fact("The choice is better than plain XGBoost", "compare", "better_than_plain"),
        *d.fact("Recipe that the comparison suggests", "compare", "suggestion"),
        *d.fact("Model", "stage:train", "details", "model"),
    ]
    metric_name = d.at("compare", "metric")
    for i, of in enumerate(d.at("compare", "candidates") or []):
        words = f"Folds: {metric_name} of {of.get('name')}"
        facts += d.fact(words, "compare", "candidates", i, metric_name, shown=figure)
        facts += d.fact(
            f"{words}, less that of plain", "compare", "candidates", i, "difference", metric_name, shown=figure
        )
    facts += d.fact("Source of the transfer", "run", "config", "train", "transfer", shown=settings)
    facts += d.fact("Parameters", "run", "config", "train", "params", shown=settings)
    facts += d.fact("Seed", "run", "config", "train", "seed")
    facts += d.fact("Trees", "stage:train", "details", "trees", shown=count)
    for i, of in enumerate((d.at("stage:train", "details", "importances") or [])[:_MOST_FEATURES]):
        for key in [k for k, v in of.items() if isinstance(v, float)]:
            at = ("details", "importances", i, key)
            facts += d.fact(f"{key.capitalize()} of {of.get('feature')}", "stage:train", *at, shown=number)
    return Part("Model development", facts)


def _output(d: Documents) -> Part:
    decided = ("stage:decide", "details")
    facts = [
        *(
            d.fact("Recalibration", "policy", "calibration", "method")
            or d.fact("Recalibration", *decided, "calibration")
        ),
        *d.fact("Caveat of the recalibration", "policy", "calibration_note"),
        *d.fact("Scores are probabilities", "policy", "probabilities"),
        *d.fact("Rule of the threshold", "stage:decide", "details", "threshold", "rule", shown=rule_text),
        *d.fact("Threshold", "metrics", "threshold", shown=number),
        *d.fact("Note on the threshold", "stage:decide", "details", "threshold", "note"),
    ]
    return Part("Model output: recalibration and decision", facts)


def _performance(d: Documents) -> Part:
    positive, facts = d.at("metrics", "positive"), []
    for name in ("validation", "test"):
        facts += d.fact(f"Rows of {name}", "metrics", "splits", name, "n", shown=count)
    of_class = ("per_class", positive) if positive is not None else ("macro",)
    for key in d.at("metrics", "splits", "test", *of_class) or {}:
        facts += d.fact(f"Test: {key}", "metrics", "splits", "test", *of_class, key, shown=figure)
    for key in ("accuracy_always_majority", *metric_names()):
        of = d.at("metrics", "splits", "test", key)
        if "cost" not in key and isinstance(of, dict) and of.get("value") is not None:
            facts += d.fact(f"Test: {key}", "metrics", "splits", "test", key, shown=figure)
    for actual, decided in (d.at("metrics", "splits", "test", "confusion") or {}).items():
        for name in decided if len(decided) <= _MOST_CLASSES else ():
            at = ("splits", "test", "confusion", actual, name)
            facts += d.fact(f"Test rows of class {actual} decided as {name}", "metrics", *at, shown=count)
    facts += d.fact("Baseline on the same test rows", "metrics", "baseline", "recipe")
    for key in d.at("metrics", "baseline", "gain") or {}:
        facts += d.fact(f"Test: gain over the baseline in {key}", "metrics", "baseline", "gain", key, shown=figure)
    facts += d.fact("Verdict on the transfer", "metrics", "transfer", "verdict")
    return Part("Model performance", facts)


def _slices(d: Documents) -> Part:
    facts: list[Fact] = []
    positive = d.at("metrics", "positive")
    for column, values in (d.at("metrics", "splits", "test", "slices") or {}).items():
        for value in list(values)[:_MOST_SLICES]:
            at = ("splits", "test", "slices", column, value)
            facts += d.fact(f"{column} = {value}: rows", "metrics", *at, "n", shown=count)
            if positive is None:
                for name in (d.at("metrics", *at, "per_class") or {}) if len(values) <= _MOST_CLASSES else ():
                    place = (*at, "per_class", name, "recall")
                    facts += d.fact(f"{column} = {value}: recall of {name}", "metrics", *place, shown=figure)
                continue
            facts += d.fact(
                f"{column} = {value}: rows of class {positive}", "metrics", *at, "support", positive, shown=count
            )
            for key in ("recall", "precision", "pr_auc"):
                place = (*at, "per_class", positive, key)
                facts += d.fact(f"{column} = {value}: {key}", "metrics", *place, shown=figure)
    return Part("Model performance by slice", facts)


def _costs(d: Documents) -> Part:
    facts = [
        *d.fact("Cost of a false negative", "run", "config", "data", "cost", "false_negative"),
        *d.fact("Cost of a false positive", "run", "config", "data", "cost", "false_positive"),
    ]
    for actual, decided in (d.at("run", "config", "data", "cost", "matrix") or {}).items():
        for name in decided:
            at = ("config", "data", "cost", "matrix", actual, name)
            facts += d.fact(f"Cost of deciding {name} for class {actual}", "run", *at, shown=number)
    for key in ("expected_cost", "expected_cost_never_alarm", "expected_cost_always_alarm"):
        facts += d.fact(f"Test: {key}", "metrics", "splits", "test", key, shown=amount)
    for key in d.at("metrics", "splits", "test", "saved") or {}:
        facts += d.fact(f"Test: cost saved against {key}", "metrics", "splits", "test", "saved", key, shown=amount)
    given = any((d.at("run", "config", "data", "cost") or {}).values())
    return Part("Costs", facts if given or d.at("metrics", "splits", "test", "saved") else [])


def _limits(d: Documents) -> Part:
    facts = d.facts("Note on metrics", "metrics", "notes")
    for stage, key in product(d.outcomes, ("messages", "warnings")):
        facts += d.facts(f"Note of stage {stage}", f"stage:{stage}", "details", key)
    for stage in [stage for stage, outcome in d.outcomes.items() if not outcome.done]:
        facts += d.fact(f"Failure of stage {stage}", f"stage:{stage}", "message")
    for name in [name for name in d.found if name.startswith("guard:")]:
        for i, of in enumerate(d.at(name, "results") or []):
            if not of.get("success", True):
                words = f"Check of {name.removeprefix('guard:')} that failed"
                facts += d.fact(words, name, "results", i, "message")
    return Part("Limits", facts)


def _monitoring(d: Documents) -> Part:
    facts = []
    words = {
        "psi": "PSI of scores and features",
        "prevalence": "Factor of the prevalence",
        "recall_drop": "Recall drop",
    }
    for key, text in words.items():
        facts += d.fact(f"Alert beyond: {text}", "run", "config", "monitor", key, shown=number)
    for name, bounds in (d.at("run", "config", "gate") or {}).items():
        for key, bound in bounds.items():
            if bound is not None:
                facts += d.fact(f"Gate: {name}, {key}", "run", "config", "gate", name, key, shown=number)
    remark = "The command steelyard monitor compares new rows with this run, before labels arrive"
    return Part("Monitoring triggers", facts, (f"{remark}; its defaults apply where no limit is listed here",))


def _open_science(d: Documents) -> Part:
    facts = [*d.fact("SHA-256 of run.json", "run", "sha256")]
    for name in d.at("run", "versions") or {}:
        facts += d.fact(f"Version of {name}", "run", "versions", name)
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
        for i, of in enumerate(d.at(f"stage:{stage}", "files") or []):
            if of["path"].endswith((".json", ".ubj", ".safetensors", ".skops")) and "/scores" not in of["path"]:
                at = ("files", i, "sha256")
                facts += d.fact(f"SHA-256 of {of['path']}", f"stage:{stage}", *at)
    return Part("Versions and hashes", facts)
