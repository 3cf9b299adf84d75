"""A booster as a model: a pandas UDF computes margins and contributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import xgboost as xgb
from pyspark.sql import Column, DataFrame
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.columns import of_place
from steelyard.learning.model import MarginModel, focal_of, shared_fields

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
    starts : tuple of float
        Where the margins started, if XGBoost did not choose it.
    """

    booster: bytes = b""
    starts: tuple[float, ...] = ()

    def margins(self, df: DataFrame) -> Column:
        return self._predicted(df, contributions=False)

    def _contributions(self, df: DataFrame) -> Column:
        return self._predicted(df, contributions=True)

    @classmethod
    def raw_predictions(cls, models: Sequence[Self], df: DataFrame, place: Column) -> Column | None:
        if any(len(of.trained_classes) > 2 for of in models):
            return None
        features = [of.preprocessing.array(df).cast("array<float>") for of in models]
        found: Column = boosters_udf([of.booster for of in models])(place, of_place(place, features))
        return found

    def _predicted(self, df: DataFrame, *, contributions: bool) -> Column:
        several = len(self.trained_classes) > 2
        features = self.preprocessing.floats(df)
        found: Column = booster_udf(self.booster, several=several, contributions=contributions)(features)
        return found

    def save(self, run_dir: Folder, path: str) -> None:
        run_dir.write_bytes(f"{path}/booster.ubj", self.booster)
        super().save(run_dir, path)

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "starts": list(self.starts)}

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        starts = tuple(document.get("starts", ()))  # models of 0.1.0 do not record it
        booster = run_dir.read_bytes(f"{path}/booster.ubj")
        return cls(**shared_fields(document), booster=booster, focal=focal_of(document), starts=starts)


def booster_udf(booster: bytes, *, several: bool, contributions: bool = False) -> Any:
    """Return a pandas UDF from floats to the booster's margins, or to each one's contribution and the bias.

    Floats are a struct or an array, as `Preprocessing.floats` returns them.

    It is pickled by value, so that executors need XGBoost, but not this library.
    """
    depth = several + contributions

    def predict(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        """Return what the booster says of each batch; it is loaded once."""
        import numpy
        import pandas
        import xgboost

        model = xgboost.Booster({"nthread": 1})
        model.load_model(bytearray(booster))
        model.set_param({"nthread": 1})
        for batch in batches:
            if not len(batch):
                yield pandas.Series([], dtype=object if depth else float)
                continue
            values: Any = numpy.stack(batch.to_list()) if isinstance(batch, pandas.Series) else batch
            rows = numpy.ascontiguousarray(values, dtype=numpy.float32)
            if contributions:
                matrix = xgboost.DMatrix(rows, nthread=1)
                found = model.predict(matrix, pred_contribs=True, validate_features=False).astype(float)
                yield pandas.Series([list(row) for row in found] if several else list(found))
            else:
                found = model.inplace_predict(rows, predict_type="margin", validate_features=False).astype(float)
                yield pandas.Series(list(found) if several else found.reshape(-1))

    wrapped: Any = pandas_udf("array<" * depth + "double" + ">" * depth)(predict)  # type: ignore[call-overload]
    return wrapped


def boosters_udf(boosters: Sequence[bytes]) -> Any:
    """Return a pandas UDF from the place of a booster of two classes, and its floats as an array, to its margin."""

    def predict(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        """Return the margins of each batch; each booster is loaded once."""
        import numpy
        import pandas
        import xgboost

        models: dict[int, Any] = {}
        for places, batch in batches:
            margins = numpy.empty(len(batch))
            for place in places.unique():
                if place not in models:
                    models[place] = xgboost.Booster({"nthread": 1})
                    models[place].load_model(bytearray(boosters[place]))
                    models[place].set_param({"nthread": 1})
                own = (places == place).to_numpy()
                rows = numpy.ascontiguousarray(numpy.stack(batch[own].to_list()), dtype=numpy.float32)
                margins[own] = models[place].inplace_predict(rows, predict_type="margin", validate_features=False)
            yield pandas.Series(margins)

    wrapped: Any = pandas_udf("double")(predict)  # type: ignore[call-overload]
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
