"""New rows can't be told from imbalanced-learn's: classifier two-sample tests (Lopez-Paz and Oquab, ICLR 2017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import imblearn.over_sampling as peers
import numpy as np
import pandas as pd
import pytest
from long_cases import thinned
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from untied_tables import real

import steelyard.over_sampling as ours

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.sampling import Sampler

ROWS = 1500  # of each side
# Three standard errors of the area under the curve where both sides have one distribution.
BY_CHANCE = 3 * np.sqrt((2 * ROWS + 1) / (12 * ROWS**2))

Rows = NDArray[np.float64]


def area(a: Rows, b: Rows) -> float:
    """How well a forest tells one from the other, on rows that it hasn't seen: 0.5 is not at all."""
    x, side = np.vstack([a, b]), np.repeat([0, 1], [len(a), len(b)])
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=0)
    probability = cross_val_predict(forest, x, side, cv=5, method="predict_proba")[:, 1]
    return float(roc_auc_score(side, probability))


def sample(rows: Rows) -> Rows:
    return rows[np.random.default_rng(0).permutation(len(rows))[:ROWS]]


def of_ours(spark: SparkSession, sampler: Sampler, df: pd.DataFrame) -> Rows:
    made = sampler.fit_resample(spark.createDataFrame(df)).where("is_synthetic").drop("label", "is_synthetic")
    return sample(made.select(*df.columns.drop("label")).toPandas().astype(float).to_numpy())


def of_theirs(peer: Any, df: pd.DataFrame) -> Rows:
    """Many rows, of which some are drawn: theirs draws its seeds, so that a short result would favour some of them."""
    made, _ = peer.fit_resample(df.drop(columns="label"), df.label)
    return sample(made.iloc[len(df) :].astype(float).to_numpy())


@pytest.fixture(scope="module")
def numbers(real_data: Callable[[str], str]) -> pd.DataFrame:
    """Trees that have wilted or not, five numbers of each."""
    x, y = real(real_data("wilt"), "Class", rows=600)
    rare = pd.Series(y).value_counts().idxmin()
    return pd.DataFrame(x).rename(columns="f{}".format).assign(label=np.where(y == rare, "rare", "other"))


@pytest.fixture(scope="module")
def mixed(real_data: Callable[[str], str]) -> pd.DataFrame:
    """Adults: two numbers and five questions with two answers, of which five neighbours have no equal count."""
    table = pd.read_parquet(real_data("adult")).dropna().iloc[:700]
    table.columns = table.columns.str.lower().str.replace("_", "-")
    yes = pd.DataFrame(
        {
            "private": table.workclass == "Private",
            "male": table.sex == "Male",
            "husband": table.relationship == "Husband",
            "white": table.race == "White",
            "graduate": table.education.isin(["Bachelors", "Masters", "Doctorate", "Prof-school"]),
        }
    )
    rare = table.income.value_counts().idxmin()
    answers = yes.astype(int).astype(str)
    return answers.assign(
        age=table.age.astype(float),
        hours=table["hours-per-week"].astype(float),
        label=np.where(table.income == rare, "rare", "other"),
    ).reset_index(drop=True)


def many(df: pd.DataFrame, times: int) -> int:
    """The count of the rare class that gives each of its rows so many new ones."""
    return int((df.label == "rare").sum()) * (1 + times)


def both(spark: SparkSession, df: pd.DataFrame, name: str, **params: Any) -> tuple[Rows, Rows]:
    """New rows of both, by the same method with the same parameters."""
    sampler = getattr(ours, name)(sampling_strategy={"rare": many(df, 20)}, **params)
    peer = getattr(peers, name)(sampling_strategy={"rare": many(df, 400)}, random_state=0, **params)
    return of_ours(spark, sampler, df), of_theirs(peer, df)


METHODS = [("SMOTE", {}), ("BorderlineSMOTE", {}), ("ADASYN", {}), ("RandomOverSampler", {"shrinkage": 0.3})]


@pytest.mark.parametrize(("name", "params"), thinned(METHODS, METHODS[:1]))
def test_rows_of_numbers(spark: SparkSession, numbers: pd.DataFrame, name: str, params: dict[str, Any]) -> None:
    a, b = both(spark, numbers, name, **params)
    if name == "RandomOverSampler":  # ours moves what leaves the range of the class to its end
        own = numbers[numbers.label == "rare"].drop(columns="label").to_numpy()
        b = np.clip(b, own.min(axis=0), own.max(axis=0))
    assert abs(area(a, b) - 0.5) < BY_CHANCE


def test_rows_of_numbers_and_categories(spark: SparkSession, mixed: pd.DataFrame) -> None:
    sampler = ours.SMOTENC(sampling_strategy={"rare": many(mixed, 20)}, distinct_neighbors=False)
    answers = list(mixed.columns.drop(["age", "hours", "label"]))
    peer = peers.SMOTENC(answers, sampling_strategy={"rare": many(mixed, 400)}, random_state=0)
    assert abs(area(of_ours(spark, sampler, mixed), of_theirs(peer, mixed)) - 0.5) < BY_CHANCE


def test_the_forest_sees_what_differs(spark: SparkSession, numbers: pd.DataFrame) -> None:
    """Towards other classes the paper goes half of the way at most, imbalanced-learn by a product of two draws."""
    assert area(*both(spark, numbers, "BorderlineSMOTE", kind="borderline-2")) - 0.5 > BY_CHANCE
