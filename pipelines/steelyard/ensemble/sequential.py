"""The base of ensembles whose members are trained one after the other. Importing it needs no Spark."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from pydantic import Field

from steelyard.distortion import Distortion
from steelyard.ensemble.base import EnsembleTrainer, MemberParameters, mean_shares
from steelyard.errors import InputError
from steelyard.learning.local import ESTIMATORS, LocalLearner
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import TrainingData

if TYPE_CHECKING:
    from steelyard.ensemble._array_rounds import ArrayRounds
    from steelyard.ensemble._rounds import Rounds
    from steelyard.learning.local import TaskModel
    from steelyard.learning.model import Model

    AnyRounds: TypeAlias = Rounds | ArrayRounds
    Trained: TypeAlias = tuple[list[TaskModel], list[float], dict[str, Any]]

ONE_TASK_CELLS = 200_000_000
"""Rows × (features + 24) up to which one task runs all rounds: a row has about 12 doubles besides its features."""

PARAMS_OF_TREES = "Parameters of the estimator. The default is for decision_tree; for others it is empty."


class SequentialParameters(MemberParameters):
    """Parameters that all sequential ensembles have."""

    n_estimators: int = Field(50, ge=1, le=1000, description="Rounds, at most: each adds one member.")
    estimator: str = Field(
        "decision_tree",
        description=f"What each round trains: {', '.join(ESTIMATORS)}, or the dotted path of a class with the "
        "interface of scikit-learn's classifiers.",
    )
    estimator_params: dict[str, Any] = Field({"max_depth": 3}, description=PARAMS_OF_TREES)
    pool: int | None = Field(
        None,
        ge=1,
        le=10**6,
        description="Rows of the other class for each row of the rarest one, drawn once by hash and weighted back; "
        "rounds then read these alone. null: all rows.",
    )


class SequentialTrainer(EnsembleTrainer):
    """Base of ensembles whose rounds draw a small sample, train one member in one task, and score all rows.

    Where rounds read few rows (`ONE_TASK_CELLS`), one task runs all of them, with the rows in its memory: one shuffle
    and one crossing into Python altogether. It draws the same samples as rounds on the executors.

    On the executors, rows are kept as blocks: a row of Spark holds some hundred rows of the table as arrays, which
    cross into Python as they are. A round costs three Spark jobs in boosting, and in the self-paced ensemble:

    - one or two scans of labels, margins and scores (the sums of the weights; the bins of hardness),
    - one crossing of all columns into Python that returns the candidates of the sample, and the shuffle of these, about
      as many rows as the sample has, to the task that trains,
    - one crossing that returns all rows with the member's scores, and a scan of these for the error.

    Rows are never shuffled, except when equal rows are numbered (see `unit_tables`). Scores are computed once, and the
    rows of the last round alone stay persisted; they are checkpointed every ten rounds, because plans grow. To compute
    margins from the members of several rounds instead would score each row several times in each scan.
    """

    parameters: ClassVar[type[Parameters]] = SequentialParameters
    two_classes_only = True

    @property
    def learner(self) -> LocalLearner:
        """What trains a member."""
        return LocalLearner(self.params["estimator"], self.params["estimator_params"])

    def _fit(self, data: TrainingData, start: Model | None) -> Model:
        from steelyard.ensemble._all_rounds import run_rounds
        from steelyard.ensemble._bags import class_counts, pool_of, unit_tables
        from steelyard.ensemble._model import EnsembleModel
        from steelyard.ensemble._rounds import Rounds
        from steelyard.frames.caching import Latest

        counts = class_counts(data.rows, data.trained_classes)
        features = len(data.preprocessing.names)
        self._check_counts(counts)
        of = self._quotas(self._after_synthesis(counts), 1, features)
        with Latest() as latest:
            with unit_tables(data.rows, counts, features) as (units, narrow):
                kept, chosen = pool_of(units, narrow, counts, of.bag, self.params.get("pool"), self.seed)
                if alone := self._in_one_task(kept, features):
                    members, votes, facts = run_rounds(self, chosen, counts, kept, of.bag)
                else:
                    rounds = Rounds.start(chosen, counts, kept, of.bag, self.learner, self.seed, latest)
            if not alone:
                members, votes, facts = self._run(rounds)
        if not members:
            raise InputError(
                f"the first member of {self.name} is not better than chance: give the estimator more freedom "
                "(train.params.estimator_params)"
            )
        messages = [f"{len(members)} rounds of {sum(of.bag.values()):,} rows", *self._smaller(of)]
        if len(members) < self.params["n_estimators"]:
            messages.append(f"training ended before round {len(members) + 1}: its error left nothing to gain")
        return EnsembleModel(
            **self.model_fields(data),
            summary={
                "members": len(members),
                "rows_per_round": of.bag,
                "rows_in_pool": kept,
                **facts,
                "messages": messages,
                "importances": mean_shares(members, data.preprocessing.names),
            },
            distortion=Distortion(self._rates(of.rates), exact=False),
            members=tuple(m.model for m in members),
            votes=tuple(votes),
        )

    @abstractmethod
    def _run(self, rounds: AnyRounds) -> Trained:
        """Return the members, their votes, and facts for the summary. The list of members may be empty."""

    def _in_one_task(self, kept: dict[str, int], features: int) -> bool:
        """Whether one task runs all rounds. Executors may lack the class of a trainer that users define."""
        known = type(self).__module__.startswith("steelyard.")
        return known and sum(kept.values()) * (features + 24) <= ONE_TASK_CELLS

    def _check_counts(self, counts: dict[str, int]) -> None:
        """Refuse classes that are too small."""

    def _after_synthesis(self, counts: dict[str, int]) -> dict[str, int]:
        """Return the rows of each class from which a sample's sizes follow."""
        return counts

    def _rates(self, rates: dict[str, float]) -> dict[str, float]:
        """Return the rates of classes that the score is distorted by."""
        return {}
