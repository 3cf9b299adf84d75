"""What can be checked before a session starts: names and parameters of samplers, trainers, suites and metrics."""

from __future__ import annotations

from steelyard.config import CostConfig, PipelineConfig
from steelyard.deciding import check_rule
from steelyard.guards import check_parameters, check_suite
from steelyard.learning import check_trainer
from steelyard.metrics import check_gate
from steelyard.stages._resampling import check_resampling


def check(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a sampler, trainer, suite, rule or metric that isn't there, or wrong parameters."""
    check_resampling(config.resample)
    check_trainer(config.train.model, config.train.params)
    suites = (config.guards.raw, config.guards.split, config.guards.resampled, config.guards.scored)
    for suite in suites:
        check_suite(suite)
    check_parameters(suites, config.guards.parameters)
    check_rule(config.threshold_rule, has_costs=config.data.cost != CostConfig())
    check_gate(config.gate)
