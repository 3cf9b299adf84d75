"""The family of SMOTE against its definitions: brute force, scikit-learn, imbalanced-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import imblearn.over_sampling as peers
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from imblearn.metrics.pairwise import ValueDifferenceMetric
from numpy.typing import NDArray
from scipy import stats
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OrdinalEncoder

import steelyard.over_sampling as ours
from steelyard.errors import InputError
from steelyard.over_sampling._adasyn import _share_by_enemies
from steelyard.testing._tables import multiset, plain_table, sample_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Floats = NDArray[np.float64]


def split(result: DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Original rows by their id, and new rows."""
    rows = result.toArrow()
    old = rows.filter(pc.invert(rows["is_synthetic"])).to_pandas().set_index("row_id", verify_integrity=True)
    return old, rows.filter(rows["is_synthetic"]).to_pandas()


@pytest.fixture(scope="module")
def clouds() -> tuple[Floats, NDArray[Any]]:
    """Three overlapping classes of two numbers."""
    rng = np.random.default_rng(0)
    x = np.vstack([rng.normal(0, 1, (90, 2)), rng.normal(1.2, 0.8, (40, 2)), rng.normal([-1, 1.5], 0.7, (30, 2))])
    return x, np.repeat(["a", "b", "c"], [90, 40, 30])


def danger(x: Floats, y: NDArray[Any], name: str, m: int) -> NDArray[np.bool_]:
    near = NearestNeighbors(n_neighbors=m + 1).fit(x).kneighbors(x[y == name], return_distance=False)[:, 1:]
    rivals = (y[near] != name).sum(axis=1)
    return (rivals >= m / 2) & (rivals < m)


@pytest.mark.parametrize("kind", ["borderline-1", "borderline-2"])
def test_only_rows_in_danger_are_seeds(spark: SparkSession, clouds: tuple[Floats, NDArray[Any]], kind: str) -> None:
    x, y = clouds
    peer = peers.BorderlineSMOTE(m_neighbors=10)
    sampler = ours.BorderlineSMOTE(kind=kind, sampling_strategy={"b": 400, "c": 330}, provenance=True)
    old, new = split(sampler.fit_resample(plain_table(spark, x.tolist(), y.tolist())))
    assert new.label.value_counts().to_dict() == {"b": 360, "c": 300}
    for name, of_class in new.groupby("label"):
        members = old[old.label == name]
        points = members[["f0", "f1"]].to_numpy()
        in_danger = danger(x, y, str(name), 10)
        peer.fit_resample(x, y)
        assert (peer._in_danger_noise(peer.nn_m_, x[y == name], name, y, kind="danger") == in_danger).all()
        seeds = {tuple(p) for p in x[y == name][in_danger]}
        assert {tuple(p) for p in points[members.index.isin(of_class.seed_id)]} == seeds
        uses = of_class.seed_id.value_counts()
        assert uses.max() - uses.min() <= 1, "seeds are used equally"
        a, b = (old.loc[ids][["f0", "f1"]].to_numpy() for ids in (of_class.seed_id, of_class.neighbor_id))
        gap = of_class.gap.to_numpy()[:, None]
        np.testing.assert_allclose(of_class[["f0", "f1"]].to_numpy(), a + gap * (b - a), atol=1e-12)
        foreign = (old.loc[of_class.neighbor_id].label != name).to_numpy()
        check_neighbors(x, y, str(name), a, b, foreign)
        if kind == "borderline-1":
            assert not foreign.any()
        else:
            assert 0.4 < foreign.mean() < 0.6
            assert stats.kstest(2 * of_class.gap[foreign], "uniform").pvalue > 0.001, "half of the way at most"


def check_neighbors(x: Floats, y: NDArray[Any], name: str, a: Floats, b: Floats, foreign: NDArray[np.bool_]) -> None:
    """Each pair is a row and one of its five nearest, of the class or of the others."""
    for rows, extra, chosen in ((x[y == name], 1, ~foreign), (x[y != name], 0, foreign)):
        reach = NearestNeighbors(n_neighbors=5 + extra).fit(rows).kneighbors(a)[0][:, -1]
        assert (np.linalg.norm(a - b, axis=1)[chosen] <= reach[chosen] * (1 + 1e-9)).all()


