"""Run directories: claimed ids, stage outcomes that publish a stage's output, and small files on any store.

The store needs only one kind of atomicity: that a small object is there whole or not at all. Nothing is renamed.
A stage writes what it makes under a folder that carries its attempt, and becomes real with its last write, the
outcome `stages/<stage>.json`. What isn't named there doesn't exist for readers.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyarrow import fs as pafs

from steelyard.errors import InputError, unusable

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AT_THE_TOP = {"evaluate": "metrics.json", "report": "report.html"}


class RunExistsError(InputError):
    """The run id is taken."""


@dataclass(frozen=True)
class Outcome:
    """How a stage ended; its being written is what publishes the stage.

    Parameters
    ----------
    stage : str
    status : {"done", "failed"}
    attempt : str
        Names the folder of the stage's artifacts.
    started, finished : str
        ISO 8601, UTC.
    fingerprint : str
        Of the part of the configuration that the stage depends on.
    kind : {"guard", "input", "engine"}, optional
        Of a failure: who has to act.
    message : str, optional
        Of a failure, in words for people.
    rows : dict
        Rows in and out for each class, where the stage has them.
    files : list of dict
        The published files: `path`, `size`, `sha256` (null for tables, whose content is never read back).
    details : dict
        A small summary, for the report and for schedulers.
    """

    stage: str
    status: str
    attempt: str
    started: str
    finished: str
    fingerprint: str = ""
    kind: str | None = None
    message: str | None = None
    rows: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether the stage ended well."""
        return self.status == "done"


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_token() -> str:
    """Return a name that sorts by time and that no other process makes: `YYYYMMDDTHHMMSSZ-xxxx`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


class Store:
    """A place for run directories: a local folder or any file system that `pyarrow.fs` reaches.

    Parameters
    ----------
    root : str or Path
        A path, or a URI such as `s3://bucket/runs`, `gs://…`, `hdfs://…`.
    filesystem : pyarrow.fs.FileSystem, optional
        Overrides the one that the URI names; `root` is then a path in it.
    """

    def __init__(self, root: str | Path, filesystem: pafs.FileSystem | None = None) -> None:
        self.root = str(root)
        if filesystem is not None:
            self._fs, self._path = filesystem, self.root.rstrip("/")
        elif "://" in self.root:
            # Hadoop says s3a where pyarrow says s3; Spark is given the user's own spelling.
            try:
                self._fs, self._path = pafs.FileSystem.from_uri(re.sub(r"^s3[an]://", "s3://", self.root))
            except (OSError, ValueError) as error:
                raise unusable(error, self.root) from None
        else:
            self.root = str(Path(self.root).absolute())
            self._fs, self._path = pafs.LocalFileSystem(), self.root

    def here(self) -> RunDir:
        """Return the store's root itself as a directory to read and write in."""
        return RunDir(self._fs, self._path.rstrip("/"), self.root.rstrip("/"))

    def run(self, name: str, run_id: str) -> RunDir:
        """Return the directory of a run, whether or not it exists yet.

        Raises
        ------
        InputError
            If the run id has characters that a path must not have.
        """
        if not RUN_ID.fullmatch(run_id):
            raise InputError(f"run id {run_id!r} is not of the form [A-Za-z0-9][A-Za-z0-9._-]{{0,99}}")
        return RunDir(self._fs, f"{self._path}/{name}/{run_id}", f"{self.root.rstrip('/')}/{name}/{run_id}")

    def create(self, name: str, run_id: str | None, manifest: Mapping[str, Any]) -> RunDir:
        """Claim a run id by creating its `run.json`.

        Raises
        ------
        RunExistsError
            If the id is taken.
        """
        run = self.run(name, new_token() if run_id is None else run_id)
        run.check_writable()
        run.claim(manifest)
        return run


def open_run(location: str | Path) -> RunDir:
    """Return an existing run directory by its path or URI.

    Raises
    ------
    InputError
        If there is no `run.json`.
    """
    run = Store(location).here()
    if not run.exists("run.json"):
        raise InputError(f"{location} is no run directory: it has no run.json")
    return run


