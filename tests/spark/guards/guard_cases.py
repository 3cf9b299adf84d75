"""Corruptions of sound tables, and the one expectation that each must break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SHARES = {"validation": 0.1, "test": 0.2}

SECRET = 876543.21  # a value of one row, which no page may show

PARAMETERS: dict[str, dict[str, Any]] = {
    "raw": {"label": "y", "classes": ["n", "p"], "reference": {"n": 1000, "p": 200}},
    "split": {
        "label": "y",
        "shares": SHARES,
        "key": ["id"],
        "group": ["customer"],
        "time": "at",
        "features": ["x", "amount", "kind"],
    },
    "resampled": {
        "label": "y",
        "counts": {"n": 70, "p": 70},
        "features": ["x", "amount"],
        "categories": ["kind"],
        "domain": {"x": {"min": 0}, "amount": {"derived": "amount + 0"}},
        "compared": ["x", "amount", "kind"],
        "areas": {},
        "leak_area_max": 0.999,
    },
    "scored": {"label": "y", "classes": ["n", "p"], "positive": "p"},
}


def copies_in_test(df: DataFrame) -> DataFrame:
    """Give four test rows the features of training rows, in seven digits."""
    copied = F.col("id") > 115
    x, amount = (F.col("id") - 100) * 1.0000001, F.col("amount") - 250
    return df.withColumns({n: F.when(copied, v).otherwise(F.col(n)) for n, v in (("x", x), ("amount", amount))})


class Case(NamedTuple):
    """A corruption of a sound table, and the one expectation that must fail."""

    name: str
    suite: str
    corrupt: Callable[[DataFrame], DataFrame]
    expectation: str
    words: tuple[str, ...]
    parameters: Mapping[str, Any] = {}


def where(condition: str, column: str, value: Any) -> Callable[[DataFrame], DataFrame]:
    """Replace a column's values in some rows."""

    def corrupt(df: DataFrame) -> DataFrame:
        replaced = F.when(F.expr(condition), F.lit(value)).otherwise(F.col(column))
        return df.withColumn(column, replaced.cast(df.schema[column].dataType))

    return corrupt


def both(*steps: Callable[[DataFrame], DataFrame]) -> Callable[[DataFrame], DataFrame]:
    """Corrupt twice."""

    def corrupt(df: DataFrame) -> DataFrame:
        for step in steps:
            df = step(df)
        return df

    return corrupt


