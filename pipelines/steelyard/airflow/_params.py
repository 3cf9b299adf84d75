"""The form that triggers a DAG, and its changes of the pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from typing import Any

from airflow.sdk import Param

from steelyard.config import AUTO, PipelineConfig
from steelyard.errors import ConfigError
from steelyard.sampling import sampler_names

_BARE = ("none", AUTO)  # samplers without a ratio


def form(config: PipelineConfig) -> dict[str, Param]:
    """Return the parameters of a DAG run, with the YAML's values as defaults."""
    # The YAML's own first: whether there is such a sampler, the first stage says.
    samplers = list(dict.fromkeys([config.resample.method, *_BARE, *sampler_names()]))
    return {
        "seed": Param(
            config.split.seed,
            type="integer",
            title="Seed",
            description="Of the split and of the trainer.",
        ),
        "sampler": Param(
            config.resample.method,
            type="string",
            enum=samplers,
            title="Sampler",
            description="none resamples nothing, auto does what the stage diagnose recommends. Another one than the "
            "YAML's has its own default parameters.",
        ),
        "ratio": Param(
            _ratio(config),
            type=["null", "number"],
            exclusiveMinimum=0,
            title="Ratio",
            description="sampling_strategy of the sampler: the rarest class's rows for each row of the other. Empty: "
            "as the YAML says, or as another sampler does by default.",
        ),
    }


def overrides(config: PipelineConfig, params: Mapping[str, Any]) -> str:
    """Return the changes of a form: one `a.b=value` per line, each for a `--set`.

    Raises
    ------
    ConfigError
        For a value that the form doesn't offer, however it came in: it could hold lines of its own.
    """
    seed, sampler, ratio = (params[name] for name in ("seed", "sampler", "ratio"))
    _check("seed", seed, isinstance(seed, int) and not isinstance(seed, bool))
    _check("sampler", sampler, isinstance(sampler, str) and sampler in form(config)["sampler"].schema["enum"])
    _check("ratio", ratio, ratio is None or (isinstance(ratio, int | float) and 0 < ratio < inf))
    lines = [f"{place}.seed={seed}" for place in ("split", "train") if seed != config.split.seed]
    if sampler != config.resample.method:
        # The whole section: parameters of one sampler are none of another's.
        strategy = {} if ratio is None or sampler in _BARE else {"sampling_strategy": ratio}
        lines.append(f"resample={json.dumps({'method': sampler, **strategy})}")
    elif ratio is not None and ratio != _ratio(config):
        lines.append(f"resample.sampling_strategy={json.dumps(ratio)}")
    return "\n".join(lines)


def _check(name: str, value: object, fits: bool) -> None:
    if not fits:
        raise ConfigError(f"the form's {name} can't be {value!r}")


def _ratio(config: PipelineConfig) -> float | None:
    wanted = config.resample.params.get("sampling_strategy")
    return wanted if isinstance(wanted, int | float) else None