class RunDir:
    """One run's directory. Paths are relative to it and use `/`."""

    def __init__(self, filesystem: pafs.FileSystem, path: str, location: str) -> None:
        self._fs, self._path, self.location = filesystem, path, location

    @property
    def local(self) -> Path | None:
        """The directory as a local path, or None on another store."""
        return Path(self._path) if isinstance(self._fs, pafs.LocalFileSystem) else None

    def uri(self, path: str = "") -> str:
        """Return where `path` is, in the form that Spark takes."""
        place = f"{self.location}/{path}" if path else self.location
        return f"file://{place}" if self.local is not None else place

    def beside(self, name: str) -> RunDir:
        """Return a folder next to this one. One whose name begins with `_` is no run's: run ids can't."""
        return RunDir(self._fs, f"{self._path.rsplit('/', 1)[0]}/{name}", f"{self.location.rsplit('/', 1)[0]}/{name}")

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""
        place = f"{self._path}/{path}" if path else self._path
        return bool(self._fs.get_file_info(place).type != pafs.FileType.NotFound)

    def check_writable(self) -> None:
        """Raise `InputError` where a local folder can't be made, or not be written to."""
        if self.local is None:
            return
        above = next(p for p in (self.local, *self.local.parents) if p.exists())
        if not above.is_dir():
            raise InputError(f"{self.location} can't be a folder: {above} is a file")
        if not os.access(above, os.W_OK | os.X_OK):
            raise InputError(f"{self.location} can't be written: this user may not write to {above}")

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file."""
        with self._fs.open_input_stream(f"{self._path}/{path}") as stream:
            return bytes(stream.read())

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file, and the folders above it."""
        target = f"{self._path}/{path}"
        self._fs.create_dir(target.rsplit("/", 1)[0], recursive=True)
        with self._fs.open_output_stream(target) as stream:
            stream.write(content)

    def read_text(self, path: str) -> str:
        """Return a UTF-8 file's content."""
        return self.read_bytes(path).decode()

    def write_text(self, path: str, text: str) -> None:
        """Write a UTF-8 file."""
        self.write_bytes(path, text.encode())

    def read_json(self, path: str) -> Any:
        """Return a JSON file's content."""
        return json.loads(self.read_bytes(path))

    def write_json(self, path: str, document: Any) -> None:
        """Write a JSON file: the same bytes for the same document."""
        self.write_bytes(path, to_json(document))

    def files(self, path: str) -> list[str]:
        """Return the files below a folder, sorted; none if it doesn't exist."""
        selector = pafs.FileSelector(f"{self._path}/{path}", recursive=True, allow_not_found=True)
        found = [i.path for i in self._fs.get_file_info(selector) if i.type == pafs.FileType.File]
        base = self._path.lstrip("/")
        return sorted(f.lstrip("/").removeprefix(base).lstrip("/") for f in found)

    def folders(self) -> list[str]:
        """Return the names of the folders right below this one, sorted; none if it doesn't exist."""
        selector = pafs.FileSelector(self._path, allow_not_found=True)
        return sorted(i.base_name for i in self._fs.get_file_info(selector) if i.type == pafs.FileType.Directory)

    def below(self, name: str) -> RunDir:
        """Return a folder right below this one as a directory of its own."""
        return RunDir(self._fs, f"{self._path}/{name}", f"{self.location}/{name}")

    def delete(self, path: str) -> None:
        """Delete a file or folder if it is there."""
        kind = self._fs.get_file_info(f"{self._path}/{path}").type
        if kind == pafs.FileType.File:
            self._fs.delete_file(f"{self._path}/{path}")
        elif kind == pafs.FileType.Directory:
            self._fs.delete_dir(f"{self._path}/{path}")

    def upload(self, folder: Path, path: str) -> None:
        """Copy a local folder's files below `path`."""
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            self.write_bytes(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def claim(self, manifest: Mapping[str, Any]) -> None:
        """Create `run.json`, so that no other run takes this directory.

        Local folders create it exclusively. Elsewhere a token is written and read back: of two runs that
        start at the same moment both may believe in their claim, which is not promised there.

        Raises
        ------
        RunExistsError
            If it is there already.
        """
        token = secrets.token_hex(8)
        content = to_json({**manifest, "claim": token})
        taken = RunExistsError(
            f"run {self._path.rsplit('/', 1)[1]!r} exists in {self.location.rsplit('/', 1)[0]}; "
            "--resume goes on with it, --overwrite deletes it first"
        )
        if self.local is not None:
            self._fs.create_dir(self._path, recursive=True)
            try:
                handle = os.open(self.local / "run.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                raise taken from None
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            return
        if self.exists("run.json"):
            raise taken
        self.write_bytes("run.json", content)
        if self.read_json("run.json").get("claim") != token:
            raise taken

    def manifest(self) -> dict[str, Any]:
        """Return `run.json`."""
        document: dict[str, Any] = self.read_json("run.json")
        return document

    def update_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace `run.json`, keeping the claim."""
        self.write_json("run.json", {**manifest, "claim": self.manifest()["claim"]})

    def outcome(self, stage: str) -> Outcome | None:
        """Return how a stage ended, or None if it hasn't: a file that a crash cut short counts as not written."""
        path = f"stages/{stage}.json"
        if not self.exists(path):
            return None
        try:
            return Outcome(**self.read_json(path))
        except (ValueError, TypeError):
            return None

    def void(self, stages: Iterable[str]) -> None:
        """Delete the outcomes of some stages, and the files that these leave at the top of the directory."""
        for stage in stages:
            self.delete(f"stages/{stage}.json")
            if stage in _AT_THE_TOP:
                self.delete(_AT_THE_TOP[stage])

    def publish(self, outcome: Outcome, artifacts: Sequence[str] = ()) -> Outcome:
        """Write a stage's outcome, its last write, with the list of its files.

        Parameters
        ----------
        outcome : Outcome
        artifacts : sequence of str
            Files and folders that the stage has made.
        """
        files = [self._describe(f) for a in artifacts for f in self._below(a)]
        final = Outcome(**{**asdict(outcome), "files": files})
        self.write_json(f"stages/{outcome.stage}.json", asdict(final))
        return final

    def is_whole(self, outcome: Outcome) -> bool:
        """Whether every published file is still there with its size."""
        infos = self._fs.get_file_info([f"{self._path}/{f['path']}" for f in outcome.files])
        return all(
            i.type == pafs.FileType.File and i.size == f["size"] for i, f in zip(infos, outcome.files, strict=True)
        )

    def _below(self, path: str) -> list[str]:
        info = self._fs.get_file_info(f"{self._path}/{path}")
        return [path] if info.type == pafs.FileType.File else self.files(path)

    def _describe(self, path: str) -> dict[str, Any]:
        size = self._fs.get_file_info(f"{self._path}/{path}").size
        small = not path.endswith(".parquet")
        digest = hashlib.sha256(self.read_bytes(path)).hexdigest() if small else None
        return {"path": path, "size": size, "sha256": digest}


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
