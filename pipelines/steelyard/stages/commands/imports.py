"""Import what later stages need while Spark starts."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module

_MODEL_STAGES = ("train", "decide", "evaluate")
# pyspark imports it with pandas as soon as its Java process answers. Importing it first excludes a deadlock: neither
# thread then waits for a module of the other while it holds one.
_FIRST = "pyspark.testing.utils"


@contextmanager
def importing(stages: Iterable[str] = (), model: str = "") -> Iterator[None]:
    """Import what stages need in a thread during the block, which starts a session, and wait for the end of it.

    Without stages, it imports what pyspark itself needs for a session.

    Code after the block never imports at the same time. An import that fails is tried again where the module is used,
    and fails there. Python collects no garbage during the block: imports make little, and each collection visits all
    objects of all modules.
    """
    ended, names = threading.Event(), list(stages)
    tasks = _needed(names, model)

    def run() -> None:
        for task in tasks:
            if ended.is_set():
                return
            with suppress(Exception):
                task()

    thread = threading.Thread(target=run, name="steelyard-imports", daemon=True)
    with _no_collections(freeze=bool(names)):
        thread.start()
        try:
            yield
        except BaseException:
            ended.set()
            raise
        thread.join()


@contextmanager
def _no_collections(*, freeze: bool) -> Iterator[None]:
    """Collect no garbage during a block; with `freeze`, leave the objects that exist after it out of collections.

    Not in a user's own process, whose objects may become garbage.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if freeze:
                gc.freeze()
            gc.enable()


def _needed(stages: Sequence[str], model: str) -> list[Callable[[], object]]:
    """Return what imports the slow modules of some stages: their own, Great Expectations, the trainer's library."""
    names = [_FIRST, *(f"steelyard.stages.{stage}" for stage in stages)]
    if any(stage.startswith("guard_") for stage in stages):
        names += ["great_expectations", "steelyard.guards.expectations"]
    tasks: list[Callable[[], object]] = [partial(import_module, name) for name in names]
    if any(stage in _MODEL_STAGES for stage in stages):
        tasks.append(lambda: import_module("steelyard.learning").trainer_class(model).model_class())
    return tasks
