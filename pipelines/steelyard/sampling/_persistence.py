"""Saving and loading samplers as Spark ML saves its own: one JSON text, also over Spark Connect."""

from __future__ import annotations

import importlib
import json
from typing import Any

from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLWriter

from steelyard.errors import InputError


def public_path(cls: type) -> str:
    """Return the path by which users import a class: saved samplers outlive the private modules of this version."""
    module = cls.__module__
    while "._" in module:
        parent = module.rpartition(".")[0]
        if getattr(importlib.import_module(parent), cls.__name__, None) is not cls:
            break
        module = parent
    return f"{module}.{cls.__name__}"


class SamplerWriter(MLWriter):
    """Writes the parameters of a sampler."""

    def __init__(self, sampler: Any) -> None:
        super().__init__()
        self.sampler = sampler

    def save(self, path: str) -> None:
        """Write to the folder `path`.

        Raises
        ------
        InputError
            If a parameter is a function.
        """
        spark = self.sparkSession
        try:
            metadata = json.loads(DefaultParamsWriter._get_metadata_to_save(self.sampler, spark))
        except TypeError as error:
            raise InputError(
                f"a sampler with a function as parameter can't be saved ({error}); give sampling_strategy as a map"
            ) from None
        text = json.dumps({**metadata, "class": public_path(type(self.sampler))})
        mode = "overwrite" if self.shouldOverwrite else "error"
        spark.createDataFrame([(text,)], "value string").coalesce(1).write.mode(mode).text(f"{path}/metadata")


class SamplerReader(DefaultParamsReader[Any]):
    """Reads what `SamplerWriter` wrote."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls)

    def load(self, path: str) -> Any:
        """Return the sampler saved in the folder `path`.

        Raises
        ------
        InputError
            If something else was saved there.
        """
        saved = DefaultParamsReader.loadMetadata(path, self.sparkSession)["class"]
        wanted = public_path(self.cls)
        if saved != wanted:
            raise InputError(f"{path} holds a {saved}, not a {wanted}")
        return super().load(path)
