"""XGBoost on Spark: one barrier stage trains a booster, a pandas UDF scores with it.

The library's own `xgboost.spark` runs its input three times (to count partitions, to count labels, and to train),
sends rows as Python objects, needs a classic session, and saves pickles. What it does around `xgboost.train` is small,
so it is done here: the rows go once, as Arrow, to tasks that meet through XGBoost's own collective. This runs on Spark
Connect too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd
import xgboost as xgb
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.utils import is_remote

from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.errors import EngineError
from steelyard.frames.workers import in_worker
from steelyard.learning._features import Preprocessing
from steelyard.learning._model import Model, shared_fields
from steelyard.learning._trainer import Trainer, in_own_order
from steelyard.learning._xgboost_worker import Task
from steelyard.weighting import weight_distortion

if TYPE_CHECKING:
    from steelyard.store import Folder

_SHOWN = 30
_NO_BOOSTER_PARAMS = ("n_estimators", "early_stopping_rounds")


@dataclass(frozen=True)
class XGBoostModel(Model):
    """A booster.

    Parameters
    ----------
    booster : bytes
        UBJ, XGBoost's own format.
    """

    booster: bytes = b""

    def margins(self, df: DataFrame) -> Column:
        values = [c.cast("float").alias(str(i)) for i, c in enumerate(self.preprocessing.columns(df))]
        margins: Column = margin_udf(self.booster, several=len(self.learned) > 2)(F.struct(*values))
        return margins

    def save(self, run_dir: Folder, path: str) -> None:
        run_dir.write_bytes(f"{path}/booster.ubj", self.booster)
        super().save(run_dir, path)

    @classmethod
    def load(cls, document: dict[str, Any], run_dir: Folder, path: str) -> Self:
        return cls(**shared_fields(document), booster=run_dir.read_bytes(f"{path}/booster.ubj"))


class XGBoostTrainer(Trainer):
    """Gradient-boosted trees, bit for bit the same from any partitioning of the rows."""

    name: ClassVar[str] = "xgboost"
    scaled: ClassVar[bool] = False

    def _fit(
        self,
        rows: DataFrame,
        validation: DataFrame | None,
        dataset: Dataset,
        preprocessing: Preprocessing,
        learned: tuple[str, ...],
    ) -> XGBoostModel:
        _require_slots(rows.sparkSession, self.num_workers)
        task = self._task(len(learned), len(preprocessing.names))
        together = rows.withColumn("validation", F.lit(False))
        if validation is not None:
            # Each worker must see rows of both kinds: their order mixes them.
            together = together.unionByName(validation.withColumn("validation", F.lit(True)))
        narrow = together.withColumn("features", F.col("features").cast("array<float>"))
        worker = in_worker("steelyard.learning._xgboost_worker", "train_partition", **asdict(task))
        ordered = in_own_order(narrow, self.num_workers)
        trained = ordered.mapInArrow(worker, "booster binary, log_loss array<double>", barrier=True)
        # Spark starts a barrier stage anew when an executor is lost, but not where it is the job's last one.
        [row] = trained.repartition(1).collect()
        booster = bytes(row["booster"])
        return XGBoostModel(
            trainer=self.name,
            settings=self.settings,
            classes=dataset.classes,
            learned=learned,
            preprocessing=preprocessing,
            summary=_summary(booster, list(row["log_loss"]), preprocessing.names),
            booster=booster,
        )

    def loss_distortion(self, learned: tuple[str, ...]) -> Distortion:
        factor = self.params.get("scale_pos_weight", 1.0)
        two = len(learned) == 2  # XGBoost ignores the parameter where there are more
        return weight_distortion({learned[0]: 1.0, learned[1]: factor}) if two else Distortion()

    def _task(self, classes: int, features: int) -> Task:
        several = {"objective": "multi:softprob", "num_class": classes, "eval_metric": "mlogloss"}
        objective = several if classes > 2 else {"objective": "binary:logistic", "eval_metric": "logloss"}
        given = {k: v for k, v in self.params.items() if k not in _NO_BOOSTER_PARAMS}
        fixed = {"tree_method": "hist", "nthread": 1, "verbosity": 0, "seed": self.seed}
        return Task(
            {**given, **objective, **fixed},
            rounds=self.params["n_estimators"],
            features=features,
            patience=self.params.get("early_stopping_rounds"),
        )


def _require_slots(spark: SparkSession, workers: int) -> None:
    """Refuse at once what Spark would refuse after minutes of waiting."""
    slots = _local_slots(spark)
    if slots is not None and slots < workers:
        raise EngineError(
            f"XGBoost's {workers} workers must run at the same time, and this local Spark runs {slots} at a time: "
            f"set spark.master to local[{workers}], or train.num_workers to {slots}"
        )


def _local_slots(spark: SparkSession) -> int | None:
    """Return how many tasks a local Spark runs at a time, None for a cluster or where it can't be told."""
    found = re.fullmatch(r"local(?:\[(\d+|\*)(?:,\s*\d+)?\])?", str(spark.conf.get("spark.master", "")))
    if found is None:
        return None
    if found[1] == "*":
        return None if is_remote() else spark.sparkContext.defaultParallelism
    return int(found[1] or 1)


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


def _summary(booster: bytes, losses: list[float], names: list[str]) -> dict[str, Any]:
    """Return how long training went and which features the trees gained by."""
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
