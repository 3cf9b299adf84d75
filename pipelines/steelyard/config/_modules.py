"""Which modules a YAML may have imported: those that the deployment allows, never those that the YAML says itself."""

from __future__ import annotations

import os

from steelyard.errors import ConfigError

VARIABLE = "STEELYARD_ALLOWED_MODULES"


def check_module(path: str, setting: str, *, needed: bool) -> None:
    """Refuse a dotted path that isn't below one of the prefixes in `STEELYARD_ALLOWED_MODULES`.

    Parameters
    ----------
    path : str
        `module.name`, from a YAML.
    setting : str
        Where the YAML says it, for the message.
    needed : bool
        Whether nothing is allowed where the variable isn't set; else all is.

    Raises
    ------
    ConfigError
        If it is not allowed.
    """
    prefixes = [p for p in os.environ.get(VARIABLE, "").replace(",", " ").split() if p]
    if not prefixes and not needed:
        return
    if not any(path.startswith(f"{prefix.rstrip('.')}.") for prefix in prefixes):
        allowed = f"it allows {', '.join(prefixes)}" if prefixes else "it isn't set"
        raise ConfigError(f"{setting}: {path!r} is not below a module that {VARIABLE} allows; {allowed}")
