"""Measure the difficulty of a table's rarest class, and recommend a resampling."""

from __future__ import annotations

from steelyard.diagnosis._difficulty import diagnose, recommended_sampler
from steelyard.diagnosis._features import ENTIRE
from steelyard.diagnosis._recommend import Evidence, Recommendation, recommend

__all__ = ["ENTIRE", "Evidence", "Recommendation", "diagnose", "recommend", "recommended_sampler"]
