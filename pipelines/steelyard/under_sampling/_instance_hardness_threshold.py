"""The instance hardness threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.util import DefaultParamsReader
from pyspark.sql import DataFrame

from steelyard.frames.caching import checkpointed
from steelyard.frames.ranking import ranked
from steelyard.labels import class_order
from steelyard.params import Check, Parameter, ParamsReader, ParamsWriter, param, public_path, whole, wrong
from steelyard.sampling.plan import SamplingPlan, Work
from steelyard.sampling.space import Space
from steelyard.under_sampling._hardness import held_out, learnable, named_probabilities, own_probabilities
from steelyard.under_sampling.choosing import ChoosingSampler

_NEEDED = ("featuresCol", "labelCol", "probabilityCol")


_KEYS = {"estimator", "params"}


class _Learner(Check[Any]):
    """A check whose schema names the trainers and classifiers that are installed when it is asked for."""

    def __init__(self) -> None:
        self.accept = _estimator

    @property
    def schema(self) -> dict[str, Any]:  # type: ignore[override]
        dotted = {"type": "string", "format": "dotted path", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"}
        name = {"anyOf": [{"enum": held_out().learner_names()}, dotted]}
        named = {"type": "object", "properties": {"estimator": name, "params": {"type": "object"}}}
        return {"anyOf": [*name["anyOf"], {**named, "required": ["estimator"], "additionalProperties": False}]}


def _estimator(name: str, value: object) -> Estimator[Any] | dict[str, Any]:
    """Accept an estimator of Spark ML, or what names a trainer or a classifier; the latter as a map."""
    if isinstance(value, str):
        value = {"estimator": value}
    if isinstance(value, Mapping) and "estimator" in value and set(value) <= _KEYS:
        named = {"estimator": str(value["estimator"]), "params": dict(value.get("params") or {})}
        held_out().learner_of(named["estimator"], named["params"])
        return named
    if not isinstance(value, Estimator) or not all(value.hasParam(p) for p in _NEEDED):
        hint = " Give an instance, not the class." if isinstance(value, type) else ""
        wanted = f"an estimator of Spark ML with {', '.join(_NEEDED)}, or the name of a trainer or classifier"
        raise wrong(name, wanted, value, hint)
    return value


class InstanceHardnessThreshold(ChoosingSampler):
    """Keep an exact number of the rows of a class that are easy for a model [1]_.

    The ease of a row is the probability of its own class by a model fitted without it: `cv` models are fitted, each
    without one fold of the rows, and the rows with the highest probabilities are kept, ties by row id. imbalanced-learn
    keeps the rows above a percentile of the probabilities, so it misses the count, and it fails on labels other than 0,
    1, 2, …

    A trainer is fitted as in a pipeline, with its defaults; one that stops early holds out a tenth of the rows that it
    may see. A classifier of scikit-learn's interface is fitted in `cv` tasks of one stage: each holds all rows but one
    fold in memory, twice, in single precision.

    Models get numeric features: a category becomes one column per value. Nothing is scaled: an estimator that needs
    scaling (Spark's logistic regression does) scales itself. With ``missing="impute"``, missing values are replaced by
    the median or mode of all rows, not of the class, which would leak the label. Rows are fitted in an order and in
    partitions of 100,000 rows that depend on the table only. Spark's forests are then always the same; models whose
    sums are of fractions are the same in tables of one partition, otherwise up to the last digits.

    Costs three scans of the table (label; features; rows), one more with categories or missing values; two shuffles of
    it, by ids and into partitions; `cv` fits, each with as many passes as the estimator makes, over rows that are
    cached meanwhile, and `cv` scorings; two narrow aggregations for the folds, and two to four to find the rows to
    keep; one narrow crossing into Python. To apply the result, ids are computed again (one shuffle of the table) and
    joined to the ids of the dropped rows.

    References
    ----------
    .. [1] Smith, Martinez, Giraud-Carrier, "An instance level analysis of data complexity", Machine Learning 95, 2014.

    Examples
    --------
    >>> resampled = InstanceHardnessThreshold(label_col="is_fraud", cv=2).fit_resample(df)
    """

    name = "instance_hardness_threshold"
    fills_by_class = False

    estimator: Parameter[Estimator[Any] | str | Mapping[str, Any] | None] = param(
        "the name of a trainer (train.model), or of a classifier such as sklearn.naive_bayes.GaussianNB; with "
        "parameters {estimator: NAME, params: {…}}. In Python also an estimator of Spark ML that gives probabilities; "
        "featuresCol, labelCol and probabilityCol are set here. By default a RandomForestClassifier of 100 trees. "
        "Trainers and classifiers are seeded by random_state",
        _Learner(),
        default=None,
    )
    cv: Parameter[int] = param(
        "how many folds, stratified by class and drawn by hashes of the rows (a group may be in several): each row is "
        "judged by a model that was fitted on the others",
        whole(2),
        default=5,
    )

    def _ranked(self, df: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int]) -> DataFrame:
        cv, names = self.getOrDefault("cv"), class_order(counts)
        codes = [names.index(c) for c, of in plan.classes.items() if of.after < of.before]
        with learnable(df, plan, space, counts, cv) as rows:
            given = self.getOrDefault("estimator")
            if isinstance(given, Mapping):
                found = named_probabilities(rows, given, cv, codes, len(names), self.getOrDefault("random_state"))
            else:
                found = own_probabilities(rows, self._classifier(), cv, codes)
            return checkpointed(ranked(found, descending=True))

    def _classifier(self) -> Any:
        given = self.getOrDefault("estimator")
        seed = self.getOrDefault("random_state")
        return RandomForestClassifier(numTrees=100, seed=seed) if given is None else given

    def _settings(self) -> dict[str, Any]:
        given = self.getOrDefault("estimator")
        shown = public_path(type(given)) if isinstance(given, Estimator) else given
        return {**super()._settings(), "estimator": shown}

    def _work(self, space: Space, counts: Mapping[str, int], reduced: Mapping[str, int]) -> Work:
        return Work(scans=4 + space.scans, shuffles=5, python=1)

    def write(self) -> ParamsWriter:
        """Return a writer, which writes the estimator too: ``sampler.write().overwrite().save(path)``."""
        return _Writer(self)

    @classmethod
    def read(cls) -> ParamsReader:
        """Return a reader: ``InstanceHardnessThreshold.read().load(path)``."""
        return _Reader(cls)


class _Writer(ParamsWriter):
    """Writes the parameters and the estimator."""

    def save(self, path: str) -> None:
        given: Any = self.instance.getOrDefault("estimator")
        self.params = {p.name: v for p, v in self.instance._paramMap.items()}
        if not isinstance(given, Mapping | None):
            writer = given.write().session(self.sparkSession)
            (writer.overwrite() if self.shouldOverwrite else writer).save(f"{path}/estimator")
            self.params["estimator"] = given.uid
        super().save(path)


class _Reader(ParamsReader):
    """Reads what `_Writer` wrote."""

    def load(self, path: str) -> Any:
        metadata = self.metadata(path)
        saved = metadata["paramMap"].get("estimator")  # a map names a learner, a text is the uid of an estimator
        if not isinstance(saved, Mapping):
            metadata["paramMap"].pop("estimator", None)
        sampler: Any = self.cls()
        sampler._resetUid(metadata["uid"])
        self.getAndSetParams(sampler, metadata)
        if isinstance(saved, str):
            sampler._set(estimator=DefaultParamsReader.loadParamsInstance(f"{path}/estimator", self.sparkSession))
        return sampler
