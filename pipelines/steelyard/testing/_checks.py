"""The checks."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

import numpy as np
from pyspark.ml import Estimator, Transformer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.pipeline import Pipeline
from steelyard.sampling import IS_SYNTHETIC, NoResampling, Sampler, SamplingPlan, apply_plan, sampler_class
from steelyard.sampling._strategy import SPELLINGS, Strategy, resolve
from steelyard.testing._tables import (
    BIG,
    ROLES,
    SCHEMA,
    SIZES,
    class_sizes,
    explained,
    misused,
    multiset,
    plain_table,
    refused,
    sample_rows,
    sample_table,
    shifted,
    shuffle_partitions,
)

Make = Callable[..., Sampler]


def reachable(make: Make, sizes: Mapping[str, int] = SIZES) -> dict[str, int]:
    """Return counts that the sampler can bring some classes to, no multiples of what they have."""
    sampler = make()
    largest = max(sizes, key=sizes.__getitem__)
    if sampler.effect == "none" or sampler.sampling_type == "clean-sampling":
        return {}
    if sampler.sampling_type == "under-sampling":
        return {largest: sizes[largest] // 2 + 1}
    return {c: 2 * n + 3 for c, n in sizes.items() if c != largest and n > 1}


def _sampler(make: Make, sizes: Mapping[str, int] = SIZES, **params: Any) -> Sampler:
    wanted = reachable(make, sizes)
    return make(**({"sampling_strategy": wanted} if wanted else {}), **params)


def _asked(plan: SamplingPlan) -> dict[str, int]:
    """Return the counts that were asked for: of a method that makes rows and cleans, those before it cleans."""
    return dict(plan.details.get("before_cleaning") or _planned(plan))


def _planned(plan: SamplingPlan) -> dict[str, int]:
    return {name: c.after for name, c in plan.classes.items()}


def _expected(make: Make, df: DataFrame, sizes: Mapping[str, int] = SIZES, **params: Any) -> dict[str, int]:
    """Return the counts that were asked for; of a method that cleans, those that its plan tells."""
    sampler = _sampler(make, sizes, **params)
    if not sampler.cleans:
        return {**sizes, **reachable(make, sizes)}
    return {c: n for c, n in _planned(sampler.plan(df)).items() if n}


@dataclass(frozen=True)
class _Result:
    """What a sampler makes of the sample table: many checks look at it, and it is made once."""

    dtypes: list[tuple[str, str]]
    rows: Counter[tuple[Any, ...]]
    sizes: dict[str, int]


@lru_cache(maxsize=4)
def _result(make: Make, spark: SparkSession) -> _Result:
    made = _sampler(make, **ROLES).fit_resample(sample_table(spark))
    rows = multiset(made)
    label = sorted(made.columns).index("label")
    sizes: dict[str, int] = {}
    for row, n in rows.items():
        sizes[row[label]] = sizes.get(row[label], 0) + n
    return _Result(made.dtypes, rows, sizes)


def check_strategies(make: Make, spark: SparkSession) -> None:
    """All spellings of `sampling_strategy` mean what they mean in imbalanced-learn."""
    df, kind, wanted = sample_table(spark), make().sampling_type, reachable(make)
    if kind == "clean-sampling":
        _check_cleaned_classes(make, df)
    if not wanted:
        return
    wrong = "majority" if kind == "over-sampling" else "minority"
    refused(lambda: make(sampling_strategy=wrong, **ROLES).plan(df), wrong)
    spelled: list[Strategy] = [s for s in SPELLINGS if s != wrong]
    for strategy in (*spelled, wanted, lambda counts: wanted):
        assert make(sampling_strategy=strategy).targets(SIZES) == SIZES | resolve(strategy, SIZES, kind), strategy
    asked = make(sampling_strategy=lambda counts: wanted, **ROLES)
    assert _asked(asked.plan(df)) == SIZES | wanted
    two = {"a": 41, "b": 17}
    planned = _asked(make(sampling_strategy=0.6, **ROLES).plan(df.where("label <> 'c'")))
    assert planned == two | resolve(0.6, two, kind)


def _check_cleaned_classes(make: Make, df: DataFrame) -> None:
    refused(lambda: make(sampling_strategy=0.5, **ROLES).plan(df), "list of classes", "0.5")
    refused(lambda: make(sampling_strategy={"a": 3}, **ROLES).plan(df), "list of classes")
    refused(lambda: make(sampling_strategy=["aa"], **ROLES).plan(df), "'aa'", "'a'")
    # By name; a word may mean another class after a round of a method that goes on in rounds.
    for strategy, may in ((["a"], {"a"}), (["b", "c"], {"b", "c"})):
        planned = _planned(make(sampling_strategy=strategy, **ROLES).plan(df))
        assert all(planned[c] == n for c, n in SIZES.items() if c not in may), strategy
        assert any(planned[c] < SIZES[c] for c in may), "the check's table has rows to be dropped"


def check_exact_counts(make: Make, spark: SparkSession) -> None:
    """The result has exactly the counts that were asked for."""
    assert _result(make, spark).sizes == _expected(make, sample_table(spark), **ROLES)


def check_partitions_and_order(make: Make, spark: SparkSession, layouts: Sequence[int] = (7,)) -> None:
    """The same rows to the last bit from any partitioning and order of the input, with a key and without."""
    rows = sample_rows()
    mixed = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    for key in ("id", None):
        sampler = _sampler(make, **{**ROLES, "key_col": key})
        with shuffle_partitions(spark, 1):
            one = spark.createDataFrame(rows, SCHEMA).coalesce(1)
            first = _result(make, spark).rows if key else multiset(sampler.fit_resample(one))
        for n in layouts:
            with shuffle_partitions(spark, n):
                df = spark.createDataFrame(mixed, SCHEMA).repartition(n)
                assert multiset(sampler.fit_resample(df)) == first, f"{n} partitions, key {key}"


def check_seed(make: Make, spark: SparkSession) -> None:
    """Another seed gives other rows."""
    if reachable(make) and make().seeded:
        other = _sampler(make, random_state=1, **ROLES).fit_resample(sample_table(spark))
        assert multiset(other) != _result(make, spark).rows


def check_schema(make: Make, spark: SparkSession) -> None:
    """All columns come back in their order and with their types, then `is_synthetic`; flags that were there stay."""
    df = sample_table(spark)
    expected = [*df.dtypes, (IS_SYNTHETIC, "boolean")]
    assert _result(make, spark).dtypes == expected
    flagged = df.withColumn(IS_SYNTHETIC, F.col("label") == "b")
    result = _sampler(make, **ROLES).fit_resample(flagged)
    assert result.dtypes == expected
    assert result.where(f"label = 'b' and not {IS_SYNTHETIC}").isEmpty()


def check_original_rows(make: Make, spark: SparkSession) -> None:
    """Rows that aren't synthetic are rows of the table: over-sampling keeps them all, under-sampling adds none."""
    df, seen = sample_table(spark), _result(make, spark)
    place = sorted(name for name, _ in seen.dtypes).index(IS_SYNTHETIC)
    after: Counter[tuple[Any, ...]] = Counter()
    for row, n in seen.rows.items():
        if not row[place]:
            after[row[:place] + row[place + 1 :]] += n
    before = multiset(df)
    assert set(after) <= set(before)
    assert after >= before if make().sampling_type == "over-sampling" and not make().cleans else after <= before


