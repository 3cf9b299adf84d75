"""Scoring new rows with a finished run's model: no stage, since it comes after the run, as often as there are rows.

What it writes is published as a stage's output is: `_scores.json` is its last write. Until then it says "writing".
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.columns import check_free, check_names, col, require_columns
from steelyard.config import resolve_env
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.frames.formats import guessed_format
from steelyard.frames.pinned import Source, read
from steelyard.learning import Model, load_model
from steelyard.stages._current import find_run
from steelyard.stages._decision import Decision
from steelyard.stages._scores import scored
from steelyard.store import RunDir, Store, now

MANIFEST = "_scores.json"
"""Beside the Parquet files; Spark and pyarrow pass over a name that begins with an underscore."""

_MADE = ("score", "decision")


def score_table(
    spark: SparkSession, run_dir: str, data: str, out: str, form: str | None = None, *, overwrite: bool = False
) -> dict[str, Any]:
    """Score new rows with a run's model; nothing is resampled, and nothing is learned.

    Parameters
    ----------
    spark : SparkSession
    run_dir : str
        A run with a trained model, or a pipeline's folder `STORE/<name>`: then the current run, see `find_run`.
    data : str
        New rows: a path, glob or URI that Spark reads. They need the features of the model and the key of the pipeline,
        but no label.
    out : str
        The folder that gets Parquet files and `_scores.json`.
    form : str, optional
        The format of `data`; by default, what its name suggests.
    overwrite : bool, default False
        Replace earlier scores in `out`, whole or half-written.

    Returns
    -------
    dict
        Also the content of `_scores.json`: `run_dir`, `rows`, `decisions` (class → rows), `positive`, `threshold`,
        `mean_score` (of the positive class, or class → mean), `out` and times.

    Raises
    ------
    InputError
        If there is no model or `out` is taken; if a feature or key is missing, with the nearest column that exists.

    Notes
    -----
    The columns are the key, then label, group and time as far as the table has them, `score` and `decision`. Without
    a key, only its whole content says which row is which: then all columns are kept.
    """
    run = find_run(run_dir)
    model, decision = saved_model(run)
    name, options = guessed_format(data, form)
    df = read(spark, Source(name, (resolve_env(data),), options=options))
    rows = scored(df, model, decision, kept_columns(df, trained_on(run)))
    place = claim(out, {"run_dir": run.location, "data": data}, overwrite=overwrite)
    # Into a folder that has the claim in it, which Spark's other modes take for a table.
    rows.write.mode("append").parquet(place.uri())
    found = {**place.read_json(MANIFEST), "status": "done", **summary(spark, place, decision), "finished": now()}
    place.write_json(MANIFEST, found)
    return found


def saved_model(run: RunDir) -> tuple[Model, Decision]:
    """Return what `train` has left in a run.

    Raises
    ------
    InputError
        If it hasn't been done.
    """
    outcome = run.outcome("train")
    if outcome is None or not outcome.done:
        raise InputError(f"{run.location} has no trained model: its stage train is not done")
    folder = f"model/{outcome.attempt}"
    return load_model(run, folder), Decision.from_json(run.read_json(f"{folder}/decision.json"))


def trained_on(run: RunDir) -> Dataset:
    """Return the roles of the columns in the table of the run."""
    outcome = run.outcome("profile")
    if outcome is None or not outcome.done:
        raise InputError(f"{run.location} says nothing of its columns: its stage profile is not done")
    return Dataset.from_json(run.read_json(f"profile/{outcome.attempt}/stats.json")["dataset"])


def kept_columns(df: DataFrame, data: Dataset) -> list[Column]:
    """Return the columns that stand beside a score."""
    check_names(df.columns)
    require_columns(df, data.key, "key")
    beside = (data.label, data.group, data.time)
    names = dict.fromkeys([*data.key, *(c for c in beside if c in df.columns)] if data.key else df.columns)
    kept = [c for c in names if c is not None]
    check_free(kept, _MADE, "score")
    return [col(c) for c in kept]


def claim(out: str, words: dict[str, Any], *, overwrite: bool) -> RunDir:
    """Make a folder ours: with `_scores.json`, which says "writing" until all is written.

    Raises
    ------
    InputError
        If something is there that isn't to be overwritten, or no scores.
    """
    place = Store(out).here()
    if place.exists(""):
        ours = place.exists(MANIFEST)
        if not ours and place.files(""):
            raise InputError(f"--out {out} is there already and holds something else than scores; name a new folder")
        if ours and not overwrite:
            raise InputError(f"--out {out} is there already; name a new folder, or replace its scores with --overwrite")
    place.check_writable()
    # First, so that nobody takes what is being replaced for whole.
    place.write_json(MANIFEST, {"status": "writing", **words, "out": out, "started": now()})
    for folder in {path.partition("/")[0] for path in place.files("")} - {MANIFEST}:
        place.delete(folder)
    return place


def summary(spark: SparkSession, place: RunDir, decision: Decision) -> dict[str, Any]:
    """Return counts and means of the rows that were written: one scan of one or two narrow columns."""
    several = decision.positive is None
    each = {c: F.try_element_at("score", F.lit(c)) for c in decision.classes} if several else {"": F.col("score")}
    sums = [F.sum(of).alias(f"sum {i}") for i, of in enumerate(each.values())]
    groups = spark.read.parquet(place.uri()).groupBy("decision").agg(F.count(F.lit(1)).alias("rows"), *sums).collect()
    total = sum(g["rows"] for g in groups)
    means = {c: sum(g[f"sum {i}"] for g in groups) / total if total else None for i, c in enumerate(each)}
    return {
        "rows": total,
        "decisions": {c: sum(g["rows"] for g in groups if g["decision"] == c) for c in decision.classes},
        "positive": decision.positive,
        "threshold": decision.threshold,
        "mean_score": means if several else means[""],
    }
