"""Read untrusted YAML: with limits of size, depth and nodes, and errors that name the line."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionStartEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent
from ruamel.yaml.parser import Parser

from steelyard.errors import ConfigError

LONGEST = 256 * 1024  # characters
_DEEPEST = 40
_MOST = 20_000  # nodes; those of an alias count at each use
_SHOWN_VALUE = re.compile(r" with value .*", re.DOTALL)


def parse_yaml(text: str, name: str, *, plain: bool = False) -> Any:
    """Return a document.

    Parameters
    ----------
    text : str
        YAML 1.2.
    name : str
        Name of the document in errors.
    plain : bool, default False
        Return Python's own types, without lines and spellings.

    Raises
    ------
    ConfigError
        If the text is not YAML, or larger than any pipeline.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"{name}: is longer than {LONGEST:,} characters, the limit of a pipeline")
    try:
        yaml = YAML(typ="safe" if plain else "rt", pure=True)
        yaml.Parser = type("Limited", (_Limited, yaml.Parser), {"limits": _Limits(name)})
        return yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        # The error of a duplicate key contains both values, which may be secrets.
        problem = _SHOWN_VALUE.sub("", str(error.problem or error.context or "not YAML"))
        raise ConfigError(f"{name}{line}: {problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: {(str(error).splitlines() or ['not YAML'])[0]}") from None


class _Limited(Parser):
    """A parser that counts what it reads, so that nothing is built of a document that is too large."""

    limits: _Limits

    def get_event(self) -> Any:
        """Return the next event."""
        event = super().get_event()
        self.limits.count(event)
        return event


class _Limits:
    """Nodes and depth of a document: nested aliases may expand to millions of nodes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes = 0
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []  # per open collection: its anchor, the nodes before it

    def count(self, event: Any) -> None:
        """Count an event.

        Raises
        ------
        ConfigError
            If the document is larger than any pipeline.
        """
        if isinstance(event, MappingEndEvent | SequenceEndEvent):
            anchor, before = self._open.pop()
            self._sizes[anchor or ""] = self._nodes - before
            return
        if isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in self._open):
                raise self._error(event, f"*{event.anchor} contains itself")
            self._nodes += self._sizes.get(event.anchor, 1)
        elif isinstance(event, ScalarEvent | CollectionStartEvent):
            self._nodes += 1
            if isinstance(event, CollectionStartEvent):
                self._open.append((event.anchor, self._nodes - 1))
        if len(self._open) > _DEEPEST:
            raise self._error(event, f"is nested deeper than {_DEEPEST} levels, the limit of a pipeline")
        if self._nodes > _MOST:
            raise self._error(event, f"is of more than {_MOST:,} nodes, the limit of a pipeline")

    def _error(self, event: Any, what: str) -> ConfigError:
        return ConfigError(f"{self._name}, line {event.start_mark.line + 1}: {what}")
