"""Parameters of Spark ML objects: declared with a check, and saved as Spark ML saves its own, on Connect too."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from pyspark.ml.param import Param, Params
from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLWriter

from steelyard.errors import InputError, closest

MOST = 2**31 - 1
"""The largest number that tasks and libraries take as an int."""


def wrong(name: str, wanted: str, value: object, hint: str = "") -> InputError:
    """Return the error for a value that a parameter can't have."""
    return InputError(f"{name} must be {wanted}. Got {value!r} instead.{hint}")


def param(name: str, doc: str, check: Callable[[str, Any], Any]) -> Param[Any]:
    """Declare a parameter: `check` gets its name and a value that isn't None, and returns the value to keep."""
    return Param(Params._dummy(), name, doc, typeConverter=lambda value: check(name, value))


def column(name: str, value: object) -> str:
    """Accept the name of one column."""
    if not isinstance(value, str) or not value:
        raise wrong(name, "the name of a column", value)
    return value


def columns(name: str, value: object) -> list[str]:
    """Accept the name of one column, or a list of names."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names or not all(isinstance(n, str) and n for n in names):
        raise wrong(name, "the name of a column or a list of names", value)
    if len(set(names)) < len(names):
        raise wrong(name, "without repetition", value)
    return list(names)


def whole(at_least: int, at_most: int = MOST) -> Callable[[str, object], int]:
    """Accept whole numbers from `at_least` to `at_most`."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or not at_least <= int(value) <= at_most:
            limit = "" if at_most == MOST else f", up to {at_most:,}"
            raise wrong(name, f"a whole number, {at_least} or more{limit}", value)
        return int(value)

    return check


NEIGHBORS = whole(1, 10_000)
"""How many neighbours are looked for: lists of more fill the memory of a task."""


def share(name: str, value: object) -> float:
    """Accept numbers above 0 and up to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) <= 1:
        raise wrong(name, "a number above 0, and 1 at most", value)
    return float(value)


def at_least_zero(name: str, value: object) -> float:
    """Accept finite numbers from 0 on."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < float("inf"):
        raise wrong(name, "a number, 0 or more", value)
    return float(value)


def flag(name: str, value: object) -> bool:
    """Accept True and False."""
    if not isinstance(value, bool):
        raise wrong(name, "true or false", value)
    return value


def one_of(*options: str) -> Callable[[str, object], str]:
    """Accept some words."""

    def check(name: str, value: object) -> str:
        if value not in options:
            hint = closest(value, options) if isinstance(value, str) else ""
            raise wrong(name, " or ".join(map(repr, options)), value, hint)
        return str(value)

    return check


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