def check_vectors(make: Make, spark: SparkSession) -> None:
    """Features in a vector or an array give what plain columns give."""
    from pyspark.ml.functions import array_to_vector

    plain = sample_table(spark).select("id", "x", F.col("n").cast("double").alias("z"), "label")
    arrays = plain.select("id", F.array("x", "z").alias("both"), "label")
    vectors = arrays.withColumn("both", array_to_vector(F.col("both")))
    result = _sampler(make, key_col="id").fit_resample(plain)
    packed = result.withColumn("both", F.array("x", "z")).drop("x", "z")
    if not make().numbers:
        refused(lambda: _sampler(make, key_col="id", features_col="both").fit_resample(arrays), "'both'")
        return
    from_arrays = _sampler(make, key_col="id", features_col="both").fit_resample(arrays)
    from_vectors = _sampler(make, key_col="id").fit_resample(vectors)
    assert dict(from_vectors.dtypes)["both"] == "vector"
    assert multiset(from_arrays) == multiset(packed)
    assert multiset(from_vectors) == multiset(packed)


def check_empty_partitions(make: Make, spark: SparkSession) -> None:
    """Partitions without rows are no matter."""
    df = sample_table(spark).repartition(16, F.col("label"))
    assert class_sizes(_sampler(make, **ROLES).fit_resample(df)) == _expected(make, df, **ROLES)


