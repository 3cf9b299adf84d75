"""A pipeline's configuration: YAML in, checked models out. Imports neither pyspark nor pandas."""

from steelyard.config._compare import CandidateConfig, CompareConfig, RedecideConfig, SearchConfig
from steelyard.config._data import CostConfig, DataConfig, SplitConfig
from steelyard.config._descriptions import DESCRIPTIONS
from steelyard.config._evidence import ExplainConfig, PromoteConfig
from steelyard.config._load import load, read_document
from steelyard.config._loss import LOG_LOSS, loss_name, parse_loss
from steelyard.config._monitor import MonitorConfig
from steelyard.config._operation import AirflowConfig, GuardsConfig, ScoreConfig, SparkConfig
from steelyard.config._pipeline import PipelineConfig, check_cost_weights
from steelyard.config._secrets import hidden_env, hide_env, refuse_secret_paths, resolve_env
from steelyard.config._stages import ALL_STAGES, STAGE_TABLE, STAGES, Stage, stages_of
from steelyard.config._surface import as_arguments, as_options, named_values
from steelyard.config._training import DecideConfig, GateBound, Recipe, ResampleConfig, TrainConfig
from steelyard.config._transfer import TransferConfig
from steelyard.config._values import AUTO, FILE_FORMATS, MISSING, duration, known_format, rule_text
from steelyard.config._yaml import parse_yaml
from steelyard.extensions import check_module
from steelyard.plain import plain

__all__ = [
    "ALL_STAGES",
    "AUTO",
    "DESCRIPTIONS",
    "FILE_FORMATS",
    "LOG_LOSS",
    "MISSING",
    "STAGES",
    "STAGE_TABLE",
    "AirflowConfig",
    "CandidateConfig",
    "CompareConfig",
    "CostConfig",
    "DataConfig",
    "DecideConfig",
    "ExplainConfig",
    "GateBound",
    "GuardsConfig",
    "MonitorConfig",
    "PipelineConfig",
    "PromoteConfig",
    "Recipe",
    "RedecideConfig",
    "ResampleConfig",
    "ScoreConfig",
    "SearchConfig",
    "SparkConfig",
    "SplitConfig",
    "Stage",
    "TrainConfig",
    "TransferConfig",
    "as_arguments",
    "as_options",
    "check_cost_weights",
    "check_module",
    "duration",
    "hidden_env",
    "hide_env",
    "known_format",
    "load",
    "loss_name",
    "named_values",
    "parse_loss",
    "parse_yaml",
    "plain",
    "read_document",
    "refuse_secret_paths",
    "resolve_env",
    "rule_text",
    "stages_of",
]
