"""The section `monitor`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steelyard.config._values import Section


class MonitorConfig(Section):
    """Changes of new rows up to which `steelyard monitor` raises no alert.

    With this section, the scoring DAG has a task that compares the rows that it scored.
    """

    psi: Annotated[float, Field(gt=0)] = 0.2
    prevalence: Annotated[float, Field(gt=1)] = 2.0
    recall_drop: Annotated[float, Field(gt=0, lt=1)] = 0.1
