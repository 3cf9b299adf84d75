"""Calling the library's own NumPy code inside Spark's Python workers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def in_worker(module: str, function: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a function of one table that calls `module.function(table, **settings)` where it is run.

    It travels by value and imports the library only when it is called, so that an executor without steelyard gives
    an error that says so, and not one about unpickling.

    Parameters
    ----------
    module, function : str
    **settings
        Small plain values: they travel with every task.
    """

    def call(table: Any) -> Any:
        try:
            target = getattr(importlib.import_module(module), function)
        except ModuleNotFoundError as missing:
            if str(missing.name).split(".")[0] != "steelyard":
                raise
            raise RuntimeError(
                "The Python of a Spark executor has no steelyard. Install it there, or ship it: "
                "spark-submit --py-files steelyard.zip (a wheel renamed to .zip will do), "
                "or spark.addArtifacts('steelyard.zip', pyfile=True) on Spark Connect."
            ) from None
        return target(table, **settings)

    return call


def nullable(kind: Any) -> Any:
    """Return a Spark type of which every part may be null: what Python gives back says nothing of that."""
    from pyspark.sql import types as T

    if isinstance(kind, T.StructType):
        return T.StructType([T.StructField(f.name, nullable(f.dataType)) for f in kind.fields])
    if isinstance(kind, T.ArrayType):
        return T.ArrayType(nullable(kind.elementType))
    if isinstance(kind, T.MapType):
        return T.MapType(nullable(kind.keyType), nullable(kind.valueType))
    return kind


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep NumPy to one thread, where threadpoolctl is there to do so: Spark already runs a task on each core."""
    try:
        threadpool_limits = importlib.import_module("threadpoolctl").threadpool_limits
    except ModuleNotFoundError:
        yield
        return
    with threadpool_limits(limits=1):
        yield
