"""Small files below one folder, local or on any file system that `pyarrow.fs` reaches.

Nothing is written or deleted through a link: a link is replaced or removed itself, and what it points to stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from pyarrow import fs as pafs

from steelyard.errors import InputError
from steelyard.store._json import to_json
from steelyard.store._outcome import new_token

_MAGIC = 4  # bytes: the end of a Parquet file is the footer, its length, `PAR1`
_LENGTH = 4
_SHOWN = 50  # characters of a name in that of a temporary file: names have at most 255 bytes
_TEMPORARY = re.compile(r"\..+\.\d{8}T\d{6}Z-[0-9a-f]{4}")


def is_temporary(name: str) -> bool:
    """Whether a file is what a killed process left of one that it was writing."""
    return _TEMPORARY.fullmatch(name) is not None


class Folder:
    """A folder. Paths are relative to it and use `/`.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    path : str
        The folder in it.
    location : str
        The folder as users and Spark spell it.
    """

    def __init__(self, filesystem: pafs.FileSystem, path: str, location: str) -> None:
        self._fs, self._path, self.location = filesystem, path, location

    @property
    def local(self) -> Path | None:
        """The folder as a local path, or None on another store."""
        return Path(self._path) if isinstance(self._fs, pafs.LocalFileSystem) else None

    def uri(self, path: str = "") -> str:
        """Return where `path` is, in the form that Spark takes."""
        place = f"{self.location}/{path}" if path else self.location
        return f"file://{place}" if self.local is not None else place

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

    def is_link(self, path: str = "") -> bool:
        """Whether a local path is a symbolic link, broken or not."""
        return self.local is not None and (self.local / path).is_symlink()

    def read_bytes(self, path: str) -> bytes:
        """Return the content of a file."""
        with self._fs.open_input_stream(f"{self._path}/{path}") as stream:
            return bytes(stream.read())

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file whole, and the folders above it. A link at `path` is replaced by the file."""
        target = f"{self._path}/{path}"
        folder, _, name = target.rpartition("/")
        self._refuse_links_above(path)
        self._fs.create_dir(folder, recursive=True)
        # Elsewhere than locally, an object appears when its stream is closed.
        written = target if self.local is None else f"{folder}/.{name[:_SHOWN]}.{new_token()}"
        with self._fs.open_output_stream(written) as stream:
            stream.write(content)
        if written != target:
            os.replace(written, target)

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

    def files(self, path: str = "") -> list[str]:
        """Return the files below a folder, sorted; none if it doesn't exist. Linked folders are not entered."""
        if self.local is not None:
            walked = os.walk(self.local / path)
            found = [os.path.join(folder, name) for folder, _, names in walked for name in names]
        else:
            selector = pafs.FileSelector(f"{self._path}/{path}", recursive=True, allow_not_found=True)
            found = [i.path for i in self._fs.get_file_info(selector) if i.type == pafs.FileType.File]
        base = self._path.lstrip("/")
        return sorted(f.lstrip("/").removeprefix(base).lstrip("/") for f in found)

    def folders(self) -> list[str]:
        """Return the names of the folders right below this one, sorted, without links; none if it doesn't exist."""
        return [n for n, kind in self._entries() if kind == pafs.FileType.Directory and not self.is_link(n)]

    def names(self) -> list[str]:
        """Return the names of all that is right below this one, sorted; none if it doesn't exist."""
        return [n for n, _ in self._entries()]

    def links(self) -> dict[str, str]:
        """Return the links to folders right below this one: their names and where each leads."""
        linked = (n for n, kind in self._entries() if kind == pafs.FileType.Directory and self.is_link(n))
        return {n: os.path.realpath(f"{self._path}/{n}") for n in linked}

    def delete(self, path: str) -> None:
        """Delete a file or folder if it is there; of a link the link alone."""
        target = f"{self._path}/{path}".rstrip("/")
        if self.local is not None:
            self._refuse_links_above(path)
            if os.path.isdir(target) and not os.path.islink(target):
                shutil.rmtree(target)  # follows no link
            elif os.path.lexists(target):
                os.unlink(target)
            return
        kind = self._fs.get_file_info(target).type
        if kind == pafs.FileType.File:
            self._fs.delete_file(target)
        elif kind == pafs.FileType.Directory:
            self._fs.delete_dir(target)

    def upload(self, folder: Path, path: str) -> None:
        """Copy a local folder's files below `path`."""
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            self.write_bytes(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def describe(self, path: str) -> dict[str, Any]:
        """Return path, size and digest of a file; of a Parquet file the footer's digest, since Spark reads the rest."""
        size = self._size(path)
        if path.endswith(".parquet"):
            return {"path": path, "size": size, "sha256": None, "footer_sha256": self._footer_digest(path)}
        return {"path": path, "size": size, "sha256": hashlib.sha256(Folder.read_bytes(self, path)).hexdigest()}

    def _size(self, path: str) -> int | None:
        """Return a file's size, None if it does not exist."""
        info = self._fs.get_file_info(f"{self._path}/{path}")
        return int(info.size) if info.type == pafs.FileType.File else None

    def _footer_digest(self, path: str) -> str | None:
        """Return the SHA-256 of a Parquet file's footer, None if the file has none."""
        with self._fs.open_input_file(f"{self._path}/{path}") as file:
            size = file.size()
            if size < _LENGTH + 2 * _MAGIC:
                return None
            end = file.read_at(_LENGTH + _MAGIC, size - _LENGTH - _MAGIC)
            length = int.from_bytes(end[:_LENGTH], "little") + _LENGTH + _MAGIC
            if not end.endswith(b"PAR1") or length > size - _MAGIC:
                return None
            return hashlib.sha256(file.read_at(length, size - length)).hexdigest()

    def _entries(self) -> list[tuple[str, pafs.FileType]]:
        infos = self._fs.get_file_info(pafs.FileSelector(self._path, allow_not_found=True))
        return sorted((i.base_name, i.type) for i in infos)

    def _refuse_links_above(self, path: str) -> None:
        """Raise `InputError` instead of writing or deleting in a linked folder."""
        parts = path.split("/")[:-1]
        for above in ("/".join(parts[: n + 1]) for n in range(len(parts))):
            if self.is_link(above):
                raise InputError(
                    f"{self.location}/{above} is a link; put a folder there: nothing is written through it"
                )
