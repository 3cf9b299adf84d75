"""New rows and their labels, as `steelyard monitor` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import types as T

from steelyard import metrics, monitoring
from steelyard.classifier import Classifier
from steelyard.columns import check_names, dtype
from steelyard.config import resolve_env
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.frames.reading import Source, read
from steelyard.hashing import group_hash, row_hash
from steelyard.monitoring import BUCKETS
from steelyard.splitting import bucket
from steelyard.stages._context import run_config
from steelyard.stages.commands._levels import Levels
from steelyard.stages.commands.score import table_types
from steelyard.store import RunDir


class NewRows:
    """Reads the new rows and their labels; collects notes."""

    def __init__(
        self, spark: SparkSession, run: RunDir, classifier: Classifier, known: Dataset, how: Mapping[str, Any]
    ) -> None:
        self._spark, self._how, self._known = spark, how, known
        self._classifier = classifier
        self._types = table_types(run, known, (*classifier.policy.columns, known.label))
        self._temporal = run_config(run).split.method == "temporal"
        self.notes: list[str] = []
        self.labels = 0

    def read(self, data: str) -> DataFrame:
        """Return the table."""
        df = self._table(data, self._types)
        Levels(self._classifier.model, self._types).check(df)
        roles = (
            (self._known.group, "group", "rows count as independent"),
            (self._known.weight, "weight", "each counts 1"),
        )
        for name, role, so in roles:
            if name is not None and name not in df.columns:
                self.notes.append(f"the new rows have no column {name!r}, the {role} of the run's rows: {so}")
        return df

    def _table(self, path: str, types: Mapping[str, T.DataType]) -> DataFrame:
        source = Source(self._how["format"], (resolve_env(path),), **{k: self._how[k] for k in ("options", "missing")})
        reading = read(self._spark, source, types)
        self.notes += reading.notes
        check_names(reading.df.columns)
        return reading.df

    def labelled(self, df: DataFrame, labels: str) -> DataFrame:
        """Return the rows with the codes of their labels."""
        known = self._known
        if self.weight(df) is not None:
            raise InputError(
                f"--labels: estimates from labels count each row once, and the new rows have weights (column "
                f"{known.weight!r}); leave --labels out"
            )
        wanted = (*known.key, known.label)
        given = self._table(labels, {n: t for n, t in self._types.items() if n in wanted})
        self.labels = monitoring.check_labels(given, known.key, known.label, known.classes)
        self.notes += [] if self.labels else ["--labels has no row with a label"]
        negatives = [c for c in known.classes if c != known.positive]
        return monitoring.with_labels(df, given, known.key, known.label, (negatives, str(known.positive)))

    def bucket(self, df: DataFrame) -> tuple[Column, bool]:
        """Return the bucket of a row, and whether rows of a bucket may depend on each other."""
        known = self._known
        keyed = known.key and set(known.key) <= set(df.columns)
        own = row_hash(df, known.key if keyed else known.features, 0, "bucket")
        if known.group is not None and known.group in df.columns:
            return group_hash(df, known.group, own, "bucket") % BUCKETS, True
        time = known.time if self._temporal and known.time in df.columns else None
        if time is not None and not isinstance(dtype(df, time), T.NumericType):
            return bucket(df, replace(known, group=None), temporal=True), True
        return own % BUCKETS, False

    def weight(self, df: DataFrame) -> Column | None:
        """Return the weight of a row, where the rows have one."""
        name = self._known.weight
        return None if name is None or name not in df.columns else metrics.numbers(df, name, "weight")
