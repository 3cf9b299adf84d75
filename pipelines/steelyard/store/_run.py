"""Stores and the run directories in them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pyarrow import fs as pafs

from steelyard.errors import InputError, unusable
from steelyard.store._folder import Folder
from steelyard.store._json import signed, to_json, verified
from steelyard.store._outcome import Outcome, new_token, outcome_from

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ANEW = "`steelyard run` with this --run-id and --resume writes it anew"
_AT_THE_TOP = {"evaluate": "metrics.json", "report": "report.html"}


class RunExistsError(InputError):
    """The run id is taken."""


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
        if isinstance(self._fs, pafs.LocalFileSystem):
            self.root = self._path  # not `file://`, which `RunDir.uri` adds

    def here(self) -> RunDir:
        """Return the store's root itself as a directory to read and write in."""
        return RunDir(self._fs, self._path.rstrip("/"), self.root.rstrip("/"))

    def run(self, name: str, run_id: str) -> RunDir:
        """Return the directory of a run, whether or not it exists yet.

        Raises
        ------
        InputError
            If the run id has characters that a path must not have, or there is a link of that name.
        """
        if not RUN_ID.fullmatch(run_id):
            raise InputError(f"run id {run_id!r} is not of the form [A-Za-z0-9][A-Za-z0-9._-]{{0,99}}")
        run = RunDir(self._fs, f"{self._path}/{name}/{run_id}", f"{self.root.rstrip('/')}/{name}/{run_id}")
        if run.is_link():
            raise InputError(f"{run.location} is a link, which is never a run; name the run that it leads to")
        return run

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
    """Return an existing run directory by its path or URI. A link to a run beside it stands for that run.

    Raises
    ------
    InputError
        If there is no `run.json`, or it is a link that leads elsewhere.
    """
    run = Store(location).here()
    if run.is_link() and run.local is not None:
        target = run.local.resolve()
        if target.parent != run.local.parent.resolve():
            raise InputError(f"{location} is a link to {target}; name that folder itself")
        run = Store(target).here()
    if not run.exists("run.json"):
        raise InputError(f"{location} is no run directory: it has no run.json")
    return run


