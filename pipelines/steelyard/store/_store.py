"""Stores: places for run directories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyarrow import fs as pafs

from steelyard.errors import InputError, unusable
from steelyard.store._outcome import new_token
from steelyard.store._run import RunDir

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
    """Return an existing run directory by its path or URI. A link to a run in the same folder is followed.

    Raises
    ------
    InputError
        If there is no `run.json`, or it is a link to another folder.
    """
    run = Store(location).here()
    if run.is_link() and run.local is not None:
        target = run.local.resolve()
        if target.parent != run.local.parent.resolve():
            raise InputError(f"{location} is a link to {target}; use that path instead")
        run = Store(target).here()
    if not run.exists("run.json"):
        raise InputError(f"{location} is not a run directory: it has no run.json")
    return run
