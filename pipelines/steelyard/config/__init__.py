"""A pipeline's configuration: YAML in, checked models out. Imports neither pyspark nor pandas."""

from steelyard.config._descriptions import DESCRIPTIONS
from steelyard.config._load import load, read_document, resolve_env
from steelyard.config._models import (
    AUTO,
    AirflowConfig,
    CompareConfig,
    CostConfig,
    DataConfig,
    DecideConfig,
    GateBound,
    GuardsConfig,
    PipelineConfig,
    ResampleConfig,
    ScoreConfig,
    SparkConfig,
    SplitConfig,
    TrainConfig,
    duration,
)
from steelyard.config._stages import STAGES

__all__ = [
    "AUTO",
    "DESCRIPTIONS",
    "STAGES",
    "AirflowConfig",
    "CompareConfig",
    "CostConfig",
    "DataConfig",
    "DecideConfig",
    "GateBound",
    "GuardsConfig",
    "PipelineConfig",
    "ResampleConfig",
    "ScoreConfig",
    "SparkConfig",
    "SplitConfig",
    "TrainConfig",
    "duration",
    "load",
    "read_document",
    "resolve_env",
]
