"""Events of runs as records of `logging`, and as lines of JSON if `STEELYARD_LOG` is ``json``."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from steelyard.errors import InputError
from steelyard.store import dumps

LOGGER = logging.getLogger("steelyard")
LOGGER.addHandler(logging.NullHandler())  # a library says nothing unless it is asked


_ENGINE_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "py4j")


def hide_engine_logs() -> None:
    """Hide pyspark's log of each failed query (60 lines of JSON) and py4j's log of a lost gateway from the terminal.

    With ``--debug`` on the command line all of it is shown.
    """
    from pyspark.logger import PySparkLogger  # its loggers must be of its own class

    debug = "--debug" in sys.argv
    for name in _ENGINE_LOGGERS:
        PySparkLogger.getLogger(name).setLevel(logging.WARNING if debug else logging.CRITICAL + 1)
    if not debug:
        logging.getLogger().addFilter(_not_of_py4j)


def _not_of_py4j(record: logging.LogRecord) -> bool:
    """Whether a record is not from py4j, which logs the stack of an interrupt to the root logger."""
    return "py4j" not in record.pathname


def log_event(pipeline: str, run_id: str, stage: str | None, event: str, level: int, **more: Any) -> None:
    """Write a record; its attribute `steelyard` holds the pipeline, the run's id, the stage, the event and more."""
    known = {"pipeline": pipeline, "run_id": run_id, "stage": stage, "event": event, **more}
    LOGGER.log(level, "%s/%s: %s %s", pipeline, run_id, stage, event, extra={"steelyard": known})


class JsonLines(logging.Formatter):
    """Format each record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, whether it is ours or another's of the same logger."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = getattr(record, "steelyard", None) or {"message": record.getMessage()}
        return dumps({"time": time, "level": record.levelname, **known}, default=str)


def logs_as_asked() -> bool:
    """Write lines of JSON to stderr if the environment requests it; return whether it does.

    Raises
    ------
    InputError
        If `STEELYARD_LOG` is neither empty nor ``json``.
    """
    asked = os.environ.get("STEELYARD_LOG", "")
    if asked not in ("", "json"):
        raise InputError(f"STEELYARD_LOG is {asked!r}; it can be 'json', or left out")
    if asked and not any(isinstance(h.formatter, JsonLines) for h in LOGGER.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
    return bool(asked)