def test_nobody_in_danger_is_an_error(spark: SparkSession) -> None:
    apart = plain_table(
        spark, [[i, 0] for i in range(20)] + [[i + 1000, 0] for i in range(10)], ["a"] * 20 + ["b"] * 10
    )
    with pytest.raises(InputError, match="no row of class 'b' in danger.*m_neighbors"):
        ours.BorderlineSMOTE(m_neighbors=4).plan(apart)
    with pytest.raises(InputError, match="no row of another class near any row of class 'b'"):
        ours.ADASYN().plan(apart)


def test_adasyn_divides_share_by_enemies(spark: SparkSession, clouds: tuple[Floats, NDArray[Any]]) -> None:
    x, y = clouds
    k, wanted = 5, 301
    sampler = ours.ADASYN(sampling_strategy={"b": 40 + wanted}, provenance=True)
    old, new = split(sampler.fit_resample(plain_table(spark, x.tolist(), y.tolist())))
    near = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x[y == "b"], return_distance=False)[:, 1:]
    ratio = (y[near] != "b").sum(axis=1) / k
    exact = ratio / ratio.sum() * wanted
    members = old[old.label == "b"]
    order = pd.MultiIndex.from_arrays(x[y == "b"].T)
    uses = new.seed_id.value_counts().reindex(members.index, fill_value=0)
    uses.index = pd.MultiIndex.from_frame(members[["f0", "f1"]])
    found = uses.reindex(order).to_numpy()
    assert found.sum() == wanted
    assert (np.abs(found - exact) < 1).all() and (found[ratio == 0] == 0).all()
    up = exact - np.floor(exact)
    rounded_up = (found > np.floor(exact + 1e-9)) & (up > 1e-9)
    assert up[rounded_up].min() >= up[~rounded_up].max() - 1e-9, "the largest remainders are rounded up"


def test_largest_remainder_of_equal_rows() -> None:
    assert _share_by_enemies({0: 4, 1: 2, 3: 1}, 6) == {0: 0, 1: 2, 3: 4}
    assert sum(_share_by_enemies({1: 7, 2: 5, 5: 3}, 100).values()) == 100


def adult(spark: SparkSession, path: str, n: int = 600) -> tuple[DataFrame, pd.DataFrame, list[str], list[str]]:
    numbers, categories = ["age", "hours-per-week"], ["workclass", "sex", "education"]
    table = pd.read_parquet(path)
    names = {c.lower().replace("_", "-"): c for c in table.columns}
    kept = table[[names[c] for c in (*numbers, *categories)] + ["income"]].dropna().iloc[:n]
    kept.columns = [*numbers, *categories, "income"]
    kept = kept.astype(dict.fromkeys((*categories, "income"), str) | dict.fromkeys(numbers, float)).reset_index(
        drop=True
    )
    return spark.createDataFrame(kept), kept, numbers, categories


