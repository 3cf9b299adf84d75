"""Self-paced ensemble: rounds draw rows of the larger class by how hard they are for the members so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
            sample, quotas = self._sample(rounds, number)
            members, drawn = [*members, rounds.fit(sample, number)], [*drawn, quotas]
            if number + 1 < self.params["n_estimators"]:
                rounds = rounds.scored(members[-1]).with_margin(F.col(MARGIN) + F.col(SCORE))
        return members, [1.0] * len(members), {"drawn": drawn}

    def _sample(self, rounds: Rounds, number: int) -> tuple[DataFrame, list[int]]:
        """Return the rows of a round, and how many each bin gives."""
        from pyspark.sql import functions as F

        from steelyard.ensemble._rounds import MARGIN
        from steelyard.hashing import cuts, select

        common = max(rounds.counts, key=rounds.counts.__getitem__)
        label = list(rounds.counts).index(common)
        ours = F.col("label").cast("int") == label
        hardness = F.abs(F.col(MARGIN) / F.lit(float(max(number, 1))) - F.lit(float(label)))
        bin_of = F.lit(0) if number == 0 else self._bins(rounds, hardness, ours)
        of = rounds.sums({"n": F.lit(2.0**-30), "h": hardness * F.lit(2.0**-30)}, F.when(ours, bin_of))
        counts = [round(of[b]["n"] * 2**30) if b in of else 0 for b in range(self.params["k_bins"])]
        means = [of[b]["h"] / of[b]["n"] if b in of else 0.0 for b in range(self.params["k_bins"])]
        alpha = math.tan(math.pi / 2 * number / self.params["n_estimators"])
        quotas = self_paced_quotas(means, counts, rounds.bag[common], alpha)
        wanted = {f"c{b}": [n] for b, n in enumerate(quotas) if n}
        rare = next(c for c in rounds.counts if c != common)
        wanted["rare"] = [rounds.bag[rare]]
        stratum = F.when(ours, F.concat(F.lit("c"), bin_of.cast("string"))).otherwise(F.lit("rare"))
        sizes = {**{f"c{b}": n for b, n in enumerate(counts)}, "rare": rounds.counts[rare]}
        found = cuts(rounds.rows, rounds.place(number), stratum, wanted, ties="exact", sizes=sizes)
        chosen = select(rounds.rows, rounds.place(number), stratum, {s: cut for s, [cut] in found.items()})
        return chosen, quotas

    def _bins(self, rounds: Rounds, hardness: Any, ours: Any) -> Any:
        """Return the bin of a row: of equal width, between the least and the greatest hardness."""
        from pyspark.sql import functions as F

        [row] = rounds.rows.where(ours).agg(F.min(hardness), F.max(hardness)).collect()
        low, high, bins = float(row[0]), float(row[1]), self.params["k_bins"]
        if high <= low:
            return F.lit(0)
        place = F.floor((hardness - F.lit(low)) / F.lit(high - low) * F.lit(float(bins)))
        return F.least(place, F.lit(bins - 1)).cast("int")
