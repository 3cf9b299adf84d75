"""SMOTE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyspark import keyword_only
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.cells import with_cells
from steelyard.frames.neighbors import pairs
from steelyard.frames.search import Search
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._parents import PROVENANCE, inherited, new_rows, packed
from steelyard.over_sampling._seeds import CLASS, Seeds, class_rows, plan_seeds, with_uses
from steelyard.sampling._base import Sampler
from steelyard.sampling._numeric import check_numeric, feature_scale, matrix, survey
from steelyard.sampling._params import HasNeighbors, HasProvenance
from steelyard.sampling._plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._strategy import Strategy


class SMOTE(Sampler, HasNeighbors, HasProvenance):
    """Synthetic minority over-sampling [1]_: new rows between a row and one of its nearest neighbours in its class.

    Every row of a class is a seed equally often (a random share of them once more), as in the paper; for each new
    row one of the seed's `k_neighbors` nearest neighbours and one gap in [0, 1) are drawn, and the new row lies at
    the gap between the two, in all features.

    Neighbours are those by float64 distances, ties by row id, whatever computes them; all of them up to a size, and a
    measured share of them in larger classes (`search`, `recall`). Equal rows are no neighbours
    of each other, and count as one neighbour, unless `distinct_neighbors` is off, so that repeated rows don't lead
    to mere copies.

    On new rows whole numbers stay whole and every feature stays between its parents'; weights and costs are
    interpolated too, the group is kept where both parents agree, the time is the later parent's, and all other columns
    are null.

    Costs two scans of the table (label; features), and one more with `scale`. Then, of the classes that get new rows
    only: one scan, two shuffles, one crossing into Python and rows × rows distances, spread over tasks. Where the
    features of a class exceed `block_mb`, it is searched block by block and joined to what was found: three scans, nine
    shuffles, two crossings. Where classes are large enough for cells, one scan, two shuffles and one crossing more
    measure them, and one more crossing deals rows to cells that fill several blocks. Where new rows don't divide evenly
    among the rows: one scan and one shuffle of ids more.
    ``plan(df).work`` has the figures for a table.

    Parameters
    ----------
    label_col : str, default "label"
    features_col : str or list of str, optional
        One vector or array column, or a list of columns; by default all but label, key, group, time and weight.
        Numbers without gaps and infinities, in all classes.
    key_col : str or list of str, optional
        What identifies a row; its content by default.
    group_col, time_col, weight_col : str, optional
    cost_cols : str or list of str, optional
    sampling_strategy : float, str, dict or callable, default "auto"
        A ratio of the rarest class to the other afterwards; ``"auto"`` (``"not majority"``), ``"minority"``, ``"not
        minority"``, ``"all"``: classes brought to the size of the largest; class → count; or a function of the counts.
    random_state : int, default 0
    k_neighbors : int, default 5
        Each class that gets new rows needs more different rows than this.
    distinct_neighbors : bool, default True
    scale : {"none", "standard", "robust"}, default "none"
        What features are divided by while distances are taken: nothing, their standard deviation or their
        interquartile range, over a sample of the rows of all classes. New rows are in the original units.
    provenance : bool, default False
        Add `row_id` to all rows, and `seed_id`, `neighbor_id` and `gap` to the new ones. Costs one shuffle of the
        table.
    search : {"auto", "exact", "cells"}, default "auto"
        How neighbours are looked for. "auto" is exact up to about 80,000 rows of 30 features in a class (more where
        rows are narrower); beyond, it groups a class's rows into cells and looks into the nearest ones only, where that
        saves work. See `steelyard.frames.cells.with_cells` for the cost model.
    recall : float, default 0.95
        By cells, the share of the exact neighbours that is to be found: measured on a sample before anything is made.
        ``plan(df).details["cells"]`` has the figure.
    block_mb : int, default 128
        MiB of features in a block of the neighbour search.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.

    Examples
    --------
    >>> SMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)  # doctest: +SKIP
    """

    name = "smote"
    kind = "over-sampling"
    effect = "bends"
    numeric = True

    @keyword_only
    def __init__(
        self,
        *,
        label_col: str = "label",
        features_col: str | Sequence[str] | None = None,
        key_col: str | Sequence[str] | None = None,
        group_col: str | None = None,
        time_col: str | None = None,
        weight_col: str | None = None,
        cost_cols: str | Sequence[str] | None = None,
        sampling_strategy: Strategy = "auto",
        random_state: int = 0,
        k_neighbors: int = 5,
        distinct_neighbors: bool = True,
        scale: str = "none",
        provenance: bool = False,
        search: str = "auto",
        recall: float = 0.95,
        block_mb: int = 128,
    ) -> None:
        super().__init__()
        self._configure()

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the new rows, which are computed when they are used."""
        plan, search = self._prepared(df)
        return Resampling(plan, self._new_rows(df, plan, search) if any(c.new for c in plan.classes.values()) else None)

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return what would be made of each class, and what that costs; makes no rows.

        Where neighbours are searched by cells, the cells are found, and their recall is measured.
        """
        return self._prepared(df)[0]

    def _prepared(self, df: DataFrame) -> tuple[SamplingPlan, Search]:
        plan = super().plan(df)
        roles = Roles.from_json(plan.details["columns"])
        seeds = {c: Seeds.from_json(s) for c, s in plan.details["seeds"].items()}
        scale = plan.details["scale"]
        search = Search(
            self.getOrDefault("k_neighbors"),
            plan.details["n_features"],
            {c: (s.rows, plan.classes[c].before) for c, s in seeds.items()},
            scale=None if scale is None else tuple(scale),
            distinct=self.getOrDefault("distinct_neighbors"),
            block_bytes=self._block_bytes(),
        )
        points = _points(class_rows(df, plan, seeds, inherited(roles)), roles, plan, seeds)
        search = with_cells(points, search, how=self.getOrDefault("search"), recall=self.getOrDefault("recall"))
        details = {**plan.details, "cells": {c: d.to_json() for c, d in search.divisions.items()}}
        return replace(plan, details=details, work=self._work(plan, search, seeds)), search

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        new = {c: n - counts[c] for c, n in self._targets(counts).items() if n > counts[c]}
        self._check_columns(df, roles)
        k = self.getOrDefault("k_neighbors")
        self._check_sizes(new, counts, "rows")
        found = survey(df, roles.label, roles.features, "SMOTE", list(new), k + 1)
        if self.getOrDefault("distinct_neighbors"):
            self._check_sizes(new, found.distinct, "different rows")
        how = self.getOrDefault("scale")
        plan = self._new_plan(
            roles,
            classes={c: ClassPlan(n, n + new.get(c, 0), new=new.get(c, 0)) for c, n in counts.items()},
            provenance=self.getOrDefault("provenance"),
        )
        scale = feature_scale(df, roles.identity, roles.features, how, sum(counts.values()), found.n_features)
        details = {
            "columns": roles.to_json(),
            "n_features": found.n_features,
            "scale": scale,
            "seeds": {c: s.to_json() for c, s in plan_seeds(df, plan).items()},
        }
        return replace(plan, details=details)

    def _check_columns(self, df: DataFrame, roles: Roles) -> None:
        check_numeric(df, roles.features, "SMOTE")
        check_numeric(df, [c for c in (roles.weight, *roles.costs) if c is not None] or roles.features, "SMOTE")
        taken = [c for c in PROVENANCE if c in df.columns]
        if self.getOrDefault("provenance") and taken:
            raise InputError(f"provenance adds {', '.join(PROVENANCE)}, and the table has {', '.join(taken)} already")

    def _check_sizes(self, new: Mapping[str, int], sizes: Mapping[str, int], what: str) -> None:
        k = self.getOrDefault("k_neighbors")
        for name in new:
            if sizes[name] <= k:
                smaller = f"set k_neighbors to {sizes[name] - 1} or less, or " if sizes[name] > 1 else ""
                equal = " (or distinct_neighbors to False)" if what == "different rows" else ""
                raise InputError(
                    f"SMOTE with k_neighbors={k} needs at least {k + 1} {what} of a class, and class {name!r} has "
                    f"{sizes[name]:,}: {smaller}leave the class out of sampling_strategy{equal}"
                )

    def _work(self, plan: SamplingPlan, search: Search, seeds: Mapping[str, Seeds]) -> Work:
        one_block, drawn = search.one_block(), any(s.again for s in seeds.values())
        measured, placed = len(search.divisions), bool(search.divisions) and not one_block
        return Work(
            scans=(4 if one_block else 6) + drawn + (self.getOrDefault("scale") != "none") + bool(measured),
            shuffles=(2 if one_block else 9) + drawn + self.getOrDefault("provenance") + 2 * bool(measured),
            python=(1 if one_block else 2) + placed + measured,
            distances=sum(search.comparisons(c) for c in search.sizes),
            tasks=sum(layout.pairs for layout in search.layouts().values()),
        )

    def _block_bytes(self) -> int:
        return int(self.getOrDefault("block_mb")) * 2**20

    def _new_rows(self, df: DataFrame, plan: SamplingPlan, search: Search) -> DataFrame:
        roles = Roles.from_json(plan.details["columns"])
        seeds = {c: Seeds.from_json(s) for c, s in plan.details["seeds"].items()}
        points = _points(class_rows(df, plan, seeds, inherited(roles)), roles, plan, seeds)
        return new_rows(pairs(points, search, seed=plan.seed, purpose=plan.purpose), df, roles, plan)


def _points(rows: DataFrame, roles: Roles, plan: SamplingPlan, seeds: Mapping[str, Seeds]) -> DataFrame:
    """Return the rows as the neighbour search wants them; only seeds are asked for."""
    used = with_uses(rows, plan, seeds)
    return used.select(
        F.col(CLASS).alias("within"),
        F.col(ROW_ID).alias("row_id"),
        matrix(rows, roles.features).alias("x"),
        F.lit(True).alias("indexed"),
        (F.col("uses") > 0).alias("queried"),
        "uses",
        packed(rows, inherited(roles)).alias("row"),
    )
