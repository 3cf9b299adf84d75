"""Scoring new rows with a finished run's model: no stage, since it comes after the run, as often as there are rows.

Scores are published whole: a local folder gets its name, or its new files, when all is written. `_scores.json` is
written last; on other stores it says "writing" until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import check_free, check_names, col, require_columns
from steelyard.config import hidden_env, known_format, refuse_secret_paths, resolve_env
from steelyard.dataset import Dataset
from steelyard.deciding import ENDS, DecisionPolicy
from steelyard.errors import ConfigError, InputError
from steelyard.explaining import check_contributions, contributions_table
from steelyard.frames.reading import Source, read
from steelyard.frames.tables import read_parquet, write_parquet
from steelyard.stages._context import ignore_warning, run_config
from steelyard.stages._model import saved_classifier, trained_on
from steelyard.stages._scores import scored
from steelyard.stages.commands._levels import Levels
from steelyard.stages.commands._periods import PeriodEnds
from steelyard.stages.commands.current import find_run, promotion_notes
from steelyard.store import RunDir, Store, now

MANIFEST = "_scores.json"
"""Next to the Parquet files; Spark and pyarrow skip names that begin with an underscore."""

_MADE = ("score", "decision")


def check_scorable(run_dir: str, *, contributions: bool = False) -> None:
    """Raise `InputError` unless a run, or the current run of a pipeline, has a model to score with. Needs no Spark.

    With `contributions`, also unless that model gives contributions of features to single rows.
    """
    classifier = saved_classifier(find_run(run_dir))
    if contributions:
        check_contributions(classifier)


def score_table(
    spark: SparkSession,
    run_dir: str,
    data: str,
    out: str,
    form: str | None = None,
    *,
    overwrite: bool = False,
    contributions: bool = False,
    options: Mapping[str, str] | None = None,
    missing: Sequence[str] | None = None,
    warn: Callable[[str], None] = ignore_warning,
) -> dict[str, Any]:
    """Score new rows with a run's model; nothing is resampled or fitted.

    `run_dir` is a run with a trained model, or a pipeline's folder `STORE/<name>`: then the current run, see
    `find_run`. `data` needs the features of the model and the key of the pipeline, but no label. `out` gets Parquet
    files and `_scores.json`; with `overwrite` earlier scores there are replaced, whole or half-written. By default,
    `form` is what the endings of the files name, and `missing` are the markers of the pipeline.

    The columns are the key, then label, group and time as far as the table has them, `score` and `decision`, and with
    `decide.uncertainty` the ends of each row's interval, `probability_low` and `probability_high`. Without a key only
    its whole content identifies a row: then all columns are kept. With `contributions` there are also those of
    `steelyard.explaining.contributions_table`.

    Returns also the content of `_scores.json`: `run_dir`, `rows`, `decisions` (class → rows), `positive`, `threshold`,
    `mean_score` (of the positive class, or class → mean), `unseen_levels` (feature → rows with a value, and those with
    a level that the model does not know), `warnings`, `out` and times; with alerts by `top` also `incomplete`: the
    first and the last period.
    """
    refuse_secrets(data=data, out=out)
    form = known_format(form, "--format")
    with hidden_env(data):
        run = find_run(run_dir)
        classifier = saved_classifier(run)
        known = trained_on(run)
        types = table_types(run, known, classifier.policy.columns)
        usual = run_config(run).data.missing
        source = Source(form, (resolve_env(data),), options=dict(options or {}), missing=tuple(missing or usual))
        reading = read(spark, source, types)
        levels = Levels(classifier.model, types)
        levels.check(reading.df)
        kept = kept_columns(reading.df, known, () if classifier.policy.uncertainty is None else ENDS)
        ends = PeriodEnds(classifier.policy)
        counted = ends.observed(levels.counted(reading.df))
        make = partial(contributions_table, classifier) if contributions else partial(scored, classifier=classifier)
        rows = make(df=counted, names=kept)
        words = {"run_dir": run.location, "data": data, "out": out, "started": now()}
        with scores_at(out, overwrite=overwrite).written_whole(MANIFEST) as place:
            _write(rows, place, words)
            notes = [*promotion_notes(run_dir, run), *reading.notes, *levels.warnings(), *ends.notes()]
            found = {
                "status": "done",
                **words,
                **summary(spark, place, classifier.policy),
                "unseen_levels": levels.unseen,
                **({"incomplete": ends.names} if ends.names else {}),
                "warnings": notes,
                "finished": now(),
            }
            place.write_json(MANIFEST, found)
    for note in notes:
        warn(note)
    return found


def table_types(run: RunDir, known: Dataset, also: Sequence[str]) -> dict[str, T.DataType]:
    """Return the types that features, key and the columns of the decision had in the run's table."""
    files = run.published("profile")
    schema = T.StructType.fromJson(files.read_json(f"profile/{files.attempt}/input.json")["pin"]["schema"])
    wanted = {*known.features, *known.key, *also}
    return {f.name: f.dataType for f in schema.fields if f.name in wanted}


