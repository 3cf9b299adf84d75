"""XGBoost, whose threads sleep while they wait for each other.

OpenMP reads the setting when XGBoost is loaded. By default its threads wait in a loop, and where other processes want
the same cores, two threads are then ten times slower than one.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import xgboost as xgb

__all__ = ["xgb"]
