"""The stages of a pipeline, one module each, and what runs them."""

from steelyard.stages._context import Context, Result, run_config, start_run
from steelyard.stages._logging import logs_as_asked
from steelyard.stages._order import ALL_STAGES, STAGES, stages_of, time_left
from steelyard.stages._runner import run_pipeline, run_stage

__all__ = [
    "ALL_STAGES",
    "STAGES",
    "Context",
    "Result",
    "logs_as_asked",
    "run_config",
    "run_pipeline",
    "run_stage",
    "stages_of",
    "start_run",
    "time_left",
]