def refuse_secrets(**paths: str) -> None:
    """Refuse paths that hold a secret, because they are written to a file; by the option that names each."""
    try:
        refuse_secret_paths("path", {"DATA" if name == "data" else f"--{name}": path for name, path in paths.items()})
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _write(rows: DataFrame, place: RunDir, words: dict[str, Any]) -> None:
    """Write scores, then delete the old ones; a failure leaves those unchanged."""
    old = place.files()
    before = place.read_bytes(MANIFEST) if place.exists(MANIFEST) else None
    # First, so that a partly replaced folder is recognised as incomplete.
    place.write_json(MANIFEST, {"status": "writing", **words})
    try:
        # Into a folder that has the claim in it, which Spark's other modes take for a table.
        write_parquet(rows, place.uri(), mode="append")
    except BaseException:
        if before is not None:
            place.write_bytes(MANIFEST, before)
        raise
    for name in {path.partition("/")[0] for path in old} - {MANIFEST, "_SUCCESS", "._SUCCESS.crc"}:
        place.delete(name)


def kept_columns(df: DataFrame, data: Dataset, ends: Sequence[str] = ()) -> list[Column]:
    """Return the columns that are written with a score, and perhaps with the `ends` of an interval."""
    check_names(df.columns)
    require_columns(df, data.key, "key")
    passthrough = (data.label, data.group, data.time)
    names = dict.fromkeys([*data.key, *(c for c in passthrough if c in df.columns)] if data.key else df.columns)
    kept = [c for c in names if c is not None]
    check_free(kept, (*_MADE, *ends), "score")
    return [col(c) for c in kept]


def scores_at(out: str, *, overwrite: bool) -> RunDir:
    """Return the folder for scores. Refuse one with other files, and earlier scores unless they are overwritten."""
    place = Store(out).here()
    place.check_writable()
    if place.exists(""):
        ours = place.exists(MANIFEST)
        if not ours and any(not name.startswith("_unfinished-") for name in place.names()):
            raise InputError(f"--out {out} exists and contains other files than scores; name a new folder")
        if ours and not overwrite:
            raise InputError(f"--out {out} exists already; name a new folder, or replace its scores with --overwrite")
    return place


def summary(spark: SparkSession, place: RunDir, policy: DecisionPolicy) -> dict[str, Any]:
    """Return counts and means of the rows that were written: one scan of one or two narrow columns."""
    several = policy.positive is None
    each = {c: F.try_element_at("score", F.lit(c)) for c in policy.classes} if several else {"": F.col("score")}
    sums = [F.sum(of).alias(f"sum {i}") for i, of in enumerate(each.values())]
    groups = read_parquet(spark, place.uri()).groupBy("decision").agg(F.count(F.lit(1)).alias("rows"), *sums).collect()
    total = sum(g["rows"] for g in groups)
    means = {c: sum(g[f"sum {i}"] for g in groups) / total if total else None for i, c in enumerate(each)}
    return {
        "rows": total,
        "decisions": {c: sum(g["rows"] for g in groups if g["decision"] == c) for c in policy.classes},
        "positive": policy.positive,
        "threshold": policy.threshold,
        "mean_score": means if several else means[""],
    }