def check_single_row_class(make: Make, spark: SparkSession) -> None:
    """A class of one row that isn't to be resampled is no obstacle."""
    sizes = {"a": 20, "b": 12, "c": 1}
    df = sample_table(spark, sizes)
    # The class may be too small to be a neighbour of others: that is another matter.
    params = {**ROLES, "n_neighbors": 1} if make().hasParam("n_neighbors") else ROLES
    result = _sampler(make, sizes, **params).fit_resample(df)
    assert class_sizes(result) == _expected(make, df, sizes, **params)


def check_too_few_rows(make: Make, spark: SparkSession) -> None:
    """Fewer rows than neighbours: an error with both numbers that says what to set."""
    if not make().hasParam("k_neighbors"):
        return
    few = sample_table(spark, {"a": 30, "b": 4})
    refused(lambda: make(k_neighbors=7, **ROLES).plan(few), "k_neighbors=7", "8 rows", "'b' has 4", "to 3 or less")
    one = sample_table(spark, {"a": 30, "b": 1})
    refused(lambda: make(**ROLES).plan(one), "'b' has 1", "leave the class out")
    if not make().hasParam("distinct_neighbors"):
        return
    equal = plain_table(spark, [[i, 0] for i in range(20)] + [[5, 5]] * 8 + [[6, 6]] * 2, ["a"] * 20 + ["b"] * 10)
    refused(lambda: make().plan(equal), "6 different rows", "'b' has 2", "distinct_neighbors")


def check_missing_and_infinite(make: Make, spark: SparkSession) -> None:
    """Gaps and infinities are named with their counts where distances need numbers, else carried along."""
    sizes = {"a": 30, "b": 10}
    labels = [label for label, size in sizes.items() for _ in range(size)]
    clean: list[list[float | None]] = [[float(i), float(i % 7)] for i in range(40)]
    for row in (3, 35):
        gaps, endless = [list(v) for v in clean], [list(v) for v in clean]
        gaps[row][0], gaps[row + 1][0], endless[row][1] = None, float("nan"), float("-inf")
        with_gaps, with_infinities = plain_table(spark, gaps, labels), plain_table(spark, endless, labels)
        if make().numeric:
            refused(partial(make().plan, with_gaps), "missing", "'f0' (2 rows)")
        if make().numeric and make().numbers:
            refused(partial(make().plan, with_infinities), "infinite", "'f1' (1 rows)")
        elif not make().numeric:
            result = _sampler(make, sizes).fit_resample(with_gaps)
            assert class_sizes(result) == sizes | reachable(make, sizes)


def check_gaps_are_filled(make: Make, spark: SparkSession) -> None:
    """With `missing="impute"`: rows of the table keep their gaps, new rows have none."""
    if not (make().numeric and make().hasParam("missing")):
        return
    gap = F.col("id") % 5 == 0
    holes = {"x": F.when(~gap, F.col("x")), "y": F.when(gap, F.lit(float("nan"))).otherwise(F.col("y"))}
    df = sample_table(spark).withColumns({**holes, "n": F.when(F.col("id") % 7 > 0, F.col("n"))})
    if make().categories:
        df = df.withColumn("price", F.when(F.col("id") % 9 > 0, F.col("who")))
    params = {**ROLES, "cost_cols": None, "missing": "impute"}
    result = _sampler(make, **params).fit_resample(df)
    assert class_sizes(result) == _expected(make, df, **params)
    assert result.where(f"{IS_SYNTHETIC} and (x is null or isnan(y) or n is null or price is null)").isEmpty()
    kept = multiset(result.where(~F.col(IS_SYNTHETIC)).drop(IS_SYNTHETIC))
    assert kept <= multiset(df)


