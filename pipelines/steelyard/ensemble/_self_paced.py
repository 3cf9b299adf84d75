"""Self-paced ensemble: rounds draw rows of the larger class by how hard they are for the members so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from steelyard.ensemble.sequential import PARAMS_OF_TREES, SequentialParameters, SequentialTrainer
from steelyard.kernels.boosting import self_paced_quotas

if TYPE_CHECKING:
    from steelyard.ensemble.sequential import AnyRounds, Trained
    from steelyard.learning.local import TaskModel


class SelfPacedEnsembleParameters(SequentialParameters):
    """Parameters of the self-paced ensemble, by the names of its authors."""

    n_estimators: int = Field(10, ge=1, le=1000, description="Rounds: each adds one member.")
    estimator_params: dict[str, Any] = Field({"max_depth": 10}, description=PARAMS_OF_TREES)
    k_bins: int = Field(5, ge=1, le=1000, description="Bins of hardness.")

    elsewhere: ClassVar[Mapping[str, str]] = {"random_state": "write train.seed"}


class SelfPacedEnsembleTrainer(SequentialTrainer):
    """Members on balanced samples, first of all rows of the larger class, later more of those that are hard [1]_.

    The hardness of a row is the distance of the members' mean probability from its label. A round draws from each of
    `k_bins` bins of hardness in proportion to 1 / (mean hardness + α), where α rises from 0 without a limit: towards
    the same number of rows from each bin.

    References
    ----------
    .. [1] Liu et al., "Self-paced ensemble for highly imbalanced massive data classification", ICDE 2020.
    """

    name = "self_paced_ensemble"
    parameters = SelfPacedEnsembleParameters
    balances = True

    def _rates(self, rates: dict[str, float]) -> dict[str, float]:
        return rates

    def _run(self, rounds: AnyRounds) -> Trained:
        members: list[TaskModel] = []
        drawn: list[list[int]] = []
        common = max(rounds.counts, key=rounds.counts.__getitem__)
        rare = next(c for c in rounds.counts if c != common)
        label, bins, last = list(rounds.counts).index(common), self.params["k_bins"], self.params["n_estimators"]
        rounds = rounds.zeroed()
        for number in range(last):
            strata, counts, means = rounds.bins(number, label, bins)
            alpha = math.tan(math.pi / 2 * number / last)
            take = self_paced_quotas(means, counts, rounds.bag[common], alpha)
            member = rounds.drawn(number, strata, [*take, rounds.bag[rare]], [*counts, rounds.counts[rare]])
            members, drawn = [*members, member], [*drawn, take]
            if number + 1 < last:
                rounds = rounds.scored(member).added()
        return members, [1.0] * len(members), {"drawn": drawn}
