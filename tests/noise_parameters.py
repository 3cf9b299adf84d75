"""What some samplers need on the tables of the common checks, which are mere noise.

There is no cluster in which a rare class is at home, and all of three neighbours agree nowhere. And a forest for each
of five folds takes its time.
"""

from __future__ import annotations

from typing import Any

TWO_CLASSES = {"guided_under_sampler"}
"""Samplers that refuse three classes, as the common tables have; tests/spark/test_guided_sampling.py checks them."""

ON_NOISE: dict[str, dict[str, Any]] = {
    "instance_hardness_threshold": {"cv": 2},
    "kmeans_smote": {"cluster_balance_threshold": 0.0},
    "smoteenn": {"n_neighbors": 1},
}