def check_categories(make: Make, spark: SparkSession) -> None:
    """New rows have categories of their class, types stay; refused by name where a method has no use for them."""
    df = sample_table(spark).withColumn("vip", F.col("n") > 50)
    features = ["x", "vip", "n", "who"]
    if not make().numeric:
        assert class_sizes(_sampler(make).fit_resample(df)) == SIZES | reachable(make)
        return
    if make().numbers:
        refused(lambda: make(features_col=["x", "at"]).plan(df), "'at' (timestamp)")
    if not make().categories:
        refused(lambda: make(features_col=features).plan(df), "'vip' (boolean)", "'who' (string)", "smotenc")
        refused(lambda: make(features_col=["x", "n"], categorical_features=["n"]).plan(df), "'n' (int)", "smotenc")
        return
    refused(lambda: make(features_col=features, categorical_features=["whoo"]).plan(df), "'whoo'", "'who'")
    nominal = ["vip", "who", "n"] if make().numbers else features
    params: dict[str, Any] = {"features_col": features, "key_col": "id", "categorical_features": nominal}
    result = _sampler(make, **params).fit_resample(df)
    assert result.dtypes == [*df.dtypes, (IS_SYNTHETIC, "boolean")]
    assert class_sizes(result) == _expected(make, df, **params)
    for name in ("vip", "who", "n"):
        old = {(r["label"], r[name]) for r in df.select("label", name).collect()}
        assert {(r["label"], r[name]) for r in result.select("label", name).collect()} <= old, name


def check_constants(make: Make, spark: SparkSession) -> None:
    """A constant feature and a column without any value work."""
    df = sample_table(spark).withColumns({"x": F.lit(0.1), "note": F.lit(None).cast("string")})
    result = _sampler(make, **ROLES).fit_resample(df)
    assert class_sizes(result) == _expected(make, df, **ROLES)
    assert result.where("x is null or x <> 0.1 or note is not null").isEmpty()


def check_duplicates(make: Make, spark: SparkSession) -> None:
    """Rows that occur twice or eight times: exact counts, shares in proportion, and new rows that are no copies."""
    base = [[i, (i * 7) % 11] for i in range(36)]
    labels = ["a"] * 24 + ["b"] * 12
    for times in (2, 8):
        sizes = {"a": 24 * times, "b": 12 * times}
        df = plain_table(spark, base * times, labels * times)
        result = _sampler(make, sizes).fit_resample(df)
        assert class_sizes(result) == _expected(make, df, sizes)
        if not make().parents:
            continue
        new = set(multiset(result.where(IS_SYNTHETIC).select("f0", "f1")))
        if make().numbers:
            assert not new & set(multiset(df.select("f0", "f1"))), "a synthetic row is a mere copy"
        kept = multiset(result.where(~F.col(IS_SYNTHETIC)).select("f0", "f1", "label"))
        drawn = not make().cleans and (make().effect != "bends" or make().makes_rows)
        for label in sizes if drawn else ():
            of_class = [n for row, n in kept.items() if row[2] == label]
            assert max(of_class) - min(of_class) <= 1, "equal rows are drawn in proportion"


