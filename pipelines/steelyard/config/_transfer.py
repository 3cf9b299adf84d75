"""The section `train.transfer`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from steelyard.config._secrets import refuse_secret_paths
from steelyard.config._values import Name, Section

_CLIP = 20.0
_FACTOR = 0.1


class TransferConfig(Section):
    """Where training takes more knowledge from, and how: rows of another table, or the model of another run."""

    source: Name | None = None
    table: Name | None = None
    method: Literal["importance_weighting", "warm_start", "fine_tune"]
    clip: Annotated[float, Field(gt=1, le=1e6)] = _CLIP
    learning_rate_factor: Annotated[float, Field(gt=0, le=1)] = _FACTOR

    @model_validator(mode="after")
    def _own_keys(self) -> TransferConfig:
        if (self.source is None) == (self.table is None):
            raise ValueError("give exactly one of 'source' and 'table'")
        refuse_secret_paths("train.transfer", {"source": self.place})
        if self.table is not None and not self.takes_rows:
            raise ValueError(f"method {self.method} takes a run directory as 'source', not a table")
        if not self.takes_rows and self.clip != _CLIP:
            raise ValueError(f"clip is for method importance_weighting, and the method is {self.method}: leave it out")
        if self.method != "fine_tune" and self.learning_rate_factor != _FACTOR:
            raise ValueError(
                f"learning_rate_factor is for method fine_tune, and the method is {self.method}: leave it out"
            )
        return self

    @property
    def place(self) -> str:
        """The path, or the name of the table."""
        return self.source or self.table or ""

    @property
    def takes_rows(self) -> bool:
        """Whether the source is a table, whose rows join the training rows; else it is a run directory."""
        return self.method == "importance_weighting"
