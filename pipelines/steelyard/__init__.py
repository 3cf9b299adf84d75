"""Class-imbalance pipelines on Apache Spark."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

__version__ = "0.1.0"
__all__ = ["session"]


def session(master: str | None = None, conf: Mapping[str, Any] | None = None) -> SparkSession:
    """Return a Spark session that is right for a laptop or a notebook.

    Its Python workers are this very interpreter, so that they have the libraries of this environment, activated or
    not; Java is found, or comes from the wheel of `steelyard[local]`; what Java logs goes to a file; times are in UTC.
    The command line runs in the same session. Where one is running already, that one is returned.

    Parameters
    ----------
    master : str, optional
        By default what `STEELYARD_MASTER` says, else ``local[*]``.
    conf : mapping of str to str, int, float or bool, optional
        Further settings of Spark, such as ``{"spark.driver.memory": "8g"}``.

    Raises
    ------
    InputError
        If pyspark or Java is missing.

    Examples
    --------
    >>> import steelyard
    >>> spark = steelyard.session()
    >>> spark.range(3).count()
    3
    """
    from steelyard.config import SparkConfig

    # By name: every module that asks for the version would import the stages otherwise, as import-linter sees it.
    stages = import_module("steelyard.stages.commands.session")
    made: SparkSession = stages.own_session(SparkConfig(master=master, conf=dict(conf or {})))
    return made
