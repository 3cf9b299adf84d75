"""An archive of Spark's Java classes, with which later local sessions start in less time.

Java lists the classes that the first session loads. When this process ends, Java makes an archive of them in the
background (class data sharing, a feature of the JVM). The next session verifies the archive and takes it over.
Whatever goes wrong, Java starts without an archive, only slower.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_STALE = 24 * 3600  # seconds after which a process that makes an archive counts as lost, even if its id is in use
_FAILURES = (OSError, ValueError, RuntimeError, subprocess.SubprocessError)  # RuntimeError: a user without a home
# A warning about an archive that does not fit would go to stdout, which may be a command's JSON.
_QUIET = ("-Xlog:disable", "-Xlog:all=warning:stderr")
# Wait a minute for a process, then run a command with low priority under the same process id.
_AFTER = 'n=0; while kill -0 "$0" 2>/dev/null && [ $n -lt 300 ]; do sleep 0.2; n=$((n+1)); done; exec nice -n 19 "$@"'


class ClassArchive:
    """The archive of one Java and one Spark in a folder.

    `java` is the executable that Spark's launcher takes, `jars` the folder of Spark's jars, and `class_path` has what
    else decides Spark's class path.
    """

    def __init__(self, folder: Path, java: str, jars: Path, class_path: Sequence[str] = ()) -> None:
        self._java = java
        base = folder / f"classes-{_key(java, jars, class_path)}"
        self.ready, self._new, self._list = (base.with_suffix(end) for end in (".jsa", ".new", ".list"))
        self._record, self._lock = base.with_suffix(".json"), base.with_suffix(".lock")
        self._claimed = False

    def options(self) -> list[str]:
        """Return the Java options that use the archive, or list its classes; none while another process makes it."""
        try:
            if self._is_sealed() or self._taken_over():
                return [f"-XX:SharedArchiveFile={self.ready}", "-Xshare:auto", *_QUIET]
            if self._claimed:
                return [f"-XX:DumpLoadedClassList={self._list}"]
        except _FAILURES:
            pass
        return []

    def make_after(self, process: int, class_path: str) -> None:
        """Make the archive once this process and a Java process have ended, if Java lists the classes."""
        if self._claimed:
            atexit.register(self._make, os.getpid(), process, class_path)

    def _make(self, owner: int, process: int, class_path: str) -> None:
        if owner != os.getpid():  # a fork
            return
        dump = ["-Xshare:dump", f"-XX:SharedClassListFile={self._list}", f"-XX:SharedArchiveFile={self._new}"]
        command = [self._java, *dump, "-XX:TieredStopAtLevel=1", "-Xlog:disable", "-cp", class_path]
        nowhere = subprocess.DEVNULL
        with suppress(*_FAILURES):
            made = subprocess.Popen(
                ["/bin/sh", "-c", _AFTER, str(process), *command],
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
                cwd=self._list.parent,
                start_new_session=True,
            )
            self._write({"process": made.pid, "class_path": class_path})

    def _is_sealed(self) -> bool:
        """Whether the archive is the verified one, by size and time: Java crashes on a truncated file."""
        seal = self._read().get("sealed")
        return seal is not None and seal == _seal(self.ready)

    def _taken_over(self) -> bool:
        """Seal an archive that is complete; claim the making of one if there is none."""
        self._record.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._lock):
            record = self._read()
            if self._is_in_the_making(record):
                return False
            if self._is_sound(record):
                self._new.replace(self.ready)
                self._write({"sealed": _seal(self.ready)})
                self._list.unlink(missing_ok=True)
                return True
            for file in (self._new, self.ready, self._list):
                file.unlink(missing_ok=True)
            self._write({"process": os.getpid()})
            self._claimed = True
            return False

    def _is_in_the_making(self, record: dict[str, Any]) -> bool:
        process = record.get("process")
        if not isinstance(process, int) or time.time() - self._record.stat().st_mtime > _STALE:
            return False
        return _is_alive(process)

    def _is_sound(self, record: dict[str, Any]) -> bool:
        """Whether Java itself accepts every page of a new archive."""
        class_path = record.get("class_path")
        if not isinstance(class_path, str) or not self._new.exists():
            return False
        checks = ["-Xshare:on", "-XX:+VerifySharedSpaces", f"-XX:SharedArchiveFile={self._new}"]
        with tempfile.TemporaryDirectory() as folder:  # for the page that a crash leaves
            command = [self._java, *checks, "-XX:-CreateCoredumpOnCrash", "-cp", class_path, "-version"]
            return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False).returncode == 0

    def _read(self) -> dict[str, Any]:
        try:
            record = json.loads(self._record.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _write(self, record: dict[str, Any]) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self._record.parent, suffix=".part", delete=False) as file:
            json.dump(record, file)
        Path(file.name).replace(self._record)


def _key(java: str, jars: Path, class_path: Sequence[str]) -> str:
    """Return a short digest of what an archive depends on; Java refuses an archive of other jars by itself."""
    runtime = Path(java).resolve()
    parts = [str(runtime), _identity(runtime), str(jars.resolve()), *class_path]
    parts += sorted(f"{jar.name} {_identity(jar)}" for jar in jars.glob("*.jar"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _identity(file: Path) -> str:
    at = file.stat()
    return f"{at.st_size} {at.st_mtime_ns}"


def _seal(file: Path) -> list[int] | None:
    """Return size, time and inode of a file, None if there is none."""
    try:
        at = file.stat()
    except FileNotFoundError:
        return None
    return [at.st_size, at.st_mtime_ns, at.st_ino]


def _is_alive(process: int) -> bool:
    """Whether a process runs. In a container whose first process waits for none, ended ones keep their ids."""
    with suppress(OSError):
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock; raise BlockingIOError if another process holds it."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
