"""How hard a table's rarest class is to tell from the others, and what resampling that speaks for."""

from __future__ import annotations

from steelyard.diagnosis._difficulty import diagnose, recommended_sampler
from steelyard.diagnosis._features import ENTIRE
from steelyard.diagnosis._recommend import Evidence, Recommendation, recommend

__all__ = ["ENTIRE", "Evidence", "Recommendation", "diagnose", "recommend", "recommended_sampler"]
