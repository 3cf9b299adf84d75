"""Self-paced ensemble: rounds draw rows of the larger class by how hard they are for the members so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from steelyard.ensemble.sequential import SequentialParameters, SequentialTrainer
from steelyard.kernels.boosting import self_paced_quotas

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from steelyard.ensemble._rounds import Rounds
    from steelyard.learning.tasks import TaskModel


class SelfPacedEnsembleParameters(SequentialParameters):
    """Parameters of the self-paced ensemble, by the names of its authors."""

    n_estimators: int = Field(10, ge=1, le=1000, description="Rounds: each adds one member.")
    estimator_params: dict[str, Any] = Field({"max_depth": 10}, description="Parameters of the estimator.")
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

    def _run(self, rounds: Rounds) -> tuple[list[TaskModel], list[float], dict[str, Any]]:
        from pyspark.sql import functions as F

        from steelyard.ensemble._rounds import MARGIN, SCORE

        members: list[TaskModel] = []
        drawn: list[list[int]] = []
        rounds = rounds.with_margin(F.lit(0.0))  # the sum of the members' probabilities
        for number in range(self.params["n_estimators"]):
            candidates, take = self._candidates(rounds, number)
            members, drawn = [*members, rounds.fit(candidates, number, take)], [*drawn, take[:-1]]
            if number + 1 < self.params["n_estimators"]:
                rounds = rounds.scored(members[-1]).with_margin(F.col(MARGIN) + F.col(SCORE))
        return members, [1.0] * len(members), {"drawn": drawn}

    def _candidates(self, rounds: Rounds, number: int) -> tuple[Callable[[float], DataFrame], list[int]]:
        """Return the rows among which a round's sample is, and how many each bin and the rarest class give."""
        from pyspark.sql import functions as F

        from steelyard.columns import of_key
        from steelyard.ensemble._rounds import MARGIN, ample, constant
        from steelyard.hashing import HASH_BITS
        from steelyard.learning.tasks import POSITION, STRATUM

        common = max(rounds.counts, key=rounds.counts.__getitem__)
        rare = next(c for c in rounds.counts if c != common)
        label, bins = list(rounds.counts).index(common), self.params["k_bins"]
        ours = F.col("label").cast("int") == label
        hardness = F.abs(F.col(MARGIN) / constant(float(max(number, 1))) - F.lit(float(label)))
        bin_of = F.lit(0) if number == 0 else self._bins(rounds, hardness, ours)
        of = rounds.sums({"n": F.lit(2.0**-30), "h": hardness * F.lit(2.0**-30)}, F.when(ours, bin_of))
        counts = [round(of[b]["n"] * 2**30) if b in of else 0 for b in range(bins)]
        means = [of[b]["h"] / of[b]["n"] if b in of else 0.0 for b in range(bins)]
        alpha = math.tan(math.pi / 2 * number / self.params["n_estimators"])
        take = [*self_paced_quotas(means, counts, rounds.bag[common], alpha), rounds.bag[rare]]
        sizes = [*counts, rounds.counts[rare]]
        stratum = F.when(ours, bin_of).otherwise(F.lit(bins))
        placed = rounds.rows.withColumns({STRATUM: stratum, POSITION: rounds.place(number)})

        def near(reach: float) -> DataFrame:
            shares = [ample(n, of, reach) for n, of in zip(take, sizes, strict=True)]
            limits = {s: min(int(share * 2.0**HASH_BITS), 2**HASH_BITS - 1) for s, share in enumerate(shares)}
            return placed.where(F.col(POSITION) <= of_key(limits, F.col(STRATUM), "bigint"))

        return near, take

    def _bins(self, rounds: Rounds, hardness: Any, ours: Any) -> Any:
        """Return the bin of a row: of equal width, between the least and the greatest hardness."""
        from pyspark.sql import functions as F

        from steelyard.ensemble._rounds import constant

        [row] = rounds.rows.where(ours).agg(F.min(hardness), F.max(hardness)).collect()
        low, high, bins = float(row[0]), float(row[1]), self.params["k_bins"]
        if high <= low:
            return F.lit(0)
        place = F.floor((hardness - constant(low)) / constant(high - low) * F.lit(float(bins)))
        return F.least(place, F.lit(bins - 1)).cast("int")
