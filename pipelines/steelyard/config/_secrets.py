"""Detect secrets, and keep those of the environment out of everything that is written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from steelyard.errors import ConfigError, SteelyardError

_ENVIRONMENT = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_PLACEHOLDER = re.compile(r"\$\{(?:env:)?[A-Za-z_][A-Za-z0-9_]*\}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Matches a key whose words are separated by `_`.
_NAME = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|bearer|jaas"
    r"|(?:^|_)(?:[a-z]*db|user|key|trust|store)?_?pass$|(?:^|_)(?:sas|sig)(?:_|$)"
    r"|(?:access|account|api|private|signing|encryption|shared|master|storage)_?key"
)
_WORDS = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[._-]?key|private[._-]?key|account[._-]?key|access[._-]?key"
    r"|shared[._-]?access[._-]?signature|signature)"
)
# Matches a value that is a secret by its form, unless the secret part is a placeholder, `${env:NAME}`.
_FORMS = re.compile(
    rf"{_WORDS}\s*[=:]\s*(?!\$\{{)[^;&\s]+"  # password=…, ?token=…
    r"|(?:^|[^A-Za-z])(?:pass|sas|sig|auth)\s*=\s*(?!\$\{)[^;&\s]+"
    r"|://[^/\s:@]*:(?!\$\{)[^/\s@]+@"  # user:password@host
    r"|(?:https?|ftps?|git|ssh\+git)://(?!\$\{)[^/\s:@]+@"  # token@host; abfss://container@account is not a secret
    r"|jdbc:oracle:\w+:[^/\s@:]+/(?!\$\{)[^@\s]+@"  # user/password@host
    r"|\bbearer\s+(?!\$\{)\S+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    re.IGNORECASE,
)
_SHORTEST = 4  # characters: a value such as "1" occurs everywhere


def is_secret_name(key: str) -> bool:
    """Whether a setting of this name holds a secret.

    Examples
    --------
    >>> is_secret_name("spark.executorEnv.DB_PASS"), is_secret_name("passenger_count")
    (True, False)
    """
    return _NAME.search(re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", key).lower())) is not None


def holds_secret(value: object) -> bool:
    """Whether a text is or contains a secret, by its form: within a URL, or a list of settings."""
    return _FORMS.search(_PLACEHOLDER.sub("${}", str(value))) is not None


def refuse_secrets(section: str, values: Mapping[str, Any]) -> None:
    """Raise for a value that is a secret by its name or form, unless it comes from the environment.

    Raises
    ------
    ValueError
        Naming the key, never the value.
    """
    for key, value in values.items():
        if (is_secret_name(key) and not _PLACEHOLDER.fullmatch(str(value))) or holds_secret(value):
            raise ValueError(
                f"{section} {key!r} contains a literal secret; write ${{env:NAME}} and set NAME in the environment"
            )


def refuse_secret_paths(section: str, paths: Mapping[str, str]) -> None:
    """Raise for a path or URI with a secret before the host or after the `?`.

    Between them, a folder may be called `token=3`.
    """
    refuse_secrets(section, {key: _without_folders(path) for key, path in paths.items()})


def _without_folders(path: str) -> str:
    scheme, parted, rest = path.partition("://")
    host, _, behind = rest.partition("/") if parted else ("", "", path)
    return f"{scheme if parted else ''}{parted}{host}/?{behind.partition('?')[2]}"


def resolve_env(value: Any) -> Any:
    """Return `value` with each `${env:NAME}` replaced from the environment. For the driver only; never write it.

    Raises
    ------
    ConfigError
        If the environment has no such variable.
    """
    return _changed(value, lambda text: _ENVIRONMENT.sub(lambda m: _from_environment(m[1]), text))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return JSON types with all texts changed, except keys."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {k: _changed(v, change) for k, v in value.items()}
    return [_changed(v, change) for v in value] if isinstance(value, list | tuple) else value


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise ConfigError(f"the pipeline uses ${{env:{name}}}, but the environment has no {name}")
    return os.environ[name]


def hide_env(value: Any, source: Any) -> Any:
    """Return `value` with the values of all `${env:NAME}` in `source` replaced by these placeholders again.

    Parameters
    ----------
    value : object
        Text, or lists and mappings of it.
    source : object
        The configuration, or any part of it.
    """
    found = {name: os.environ.get(name, "") for name in _ENVIRONMENT.findall(str(source))}
    secrets = sorted((p for p in found.items() if len(p[1]) >= _SHORTEST), key=lambda p: (-len(p[1]), p[0]))

    def hide(text: str) -> str:
        for name, secret in secrets:  # the longest first, which may contain another
            text = text.replace(secret, f"${{env:{name}}}")
        return text

    return _changed(value, hide)


@contextmanager
def hidden_env(source: Any) -> Iterator[None]:
    """Restore the placeholders of `source` in our errors, which may quote Spark or a driver."""
    try:
        yield
    except SteelyardError as error:
        error.args = (hide_env(str(error), source),)
        raise
