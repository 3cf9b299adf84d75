"""Saving and loading the parameters of an object, as Spark ML saves its own; on Connect too."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLWriter

from steelyard.errors import InputError


def public_path(cls: type) -> str:
    """Return the path by which users import a class: what is saved outlives the private modules of this version."""
    module = cls.__module__
    while "._" in module:
        parent = module.rpartition(".")[0]
        if getattr(importlib.import_module(parent), cls.__name__, None) is not cls:
            break
        module = parent
    return f"{module}.{cls.__name__}"


class ParamsWriter(MLWriter):
    """Writes the parameters of an object.

    Parameters
    ----------
    instance : Params
    params : mapping, optional
        What to write in place of the values that are set.
    """

    def __init__(self, instance: Any, params: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.instance = instance
        self.params = None if params is None else dict(params)

    def save(self, path: str) -> None:
        """Write to the folder `path`.

        Raises
        ------
        InputError
            If a parameter is a function, or an object such as an estimator.
        """
        spark = self.sparkSession
        try:
            metadata = json.loads(DefaultParamsWriter._get_metadata_to_save(self.instance, spark, paramMap=self.params))
        except TypeError as error:
            raise InputError(
                f"{type(self.instance).__name__} can't be saved with a function or an object as parameter ({error}): "
                "give sampling_strategy as a map, and leave estimators out"
            ) from None
        text = json.dumps({**metadata, "class": public_path(type(self.instance))})
        mode = "overwrite" if self.shouldOverwrite else "error"
        spark.createDataFrame([(text,)], "value string").coalesce(1).write.mode(mode).text(f"{path}/metadata")


class ParamsReader(DefaultParamsReader[Any]):
    """Reads what `ParamsWriter` wrote."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls)

    def metadata(self, path: str) -> dict[str, Any]:
        """Return what was written about the object in the folder `path`.

        Raises
        ------
        InputError
            If it is of another class.
        """
        metadata: dict[str, Any] = DefaultParamsReader.loadMetadata(path, self.sparkSession)
        wanted = public_path(self.cls)
        if metadata["class"] != wanted:
            raise InputError(f"{path} holds a {metadata['class']}, not a {wanted}")
        return metadata

    def load(self, path: str) -> Any:
        """Return the object saved in the folder `path`.

        Raises
        ------
        InputError
            If something else was saved there.
        """
        self.metadata(path)
        return super().load(path)
