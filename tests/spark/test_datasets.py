"""The generator of card transactions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import average_precision_score, roc_auc_score
from xgboost import XGBClassifier

from steelyard.datasets import make_card_transactions
from steelyard.errors import InputError

ROLES = ["transaction_id", "customer_id", "booked_at", "is_fraud"]
CATEGORICAL = ["channel", "merchant_category", "merchant_region"]


def _rows(df: DataFrame) -> pd.DataFrame:
    return df.toPandas().sort_values("transaction_id", ignore_index=True)


@pytest.fixture(scope="module")
def transactions(spark: SparkSession) -> pd.DataFrame:
    return _rows(make_card_transactions(spark, rows=60_000, fraud_share=0.01, missing=0.1, seed=3))


def test_the_same_rows_come_out_of_any_partitioning(spark: SparkSession) -> None:
    one, seven = (_rows(make_card_transactions(spark, rows=3_000, drift=0.5, partitions=n)) for n in (1, 7))
    pd.testing.assert_frame_equal(one, seven, check_exact=True)


def test_another_seed_gives_other_rows(spark: SparkSession) -> None:
    first, second = (_rows(make_card_transactions(spark, rows=2_000, fraud_share=0.05, seed=s)) for s in (0, 1))
    assert (first["amount"] != second["amount"]).mean() > 0.9
    assert (first["is_fraud"] != second["is_fraud"]).any()
    assert first["is_fraud"].sum() == second["is_fraud"].sum() == 100


@pytest.mark.parametrize(("rows", "share", "frauds"), [(10, 0.5, 5), (1_001, 0.01, 10), (777, 0.001, 1), (50, 0.05, 3)])
def test_frauds_are_exactly_as_many_as_asked_for(spark: SparkSession, rows: int, share: float, frauds: int) -> None:
    made = make_card_transactions(spark, rows=rows, fraud_share=share)
    assert (made.count(), made.where("is_fraud = 1").count()) == (rows, frauds)


def test_the_columns_hold_what_their_names_say(transactions: pd.DataFrame) -> None:
    t = transactions
    assert t["transaction_id"].is_unique
    assert t.drop(columns=["hours_since_previous", "distance_km", "terminal_risk"]).notna().all().all()
    assert pd.DatetimeIndex(t["booked_at"]).normalize().is_monotonic_increasing
    assert t["booked_at"].min() >= pd.Timestamp("2026-01-01") and t["booked_at"].max() < pd.Timestamp("2026-04-01")
    assert (t["booked_at"].dt.hour == t["hour"]).all()
    assert t["customer_id"].between(0, 1_199).all() and t["customer_id"].nunique() > 1_000
    assert (t["amount"] >= 0.5).all() and np.allclose(t["amount"] * 100, (t["amount"] * 100).round())
    assert t["terminal_risk"].dropna().between(0, 1).all()
    known = t.dropna(subset=["hours_since_previous"])
    alone = known["transactions_24h"] == 1
    assert (
        known["hours_since_previous"][alone].ge(24).all() and known["hours_since_previous"][~alone].between(0, 24).all()
    )
    assert (
        t["merchant_category"].nunique() == 11 and t["channel"].nunique() == 4 and t["merchant_region"].nunique() == 3
    )


def test_missing_values_are_as_frequent_as_asked_for(transactions: pd.DataFrame) -> None:
    for column in ("hours_since_previous", "distance_km", "terminal_risk"):
        by_class = transactions[column].isna().groupby(transactions["is_fraud"]).mean()
        assert by_class[0] == pytest.approx(0.10, abs=0.01)
        assert by_class[1] == pytest.approx(0.15, abs=0.05)


def test_frauds_come_in_bursts_on_one_customer(transactions: pd.DataFrame) -> None:
    frauds = transactions[transactions["is_fraud"] == 1]
    assert (frauds["customer_id"].to_numpy()[0::2] == frauds["customer_id"].to_numpy()[1::2]).all()


def test_drift_moves_the_frauds(spark: SparkSession, transactions: pd.DataFrame) -> None:
    drifting = _rows(make_card_transactions(spark, rows=60_000, fraud_share=0.01, drift=1.0, seed=3))

    def change(t: pd.DataFrame, fraud: int, column: str) -> float:
        rows = t[t["is_fraud"] == fraud][column].to_numpy()
        third = len(rows) // 3
        return float(np.median(rows[-third:]) / np.median(rows[:third]))

    assert change(drifting, 1, "amount") < 0.8 < change(transactions, 1, "amount")
    assert change(drifting, 0, "amount") > 1.04 > change(transactions, 0, "amount")
    late = slice(40_000, None)
    online = [t.iloc[late].query("is_fraud == 1")["channel"].eq("online").mean() for t in (drifting, transactions)]
    assert online[0] > online[1] + 0.1


def test_no_column_gives_the_label_away(transactions: pd.DataFrame) -> None:
    fraud = transactions["is_fraud"]
    for name in transactions.columns.drop(["is_fraud", "booked_at"]):
        column = transactions[name]
        values = column.map(fraud.groupby(column).mean()) if name in CATEGORICAL else column.fillna(column.median())
        area = roc_auc_score(fraud, values)
        assert max(area, 1 - area) < 0.94, name
    assert roc_auc_score(fraud, transactions["transaction_id"]) == pytest.approx(0.5, abs=0.01)


def test_fraud_is_learnable_but_hard(transactions: pd.DataFrame) -> None:
    features = pd.get_dummies(transactions.drop(columns=ROLES), columns=CATEGORICAL, dtype=float)
    fraud = transactions["is_fraud"]
    test = transactions["customer_id"] % 5 == 0
    model = XGBClassifier(n_estimators=60, max_depth=5, learning_rate=0.2, n_jobs=2, random_state=0)
    scores = model.fit(features[~test], fraud[~test]).predict_proba(features[test])[:, 1]
    assert 0.55 < average_precision_score(fraud[test], scores) < 0.92  # five times the demo's share of frauds
    assert roc_auc_score(fraud[test], scores) > 0.95


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rows": 1}, "rows must be a whole number from 2 to 4,000,000,000. Got 1 instead"),
        ({"rows": 1e5}, "rows must be a whole number"),
        ({"rows": True}, "rows must be a whole number"),
        ({"fraud_share": 0.6}, "fraud_share must be a number from 0.0 to 0.5. Got 0.6 instead"),
        ({"fraud_share": float("nan")}, "fraud_share must be a number"),
        ({"rows": 100, "fraud_share": 0.002}, "0.002 of 100 rows is less than one fraud"),
        ({"missing": -0.1}, "missing must be"),
        ({"drift": 2}, "drift must be"),
        ({"days": 0}, "days must be"),
        ({"rows": 100, "fraud_share": 0.1, "customers": 101}, "customers must be a whole number from 1 to 100"),
    ],
)
def test_parameters_out_of_range_are_refused(spark: SparkSession, wrong: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        make_card_transactions(spark, **wrong)  # type: ignore[arg-type]