def check_labels(make: Make, spark: SparkSession) -> None:
    """Labels of any type: classes go by their string form, and come back as they were."""
    values = [[i, i % 5] for i in range(30)]
    kinds: list[tuple[str, Any, Any, tuple[str, str]]] = [
        ("string", "<b>'no'\"", "ja ü", ("<b>'no'\"", "ja ü")),
        ("boolean", False, True, ("false", "true")),
        ("decimal(5,2)", Decimal("1.50"), Decimal("-2.00"), ("1.5", "-2")),
    ]
    for kind, common, rare, names in kinds:
        sizes = dict(zip(names, (22, 8), strict=True))
        df = plain_table(spark, values, [common] * 22 + [rare] * 8, kind)
        wanted = {common if c == names[0] else rare: n for c, n in reachable(make, sizes).items()}
        sampler = make(sampling_strategy=wanted) if wanted else make()
        seen = {r["label"]: r["count"] for r in sampler.fit_resample(df).groupBy("label").count().collect()}
        planned = _planned(sampler.plan(df)) if sampler.cleans else sizes | reachable(make, sizes)
        assert seen == {v: planned[n] for v, n in zip((common, rare), names, strict=True)}, kind


def check_far_from_zero(make: Make, spark: SparkSession) -> None:
    """Features around a million are resampled as if they lay around zero."""
    # Numbers that float64 adds without rounding.
    exact = sample_table(spark).select("id", (F.col("n") / 8).alias("x"), (F.col("big") % 97 / 4).alias("y"), "label")
    near = _sampler(make, key_col="id").fit_resample(exact)
    far = _sampler(make, key_col="id").fit_resample(shifted(exact, ["x", "y"], 2.0**20))
    if make().makes_rows and not make().parents:
        # Solvers that another library runs stop at a tolerance, and a last digit may make another row a support vector.
        assert class_sizes(far) == class_sizes(near)
        return
    rounded = [F.round("x", 6).alias("x"), F.round("y", 6).alias("y"), F.col("id"), F.col("label")]
    assert multiset(shifted(far, ["x", "y"], -(2.0**20)).select(*rounded)) == multiset(near.select(*rounded))


def check_other_columns(make: Make, spark: SparkSession) -> None:
    """On new rows: numbers between the parents', group where both agree, a parent's time, null elsewhere.

    Where parents aren't known, all but label and features is null.
    """
    result = _sampler(make, **ROLES).fit_resample(sample_table(spark))
    new = result.where(IS_SYNTHETIC)
    if not make().makes_rows:
        assert new.isEmpty()
        return
    assert new.where("id is not null or note is not null").isEmpty()
    assert not make().parents or new.where("w is null").isEmpty()
    assert new.where("x is null or y is null or n is null or big is null or price is null").isEmpty()
    old = {label: [r for r in sample_rows() if r[6] == label] for label in SIZES}
    for r in new.collect():
        parents = old[r["label"]]
        for i, name in enumerate(("x", "y", "n", "big", "price")):
            seen = [np.float32(p[i + 1]) if name == "y" else p[i + 1] for p in parents]
            assert min(seen) <= r[name] <= max(seen), name
        assert r["big"] >= BIG
        if not make().parents:
            assert (r["who"], r["at"], r["w"]) == (None, None, None)
            continue
        # One of the parents may be of another class.
        assert r["who"] in {None, *(p[7] for p in sample_rows())} and r["at"] in {p[8] for p in sample_rows()}
        assert 1.0 <= r["w"] <= 4.0
    if make().parents:
        assert not new.where("who is not null").isEmpty()
    if make().hasParam("distinct_neighbors"):
        assert not new.where("who is null").isEmpty(), "two parents may be of two groups"


def check_plan(make: Make, spark: SparkSession) -> None:
    """A plan survives JSON, and gives the same rows when it is applied to the table again."""
    import json

    df = sample_table(spark)
    made = _sampler(make, **ROLES).resample(df)
    plan = SamplingPlan.from_json(json.loads(json.dumps(made.plan.to_json())))
    assert plan == made.plan
    again = apply_plan(df.repartition(3), plan, made.synthetic, made.dropped)
    assert multiset(again) == _result(make, spark).rows
    assert all(name in str(plan) for name in SIZES) and plan.sampler in str(plan)


