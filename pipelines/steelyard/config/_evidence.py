"""The sections `explain` and `promote`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from steelyard.config._values import Section


class ExplainConfig(Section):
    """How many rows are explained, and which features weak slices are made of: `auto` is all.

    Half of the rows are missed positives, half false alarms.
    """

    rows: Annotated[int, Field(ge=0, le=100_000)] = 1000
    slices: Literal["auto"] | list[str] = "auto"


class PromoteConfig(Section):
    """When the model of a run that has passed its gate replaces the current one.

    Both are compared on the same test rows, by a metric: `auto` is the expected cost where costs are given, else the PR
    area. `not_worse` needs the lower end of the 95 % interval of the gain above minus the margin, `better` above 0. The
    margin is in units of the metric; of a cost it is a share of the current model's.
    """

    rule: Literal["not_worse", "better"] = "not_worse"
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    metric: str = "auto"
