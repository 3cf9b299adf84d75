"""A trainer outside the package, by the public API alone: Gaussian naive Bayes, which has no margins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, Self

from pydantic import Field
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.learning import Model, Parameters, Trainer, TrainingData, repartition_by_content, shared_fields


class NaiveBayesParameters(Parameters):
    var_smoothing: float = Field(0.01, gt=0, le=1, description="Added to the variance of each feature.")

    elsewhere: ClassVar[Mapping[str, str]] = {"priors": "write data.weight"}


@dataclass(frozen=True)
class NaiveBayesModel(Model):
    log_priors: tuple[float, ...] = ()
    means: tuple[tuple[float, ...], ...] = ()
    variances: tuple[tuple[float, ...], ...] = ()

    def raw_prediction(self, df: DataFrame) -> Column:
        values = self.preprocessing.columns(df)
        return F.array(*[self._log_density(values, c) for c in range(len(self.trained_classes))])

    def to_probabilities(self, raw: Column) -> Column:
        of = [F.get(raw, i) for i in range(len(self.trained_classes))]
        return F.array(*[F.lit(1.0) / reduce(add, [F.exp(b - a) for b in of]) for a in of])

    def _log_density(self, values: list[Column], c: int) -> Column:
        terms = F.lit(self.log_priors[c])
        for x, mean, variance in zip(values, self.means[c], self.variances[c], strict=True):
            off = x - F.lit(mean)
            terms = terms - off * off / F.lit(2 * variance) - F.lit(math.log(variance) / 2)
        return terms

    def to_json(self) -> dict[str, Any]:
        mine = {"log_priors": self.log_priors, "means": self.means, "variances": self.variances}
        return {**super().to_json(), **mine}

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Any, path: str) -> Self:
        def tuples(name: str) -> tuple[tuple[float, ...], ...]:
            return tuple(map(tuple, document[name]))

        priors = tuple(document["log_priors"])
        return cls(**shared_fields(document), log_priors=priors, means=tuples("means"), variances=tuples("variances"))


class NaiveBayes(Trainer):
    parameters = NaiveBayesParameters
    impute = True
    standardise = True
    gains_from_balance = True

    @classmethod
    def model_class(cls) -> type[Model]:
        return NaiveBayesModel

    def _fit(self, data: TrainingData, start: Model | None) -> NaiveBayesModel:
        rows = repartition_by_content(data.rows, data.workers)
        weight, columns = F.col("weight"), []
        for i in range(len(data.preprocessing.names)):
            x = F.col("features")[i]
            columns += [F.sum(x * weight).alias(f"s{i}"), F.sum(x * x * weight).alias(f"q{i}")]
        found = rows.groupBy("label").agg(F.sum("weight").alias("n"), *columns).orderBy("label").collect()
        total = sum(row["n"] for row in found)
        width = range(len(data.preprocessing.names))
        means = tuple(tuple(row[f"s{i}"] / row["n"] for i in width) for row in found)
        spread = self.params["var_smoothing"]
        variances = tuple(
            tuple(max(row[f"q{i}"] / row["n"] - mean[i] ** 2, 0.0) + spread for i in width)
            for row, mean in zip(found, means, strict=True)
        )
        return NaiveBayesModel(
            **self.model_fields(data),
            summary={"rows_weight": total},
            log_priors=tuple(math.log(row["n"] / total) for row in found),
            means=means,
            variances=variances,
        )
