"""Scoring new rows with a finished run's model: no stage, since it comes after the run, as often as there are rows.

What it writes is published as a stage's output is: `_scores.json` is its last write. Until then it says "writing".
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.columns import check_free, check_names, col, require_columns
from steelyard.config import hidden_env, refuse_secret_paths, resolve_env
from steelyard.dataset import Dataset
from steelyard.errors import ConfigError, InputError
from steelyard.frames.formats import guessed_format
from steelyard.frames.pinned import Source, read
from steelyard.frames.tables import read_parquet, write_parquet
from steelyard.stages._current import find_run
from steelyard.stages._decision import Decision
from steelyard.stages._model import saved_model, trained_on
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
    _refuse_secrets(data, out)
    with hidden_env(data):
        run = find_run(run_dir)
        model, decision = saved_model(run)
        name, options = guessed_format(data, form)
        df = read(spark, Source(name, (resolve_env(data),), options=options))
        rows = scored(df, model, decision, kept_columns(df, trained_on(run)))
        place, before = claim(out, {"run_dir": run.location, "data": data}, overwrite=overwrite)
        _write(rows, place, before)
        found = {**place.read_json(MANIFEST), "status": "done", **summary(spark, place, decision), "finished": now()}
    place.write_json(MANIFEST, found)
    return found


def _refuse_secrets(data: str, out: str) -> None:
    try:
        refuse_secret_paths("path", {"DATA": data, "--out": out})  # they are written to `_scores.json`
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _write(rows: DataFrame, place: RunDir, before: bytes | None) -> None:
    """Write scores, then delete those of before; a failure leaves these as they were."""
    old = place.files()
    try:
        # Into a folder that has the claim in it, which Spark's other modes take for a table.
        write_parquet(rows, place.uri(), mode="append")
    except BaseException:
        if before is not None:
            place.write_bytes(MANIFEST, before)
        raise
    for name in {path.partition("/")[0] for path in old} - {MANIFEST, "_SUCCESS", "._SUCCESS.crc"}:
        place.delete(name)


def kept_columns(df: DataFrame, data: Dataset) -> list[Column]:
    """Return the columns that stand beside a score."""
    check_names(df.columns)
    require_columns(df, data.key, "key")
    beside = (data.label, data.group, data.time)
    names = dict.fromkeys([*data.key, *(c for c in beside if c in df.columns)] if data.key else df.columns)
    kept = [c for c in names if c is not None]
    check_free(kept, _MADE, "score")
    return [col(c) for c in kept]


def claim(out: str, words: dict[str, Any], *, overwrite: bool) -> tuple[RunDir, bytes | None]:
    """Make a folder ours: with `_scores.json`, which says "writing" until all is written; return what it said before.

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
    before = place.read_bytes(MANIFEST) if place.exists(MANIFEST) else None
    # First, so that nobody takes what is being replaced for whole.
    place.write_json(MANIFEST, {"status": "writing", **words, "out": out, "started": now()})
    return place, before


def summary(spark: SparkSession, place: RunDir, decision: Decision) -> dict[str, Any]:
    """Return counts and means of the rows that were written: one scan of one or two narrow columns."""
    several = decision.positive is None
    each = {c: F.try_element_at("score", F.lit(c)) for c in decision.classes} if several else {"": F.col("score")}
    sums = [F.sum(of).alias(f"sum {i}") for i, of in enumerate(each.values())]
    groups = read_parquet(spark, place.uri()).groupBy("decision").agg(F.count(F.lit(1)).alias("rows"), *sums).collect()
    total = sum(g["rows"] for g in groups)
    means = {c: sum(g[f"sum {i}"] for g in groups) / total if total else None for i, c in enumerate(each)}
    return {
        "rows": total,
        "decisions": {c: sum(g["rows"] for g in groups if g["decision"] == c) for c in decision.classes},
        "positive": decision.positive,
        "threshold": decision.threshold,
        "mean_score": means if several else means[""],
    }
