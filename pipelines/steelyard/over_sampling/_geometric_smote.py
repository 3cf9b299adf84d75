"""Geometric SMOTE."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames.neighbors import pairs
from steelyard.over_sampling._enemies import enemy_distances, enemy_pairs
from steelyard.over_sampling._points import with_points
from steelyard.over_sampling._seeds import CLASS, USES
from steelyard.over_sampling.base import SynthesisContext
from steelyard.over_sampling.neighbors import NeighborSampler, own_points
from steelyard.params import Parameter, from_zero_to_one, number, one_of, param
from steelyard.sampling.params import HasNeighbors
from steelyard.sampling.plan import Work


class GeometricSMOTE(HasNeighbors, NeighborSampler):
    """Draw new rows in a ball around each seed, instead of on a segment [1]_.

    The radius of the ball around a row is the distance to one of its `k_neighbors` nearest rows of the class
    ("minority"), to the nearest row of another class ("majority"), or to the nearer of the two ("combined").
    `truncation_factor` cuts off the half of the ball away from that row (1), or towards it (-1). `deformation_factor`
    compresses the ball onto the line between the two rows (1: a segment, as in SMOTE). Values outside the class's range
    are clipped.

    Every row is a seed equally often. Categories are the most frequent ones among the `k_neighbors` nearest rows of the
    class; with "majority", the seed's. Weights and costs are interpolated by the distance from the centre of the ball.

    Costs what SMOTE costs, plus one scan for the range of each class and one crossing into Python. "majority" searches
    among the rows of other classes instead: one more scan and one more shuffle. "combined" does both: one more scan,
    four more shuffles and one more crossing.

    References
    ----------
    .. [1] Douzas, Bacao, "Geometric SMOTE: a geometrically enhanced drop-in replacement for SMOTE", Information
       Sciences 501, 2019.

    Examples
    --------
    >>> resampled = GeometricSMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "geometric_smote"

    truncation_factor: Parameter[float] = param(
        "which part of the ball is cut off, from -1 to 1", number(-1, 1, "a number from -1 to 1"), default=1.0
    )
    deformation_factor: Parameter[float] = param(
        "how much the ball is compressed onto the line to the neighbour, from 0 (not at all) to 1 (completely)",
        from_zero_to_one,
        default=0.0,
    )
    selection_strategy: Parameter[str] = param(
        "which row sets the radius of the ball: 'minority' (of the class), 'majority' (of another class) or "
        "'combined' (the nearer of the two)",
        one_of("combined", "majority", "minority"),
        default="combined",
    )

    def _pairs(self, context: SynthesisContext) -> DataFrame:
        how = self.getOrDefault("selection_strategy")
        rows = enemy_pairs(self, context, F.col(USES), 1) if how == "majority" else self._towards_own(context)
        if how == "combined":
            near = enemy_pairs(self, context, (F.col(USES) > 0).cast("int"), 1)
            nearest = near.select(
                (F.col("seed_id") + 0).alias("seed_id"),
                (F.col("neighbor_id") + 0).alias("enemy_id"),
                F.col("neighbor").alias("enemy_row"),
            )
            rows = rows.join(nearest, "seed_id")
        else:
            rows = rows.withColumns({"enemy_id": F.col("neighbor_id"), "enemy_row": F.col("neighbor")})
        return self._placed(context, rows, how)

    def _placed(self, context: SynthesisContext, rows: DataFrame, how: str) -> DataFrame:
        """Draw the point of each row."""
        none = F.lit(None).cast("array<double>")
        ready = rows.drop("gap").withColumns(
            {
                "class": F.col("seed").getField(CLASS),
                "x": F.col("seed").getField("x"),
                "own": none if how == "majority" else F.col("neighbor").getField("x"),
                "enemy": none if how == "minority" else F.col("enemy_row").getField("x"),
            }
        )
        placed = with_points(
            context,
            ready,
            "around",
            [("gap", "double"), ("by_enemy", "boolean")],
            scale=context.space.scale,
            truncation=self.getOrDefault("truncation_factor"),
            deformation=self.getOrDefault("deformation_factor"),
        )
        chosen = {
            "neighbor_id": F.when(F.col("by_enemy"), F.col("enemy_id")).otherwise(F.col("neighbor_id")),
            "neighbor": F.when(F.col("by_enemy"), F.col("enemy_row")).otherwise(F.col("neighbor")),
        }
        return placed.withColumns(chosen)

    def _towards_own(self, context: SynthesisContext) -> DataFrame:
        assert context.search is not None
        points = own_points(context, numbers=True)
        return pairs(points, context.search, seed=context.plan.seed, purpose=context.plan.purpose)

    def _work(self, context: SynthesisContext) -> Work:
        work = super()._work(context)
        how = self.getOrDefault("selection_strategy")
        enemies, both = how != "minority", how == "combined"
        return replace(
            work,
            scans=work.scans + 1 + enemies,
            shuffles=work.shuffles + enemies + 3 * both,
            python=work.python + 1 + both,
            distances=work.distances + enemy_distances(context) * enemies,
            tasks=work.tasks + enemies,
        )
