"""What a stage has published, verified whenever it is read."""

from __future__ import annotations

import hashlib

from steelyard.errors import InputError
from steelyard.store._folder import Folder
from steelyard.store._outcome import Outcome


class Published(Folder):
    """What one stage has published, for reading: a file that is not as it was is an error.

    Parameters
    ----------
    run : Folder
    outcome : Outcome
    """

    def __init__(self, run: Folder, outcome: Outcome) -> None:
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

    def has(self, path: str) -> bool:
        """Whether the stage has published a file, or files below a folder."""
        return any(listed == path or listed.startswith(f"{path}/") for listed in self._listed)

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
