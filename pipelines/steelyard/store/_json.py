"""JSON as it is written: the same bytes for the same document, and nothing that JSON does not have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any


def to_json(document: Any) -> bytes:
    """Return a document as JSON, readable, keys in their order; NaN and infinite numbers become null."""
    return (dumps(document, indent=2) + "\n").encode()


def dumps(document: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None) -> str:
    """Return a document as JSON text. JSON has no NaN and no infinity: they become null."""
    return json.dumps(_finite(document), indent=indent, ensure_ascii=False, allow_nan=False, default=default)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(of) for of in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
