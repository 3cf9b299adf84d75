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
from steelyard.sampling.params import OBJECT
from steelyard.sampling.plan import SamplingPlan, Work
from steelyard.sampling.space import Space
from steelyard.under_sampling._hardness import learnable, own_probabilities
from steelyard.under_sampling.choosing import ChoosingSampler

_NEEDED = ("featuresCol", "labelCol", "probabilityCol")


def _estimator(name: str, value: object) -> Estimator[Any]:
    if not isinstance(value, Estimator) or not all(value.hasParam(p) for p in _NEEDED):
        hint = " Give an instance, not the class." if isinstance(value, type) else ""
        raise wrong(name, f"an estimator of Spark ML with {', '.join(_NEEDED)}", value, hint)
    return value


class InstanceHardnessThreshold(ChoosingSampler):
    """Keep an exact number of the rows of a class that are easy for a model [1]_.

    The ease of a row is the probability of its own class by a model fitted without it: `cv` models are fitted, each
    without one fold of the rows, and the rows with the highest probabilities are kept, ties by row id. imbalanced-learn
    keeps the rows above a percentile of the probabilities, so it misses the count, and it fails on labels other than 0,
    1, 2, …

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

    estimator: Parameter[Estimator[Any] | None] = param(
        "an estimator of Spark ML that gives probabilities; featuresCol, labelCol and probabilityCol are set here. "
        "By default, and in a YAML, a RandomForestClassifier of 100 trees, seeded by random_state",
        Check(_estimator, OBJECT),
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
            found = own_probabilities(rows, self._classifier(), cv, codes)
            return checkpointed(ranked(found, descending=True))

    def _classifier(self) -> Any:
        given = self.getOrDefault("estimator")
        seed = self.getOrDefault("random_state")
        return RandomForestClassifier(numTrees=100, seed=seed) if given is None else given

    def _settings(self) -> dict[str, Any]:
        given = self.getOrDefault("estimator")
        return {**super()._settings(), "estimator": None if given is None else public_path(type(given))}

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
        given = self.instance.getOrDefault("estimator")
        self.params = {p.name: v for p, v in self.instance._paramMap.items()}
        if given is not None:
            writer = given.write().session(self.sparkSession)
            (writer.overwrite() if self.shouldOverwrite else writer).save(f"{path}/estimator")
            self.params["estimator"] = given.uid
        super().save(path)


class _Reader(ParamsReader):
    """Reads what `_Writer` wrote."""

    def load(self, path: str) -> Any:
        metadata = self.metadata(path)
        saved = metadata["paramMap"].pop("estimator", None)
        sampler: Any = self.cls()
        sampler._resetUid(metadata["uid"])
        self.getAndSetParams(sampler, metadata)
        if saved is not None:
            sampler._set(estimator=DefaultParamsReader.loadParamsInstance(f"{path}/estimator", self.sparkSession))
        return sampler
