"""Geometric SMOTE."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.frames.neighbors import pairs
from steelyard.over_sampling._base import Growth
from steelyard.over_sampling._neighbors import NeighborSampler, own_points
from steelyard.over_sampling._points import class_bounds, with_points
from steelyard.over_sampling._rivals import rival_points, unlike
from steelyard.over_sampling._seeds import CLASS, USES
from steelyard.params import Parameter, one_of, param, share, wrong
from steelyard.sampling._params import HasNeighbors
from steelyard.sampling._plan import Work


def _truncation(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not -1 <= float(value) <= 1:
        raise wrong(name, "a number from -1 to 1", value)
    return float(value)


def _deformation(name: str, value: object) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else share(name, value)


class GeometricSMOTE(HasNeighbors, NeighborSampler):
    """New rows in a ball around each seed, instead of on a segment [1]_.

    The ball around a row of the class reaches to one of its `k_neighbors` nearest rows in the class ("minority"), to
    the nearest row of another class ("majority"), or to the nearer of the two ("combined"). `truncation_factor` cuts
    off the half of it that lies away from that row (1), or towards it (-1); `deformation_factor` presses it onto the
    line between the two (1: a segment, as SMOTE's). Where the class ends, so do new rows: a number outside of what the
    class has in the table is moved to the end.

    Every row is a seed equally often. Categories are the commonest ones among the `k_neighbors` nearest rows of the
    class; with "majority", the seed's. Weights and costs are interpolated by how far out in the ball a row lies.

    Costs what SMOTE costs, one scan for the ends of each class and one crossing into Python more; "majority" searches
    among the rows of other classes instead: one scan and one shuffle more; "combined" does both: one scan, four
    shuffles and one crossing more.

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
        "which part of the ball is cut off, from -1 to 1", _truncation, default=1.0
    )
    deformation_factor: Parameter[float] = param(
        "how much the ball is pressed onto a line, 0 to 1", _deformation, default=0.0
    )
    selection_strategy: Parameter[str] = param(
        "what the ball reaches to: a row of the class, of another one, or the nearer of the two",
        one_of("combined", "majority", "minority"),
        default="combined",
    )

    def _pairs(self, grown: Growth) -> DataFrame:
        how = self.getOrDefault("selection_strategy")
        rows = self._towards_rivals(grown, F.col(USES)) if how == "majority" else self._towards_own(grown)
        if how == "combined":
            near = self._towards_rivals(grown, (F.col(USES) > 0).cast("int"))
            nearest = near.select(
                (F.col("seed_id") + 0).alias("seed_id"),
                (F.col("neighbor_id") + 0).alias("rival_id"),
                F.col("neighbor").alias("rival_row"),
            )
            rows = rows.join(nearest, "seed_id")
        else:
            rows = rows.withColumns({"rival_id": F.col("neighbor_id"), "rival_row": F.col("neighbor")})
        return self._placed(grown, rows, how)

    def _placed(self, grown: Growth, rows: DataFrame, how: str) -> DataFrame:
        """Draw the point of each row."""
        nobody = F.lit(None).cast("array<double>")
        ready = rows.drop("gap").withColumns(
            {
                "class": F.col("seed").getField(CLASS),
                "x": F.col("seed").getField("x"),
                "own": nobody if how == "majority" else F.col("neighbor").getField("x"),
                "rival": nobody if how == "minority" else F.col("rival_row").getField("x"),
            }
        )
        placed = with_points(
            ready,
            "around",
            [("gap", "double"), ("by_rival", "boolean")],
            scale=grown.space.scale,
            truncation=self.getOrDefault("truncation_factor"),
            deformation=self.getOrDefault("deformation_factor"),
            bounds=class_bounds(grown),
            seed=grown.plan.seed,
            purpose=grown.plan.purpose,
        )
        chosen = {
            "neighbor_id": F.when(F.col("by_rival"), F.col("rival_id")).otherwise(F.col("neighbor_id")),
            "neighbor": F.when(F.col("by_rival"), F.col("rival_row")).otherwise(F.col("neighbor")),
        }
        return placed.withColumns(chosen)

    def _towards_own(self, grown: Growth) -> DataFrame:
        assert grown.search is not None
        points = own_points(grown, numbers=True)
        return pairs(points, grown.search, seed=grown.plan.seed, purpose=grown.plan.purpose)

    def _towards_rivals(self, grown: Growth, uses: Column) -> DataFrame:
        assert grown.search is not None
        asked = {c: (n, unlike(grown.plan)[c]) for c, (n, _) in grown.search.sizes.items()}
        search = self._search(grown, asked, 1)
        found = pairs(rival_points(grown, uses), search, seed=grown.plan.seed, purpose=f"{grown.plan.purpose}/rivals")
        mode = grown.seed_categories()
        return found if mode is None else found.withColumn("mode", mode)

    def _work(self, grown: Growth) -> Work:
        work = super()._work(grown)
        how = self.getOrDefault("selection_strategy")
        rivals, both = how != "minority", how == "combined"
        compared = sum(n * unlike(grown.plan)[c] for c, (n, _) in (grown.search.sizes if grown.search else {}).items())
        return replace(
            work,
            scans=work.scans + 1 + rivals,
            shuffles=work.shuffles + rivals + 3 * both,
            python=work.python + 1 + both,
            distances=work.distances + compared * rivals,
            tasks=work.tasks + rivals,
        )