class RunDir(Folder):
    """One run's directory. Paths are relative to it and use `/`."""

    def beside(self, name: str) -> RunDir:
        """Return a folder next to this one. One whose name begins with `_` is no run's: run ids can't."""
        return RunDir(self._fs, f"{self._path.rsplit('/', 1)[0]}/{name}", f"{self.location.rsplit('/', 1)[0]}/{name}")

    def below(self, name: str) -> RunDir:
        """Return a folder right below this one as a directory of its own."""
        return RunDir(self._fs, f"{self._path}/{name}", f"{self.location}/{name}")

    @contextmanager
    def written_whole(self, mark: str) -> Iterator[RunDir]:
        """Give a folder to write into, which takes the place of this one when all is written.

        Locally it is a hidden folder, renamed at the end: a process that is killed leaves this one as it was. Other
        stores cannot rename. There it is this folder itself, and `mark`, written last, says that it is whole.

        Parameters
        ----------
        mark : str
            The file that the caller writes last.
        """
        there, token = self.exists(""), f"unfinished-{new_token()}"
        name = self._path.rpartition("/")[2][:50]
        made = self
        if self.local is not None:
            made = self.below(f"_{token}") if there else self.beside(f".{name}.{token}")
        try:
            yield made
            if made is not self:
                self._take(made, mark, there=there)
        except BaseException:
            if made is not self or not there:
                made.delete("")
            raise

    def _take(self, made: RunDir, mark: str, *, there: bool) -> None:
        """Rename a local folder, or its files where this folder is there already and its own are replaced."""
        if not there:
            try:
                os.rename(made._path, self._path)
            except OSError as error:  # another command has made the folder meanwhile
                raise unusable(error, self.location) from None
            return
        self.write_json(mark, {"status": "writing"})  # until all is replaced
        for name in set(self.names()) - {mark, made._path.rpartition("/")[2]}:
            self.delete(name)
        for name in sorted(made.names(), key=lambda name: name == mark):
            os.rename(f"{made._path}/{name}", f"{self._path}/{name}")
        made.delete("")

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
        content = to_json(signed({**manifest, "claim": token}))
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
        """Return `run.json`.

        Raises
        ------
        InputError
            If it can't be read or has changed: a process that was killed while it wrote leaves it cut short.
        """
        try:
            document = verified(self.read_json("run.json"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.location}/run.json can't be read ({_short(error)}); {_ANEW}") from None
        if not isinstance(document, dict):
            raise InputError(f"{self.location}/run.json is no JSON object; {_ANEW}")
        return document

    def update_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace `run.json`, keeping the claim; one that can't be read is written with a new claim."""
        try:
            claim = self.manifest().get("claim")
        except InputError:
            claim = None
        self.write_json("run.json", signed({**manifest, "claim": claim or secrets.token_hex(8)}))

    def outcome(self, stage: str) -> Outcome | None:
        """Return how a stage ended, or None if it hasn't: a file that can't be trusted counts as not written."""
        path = f"stages/{stage}.json"
        if not self.exists(path):
            return None
        try:
            return outcome_from(verified(self.read_json(path)))
        except (ValueError, RecursionError):
            return None

    def checked_outcome(self, stage: str) -> Outcome | None:
        """Return how a stage ended, or None if it hasn't: a file that a crash cut short counts as not written.

        Raises
        ------
        InputError
            If the file has changed since it was written.
        """
        found, path = self.outcome(stage), f"stages/{stage}.json"
        if found is None and self.exists(path) and self.read_bytes(path).rstrip().endswith(b"}"):
            raise InputError(f"{self.location}/{path} has changed since it was written; run stage {stage} again")
        return found

    def published(self, stage: str) -> Published:
        """Return the files that a stage has published; each is verified when it is read.

        Raises
        ------
        InputError
            If the stage hasn't been done, or its outcome has changed.
        """
        outcome = self.checked_outcome(stage)
        if outcome is None or not outcome.done:
            state = "has not run" if outcome is None else f"failed ({outcome.message})"
            raise InputError(f"stage {stage} {state} in {self.location}; run it first")
        return Published(self, outcome)

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
        files = [self.describe(f) for a in artifacts for f in self._below(a)]
        final = Outcome(**{**asdict(outcome), "files": files})
        self.write_json(f"stages/{outcome.stage}.json", signed(asdict(final)))
        return final

    def is_whole(self, outcome: Outcome) -> bool:
        """Whether every published file is still what it was; of Parquet files, size and footer are compared."""
        view = Published(self, outcome)
        return all(view.fault(f["path"]) is None for f in outcome.files)

    def _below(self, path: str) -> list[str]:
        return [path] if self._size(path) is not None else self.files(path)


class Published(RunDir):
    """What one stage has published, for reading: a file that is not as it was is an error.

    Parameters
    ----------
    run : RunDir
    outcome : Outcome
    """

    def __init__(self, run: RunDir, outcome: Outcome) -> None:
        super().__init__(run._fs, run._path, run.location)
        self.attempt = outcome.attempt
        self._stage = outcome.stage
        self._listed = {f["path"]: f for f in outcome.files}

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a published file.

        Raises
        ------
        InputError
            If it is missing or changed; the message names the file and the stage to run again.
        """
        if path not in self._listed or self._size(path) is None:
            raise self._broken(path)
        content = super().read_bytes(path)
        if hashlib.sha256(content).hexdigest() != self._listed[path].get("sha256"):
            raise self._broken(path)
        return content

    def has(self, folder: str) -> bool:
        """Whether the stage has published files below a folder."""
        return any(path.startswith(f"{folder}/") for path in self._listed)

    def check_table(self, folder: str) -> None:
        """Compare a table's files with the published ones: names, sizes, and the footers of Parquet files.

        Raises
        ------
        InputError
            If one is missing, changed or new.
        """
        present = [p for p in self.files(folder) if not _is_hidden(p.removeprefix(f"{folder}/"))]
        listed = [p for p in self._listed if p.startswith(f"{folder}/") and p.endswith(".parquet")]
        for path in dict.fromkeys([*listed, *present]):
            if self.fault(path):
                raise self._broken(path)

    def fault(self, path: str) -> str | None:
        """Return what is wrong with a file, None if it is as the stage wrote it."""
        listed = self._listed.get(path)
        if listed is None:
            return "is not among the files that the stage wrote"
        size = self._size(path)
        if size is None:
            return "is missing"
        if size != listed["size"]:
            return f"has changed: it has {size:,} bytes, and had {listed['size']:,}"
        # Outcomes of earlier versions have no digest of footers.
        known = {k: listed[k] for k in ("sha256", "footer_sha256") if listed.get(k) is not None}
        changed = known and not known.items() <= self.describe(path).items()
        return "has changed: its SHA-256 is another" if changed else None

    def _broken(self, path: str) -> InputError:
        return InputError(f"{self.location}/{path} {self.fault(path)}; run stage {self._stage} again")


def _is_hidden(path: str) -> bool:
    """Whether Spark passes over a file."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def _short(error: Exception) -> str:
    return "it is missing" if isinstance(error, FileNotFoundError) else (str(error).splitlines() or ["?"])[0][:200]
