"""RUSBoost and SMOTEBoost: AdaBoost whose rounds draw a balanced sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from steelyard.ensemble.sequential import SequentialParameters, SequentialTrainer
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.boosting import LEAST, step
from steelyard.learning.parameters import Parameters

if TYPE_CHECKING:
    from steelyard.domain import Domain
    from steelyard.ensemble.sequential import AnyRounds, Trained
    from steelyard.learning.local import TaskModel

_ELSEWHERE = {"random_state": "write train.seed", "base_estimator": "write estimator"}


class RUSBoostParameters(SequentialParameters):
    """Parameters of RUSBoost, by the names of imbalanced-learn."""

    learning_rate: float = Field(1.0, gt=0, description="Factor on the vote of each member.")
    algorithm: Literal["m2", "samme"] = Field(
        "m2", description="AdaBoost.M2, which uses probabilities, as in the paper; or SAMME, which uses decisions."
    )

    elsewhere: ClassVar[Mapping[str, str]] = _ELSEWHERE


class RUSBoostTrainer(SequentialTrainer):
    """AdaBoost over all rows, whose rounds train on a balanced sample [1]_.

    A round draws rows of the larger class in proportion to their weights, where the paper draws them uniformly and
    gives the weights to the member. Errors and weights are those of all rows.

    References
    ----------
    .. [1] Seiffert, Khoshgoftaar, Van Hulse, Napolitano, "RUSBoost: a hybrid approach to alleviating class imbalance",
       IEEE Transactions on Systems, Man, and Cybernetics A 40, 2010.
    """

    name = "rusboost"
    parameters: ClassVar[type[Parameters]] = RUSBoostParameters

    @property
    def aggregation(self) -> str:
        """How members are combined."""
        return "mean" if self.params["algorithm"] == "m2" else "majority"

    def _run(self, rounds: AnyRounds) -> Trained:
        members: list[TaskModel] = []
        votes: list[float] = []
        errors: list[float] = []
        for number in range(self.params["n_estimators"]):
            member, error, scored = self._round(rounds, number)
            found = step(error, self.params["algorithm"], self.params["learning_rate"])
            if found is None:
                break
            members, votes, errors = [*members, member], [*votes, found.vote], [*errors, error]
            if error <= LEAST:
                break
            rounds = scored.reweighted(self.params["algorithm"], found.rate)
        return members, votes, {"errors": errors}

    def _round(self, rounds: AnyRounds, number: int) -> tuple[TaskModel, float, AnyRounds]:
        """Return the member of a round, its error, and the rounds with its scores."""
        weighed, sums = rounds.weighed()
        member = weighed.member(number, sums, self._synthetic(weighed))
        scored = weighed.scored(member)
        return member, scored.wrong(self.params["algorithm"]) / sum(sums.values()), scored

    def _synthetic(self, rounds: AnyRounds) -> dict[str, int] | None:
        return None


class SMOTEBoostParameters(RUSBoostParameters):
    """Parameters of SMOTEBoost."""

    k_neighbors: int = Field(5, ge=1, le=1000, description="Nearest rows of the rarest class to interpolate with.")
    synthetic: float = Field(1.0, gt=0, le=1000, description="New rows in each round for each row of the rarest class.")

    elsewhere: ClassVar[Mapping[str, str]] = _ELSEWHERE


class SMOTEBoostTrainer(RUSBoostTrainer):
    """AdaBoost over all rows, whose rounds train on a balanced sample with new rows of the rarest class [1]_.

    The new rows are made by imbalanced-learn's SMOTE inside the round's task, have the mean weight of their class, and
    are dropped with the round.

    References
    ----------
    .. [1] Chawla, Lazarevic, Hall, Bowyer, "SMOTEBoost: improving prediction of the minority class in boosting", PKDD
       2003.
    """

    name = "smoteboost"
    parameters = SMOTEBoostParameters

    @property
    def impute(self) -> bool:  # type: ignore[override]
        """SMOTE takes no missing values."""
        return True

    @classmethod
    def check_domain(cls, domain: Domain, classes: int = 2) -> None:
        """Raise `ConfigError` for a domain that the new rows of the rounds would not obey."""
        super().check_domain(domain, classes)
        for name, of in domain.items():
            if of.shapes_rows:
                raise ConfigError(
                    f"data.domain.{name}: the rows that smoteboost makes in its rounds would not obey it; take "
                    "rusboost after resample.method smote, or leave it out"
                )

    def _check_counts(self, counts: dict[str, int]) -> None:
        rare = min(counts, key=counts.__getitem__)
        if counts[rare] <= self.params["k_neighbors"]:
            raise InputError(
                f"smoteboost with k_neighbors={self.params['k_neighbors']} needs at least "
                f"{self.params['k_neighbors'] + 1} rows of a class, and class {rare!r} has {counts[rare]:,}"
            )

    def _after_synthesis(self, counts: dict[str, int]) -> dict[str, int]:
        rare = min(counts, key=counts.__getitem__)
        more = round(counts[rare] * (1 + self.params["synthetic"]))
        return {**counts, rare: max(min(more, *(n for c, n in counts.items() if c != rare)), counts[rare])}

    def _synthetic(self, rounds: AnyRounds) -> dict[str, int]:
        rare = min(rounds.counts, key=rounds.counts.__getitem__)
        rows = max(round(rounds.bag[rare] * self.params["synthetic"]), 1)
        return {"label": list(rounds.counts).index(rare), "rows": rows, "k": self.params["k_neighbors"]}
