"""What a table's names, types, classes and values forbid later stages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame

from steelyard.classifier import alert_period, alert_rule, check_calibration, check_rates
from steelyard.columns import check_free
from steelyard.config import AUTO, PipelineConfig, ResampleConfig
from steelyard.dataset import Cost, Dataset
from steelyard.deciding import check_matrix, check_two_classes, check_uncertainty
from steelyard.explaining import check_sliced
from steelyard.learning import get_trainer, trainer_class, trainer_of
from steelyard.metrics import check_gate
from steelyard.sampling import sampler_for
from steelyard.sampling.base import Sampler
from steelyard.stages._alerts import recipe_of
from steelyard.stages._context import Context
from steelyard.stages._costs import check_new_costs
from steelyard.stages._refusals import check_promote, refuse_huge
from steelyard.stages._scores import check_key
from steelyard.stages._source import dataset, source, stats
from steelyard.stages._transfer import check_start
from steelyard.stages._transfer_rows import read_source
from steelyard.weighting import class_weights, with_matrix


def check_due(ctx: Context, due: Collection[str], *, has_split: bool) -> None:
    """Raise `InputError` if the profiled table does not allow what the stages that are due are configured to do.

    Nothing is read but for samplers and splits the types of the columns, and for cost columns that `profile` has not
    checked one narrow scan. With `has_split`, the counts of the split are checked too.
    """
    statistics, data = stats(ctx), dataset(ctx)
    check_classes(ctx.config, statistics)
    if {"split", "resample"} & set(due):
        df = source(ctx)
        check_names_of_outputs(ctx.config, df, data)
        check_sampling(ctx.config, df, data, statistics)
        if has_split:
            check_split(ctx.config, data, ctx.read("split", "plan.json")["counts"]["train"])
    if {"resample", "decide"} & set(due):
        check_new_costs(ctx)


def check_profile(config: PipelineConfig, df: DataFrame, found: Dataset, statistics: Mapping[str, Any]) -> None:
    """Raise `InputError` for what a table's types, classes and missing values forbid later stages.

    Columns of a source of transfer are checked too. Where the model is to be trained on a GPU, also if there is none.
    """
    how = config.train.known
    if how.device == "cuda":
        get_trainer(how.model, how.params, loss=how.loss, device=how.device).find_device(df.sparkSession)
    check_classes(config, statistics)
    check_sampling(config, df, found, statistics)
    transfer = config.train.transfer
    if transfer is not None and transfer.takes_rows:
        read_source(df.sparkSession, config, transfer, replace(found, cost=Cost.of(config.data.cost)), df.schema)


def check_names_of_outputs(config: PipelineConfig, df: DataFrame, found: Dataset) -> None:
    """Raise `InputError` for names that a later stage would write twice or not find, before any row is read."""
    check_key(found, config.decide)
    if config.explain is not None and config.explain.slices != AUTO:
        check_sliced(df, found, config.explain.slices, "explain.slices")
    rule = alert_rule(recipe_of(config))
    if rule is not None and found.time is not None:
        alert_period(df, found.time, rule["per"])
    if config.split.materialize:
        check_split_free(df)
    sampler = _sampler(config, found)
    if sampler is not None:
        sampler.check_output(df.columns)


def check_split_free(df: DataFrame) -> None:
    """Refuse a table that has a column `split`, which files of splits add."""
    check_free(df.columns, ["split"], "writing splits")


def check_classes(config: PipelineConfig, statistics: Mapping[str, Any]) -> None:
    """Raise `InputError` for what the classes and the largest values do not allow in the configuration."""
    counts = {c: of["count"] for c, of in statistics["classes"].items()}
    cost = Cost.of(config.data.cost)
    check_two_classes(config.decide.threshold, list(counts), has_costs=cost.given)
    check_uncertainty(config.decide.uncertainty, list(counts))
    check_matrix(cost, list(counts))
    trainer = trainer_class(config.train.trainer)
    trainer.check_classes(list(counts), config.train.loss)
    trainer.check_domain(config.data.domains, len(counts))
    refuse_huge(statistics["features"], config.train.trainer)
    transfer = config.train.transfer
    if transfer is not None and not transfer.takes_rows:
        found = Dataset.from_json(statistics["dataset"])
        check_start(transfer, trainer_of(config.train, found), found)
    check_gate(config.gate, has_costs=cost.known, classes=len(counts))
    check_promote(config, has_costs=cost.known, classes=len(counts))
    class_weights(counts, with_matrix(config.train.class_weight, cost.above_right(list(counts), None)))
    rates = config.data.sampling_rate
    check_rates(rates, list(counts))
    check_calibration(recipe_of(config), list(counts), rates)


def check_sampling(config: PipelineConfig, df: DataFrame, found: Dataset, statistics: Mapping[str, Any]) -> None:
    """Raise `InputError` for what types and missing values forbid the sampler.

    Missing values are those of all rows, though a sampler sees training rows alone: whether a run goes through must
    not depend on the split.
    """
    if config.resample.method != AUTO:
        check_sampled(config.resample, df, found, statistics)


def check_sampled(wanted: ResampleConfig, df: DataFrame, found: Dataset, statistics: Mapping[str, Any]) -> None:
    """Raise `InputError` for what the types and the missing values of a table forbid a sampler that is named."""
    sampler = sampler_for(found, wanted.method, wanted.params)
    sampler.check_columns(df)
    missing = {f: of["by_class"] for f, of in statistics["features"].items()}
    sampler.check_missing({f: sum(c.get("missing") or 0 for c in of.values()) for f, of in missing.items()})


def check_split(config: PipelineConfig, found: Dataset, training: Mapping[str, int]) -> None:
    """Raise `InputError` if a sampler cannot do what is requested with the training rows of each class."""
    sampler = _sampler(config, found)
    if sampler is not None:
        sampler.check_counts({c: n for c, n in training.items() if n})


def _sampler(config: PipelineConfig, found: Dataset) -> Sampler | None:
    wanted = config.resample
    return None if wanted.method == AUTO else sampler_for(found, wanted.method, wanted.params)
