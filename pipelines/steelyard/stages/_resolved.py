"""The configuration of a run after its comparison: `auto` replaced by what was chosen."""

from __future__ import annotations

from steelyard.config import AUTO, PipelineConfig, ResampleConfig, TrainConfig
from steelyard.stages._context import Context


def resolved(ctx: Context) -> PipelineConfig:
    """Return the configuration with the sampler and the model that `compare` has chosen for `auto`.

    Raises
    ------
    InputError
        If the stage `compare` is needed and not done.
    """
    config = ctx.config
    follows = {
        "resample": config.compare is not None and config.resample.method == AUTO,
        "train": config.train.model == AUTO,
    }
    if not any(follows.values()):
        return config
    chosen = ctx.read("compare", "choice.json")["recipe"]
    update: dict[str, ResampleConfig | TrainConfig] = {}
    if follows["resample"]:
        update["resample"] = ResampleConfig.model_validate(chosen["resample"])
    if follows["train"]:
        given = config.train.model_dump(include={"seed", "num_workers", "fold_models", "device"})
        update["train"] = TrainConfig.model_validate({**chosen["train"], **given})
    return config.model_copy(update=update)
