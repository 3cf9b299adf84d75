"""Polynom-fit-SMOTE."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import dtype, of_key
from steelyard.errors import InputError
from steelyard.hashing import HASH_BITS, ROW_ID, row_hash
from steelyard.over_sampling._points import alone
from steelyard.over_sampling._seeds import CLASS, STRATUM, USES
from steelyard.over_sampling.base import SynthesisContext, SyntheticSampler
from steelyard.over_sampling.parents import fields
from steelyard.params import Parameter, one_of, param
from steelyard.sampling.plan import Work
from steelyard.sampling.statistics import Sample, class_samples, mean

_MOST_MESHED = 4096  # rows of a class: eight million pairs
_BUCKET_ROWS = 4096


class PolynomFitSMOTE(SyntheticSampler):
    """Draw new rows on lines that join the rows of a class in a given pattern [1]_.

    "star" joins each row with the class mean, "bus" joins each row with the next in the order of their ids and the last
    with the first, "mesh" joins all pairs. New rows are divided evenly among the lines, and are equally spaced on each.
    There is no neighbour search, so this is the cheapest of the methods that make rows. Categories of new rows are the
    most frequent of the class.

    Costs two scans of the table (label; features) and one for a sample of each class, from which the mean is computed.
    "star": then one scan and one shuffle of the over-sampled classes; no crossing into Python. "bus": one more shuffle.
    "mesh": rows × rows pairs, so only for classes of up to 4,096 rows. If new rows do not divide evenly among the
    lines: one more scan and one more shuffle.

    References
    ----------
    .. [1] Gazzah, Essoukri Ben Amara, "New oversampling approaches based on polynomial fitting for imbalanced data
       sets", DAS, 2008.

    Examples
    --------
    >>> resampled = PolynomFitSMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "polynom_fit_smote"

    topology: Parameter[str] = param(
        "how the rows of a class are joined; with 'star', neighbor_id is null",
        one_of("star", "bus", "mesh"),
        default="star",
    )

    def _strata(self, context: SynthesisContext) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        if self.getOrDefault("topology") != "mesh":
            return super()._strata(context)
        for c in context.new:
            if not 2 <= context.counts[c] <= _MOST_MESHED:
                raise InputError(
                    f"PolynomFitSMOTE with topology='mesh' joins each row of a class with each, so a class may have 2 "
                    f"to {_MOST_MESHED:,} rows, and class {c!r} has {context.counts[c]:,}: take 'bus' or 'star'"
                )
        lines = {c: context.counts[c] * (context.counts[c] - 1) // 2 for c in context.new}
        return _each_with_each(context), context.new, lines

    def _pairs(self, context: SynthesisContext) -> DataFrame:
        samples = _samples(context)
        topology = self.getOrDefault("topology")
        if topology == "star":
            return _towards_mean(context, samples)
        lines = context.used() if topology == "mesh" else _each_with_next(context)
        modes = _modes(context, samples)
        return (
            lines.where(F.col(USES) > 0)
            .select(
                "seed_id",
                "neighbor_id",
                F.explode(F.sequence(F.lit(1), F.col(USES))).alias("replicate"),
                "seed",
                "neighbor",
                F.col(USES).alias("uses"),
                *([modes.alias("mode")] if modes is not None else []),
            )
            .withColumn("gap", F.col("replicate") / (F.col("uses") + 1))
        )

    def _work(self, context: SynthesisContext) -> Work:
        scans, shuffles = {"star": (5, 1), "bus": (5, 2), "mesh": (5, 1)}[self.getOrDefault("topology")]
        drawn = any(s.again for s in context.seeds.values())
        return Work(scans=scans + drawn + context.space.scans, shuffles=shuffles + drawn + context.plan.provenance)


def _samples(context: SynthesisContext) -> dict[str, Sample]:
    space, roles, rows = context.space, context.roles, {c: context.counts[c] for c in context.new}
    return class_samples(context.table, roles.identity, roles.label, space.features, space.widths, rows)


def _towards_mean(context: SynthesisContext, samples: dict[str, Sample]) -> DataFrame:
    rows = alone(context).drop("mode")
    center = of_key({c: mean(s).tolist() for c, s in samples.items()}, F.col("class"), "array<double>")
    gap = F.col("replicate") / (F.col("uses") + 1)
    modes = _modes(context, samples, F.col("class"))
    made = rows.withColumns({"gap": gap, "point": F.zip_with("x", center, lambda a, b: a + gap * (b - a))})
    made = made.withColumn("neighbor_id", F.lit(None).cast("bigint"))
    return made if modes is None else made.withColumn("mode", modes)


def _modes(context: SynthesisContext, samples: dict[str, Sample], within: Column | None = None) -> Column | None:
    """Return the commonest categories of each class, as a struct; None where there are no categories."""
    names = context.space.features.categories
    if not names:
        return None
    place = F.col(CLASS) if within is None else within
    modes = {c: s.modes() for c, s in samples.items()}
    held, made = fields(context.roles), []
    for i, name in enumerate(names):
        of_class = {c: of[i] for c, of in modes.items()}
        made.append(of_key(of_class, place, dtype(context.table, name)).alias(held[name]))
    return F.struct(*made)


def _each_with_each(context: SynthesisContext) -> DataFrame:
    """Return all pairs of rows of a class: ``seed``, ``neighbor`` and their ids; the id of a pair is its row id."""
    rows = context.rows.select(CLASS, F.col(ROW_ID).alias("seed_id"), context.row(context.rows).alias("seed"))
    others = context.rows.select(
        F.concat(CLASS, F.lit("")).alias(CLASS),
        (F.col(ROW_ID) + 0).alias("neighbor_id"),
        context.row(context.rows).alias("neighbor"),
    )
    both = rows.join(F.broadcast(others), CLASS).where(F.col("seed_id") < F.col("neighbor_id"))
    line = row_hash(both, ["seed_id", "neighbor_id"], 0, "line")
    return both.withColumns({ROW_ID: line, STRATUM: F.col(CLASS)})


def _each_with_next(context: SynthesisContext) -> DataFrame:
    """Return each row with the next in the order of ids, the last with the first.

    Ids are hashes: by their leading bits they fall into buckets of some thousand rows. The last of a bucket is joined
    with the first of the next one, from a table of these alone.
    """
    largest = max(context.counts[c] for c in context.new)
    bits = max(largest // _BUCKET_ROWS, 1).bit_length() - 1
    used = context.used()
    rows = used.select(
        CLASS,
        F.shiftrightunsigned(ROW_ID, HASH_BITS - bits).alias("bucket") if bits else F.lit(0).alias("bucket"),
        F.struct(F.col(ROW_ID).alias("id"), context.row(context.rows).alias("row")).alias("me"),
        USES,
    )
    firsts = rows.groupBy(CLASS, "bucket").agg(F.min_by("me", F.col("me.id")).alias("first"))
    around = Window.partitionBy(CLASS).orderBy("bucket")
    following = F.coalesce(F.lead("first").over(around), F.first("first").over(around))
    renamed = [F.concat(CLASS, F.lit("")).alias(CLASS), (F.col("bucket") + 0).alias("bucket")]
    nexts = firsts.select(*renamed, following.alias("following"))
    inside = F.lead("me").over(Window.partitionBy(CLASS, "bucket").orderBy("me.id"))
    joined = rows.withColumn("inside", inside).join(F.broadcast(nexts), [CLASS, "bucket"])
    other = F.coalesce("inside", "following")
    return joined.select(
        CLASS,
        F.col("me.id").alias("seed_id"),
        F.col("me.row").alias("seed"),
        other.getField("id").alias("neighbor_id"),
        other.getField("row").alias("neighbor"),
        USES,
    )
