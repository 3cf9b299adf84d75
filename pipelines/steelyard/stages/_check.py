"""What can be checked before a session starts: names and parameters of samplers, trainers, suites and metrics."""

from __future__ import annotations

from steelyard.config import PipelineConfig
from steelyard.guards import check_suite
from steelyard.learning import check_trainer
from steelyard.sampling import check_sampler


def check(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a sampler, trainer or suite that doesn't exist, or for parameters it doesn't have."""
    check_sampler(config.resample.method, config.resample.params)
    check_trainer(config.train.model, config.train.params)
    for suite in (config.guards.raw, config.guards.split, config.guards.resampled, config.guards.scored):
        check_suite(suite)