def check_cost(make: Make, spark: SparkSession) -> None:
    """A sampler that makes no row neither shuffles the table nor crosses into Python; nothing stays cached."""
    df = spark.range(1000).select("id", (F.col("id") % 10 == 0).alias("label"), (F.hash("id") % 997 / 7).alias("x"))
    sizes = {"false": 900, "true": 100}
    sampler = _sampler(make, sizes, key_col="id")
    result = sampler.fit_resample(df)
    if sampler.effect != "bends":
        assert not any(word in explained(result) for word in ("Exchange", "Python", "Arrow", "Window"))
    assert "InMemory" not in explained(result)
    assert "InMemory" not in explained(df)


def check_save_and_load(make: Make, spark: SparkSession) -> None:
    """A saved sampler comes back with its parameters, also in place of another, and not as another class."""
    with tempfile.TemporaryDirectory() as folder:
        sampler = _sampler(make, random_state=7, **ROLES)
        cls: Any = type(sampler)
        sampler.save(f"{folder}/one")
        sampler.write().overwrite().save(f"{folder}/one")
        loaded = cls.load(f"{folder}/one")
        assert type(loaded) is cls and loaded.uid == sampler.uid
        assert {p.name: v for p, v in loaded.extractParamMap().items()} == {
            p.name: v for p, v in sampler.extractParamMap().items()
        }
        other = NoResampling if cls is not NoResampling else sampler_class("random_over_sampler")
        refused(lambda: other.load(f"{folder}/one"), cls.__name__, other.__name__)
        by_function = make(sampling_strategy=lambda counts: counts)
        refused(lambda: by_function.save(f"{folder}/two"), "function")


class _Unchanged(Transformer):
    """Gives rows back as they are."""

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return dataset


class _Witness(Estimator[_Unchanged]):
    """Remembers the rows that it was fitted on."""

    def _fit(self, dataset: DataFrame) -> _Unchanged:
        self.rows = multiset(dataset)
        return _Unchanged()


def check_pipeline(make: Make, spark: SparkSession) -> None:
    """No leak through a pipeline: what is learned from is resampled, and what is scored never is."""
    df = sample_table(spark)
    train, held = df.where("id % 5 > 0"), df.where("id % 5 = 0")
    sampler, witness = _sampler(make, class_sizes(train), **ROLES), _Witness()
    model = Pipeline(stages=[sampler, witness]).fit(train)
    assert witness.rows == multiset(sampler.fit_resample(train).select(df.columns))
    assert [type(stage) for stage in model.stages] == [_Unchanged]
    assert multiset(model.transform(held)) == multiset(held)


def check_params(make: Make, spark: SparkSession) -> None:
    """Parameters behave as Spark ML's: explained, copied with changes, set in the constructor by keyword only."""
    sampler = make(**ROLES)
    text = sampler.explainParams()
    assert all(f"{p.name}: " in text for p in sampler.params)
    copied = sampler.copy({sampler.getParam("random_state"): 5})
    assert copied.getOrDefault("random_state") == 5 and sampler.getOrDefault("random_state") == 0
    assert copied.getOrDefault("key_col") == ["id"]


def check_calls(make: Make, spark: SparkSession) -> None:
    """Calls in imbalanced-learn's manner, and columns that aren't there, are answered with what to do."""
    df = sample_table(spark)
    values: Any = [[1.0]]
    for call in (
        lambda: make().fit_resample(df, df),
        lambda: make().fit_resample(values),
        lambda: make().fit_resample(values, ["a"]),
    ):
        misused(call, "label_col", "fit_resample(df)")
    refused(lambda: make(label_col="lable").fit_resample(df), "'lable'", "'label'")
    refused(lambda: make(features_col=["x", "nn"]).fit_resample(df), "'nn'")
    refused(lambda: make(features_col=["x", "label"]).fit_resample(df), "label")
    unlabelled = df.withColumn("label", F.when(F.col("id") > 1, F.col("label")))
    refused(lambda: make(**ROLES).fit_resample(unlabelled), "null in 2 rows")
    refused(lambda: make(**ROLES).fit_resample(df.limit(0)), "no rows")
