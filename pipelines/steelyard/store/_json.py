"""JSON as it is written: the same bytes for the same document, and nothing that JSON does not have."""

from __future__ import annotations

import hashlib
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


def signed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with the SHA-256 of its content in `sha256`, so that a changed byte is noticed."""
    return {**document, "sha256": _digest(document)}


def verified(document: Any) -> Any:
    """Return what `signed` was given. What has no `sha256` is returned as it is: earlier versions wrote none.

    Raises
    ------
    ValueError
        If the content is not what was signed.
    """
    if not isinstance(document, dict) or "sha256" not in document:
        return document
    content = {k: v for k, v in document.items() if k != "sha256"}
    if _digest(content) != document["sha256"]:
        raise ValueError("its SHA-256 is another")
    return content


def _digest(document: Mapping[str, Any]) -> str:
    read = json.loads(dumps(document))  # as a reader finds it
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(of) for of in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
