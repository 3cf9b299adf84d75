"""Read untrusted YAML: with limits of size, depth and nodes, and errors that name the line."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionStartEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent

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
    try:
        _check_size(text, name)
        return YAML(typ="safe" if plain else "rt", pure=True).load(StringIO(text))
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        # A duplicate key comes with its two values, which may be secrets.
        problem = _SHOWN_VALUE.sub("", str(error.problem or error.context or "not YAML"))
        raise ConfigError(f"{name}{line}: {problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: {(str(error).splitlines() or ['not YAML'])[0]}") from None


def _check_size(text: str, name: str) -> None:
    """Check nodes and depth before anything is built: nested aliases may expand to millions of nodes."""
    if len(text) > LONGEST:
        raise ConfigError(f"{name}: is longer than {LONGEST:,} characters, the limit of a pipeline")
    nodes = 0
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []  # per open collection: its anchor, the nodes before it
    for event in YAML().parse(StringIO(text)):
        if isinstance(event, MappingEndEvent | SequenceEndEvent):
            anchor, before = open_.pop()
            sizes[anchor or ""] = nodes - before
            continue
        if isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_):
                raise ConfigError(f"{name}, line {event.start_mark.line + 1}: *{event.anchor} contains itself")
            nodes += sizes.get(event.anchor, 1)
        elif isinstance(event, ScalarEvent | CollectionStartEvent):
            nodes += 1
            if isinstance(event, CollectionStartEvent):
                open_.append((event.anchor, nodes - 1))
        if len(open_) > _DEEPEST or nodes > _MOST:
            what = f"nested deeper than {_DEEPEST} levels" if len(open_) > _DEEPEST else f"of more than {_MOST:,} nodes"
            raise ConfigError(f"{name}, line {event.start_mark.line + 1}: is {what}, the limit of a pipeline")