CASES = [
    Case("null label", "raw", where("id < 3", "y", None), "expect_no_null_labels", ("'y' is null in 3 of 120 rows",)),
    Case(
        "strange label",
        "raw",
        where("id < 3", "y", "q"),
        "expect_labels_to_match_classes",
        ("'y' holds 'q' (3)", "expected exactly the classes 'n', 'p'"),
    ),
    Case(
        "class gone",
        "raw",
        lambda df: df,
        "expect_labels_to_match_classes",
        ("'y' holds no row of 'z'",),
        {"classes": ["n", "p", "z"]},
    ),
    Case(
        "single row of a class",
        "raw",
        lambda df: df.where("y = 'n' or id = 100"),
        "expect_class_counts_to_be_between",
        ("'y' has 1 of class 'p'", "expected at least 2 of each class"),
    ),
    Case(
        "minority too large",
        "raw",
        lambda df: df.where("y = 'p' or id < 30"),
        "expect_minority_share_to_be_between",
        ("'y'", "'p' has 20 of 50 rows (40 %)", "between 1 % and 30 %"),
        {"minority_share_min": 0.01, "minority_share_max": 0.3},
    ),
    Case(
        "too few of the smallest class",
        "raw",
        lambda df: df,
        "expect_imbalance_ratio_to_be_between",
        ("'y' has 100 of class 'n' for 20 of class 'p', a ratio of 5; expected at most 4",),
        {"imbalance_ratio_max": 4.0},
    ),
    Case(
        "another distribution",
        "raw",
        lambda df: df.where("y = 'p' or id < 20"),
        "expect_label_distribution_to_match",
        (
            "'y' differ from last month: PSI is ",
            " and Jensen-Shannon distance is ",
            "expected a PSI of at most 0.1 and",
        ),
        {"drift_rows_min": 40, "reference_name": "last month", "class_increase_max": None},
    ),
    Case(
        "class nearly gone",
        "raw",
        lambda df: df.where("id < 102"),
        "expect_label_distribution_to_match",
        (
            "class 'p' has 2 of 102 rows (1.961 %) instead of 16.67 % (0.118 times as much",
            "0.6 to 3 times the share of each class",
        ),
        {"reference": {"n": 100_000, "p": 20_000}, "change_confidence": 0.95, "class_change_max": 0.4},
    ),
    Case(
        "share missed",
        "split",
        where("id < 10", "split", "test"),  # ten rows of class n that were in train
        "expect_split_shares_to_be_near",
        ("'split' puts 74 rows (61.67 %) in 'train' instead of 70 %", "34 rows (28.33 %) in 'test' instead of 20 %"),
        {"stratified_tolerance": None, "time": None},
    ),
    Case(
        "split of another name",
        "split",
        where("split = 'test'", "split", "tset"),
        "expect_split_shares_to_be_near",
        ("24 rows (20 %) in 'tset', which is not a requested split",),
        {"stratified_tolerance": None, "split_class_count_min": None},
    ),
    Case(
        "rows in no split",
        "split",
        where("id < 7 or id = 70 or id in (80, 81)", "split", None),  # so that what is left is stratified
        "expect_every_row_in_a_split",
        ("'split' leaves 10 of 120 rows (8.333 %) in no split; expected none",),
    ),
    Case(
        "not stratified",
        "split",
        both(where("id = 0", "split", "test"), where("id = 119", "split", "train")),
        "expect_splits_to_be_stratified",
        ("'y'", "69 of class 'n' in train instead of 70", "3 of class 'p' in test instead of 4"),
        {"time": None},
    ),
    Case(
        "class absent from a split",
        "split",
        both(where("y = 'p' and split = 'validation'", "split", "train"), where("id < 2", "split", "validation")),
        "expect_class_counts_to_be_between",
        ("'y' has 0 of class 'p' in validation", "expected at least 1 of each class"),
        {"stratified_tolerance": 2, "time": None},
    ),
    Case(
        "key on two sides",
        "split",
        where("id = 119", "id", 0),
        "expect_keys_to_stay_in_one_split",
        ("the splits share 1 value of column 'id' (1 in train and test), in 2 rows; expected none",),
    ),
    Case(
        "group on two sides",
        "split",
        where("id in (79, 119)", "customer", "c69"),
        "expect_keys_to_stay_in_one_split",
        ("1 value of column 'customer'", "(1 in train and validation and test), in 3 rows"),
    ),
    Case(
        "later training row",
        "split",
        where("id = 0", "at", "2026-04-01 12:00:00"),
        "expect_splits_in_time_order",
        ("by column 'at'", "train ends at 2026-04-01 12:00:00, validation begins at 2026-02-01", "'train' before"),
    ),
    Case(
        "gap too short",
        "split",
        lambda df: df,
        "expect_splits_in_time_order",
        ("by column 'at' the splits are too close to each other", "31,536,000 seconds apart"),
        {"gap_seconds": 31536000.0},
    ),
    Case(
        "twins in train",
        "split",
        copies_in_test,
        "expect_no_near_duplicates_across_splits",
        (
            "to 6 significant digits, 4 of 24 rows in 'test' (16.67 %) have the features of a row in 'train'; "
            "chance gives none; expected at most 1",
        ),
    ),
    Case(
        "synthetic row lost",
        "resampled",
        lambda df: df.where("id <> 1000"),
        "expect_class_counts_to_equal",
        ("'y' has in split 'train' 69 of class 'p' instead of 70",),
    ),
    Case(
        "synthetic row in test",
        "resampled",
        where("id = 119", "is_synthetic", True),
        "expect_synthetic_rows_only_in_split",
        ("column 'is_synthetic' marks as synthetic 1 row outside 'train': 1 of class 'p' in test",),
    ),
    Case(
        "synthetic row out of range",
        "resampled",
        where("id = 1000", "x", 5000.0),
        "expect_synthetic_rows_within_class_bounds",
        ("column 'x' of class 'p' in [100, 5000], expected in [100, 113]",),
    ),
    Case(
        "synthetic row without a value",
        "resampled",
        where("id = 1000", "amount", float("nan")),
        "expect_synthetic_rows_within_class_bounds",
        ("column 'amount' of class 'p'", "1 missing"),
    ),
    Case(
        "synthetic fraction",
        "resampled",
        where("id = 1000", "x", 105.5),
        "expect_synthetic_rows_to_keep_whole_numbers",
        ("fractions where original rows have whole numbers: column 'x' in 1 row",),
    ),
    Case(
        "synthetic row outside its domain",
        "resampled",
        lambda df: df,
        "expect_synthetic_rows_within_domain",
        ("'x' in 4 rows, column 'amount' in 56 rows; original rows do not: column 'x' in 71 rows, column 'amount'",),
        {"domain": {"x": {"min": 100.5}, "amount": {"derived": "x * 2.5"}}},
    ),
    Case(
        "category of no row of the class",
        "resampled",
        both(where("id = 1000", "kind", "fax"), where("id = 1", "kind", "fax")),
        "expect_synthetic_rows_to_keep_categories",
        ("categories that no real row of their class has: column 'kind' has 1 value in 1 row",),
    ),
    Case(
        "copies of real rows",
        "resampled",
        lambda df: df.withColumn("amount", F.when(F.col("is_synthetic"), F.col("x") * 2.5).otherwise(F.col("amount"))),
        "expect_few_synthetic_duplicates",
        ("56 of 56 synthetic rows (100 %) have exactly the features of a real row; expected at most 10 %",),
    ),
    Case(
        "feature that gives the label away",
        "resampled",
        lambda df: df,
        "expect_no_feature_to_give_the_label_away",
        ("1 feature alone almost gives the label 'y' away, by ROC area: 'x' (0.995); expected less than 0.9",),
        {"areas": {"x": 0.995}},
    ),
    Case(
        "feature that must stop the run",
        "resampled",
        lambda df: df,
        "expect_no_feature_to_give_the_label_away",
        ("2 features alone give the label 'y' away, by ROC area: 'a' (1), 'x' (0.9996)", "(data.exclude)"),
        {"areas": {"x": 0.9996, "a": 1.0}, "suspect_area_max": None},
    ),
    Case(
        "bent scores",
        "scored",
        where("y = 'n'", "score", 0.5),
        "expect_predicted_prevalence_to_be_near",
        ("column 'score' isn't the share of class 'p': 0.5417 in 'train', where 0.1667 of the rows are of it (ratio",),
    ),
    Case(
        "score above one",
        "scored",
        where("id = 5", "score", 1.5),
        "expect_scores_to_be_probabilities",
        ("'score' holds, among 120 scores, 1 above 1", "expected numbers in [0, 1]"),
    ),
    Case(
        "scores null and NaN",
        "scored",
        both(where("id = 5", "score", None), where("id in (6, 7)", "score", float("nan"))),
        "expect_scores_to_be_probabilities",
        ("'score' holds, among 120 scores, 1 null, 2 NaN",),
    ),
    Case(
        "no decision",
        "scored",
        where("id = 5", "decision", None),
        "expect_no_null_labels",
        ("'decision' is null in 1",),
    ),
    Case(
        "strange decision",
        "scored",
        where("id = 5", "decision", "q"),
        "expect_labels_to_match_classes",
        ("'decision' holds 'q' (1); expected no others than the classes 'n', 'p'",),
    ),
    Case(
        "strange label in scores",
        "scored",
        where("id = 5", "y", "q"),
        "expect_labels_to_match_classes",
        ("'y' holds 'q' (1); expected no others",),
    ),
]

WARNED = {
    "class absent from a split",
    "too few of the smallest class",
    "another distribution",
    "twins in train",
    "synthetic fraction",
    "copies of real rows",
    "feature that gives the label away",
    "bent scores",
}

CAUGHT: dict[str, tuple[str, ...]] = {
    "null label": ("0", "1", "2"),
    "strange label": ("0", "1", "2"),
    "key on two sides": ("0", "0"),
    "twins in train": ("116", "117", "118", "119"),
    "synthetic row in test": ("119",),
    "scores null and NaN": ("5", "6", "7"),
    "score above one": ("5",),
    "strange decision": ("5",),
}
