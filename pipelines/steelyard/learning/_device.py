"""The device that trains: a CPU or an NVIDIA GPU. Importing it needs neither Spark nor a training library."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steelyard.errors import ConfigError
from steelyard.frames.workers import in_worker

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

CPU, CUDA, AUTO = "cpu", "cuda", "auto"
DEVICES = (CPU, CUDA, AUTO)


def find_device(spark: SparkSession, asked: str, library: str) -> str:
    """Return the device that trains: "cpu" or "cuda".

    Costs a job of one empty task, unless "cpu" was asked for.

    Raises
    ------
    ConfigError
        If "cuda" was asked for, and Spark's workers have no such device, or a library that cannot use it.
    """
    if asked == CPU:
        return CPU
    probe = in_worker(__name__, "probed", library=library)
    [row] = spark.range(0, 1, 1, 1).mapInArrow(probe, "missing string").collect()
    if row["missing"] is None:
        return CUDA
    if asked == AUTO:
        return CPU
    raise ConfigError(f"train.device is cuda, but where Spark's workers run {row['missing']}: write cpu or auto")


def probed(batches: Iterator[pa.RecordBatch], library: str) -> Iterator[pa.RecordBatch]:
    """Return what is missing, or null."""
    import pyarrow as pa

    for _ in batches:
        yield pa.RecordBatch.from_pydict({"missing": pa.array([missing(library)], pa.string())})


def missing(library: str) -> str | None:
    """Return what `library` ("xgboost" or "torch") lacks to train on a GPU of this machine, None for nothing."""
    try:
        module: Any = importlib.import_module(library)
    except ModuleNotFoundError:
        return f"{library} is not installed"
    built = module.version.cuda is not None if library == "torch" else module.build_info().get("USE_CUDA")
    if not built:
        return f"this build of {library} has no CUDA"
    return None if gpus() else "there is no NVIDIA GPU"


def gpus() -> int:
    """Return how many NVIDIA GPUs the driver shows to this process."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    return count.value if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 else 0