def test_smotenc_is_its_definition(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    df, table, numbers, categories = adult(spark, real_data("adult"))
    rare = table.income.value_counts().idxmin()
    sampler = ours.SMOTENC(label_col="income", provenance=True, k_neighbors=5, distinct_neighbors=True)
    plan = sampler.plan(df)
    old, new = split(sampler.fit_resample(df))
    members = old[old.income == rare]
    med = np.median(members[numbers].to_numpy().std(axis=0))
    assert plan.details["penalties"][rare] == pytest.approx(med**2, rel=1e-12)
    x, c = members[numbers].to_numpy(), members[categories].to_numpy()
    squared = np.square(x[:, None] - x[None]).sum(axis=2) + med**2 * (c[:, None] != c[None]).sum(axis=2)
    squared[squared == 0] = np.inf  # equal rows are no neighbours
    seeds = members.index.get_indexer(new.seed_id)
    partners = members.index.get_indexer(new.neighbor_id)
    # The k nearest different rows: of equal ones the one with the smallest id.
    for place, row in enumerate(seeds[:60]):
        _, first = np.unique(np.column_stack([x, c]).astype(str), axis=0, return_index=True)
        ids = members.index.to_numpy()
        equal = [np.flatnonzero((x == x[f]).all(axis=1) & (c == c[f]).all(axis=1)) for f in first]
        keep = [min(rows, key=lambda j: ids[j]) for rows in equal]
        near = sorted(keep, key=lambda j: (squared[row, j], ids[j]))[:5]
        reach = squared[row, near[-1]]
        assert squared[row, partners[place]] <= reach * (1 + 1e-12)
        if (np.diff(np.sort(squared[row, keep])[:7]) > 1e-9).all():
            for i, name in enumerate(categories):
                values, counts = np.unique(c[near, i], return_counts=True)
                assert new[name].iloc[place] in set(values[counts == counts.max()])


def test_smoten_votes_with_its_seed(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    df, table, _, categories = adult(spark, real_data("adult"), 400)
    df = df.select(*categories, "income")
    rare = table.income.value_counts().idxmin()
    sampler = ours.SMOTEN(label_col="income", provenance=True, k_neighbors=3, distinct_neighbors=True)
    old, new = split(sampler.fit_resample(df))
    codes = OrdinalEncoder().fit(old[categories])
    members = old[old.income == rare]
    metric = ValueDifferenceMetric(n_categories=[len(c) for c in codes.categories_])
    metric.fit(codes.transform(old[categories]).astype(int), old.income.to_numpy())
    far = metric.pairwise(codes.transform(members[categories]).astype(int))
    code = codes.transform(members[categories]).astype(int)
    shares = np.round(np.hstack([p[code[:, i]] for i, p in enumerate(metric.proba_per_class_)]), 9)
    for seed_id, neighbor_id in zip(new.seed_id, new.neighbor_id, strict=True):
        i, j = members.index.get_indexer([seed_id, neighbor_id])
        nearer = (far[i] > 1e-12) & (far[i] < far[i, j] - 1e-12)
        assert far[i, j] > 0 and len(np.unique(shares[nearer], axis=0)) < 3, "one of the three nearest different rows"
    for name in categories:
        assert set(new[name]) <= set(members[name])
    assert len(new) == (table.income != rare).sum() - (table.income == rare).sum()


def test_the_vote_counts_the_seed_and_draws_ties(spark: SparkSession) -> None:
    rows = [("p", "u", "a")] * 12 + [("q", "v", "a")] * 12 + [("p", "u", "b"), ("q", "u", "b"), ("p", "v", "b")]
    df = spark.createDataFrame(rows, "f string, g string, label string")
    sampler = ours.SMOTEN(k_neighbors=1, provenance=True, sampling_strategy={"b": 63}, distinct_neighbors=False)
    old, new = split(sampler.fit_resample(df))
    for (f, g), (sf, sg), (nf, ng) in zip(
        new[["f", "g"]].to_numpy(),
        old.loc[new.seed_id][["f", "g"]].to_numpy(),
        old.loc[new.neighbor_id][["f", "g"]].to_numpy(),
        strict=True,
    ):
        assert f in {sf, nf} and g in {sg, ng}, "one of two votes"
    assert new.groupby("seed_id")[["f", "g"]].nunique().max().max() == 2, "ties are drawn for each row"


def test_equal_rows_of_categories_are_neighbours(spark: SparkSession) -> None:
    """A class of 22 rows of which three are different: imbalanced-learn, and the paper's vote, make copies of these."""
    rng = np.random.default_rng(0)
    n = [9, 7, 6]
    table = pd.DataFrame(
        {
            "p": [*np.repeat(["a", "b", "c"], n), *rng.choice(["a", "b", "c"], 60)],
            "q": [*np.repeat(["u", "v", "u"], n), *rng.choice(["u", "v"], 60)],
            "x": [*np.repeat([0.0, 1.0, 0.5], n), *rng.normal(size=60)],
            "label": ["rare"] * 22 + ["common"] * 60,
        }
    )
    df = spark.createDataFrame(table)
    for name, features in (("SMOTEN", ["p", "q"]), ("SMOTENC", ["x", "p", "q"])):
        sampler = getattr(ours, name)(features_col=features, sampling_strategy={"rare": 44})
        made = sampler.fit_resample(df).where("is_synthetic").select(features).toPandas()
        settings = {"categorical_features": ["p", "q"]} if name == "SMOTENC" else {}
        peer = getattr(peers, name)(sampling_strategy={"rare": 400}, random_state=0, **settings)
        theirs = peer.fit_resample(table[features], table["label"])[0].iloc[len(table) :]
        assert set(made.itertuples(index=False, name=None)) == set(theirs.itertuples(index=False, name=None))
        assert made.groupby(["p", "q"]).size().to_list() == n, "every row is a seed equally often"
        with pytest.raises(InputError, match="needs at least 6 different rows of a class, and class 'rare' has 3"):
            getattr(ours, name)(features_col=features, distinct_neighbors=True).plan(df)
        with pytest.raises(InputError, match="needs at least 7 rows of a class, and class 'rare' has 6"):
            getattr(ours, name)(features_col=features, k_neighbors=6).plan(df.where("label = 'common' or p = 'c'"))


@pytest.mark.parametrize("how", ["minority", "majority", "combined"])
def test_geometric_points_lie_in_their_balls(
    spark: SparkSession, clouds: tuple[Floats, NDArray[Any]], how: str
) -> None:
    x, y = clouds
    sampler = ours.GeometricSMOTE(
        selection_strategy=how, sampling_strategy={"b": 640}, provenance=True, scale="standard"
    )
    plan = sampler.plan(plain_table(spark, x.tolist(), y.tolist()))
    old, new = split(sampler.fit_resample(plain_table(spark, x.tolist(), y.tolist())))
    divisors = np.array(plan.details["scale"])
    c, s = (old.loc[ids][["f0", "f1"]].to_numpy() / divisors for ids in (new.seed_id, new.neighbor_id))
    made = new[["f0", "f1"]].to_numpy() / divisors
    radius = np.linalg.norm(s - c, axis=1)
    own = x[y == "b"]
    edge = np.isclose(new[["f0", "f1"]], own.min(axis=0)) | np.isclose(new[["f0", "f1"]], own.max(axis=0))
    free = ~edge.any(axis=1)
    out = np.linalg.norm(made - c, axis=1) / radius
    np.testing.assert_allclose(out[free], new.gap[free], atol=1e-9)
    assert (out[free] <= 1).all() and ((made - c) * (s - c)).sum(axis=1)[free].min() >= -1e-12, "the half towards it"
    assert stats.kstest(new.gap[free] ** 2, "uniform").pvalue > 1e-3 or not free.all(), "uniform in the disc"
    foreign = (old.loc[new.neighbor_id].label != "b").to_numpy()
    others = NearestNeighbors(n_neighbors=1).fit(x[y != "b"] / divisors)
    np.testing.assert_allclose(radius[foreign], others.kneighbors(c[foreign])[0][:, 0] if foreign.any() else [])
    assert {"minority": not foreign.any(), "majority": foreign.all(), "combined": 0 < foreign.mean() < 1}[how]
    if how == "combined":
        assert (radius[~foreign] <= others.kneighbors(c[~foreign])[0][:, 0]).all(), "the nearer of the two"


def test_a_ball_pressed_onto_its_line_is_a_segment(spark: SparkSession, clouds: tuple[Floats, NDArray[Any]]) -> None:
    x, y = clouds
    params: dict[str, Any] = {"selection_strategy": "minority", "deformation_factor": 1.0, "provenance": True}
    old, new = split(ours.GeometricSMOTE(**params).fit_resample(plain_table(spark, x.tolist(), y.tolist())))
    a, b = (old.loc[ids][["f0", "f1"]].to_numpy() for ids in (new.seed_id, new.neighbor_id))
    np.testing.assert_allclose(new[["f0", "f1"]], a + new.gap.to_numpy()[:, None] * (b - a), atol=1e-9)


def test_star(spark: SparkSession, clouds: tuple[Floats, NDArray[Any]]) -> None:
    x, y = clouds
    sampler = ours.PolynomFitSMOTE(sampling_strategy={"b": 40 + 40 * 3}, provenance=True)
    old, new = split(sampler.fit_resample(plain_table(spark, x.tolist(), y.tolist())))
    center = x[y == "b"].mean(axis=0)
    a = old.loc[new.seed_id][["f0", "f1"]].to_numpy()
    assert sorted(set(new.gap)) == [0.25, 0.5, 0.75]
    np.testing.assert_allclose(new[["f0", "f1"]], a + new.gap.to_numpy()[:, None] * (center - a), atol=1e-12)


@pytest.mark.parametrize("topology", ["bus", "mesh"])
def test_lines_between_rows(spark: SparkSession, clouds: tuple[Floats, NDArray[Any]], topology: str,
                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("steelyard.over_sampling._polynom_fit_smote._BUCKET_ROWS", 5)
    x, y = clouds
    n, lines = 30, 30 if topology == "bus" else 30 * 29 // 2
    sampler = ours.PolynomFitSMOTE(topology=topology, sampling_strategy={"c": n + 2 * lines}, provenance=True)
    old, new = split(sampler.fit_resample(plain_table(spark, x.tolist(), y.tolist())))
    a, b = (old.loc[ids][["f0", "f1"]].to_numpy() for ids in (new.seed_id, new.neighbor_id))
    np.testing.assert_allclose(new[["f0", "f1"]], a + new.gap.to_numpy()[:, None] * (b - a), atol=1e-12)
    np.testing.assert_allclose(np.sort(new.gap), np.repeat([1 / 3, 2 / 3], lines))
    pairs = set(zip(new.seed_id, new.neighbor_id, strict=True))
    ids = sorted(old.index[old.label == "c"])
    if topology == "bus":
        assert pairs == set(zip(ids, ids[1:] + ids[:1], strict=True))
    else:
        assert pairs == {(i, j) for k, i in enumerate(ids) for j in ids[k + 1 :]}


def test_mesh_of_a_large_class_is_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steelyard.over_sampling._polynom_fit_smote._MOST_MESHED", 10)
    with pytest.raises(InputError, match="'b' has 17: take 'bus' or 'star'"):
        ours.PolynomFitSMOTE(topology="mesh", features_col=["x"]).plan(sample_table(spark))


def test_smoothed_bootstrap(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    x = np.vstack([rng.normal(0, 1, (60, 2)), rng.normal([5, 50], [1, 10], (40, 2))])
    y = np.repeat(["a", "b"], [60, 40])
    params: dict[str, Any] = {"sampling_strategy": {"b": 2040}}
    df = plain_table(spark, x.tolist(), y.tolist())
    sampler = ours.RandomOverSampler(shrinkage={"b": 0.5}, provenance=True, **params)
    plan = sampler.plan(df)
    assert plan.effect == "bends" and plan.classes["b"].new == 2000
    old, new = split(sampler.fit_resample(df))
    step = new[["f0", "f1"]].to_numpy() - old.loc[new.seed_id][["f0", "f1"]].to_numpy()
    inside = ~(np.isclose(new[["f0", "f1"]], x[60:].min(axis=0)) | np.isclose(new[["f0", "f1"]], x[60:].max(axis=0)))
    width = 0.5 * (4 / (4 * 40)) ** (1 / 6) * x[60:].std(axis=0)
    for i in range(2):
        # What left the class's range was moved to its end.
        assert step[inside[:, i], i].std() == pytest.approx(width[i], rel=0.1)
        assert inside[:, i].mean() > 0.85
    peer = peers.RandomOverSampler(shrinkage={"b": 0.5}, random_state=0, **params)
    theirs = peer.fit_resample(x, y)[0][100:]
    assert stats.ks_2samp(new.f0, np.clip(theirs[:, 0], x[60:, 0].min(), x[60:, 0].max())).pvalue > 1e-3
    assert new.seed_id.value_counts().unique().tolist() == [50], "each row equally often"


def test_smoothed_rows_do_not_depend_on_partitions(spark: SparkSession) -> None:
    df = sample_table(spark)
    sampler = ours.RandomOverSampler(
        shrinkage=1.0, features_col=["x", "n", "who"], key_col="id", sampling_strategy={"b": 40}, weight_col="w"
    )
    first = sampler.fit_resample(df)
    assert first.dtypes == [*df.dtypes, ("is_synthetic", "boolean")]
    assert multiset(first) == multiset(sampler.fit_resample(df.repartition(7)))


def test_too_many_new_rows_are_refused(spark: SparkSession) -> None:
    df = sample_table(spark)
    for cls in (ours.SMOTE, ours.RandomOverSampler):
        with pytest.raises(InputError, match="53 new rows.*max_new_rows is 52"):
            cls(features_col=["x"], max_new_rows=52).plan(df)
        assert cls(features_col=["x"], max_new_rows=53).plan(df).classes["c"].after == 41
