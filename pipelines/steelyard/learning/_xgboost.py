"""The XGBoost trainer: one barrier stage trains a booster.

The library's own `xgboost.spark` reads its input three times (to count partitions, to count labels, and to train),
sends rows as Python objects, needs a classic session, and saves pickles. The code around `xgboost.train` is small, so
it is written here: the rows go once, as Arrow, to tasks that meet through XGBoost's own collective. It also runs on
Spark Connect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from steelyard.config import LOG_LOSS, loss_name
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, EngineError, InputError
from steelyard.learning._focal import FOCAL, focal_distortion
from steelyard.learning.arrays import ArrayModel, ArrayRows
from steelyard.learning.base import Trainer
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance, TrainingData

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from steelyard.learning._losses import Objective
    from steelyard.learning._xgboost_model import XGBoostModel
    from steelyard.learning._xgboost_worker import Task
    from steelyard.learning.model import Model

_NO_BOOSTER_PARAMS = ("n_estimators", "early_stopping_rounds", "enable_categorical")
_MOST = 2**31 - 1  # of a 32-bit integer
_WORKER = "steelyard.learning._xgboost_worker"
_RESULT = "booster binary, log_loss array<double>"


class XGBoostParameters(Parameters):
    """Parameters of XGBoost, by the names of its scikit-learn interface."""

    n_estimators: int = Field(200, ge=1, le=100_000, description="Rounds of boosting at most.")
    early_stopping_rounds: int | None = Field(
        20, ge=1, le=_MOST, description="Stop after so many rounds without a better validation log loss; null: never."
    )
    learning_rate: float = Field(0.1, gt=0, description="Factor on the values of each new tree.")
    max_depth: int = Field(6, ge=0, le=1000, description="Deepest level of a tree; 0 means unlimited.")
    max_leaves: int | None = Field(None, ge=0, le=_MOST, description="Leaves of a tree at most; 0 means unlimited.")
    grow_policy: Literal["depthwise", "lossguide"] | None = Field(
        None, description="Split the nodes nearest to the root first, or those with the greatest gain."
    )
    min_child_weight: float | None = Field(None, ge=0, description="Least sum of Hessians in a leaf.")
    gamma: float | None = Field(None, ge=0, description="Least gain of a split.")
    max_delta_step: float | None = Field(None, ge=0, description="Largest value of a leaf; 0 means unlimited.")
    reg_alpha: float | None = Field(None, ge=0, description="L1 penalty on the values of leaves.")
    reg_lambda: float | None = Field(None, ge=0, description="L2 penalty on the values of leaves.")
    subsample: float | None = Field(None, gt=0, le=1, description="Share of the rows that each tree sees.")
    colsample_bytree: float | None = Field(None, gt=0, le=1, description="Share of the features that each tree sees.")
    colsample_bylevel: float | None = Field(None, gt=0, le=1, description="Share of these that each level sees.")
    colsample_bynode: float | None = Field(None, gt=0, le=1, description="Share of these that each split sees.")
    scale_pos_weight: float | None = Field(
        None, gt=0, description="Factor on the loss of the positive class; two classes only."
    )
    enable_categorical: bool | None = Field(
        None, description="Split categories by sets of levels; otherwise each frequent level is a feature of 0 and 1."
    )
    max_cat_to_onehot: int | None = Field(
        None, ge=1, le=_MOST, description="Split one level off where a category has fewer levels than this."
    )
    max_cat_threshold: int | None = Field(
        None, ge=1, le=_MOST, description="Levels that a split considers at most, against overfitting."
    )
    max_bin: int = Field(256, ge=2, le=65_536, description="Bins of a feature.")

    elsewhere: ClassVar[Mapping[str, str]] = {
        "eta": "write learning_rate",
        "lambda": "write reg_lambda",
        "alpha": "write reg_alpha",
        "min_split_loss": "write gamma",
        "num_boost_round": "write n_estimators",
        "objective": "it follows from the number of classes",
        "eval_metric": "training stops early on log loss; other metrics cannot be averaged over workers",
        "tree_method": "it is always hist",
        "device": "write train.device",
        "nthread": "train.num_workers sets how many tasks train",
        "n_jobs": "train.num_workers sets how many tasks train",
        "num_workers": "write train.num_workers",
        "seed": "write train.seed",
        "random_state": "write train.seed",
        "class_weight": "write train.class_weight",
        "missing": "null and NaN are missing",
    }


class XGBoostTrainer(Trainer):
    """Gradient-boosted trees, bit for bit the same from any partitioning of the rows.

    Each of the `num_workers` tasks holds its share of the rows, at its peak three copies in single precision, and
    needs a core while all others run. The sums of several workers are rounded differently from those of one, so the
    model depends on their number, and splits of equal gain may differ. It does not depend on threads: one worker uses
    two, several use one each.

    With `enable_categorical`, a category is one feature: the place of its level among the 1,000 most frequent ones of
    the training rows. Rarer and unseen levels are missing values. The levels are saved with the model.

    Features that `Dataset.domain` declares monotone get XGBoost's `monotone_constraints`.
    """

    name = "xgboost"
    parameters = XGBoostParameters
    dtype = "float32"
    losses = (LOG_LOSS, "logit_adjusted", *FOCAL)
    losses_of_two = FOCAL
    continues = True
    takes_monotone = True
    exact = True
    device_library = "xgboost"
    worker_module = _WORKER
    in_weight_units = ("min_child_weight", "reg_lambda")
    libraries = ("xgboost",)
    failures = (
        (
            "barrier execution mode with dynamic",
            "XGBoost's workers must run at the same time, which dynamic allocation can't promise: set "
            "spark.dynamicAllocation.enabled=false",
        ),
        (
            "requires more slots",
            "XGBoost's workers must run at the same time, and the cluster has too few free cores for them: lower "
            "train.num_workers, or give the application more cores",
        ),
        ("No module named 'xgboost'", "the executors lack xgboost: install it there"),
    )

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """Whether training stops early."""
        return bool(self.params["early_stopping_rounds"])

    @property
    def codes(self) -> bool:  # type: ignore[override]
        """Whether XGBoost splits categories itself."""
        return bool(self.params.get("enable_categorical"))

    @property
    def takes_offsets(self) -> bool:  # type: ignore[override]
        """Whether an offset of the log odds is one of the margin."""
        return loss_name(self.loss) not in FOCAL

    @classmethod
    def check_loss(cls, loss: str | Mapping[str, Any], params: Mapping[str, Any]) -> str | dict[str, dict[str, Any]]:
        found = super().check_loss(loss, params)
        if loss_name(found) in FOCAL and params.get("scale_pos_weight") is not None:
            raise ConfigError(
                "train.params.scale_pos_weight has no effect on a focal loss: write train.loss {focal: {alpha: ...}}"
            )
        return found

    @classmethod
    def model_class(cls) -> type[Model]:
        from steelyard.learning._xgboost_model import XGBoostModel

        return XGBoostModel

    def loss_distortion(self, trained_classes: tuple[str, ...]) -> Distortion:
        from steelyard.weighting import weight_distortion

        if loss_name(self.loss) in FOCAL:
            return focal_distortion(self.loss)
        factor = self.params.get("scale_pos_weight", 1.0)
        two = len(trained_classes) == 2  # XGBoost ignores the parameter where there are more
        return weight_distortion({trained_classes[0]: 1.0, trained_classes[1]: factor}) if two else Distortion()

    @classmethod
    def importance(cls, summary: Mapping[str, Any]) -> Importance | None:
        gains = [(g["feature"], g["gain"]) for g in summary.get("importances") or []]
        if not gains:
            return None
        return Importance("What the trees gain most from", "Each feature's share of the whole gain.", gains, True)

    def _fit(self, data: TrainingData, start: Model | None) -> XGBoostModel:
        from steelyard.frames.workers import in_worker
        from steelyard.learning._preparing import repartition_by_content

        _require_slots(data.rows.sparkSession, data.workers)
        objective, alone = self._objective(data, start), data.workers == 1
        train = "train_alone" if alone else "train_together"
        task = self._task_of(data, objective, start)
        worker = in_worker(_WORKER, train, **asdict(task))
        ordered = repartition_by_content(_with_validation(data), data.workers)
        trained = ordered.mapInArrow(worker, _RESULT, barrier=not alone)
        # Spark restarts a barrier stage when an executor is lost, but not where it is the job's last one.
        [row] = (trained if alone else trained.repartition(1)).collect()
        return self._model(data, objective, row)

    def _fit_each(self, data: Sequence[TrainingData], starts: Sequence[Model | None]) -> list[Model]:
        from steelyard.frames.workers import in_worker
        from steelyard.learning._task_rows import rows_of_tasks
        from steelyard.learning.tasks import one_task_each

        if any(of.workers > 1 or of.device != "cpu" for of in data):
            return super()._fit_each(data, starts)
        objectives = [self._objective(of, start) for of, start in zip(data, starts, strict=True)]
        tasks = [asdict(self._task_of(*of)) for of in zip(data, objectives, starts, strict=True)]
        worker = in_worker(_WORKER, "train_each", tasks=tasks)
        ordered = one_task_each(rows_of_tasks(data), len(data))
        found = {row["task"]: row for row in ordered.mapInArrow(worker, f"task int, {_RESULT}").collect()}
        return [self._model(of, objectives[i], found[i]) for i, of in enumerate(data)]

    def _task_of(self, data: TrainingData, objective: Objective, start: Model | None) -> Task:
        """Return the settings of the tasks that train; the trees do not depend on the number of threads."""
        of, threads = data.preprocessing, 2 if data.workers == 1 else 1
        task = self._task(of.names, of.codes, objective, _booster_of(start), threads=threads, device=data.device)
        if not data.monotone:
            return task
        constraints = f"({','.join(map(str, data.monotone))})"
        return replace(task, booster={**task.booster, "monotone_constraints": constraints})

    def _model(self, data: TrainingData, objective: Objective, row: Any) -> XGBoostModel:
        """Return the model that a task has returned as a row."""
        from steelyard.learning._xgboost_model import XGBoostModel, summary

        booster = bytes(row["booster"])
        found = summary(booster, list(row["log_loss"]), data.preprocessing.names)
        return XGBoostModel(
            **self.model_fields(data), summary=found, booster=booster, focal=objective.focal, starts=objective.starts
        )

    def _objective(self, data: TrainingData, given: Model | None) -> Objective:
        """Return what to minimise; a model that is continued keeps its own."""
        from steelyard.learning._losses import Objective, objective_of

        offsets, start = "offset" in data.rows.columns, _booster_of(given)
        if start is None:
            return objective_of(self.loss, data.sizes, data.masses, offsets=offsets)
        if offsets and not start.starts:
            raise InputError("start was trained on rows without offsets, but the training rows have them")
        return Objective(len(data.trained_classes), start.focal, start.starts)

    def _fit_arrays(
        self, train: ArrayRows, validation: ArrayRows, sizes: Mapping[str, float], masses: Mapping[str, float]
    ) -> ArrayModel:
        from steelyard.learning._losses import objective_of
        from steelyard.learning._xgboost_worker import train_on_arrays

        offsets = train.offset is not None
        objective = objective_of(self.loss, list(sizes.values()), list(masses.values()), offsets=offsets)
        task = self._task([""] * train.features.shape[1], (), objective, None, threads=1)
        return train_on_arrays(train, validation, task)

    def _task(
        self,
        names: Sequence[str],
        codes: tuple[int, ...],
        objective: Objective,
        start: XGBoostModel | None,
        *,
        threads: int,
        device: str = "cpu",
    ) -> Task:
        from steelyard.learning._xgboost_worker import Task

        given = {k: v for k, v in self.params.items() if k not in _NO_BOOSTER_PARAMS}
        fixed = {"tree_method": "hist", "nthread": threads, "verbosity": 0, "seed": self.seed, "device": device}
        return Task(
            {**given, **objective.booster(), **fixed},
            rounds=self.params["n_estimators"],
            features=len(names),
            categories=codes,
            patience=self.params["early_stopping_rounds"],
            start=None if start is None else start.booster,
            starts=objective.starts,
            focal=None if objective.focal is None else asdict(objective.focal),
        )


def _with_validation(data: TrainingData) -> DataFrame:
    """Return training and validation rows together: their order mixes them, so that each worker sees both kinds."""
    from pyspark.sql import functions as F

    rows = data.rows.withColumn("validation", F.lit(False))
    if data.validation is None:
        return rows
    return rows.unionByName(data.validation.withColumn("validation", F.lit(True)))


def _booster_of(start: Model | None) -> XGBoostModel | None:
    """Return a model to continue from, None if there is none."""
    from steelyard.learning._xgboost_model import XGBoostModel

    return start if isinstance(start, XGBoostModel) else None


def _require_slots(spark: SparkSession, workers: int) -> None:
    """Refuse at once what Spark would refuse after minutes of waiting."""
    slots = _local_slots(spark)
    if slots is not None and slots < workers:
        raise EngineError(
            f"XGBoost's {workers} workers must run at the same time, and this local Spark runs {slots} at a time: "
            f"set spark.master to local[{workers}], or train.num_workers to {slots}"
        )


def _local_slots(spark: SparkSession) -> int | None:
    """Return how many tasks a local Spark runs at a time, None for a cluster or if it is unknown."""
    from pyspark.sql.utils import is_remote

    found = re.fullmatch(r"local(?:\[(\d+|\*)(?:,\s*\d+)?\])?", str(spark.conf.get("spark.master", "")))
    if found is None:
        return None
    if found[1] == "*":
        return None if is_remote() else spark.sparkContext.defaultParallelism
    return int(found[1] or 1)
