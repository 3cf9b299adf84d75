"""Facts of a model card: each is a value in a JSON file of the run, named by a JSON pointer (RFC 6901)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.config import ALL_STAGES
from steelyard.report._artifacts import GUARDS
from steelyard.report._numbers import count, interval, metric, number, percent
from steelyard.store import Outcome, Published, RunDir

Show = Callable[[Any], str]

_FILES = {
    "stats": ("profile", "stats.json"),
    "input": ("profile", "input.json"),
    "split": ("split", "plan.json"),
    "difficulty": ("diagnose", "difficulty.json"),
    "compare": ("compare", "choice.json"),
    "resample": ("resample", "plan.json"),
    "model": ("train", "model.json"),
    "policy": ("decide", "policy.json"),
    "metrics": ("evaluate", "metrics.json"),
}
"""Name of a document → the stage and the name of its file."""


@dataclass(frozen=True)
class Fact:
    """A line of a model card: what it is, the value as text, and where the value is."""

    name: str
    value: str
    source: str


class Documents:
    """The JSON files of a run, by name: those of `_FILES`, `run`, and the outcomes of stages as `stage:<name>`."""

    def __init__(self, run: RunDir) -> None:
        self.outcomes = {s: outcome for s in ALL_STAGES if (outcome := run.checked_outcome(s)) is not None}
        self.paths = {"run": "run.json"}
        run.manifest()  # verifies the file
        self.found: dict[str, Any] = {"run": run.read_json("run.json")}
        for name, (stage, file) in _FILES.items():
            self._read(run, name, self.outcomes.get(stage), file)
        for checkpoint in GUARDS:
            self._read(run, f"guard:{checkpoint}", self.outcomes.get(f"guard_{checkpoint}"), f"{checkpoint}.json")
        for stage in self.outcomes:
            self.paths[f"stage:{stage}"] = f"stages/{stage}.json"
            self.found[f"stage:{stage}"] = run.read_json(f"stages/{stage}.json")

    def _read(self, run: RunDir, name: str, outcome: Outcome | None, file: str) -> None:
        paths = [f["path"] for f in outcome.files if f["path"].rsplit("/", 1)[-1] == file] if outcome else []
        if outcome is not None and paths:
            self.paths[name] = min(paths, key=len)
            self.found[name] = Published(run, outcome).read_json(self.paths[name])
        elif outcome is not None and run.exists(earlier := f"guards/{outcome.attempt}/{file}"):
            self.paths[name], self.found[name] = earlier, run.read_json(earlier)  # 0.1.0 listed no file of a failure

    def at(self, document: str, *keys: str | int) -> Any:
        """Return the value at a place, None where there is none."""
        value = self.found.get(document)
        for key in keys:
            inside = isinstance(value, Mapping) and key in value
            listed = isinstance(value, list) and isinstance(key, int) and key < len(value)
            if not (inside or listed):
                return None
            value = value[key]  # type: ignore[index]
        return value

    def fact(self, name: str, document: str, *keys: str | int, shown: Show = str) -> list[Fact]:
        """Return the fact at a place as a list: empty where the value is missing or null."""
        value = self.at(document, *keys)
        if value is None:
            return []
        return [Fact(name, shown(value), f"{self.paths[document]}#{pointer(keys)}")]

    def facts(self, name: str, document: str, *keys: str | int) -> list[Fact]:
        """Return a fact for each entry of the list at a place."""
        entries = self.at(document, *keys) or []
        return [fact for i in range(len(entries)) for fact in self.fact(name, document, *keys, i)]


def pointer(keys: Sequence[str | int]) -> str:
    """Return keys as a JSON pointer.

    Examples
    --------
    >>> pointer(["splits", "a/b", 0])
    '/splits/a~1b/0'
    """
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def resolve(document: Any, text: str) -> Any:
    """Return the value at a JSON pointer."""
    for part in text.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def figure(value: Mapping[str, Any]) -> str:
    """Return a number of `metrics.json` with its interval, or the note why it has none."""
    return f"{metric(value['value'])}{_between(value, interval(value) if value.get('ci95') else '')}"


def amount(value: Mapping[str, Any]) -> str:
    """Return an amount of `metrics.json` with its interval."""
    return f"{number(value['value'])}{_between(value, interval(value, number) if value.get('ci95') else '')}"


def _between(value: Mapping[str, Any], ends: str) -> str:
    if ends:
        return f" (95 % interval {ends})"
    return f" (no interval: {value['note']})" if value.get("note") and value.get("value") is not None else ""


def settings(value: Mapping[str, Any]) -> str:
    """Return settings that are not null as text."""
    return ", ".join(f"{k} = {v}" for k, v in value.items() if v is not None) or "none"


def names(value: Sequence[Any]) -> str:
    """Return a list as text, the first twenty of a long one."""
    shown = ", ".join(map(str, value[:20]))
    return f"{shown} and {count(len(value) - 20)} more" if len(value) > 20 else shown or "none"


def size(value: Sequence[Any] | Mapping[str, Any]) -> str:
    """Return how many entries there are."""
    return count(len(value))


def share(value: float) -> str:
    """Return a share in per cent."""
    return percent(value)
