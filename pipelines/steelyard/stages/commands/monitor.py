"""Compare new rows with a finished run: drift, the new prevalence, expected performance. No stage, like scoring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard import monitoring
from steelyard.classifier import Classifier
from steelyard.columns import internal
from steelyard.config import MonitorConfig, hidden_env, known_format
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.monitoring import UNKNOWN, Limits
from steelyard.stages._context import ignore_warning, run_config
from steelyard.stages._model import saved_classifier, trained_on
from steelyard.stages.commands._new_rows import NewRows
from steelyard.stages.commands._test_scores import (
    DECIDED,
    decided_classes,
    reference_costs,
    reference_counts,
    test_scores,
)
from steelyard.stages.commands.current import find_run, promotion_notes
from steelyard.stages.commands.score import refuse_secrets
from steelyard.store import RunDir, Store, now

FILE = "monitor.json"
_PROBABILITY, _SCORE, _DECISION = (internal(name) for name in ("probability", "calibrated", "decision"))


def check_monitored(run_dir: str, labels: str | None) -> None:
    """Raise `InputError` unless the run has a model and test scores, and a key if there are labels. Needs no Spark."""
    run = find_run(run_dir)
    saved_classifier(run)
    run.published("evaluate")
    _check_labels(trained_on(run), labels)


def _check_labels(known: Dataset, labels: str | None) -> None:
    if labels is not None and known.positive is None:
        raise InputError(f"--labels is for two classes; the run has {len(known.classes)}")
    if labels is not None and not known.key:
        raise InputError("--labels are joined to rows by their key, and the run has none (in a pipeline, data.key)")


def monitor_table(
    spark: SparkSession,
    run_dir: str,
    data: str,
    out: str,
    form: str | None = None,
    *,
    labels: str | None = None,
    overwrite: bool = False,
    width: float = monitoring.WIDTH,
    options: Mapping[str, str] | None = None,
    missing: Sequence[str] | None = None,
    warn: Callable[[str], None] = ignore_warning,
) -> dict[str, Any]:
    """Compare new rows with the test rows of a run, and write `monitor.json` to the folder `out`.

    One scan of the new rows, one of the run's test scores; with labels also a join and two scans of them.

    Parameters
    ----------
    spark : SparkSession
    run_dir : str
        A run, or a pipeline's folder: then the current run, see `find_run`.
    data : str
        The new rows. They need the features of the model and no label.
    out : str
    form : str, optional
        Format of `data` and `labels`. Default: by the file endings.
    labels : str, optional
        A table with the key and the label of some of the rows.
    overwrite : bool, default False
        Replace an earlier `monitor.json`.
    width : float, default 0.5
        Wanted length of the 95 % interval of the prevalence, as a share of it.
    options, missing, warn
        As for `score_table`.

    Returns
    -------
    dict
        The content of `monitor.json`; `status` is "alert" if a limit is exceeded, else "done".
    """
    paths = {"data": data, "out": out, **({} if labels is None else {"labels": labels})}
    refuse_secrets(**paths)
    if not 0 < width <= 1:
        raise InputError(f"--width must be above 0 and at most 1. Got {width} instead.")
    form = known_format(form, "--format")
    with hidden_env(data):
        run, place = find_run(run_dir), _place(out, overwrite=overwrite)
        classifier, known, started = saved_classifier(run), trained_on(run), now()
        _check_labels(known, labels)
        usual = tuple(missing or run_config(run).data.missing)
        how = {"format": form, "options": dict(options or {}), "missing": usual}
        rows = NewRows(spark, run, classifier, known, how)
        df = rows.read(data)
        if labels is not None:
            df = rows.labelled(df, labels)
        found = _compare(spark, run, classifier, rows, df, width)
    notes = [*promotion_notes(run_dir, run), *rows.notes, *_notes(found, classifier), *_lost(found, rows.labels)]
    words = {"run_dir": run.location, **paths, "started": started}
    whole = {"status": "alert" if found["alerts"] else "done", **words, **found, "notes": notes, "finished": now()}
    place.write_json(FILE, whole)
    for note in notes:
        warn(note)
    return whole


def _place(out: str, *, overwrite: bool) -> RunDir:
    place = Store(out).here()
    if place.exists("") and not (overwrite and place.exists(FILE)):
        what = "has a monitor.json already; name a new folder, or give --overwrite"
        raise InputError(f"--out {out} {what if place.exists(FILE) else 'exists already; name a new folder'}")
    place.check_writable()
    return place


def _compare(
    spark: SparkSession, run: RunDir, classifier: Classifier, rows: NewRows, df: DataFrame, width: float
) -> dict[str, Any]:
    """Return the document of new rows."""
    policy, known = classifier.policy, trained_on(run)
    files = run.published("profile")
    stats = files.read_json(f"profile/{files.attempt}/stats.json")
    features = monitoring.profiled_features(stats, run_config(run).data.sampling_rate)
    test = test_scores(spark, run)
    two = policy.positive is not None
    made = {"probability": _PROBABILITY, "calibrated": _SCORE, "decision": _DECISION}
    new = classifier.transform(df, **made)
    if not two:
        features.append(decided_classes(test, policy.classes, run_config(run).data.sampling_rate))
        new = new.withColumn(DECIDED, F.col(_DECISION))
    place, grouped = rows.bucket(df)
    counted, cells = monitoring.count_rows(
        new,
        score=F.col(_SCORE) if two else F.lit(0.5),
        alarm=F.col(_DECISION) == F.lit(policy.positive) if two else F.lit(False),
        label=F.col(monitoring.KNOWN) if monitoring.KNOWN in new.columns else F.lit(UNKNOWN),
        bucket=place,
        weight=rows.weight(df),
        grouped=grouped,
        features=features,
    )
    wanted = run_config(run).monitor or MonitorConfig()
    return monitoring.document(
        reference_counts(test, known, temporal=run_config(run).split.method == "temporal") if two else None,
        counted,
        positive=policy.positive,
        features=list(zip(features, cells, strict=True)),
        limits=Limits(wanted.psi, wanted.prevalence, wanted.recall_drop),
        costs=reference_costs(test, known) if two else None,
        fixed=policy.top is None,
        width=width,
    )


def _lost(found: Mapping[str, Any], given: int) -> list[str]:
    """Return a note on labels whose key no new row has."""
    lost = given - (found["labels"] or {"known": 0})["known"]
    return [f"labels: {lost:,} of {given:,} labels have a key that no new row has"] if lost > 0 else []


def _notes(found: Mapping[str, Any], classifier: Classifier) -> list[str]:
    shift, labels = found["label_shift"], found["labels"]
    if not found["rows"]:
        return ["there are no new rows"]
    if shift is None:
        return ["with more than two classes, only features and decisions are compared"]
    notes = [] if shift["holds"] else [f"prevalence and performance are not estimated: {shift['reason']}"]
    if shift["holds"] and found["expected"] is None:
        notes.append("a rule on the highest scores of a period has no expected performance")
    if labels is not None and labels["known"] and labels["reason"] is not None:
        notes.append(f"labels: {labels['reason']}")
    return notes
