"""The base of all trainers. Importing it needs no Spark, so that names and parameters are checked before a session."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from steelyard.config import LOG_LOSS
from steelyard.distortion import Distortion
from steelyard.domain import Domain
from steelyard.kernels.distance import LARGEST
from steelyard.learning import _checks
from steelyard.learning._device import CPU, find_device
from steelyard.learning.arrays import ArrayModel, ArrayRows
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance, TrainingData, TrainingRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from steelyard.dataset import Dataset
    from steelyard.learning.model import Model

LIMITS: Mapping[str, float] = {"float32": 1e38, "float64": LARGEST}
"""Largest size of a feature by type. Single precision ends at 3.4e38, and XGBoost doubles the largest value."""


class Trainer(ABC):
    """Base of the trainers.

    Parameters
    ----------
    params : mapping, optional
        Checked by the class's `parameters`.
    class_weight : {"none", "balanced", "sqrt_balanced"} or mapping, default "none"
        Multiplies the weights of training rows, see `steelyard.weighting.class_weights`.
    num_workers : int, optional
        Partitions of the training rows, and tasks that train. The model depends on it, so it does not follow the size
        of the cluster. Default: 1 up to 10 million values (rows × features), else 2.
    seed : int, default 0
    loss : str or mapping, default "log_loss"
        One of the trainer's `losses`, with its parameters, as in ``{"focal": {"gamma": 2}}``.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        See `get_trainer`.

    Attributes
    ----------
    name : str
        Of the class; by default its dotted path. `model.json` holds it, and `load_model` finds the class by it.
    parameters : type of Parameters
    dtype : {"float32", "float64"}
        Type of the features in training; larger values are refused (`LIMITS`).
    impute : bool
        Replace missing numbers by the median, and add an indicator feature. Otherwise they are NaN.
    standardise : bool
        Bring numbers to mean 0 and standard deviation 1.
    codes : bool
        Whether a category is one number, its code, instead of an indicator of each level; may be a property.
    two_classes_only : bool
        Whether tables of more classes are refused.
    needs_validation : bool
        Whether training reads validation rows; may be a property of `params`.
    losses : tuple of str
        Names of the losses that the trainer can minimise.
    losses_of_two : tuple of str
        Those of them that are defined for two classes only.
    takes_offsets : bool
        Whether each training row may have an offset of its margin; may be a property of `loss`. Other trainers weigh
        the rows.
    continues : bool
        Whether `fit` can start from an earlier model.
    fine_tunes : bool
        Whether `fit` then changes the earlier model's weights, by steps of the parameter `learning_rate`. Otherwise it
        keeps the model, and adds to it.
    takes_monotone : bool
        Whether the score of the positive class can be made to only rise or only fall with a feature.
    exact : bool
        Whether the model is bit for bit the same from any partitioning; otherwise it agrees to a tolerance.
    balances : bool
        Whether training draws the classes' rows at different rates, as ensembles of balanced bags do. The model's
        `distortion` then has these rates.
    device_library : str, optional
        The library that can train on a GPU (`train.device`); without one, the trainer takes CPUs only.
    uses_workers : bool
        Whether `num_workers` has an effect; ensembles train each member in a task of its own.
    in_weight_units : tuple of str
        Parameters that rows of little weight do not reach; `train` notes such weights.
    gains_from_balance : bool
        Whether resampling may improve the ranking, as it does for weak learners; `diagnose` asks this.
    worker_module : str, optional
        A module that tasks import, and that takes long to import: workers may do so before the first such task.
    libraries : tuple of str
        Distributions whose versions `model.json` and `run.json` record.
    extra : str, optional
        Extra of this package that installs them; they are not installed by default.
    failures : tuple of (str, str)
        A part of an engine's error message, and the explanation to show in its place.
    """

    name: ClassVar[str]
    parameters: ClassVar[type[Parameters]] = Parameters
    dtype: ClassVar[Literal["float32", "float64"]] = "float64"
    impute: ClassVar[bool] = False
    standardise: ClassVar[bool] = False
    codes: bool = False
    two_classes_only: ClassVar[bool] = False
    needs_validation: bool = False
    losses: ClassVar[tuple[str, ...]] = (LOG_LOSS,)
    losses_of_two: ClassVar[tuple[str, ...]] = ()
    takes_offsets: bool = False
    continues: ClassVar[bool] = False
    fine_tunes: ClassVar[bool] = False
    takes_monotone: ClassVar[bool] = False
    exact: ClassVar[bool] = False
    balances: ClassVar[bool] = False
    device_library: ClassVar[str | None] = None
    uses_workers: ClassVar[bool] = True
    in_weight_units: ClassVar[tuple[str, ...]] = ()
    gains_from_balance: ClassVar[bool] = False
    worker_module: ClassVar[str | None] = None
    libraries: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None
    failures: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.dtype not in LIMITS:
            raise TypeError(f"{cls.__name__}.dtype must be one of {', '.join(LIMITS)}. Got {cls.dtype!r} instead.")
        if "name" not in vars(cls):
            cls.name = f"{cls.__module__}.{cls.__qualname__}"

    def __init__(
        self,
        params: Mapping[str, Any] | None = None,
        class_weight: str | Mapping[str, Any] = "none",
        num_workers: int | None = None,
        seed: int = 0,
        loss: str | Mapping[str, Any] = LOG_LOSS,
        device: str = CPU,
    ) -> None:
        self.params: dict[str, Any] = self.parameters.parse(self.name, params or {}).given()
        self.class_weight = class_weight if isinstance(class_weight, str) else dict(class_weight)
        self.num_workers, self.seed = num_workers, seed
        self.loss = self.check_loss(loss, self.params)
        self.device = self.check_device(device, num_workers)

    @classmethod
    def check_loss(cls, loss: str | Mapping[str, Any], params: Mapping[str, Any]) -> str | dict[str, dict[str, Any]]:
        """Return a loss with all its parameters.

        Raises
        ------
        ConfigError
            If there is no such loss, or the trainer cannot minimise it with these parameters.
        """
        return _checks.check_loss(cls, loss)

    @classmethod
    def check_device(cls, device: str, num_workers: int | None = None) -> str:
        """Return the device, "cpu" in place of "auto" where the trainer takes no other.

        Raises
        ------
        ConfigError
            If there is no such device, the trainer does not take it, or several workers would share it.
        """
        return _checks.check_device(cls, device, num_workers)

    def find_device(self, spark: SparkSession) -> str:
        """Return the device that trains in this session: "cpu" or "cuda".

        Raises
        ------
        ConfigError
            If "cuda" was asked for and there is none.
        """
        several = (self.num_workers or 1) > 1
        asked = CPU if several or self.device_library is None else self.device
        return find_device(spark, asked, self.device_library or "")

    @classmethod
    def check_installed(cls) -> None:
        """Raise `ConfigError` if a library of this trainer is not installed here."""
        _checks.check_installed(cls)

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments as JSON types, defaults included."""
        return {
            "params": self.params,
            "class_weight": self.class_weight,
            "num_workers": self.num_workers,
            "seed": self.seed,
            "loss": self.loss,
            "device": self.device,
        }

    def fit(
        self,
        train: DataFrame,
        validation: DataFrame,
        dataset: Dataset,
        *,
        original_train: DataFrame,
        train_weight: str | None = None,
        train_offset: str | None = None,
        sampled: Distortion | None = None,
        start: Model | None = None,
        counts: Mapping[str, int] | None = None,
        validation_rows: int | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> Model:
        """Train a model.

        Parameters
        ----------
        train : DataFrame
            Training rows after resampling. Must be stable: it is read more than once.
        validation : DataFrame
            Never resampled. Read only by trainers with `needs_validation`, with the weights of `dataset.weight` where
            it has that column, and without class weights.
        dataset : Dataset
        original_train : DataFrame
            Training rows before resampling, on which the preprocessing is fitted.
        train_weight : str, optional
            Column of the training rows' weights where it isn't `dataset.weight`: a sampler may have added it.
        train_offset : str, optional
            Column of the training rows' offsets, of two classes: minus the logarithm of the probability with which
            sampling keeps a row of the class with a rate below 1 in `sampled`. It is added to the log odds of the other
            class in training alone. Trainers without `takes_offsets` instead weigh the rows of the former class by the
            exponential of the offset.
        sampled : Distortion, optional
            How resampling changed the class prior of `train`; default: not at all. Offsets undo it.
        start : Model, optional
            A model of this trainer to continue from. Its preprocessing is kept.
        counts : mapping of str to int, optional
            Rows of each class of `train`, where they are known and it has no other labels: they are then not counted,
            unless rows have weights.
        validation_rows : int, optional
            Rows of `validation`, where they are known. Only the number of workers follows from them.
        warn : callable, optional
            Takes notes for the user; by default they are Python warnings.

        Raises
        ------
        InputError
            For features that can't be used (see `fit_preprocessing`), labels that are not classes, weights that are
            missing or negative, a single class, or a `start` that the trainer cannot continue.
        ConfigError
            For more classes than the trainer takes, and a domain of features that it cannot obey.
        EngineError
            If the cluster can't run the training as asked.
        """
        from steelyard.learning._fit_rows import fit_rows  # imports Spark

        rows = TrainingRows(train, counts or {}, train_weight, train_offset, sampled or Distortion(), start)
        return fit_rows(self, rows, validation, dataset, original_train, validation_rows, warn)

    @property
    def fits_arrays(self) -> bool:
        """Whether one task can train it on rows in memory: a trainer that overrides `_fit_arrays`."""
        return type(self)._fit_arrays is not Trainer._fit_arrays and not self.codes

    def fit_arrays(
        self,
        train: ArrayRows,
        validation: ArrayRows,
        classes: tuple[str, ...],
        sampled: Distortion | None = None,
    ) -> ArrayModel:
        """Train a model on rows in memory, on one thread: what `fit` does, inside a Spark task.

        Parameters
        ----------
        train : ArrayRows
            After resampling, in an order that does not depend on their partitioning.
        validation : ArrayRows
            Never resampled; read by trainers with `needs_validation`.
        classes : tuple of str
            In the order of their numbers; each has training rows.
        sampled : Distortion, optional
            As for `fit`. Offsets undo it; a trainer without `takes_offsets` weighs the rows of the sampled class.
        """
        from steelyard.learning._fit_arrays import fit_arrays  # imports Spark

        return fit_arrays(self, train, validation, classes, sampled or Distortion())

    def _fit_arrays(
        self, train: ArrayRows, validation: ArrayRows, sizes: Mapping[str, float], masses: Mapping[str, float]
    ) -> ArrayModel:
        """Return the model; `sizes` and `masses` as in `TrainingData`, by class. Optional, see `fits_arrays`."""
        raise NotImplementedError(f"{self.name} is not trained on rows in memory")

    @abstractmethod
    def _fit(self, data: TrainingData, start: Model | None) -> Model:
        """Return the model; `start` is None unless the trainer `continues`.

        The model's own `distortion` is what training did to the classes apart from weights and loss: bags, for example.
        """

    def _fit_each(self, data: Sequence[TrainingData], starts: Sequence[Model | None]) -> list[Model]:
        """Return a model for each of several training data. Optional: one Spark stage can train small ones."""
        from steelyard.frames.threads import in_threads  # imports Spark

        tasks = [partial(self._fit, of, start) for of, start in zip(data, starts, strict=True)]
        return in_threads(data[0].rows.sparkSession, tasks)

    @classmethod
    @abstractmethod
    def model_class(cls) -> type[Model]:
        """Return the class of the models, imported here: the trainer's module should not import Spark."""

    def model_fields(self, data: TrainingData) -> dict[str, Any]:
        """Return the fields that every `Model` has, but its summary."""
        return {
            "trainer": self.name,
            "settings": {**self.settings, "device": data.device},
            "classes": data.classes,
            "trained_classes": data.trained_classes,
            "preprocessing": data.preprocessing,
        }

    def loss_distortion(self, trained_classes: tuple[str, ...]) -> Distortion:
        """Return the distortion of the class prior by the loss and its weights."""
        return Distortion()

    @classmethod
    def importance(cls, summary: Mapping[str, Any]) -> Importance | None:
        """Return what the report shows of a model's `summary`, or None."""
        return None

    @classmethod
    def check_classes(cls, classes: Sequence[str], loss: str | Mapping[str, Any] = LOG_LOSS) -> None:
        """Raise `ConfigError` if the trainer does not take so many classes, or not with this loss."""
        _checks.check_classes(cls, classes, loss)

    @classmethod
    def check_domain(cls, domain: Domain, classes: int = 2) -> None:
        """Raise `ConfigError` for a domain of features that the trainer cannot obey with so many classes."""
        _checks.check_domain(cls, domain, classes)

    def check_start(self, start: Model, dataset: Dataset) -> None:
        """Raise `InputError` unless `fit` can continue from a model on this table; the message names what differs."""
        self.check_start_model(start)
        _checks.check_start_table(self, start, dataset)

    def check_start_model(self, start: Model) -> None:
        """Raise `InputError` for a model that `fit` can continue from on no table."""
        _checks.check_start_model(self, start)
