"""A booster as a model: a pandas UDF computes margins and contributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import xgboost as xgb
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.learning.model import MarginModel, shared_fields

if TYPE_CHECKING:
    from steelyard.store import Folder

_SHOWN = 30


@dataclass(frozen=True)
class XGBoostModel(MarginModel):
    """A booster.

    Parameters
    ----------
    booster : bytes
        UBJ, XGBoost's own format.
    """

    booster: bytes = b""

    def margins(self, df: DataFrame) -> Column:
        margins: Column = margin_udf(self.booster, several=len(self.trained_classes) > 2)(self._features(df))
        return margins

    def _contributions(self, df: DataFrame) -> Column:
        found: Column = contribution_udf(self.booster, several=len(self.trained_classes) > 2)(self._features(df))
        return found

    def _features(self, df: DataFrame) -> Column:
        return F.struct(*[c.cast("float").alias(str(i)) for i, c in enumerate(self.preprocessing.columns(df))])

    def save(self, run_dir: Folder, path: str) -> None:
        run_dir.write_bytes(f"{path}/booster.ubj", self.booster)
        super().save(run_dir, path)

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        return cls(**shared_fields(document), booster=run_dir.read_bytes(f"{path}/booster.ubj"))


def margin_udf(booster: bytes, *, several: bool) -> Any:
    """Return a pandas UDF from a struct of floats to the booster's margins.

    It travels by value, so that executors need XGBoost, but not this library.
    """

    def score(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        import numpy
        import pandas
        import xgboost

        model = xgboost.Booster({"nthread": 1})
        model.load_model(bytearray(booster))
        model.set_param({"nthread": 1})
        for batch in batches:
            rows = numpy.ascontiguousarray(batch.to_numpy(dtype=numpy.float32))
            if not len(rows):
                yield pandas.Series([], dtype=object if several else float)
                continue
            margins = model.inplace_predict(rows, predict_type="margin", validate_features=False).astype(float)
            yield pandas.Series(list(margins) if several else margins.reshape(-1))

    wrapped: Any = pandas_udf("array<double>" if several else "double")(score)  # type: ignore[call-overload]
    return wrapped


def contribution_udf(booster: bytes, *, several: bool) -> Any:
    """Return a pandas UDF from a struct of floats to the contribution of each, and the bias; see `margin_udf`."""

    def contribute(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        import numpy
        import pandas
        import xgboost

        model = xgboost.Booster({"nthread": 1})
        model.load_model(bytearray(booster))
        model.set_param({"nthread": 1})
        for batch in batches:
            if not len(batch):
                yield pandas.Series([], dtype=object)
                continue
            rows = xgboost.DMatrix(batch.to_numpy(dtype=numpy.float32), nthread=1)
            found = model.predict(rows, pred_contribs=True, validate_features=False).astype(float)
            yield pandas.Series([list(row) for row in found] if several else list(found))

    shape = "array<array<double>>" if several else "array<double>"
    wrapped: Any = pandas_udf(shape)(contribute)  # type: ignore[call-overload]
    return wrapped


def summary(booster: bytes, losses: list[float], names: list[str]) -> dict[str, Any]:
    """Return how long training took, and the features with the greatest gain."""
    model = xgb.Booster()
    model.load_model(bytearray(booster))
    gains: dict[str, Any] = model.get_score(importance_type="total_gain")
    whole = sum(gains.values()) or 1.0
    shares = sorted(((g / whole, names[int(f[1:])]) for f, g in gains.items()), key=lambda x: (-x[0], x[1]))
    best = min(range(len(losses)), key=losses.__getitem__) if losses else None
    return {
        "trees": model.num_boosted_rounds(),
        "rounds": len(losses) or model.num_boosted_rounds(),
        "best_iteration": best,
        "validation_log_loss": losses[best] if best is not None else None,
        "importances": [{"feature": f, "gain": g} for g, f in shares[:_SHOWN]],
    }
