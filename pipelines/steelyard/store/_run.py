"""Run directories."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from steelyard.errors import InputError, unusable
from steelyard.store._folder import Folder
from steelyard.store._json import signed, to_json, verified
from steelyard.store._outcome import Outcome, new_token, outcome_from
from steelyard.store._published import Published

_AGAIN = "`steelyard run` with this --run-id and --resume writes it again"
_AT_THE_TOP = {"evaluate": ("metrics.json",), "report": ("report.html", "model_card.md", "model_card.html")}


class RunExistsError(InputError):
    """The run id is taken."""


class RunDir(Folder):
    """One run's directory. Paths are relative to it and use `/`."""

    def sibling(self, name: str) -> RunDir:
        """Return a folder next to this one. Run ids cannot begin with `_`, so such a folder is never a run's."""
        return RunDir(self._fs, f"{self._path.rsplit('/', 1)[0]}/{name}", f"{self.location.rsplit('/', 1)[0]}/{name}")

    def parent(self) -> RunDir:
        """Return the folder that contains this one: of a run, the pipeline's."""
        return RunDir(self._fs, self._path.rsplit("/", 1)[0], self.location.rsplit("/", 1)[0])

    def below(self, name: str) -> RunDir:
        """Return a subfolder as a directory."""
        return RunDir(self._fs, f"{self._path}/{name}", f"{self.location}/{name}")

    @contextmanager
    def written_whole(self, mark: str) -> Iterator[RunDir]:
        """Give a folder to write into, which takes the place of this one when all is written.

        Locally it is a hidden folder, renamed at the end: a process that is killed leaves this one as it was. Other
        stores cannot rename. There it is this folder itself, and `mark`, written last, shows that it is complete.

        Parameters
        ----------
        mark : str
            The file that the caller writes last.
        """
        there, token = self.exists(""), f"unfinished-{new_token()}"
        name = self._path.rpartition("/")[2][:50]
        made = self
        if self.local is not None:
            made = self.below(f"_{token}") if there else self.sibling(f".{name}.{token}")
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
            If it exists already.
        """
        token = secrets.token_hex(8)
        content = to_json(signed({**manifest, "claim": token}))
        taken = RunExistsError(
            f"run {self._path.rsplit('/', 1)[1]!r} exists in {self.location.rsplit('/', 1)[0]}; "
            "--resume continues it, --overwrite deletes it first"
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
            If it cannot be read or has changed. A process killed while writing leaves it truncated.
        """
        try:
            document = verified(self.read_json("run.json"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.location}/run.json can't be read ({_short(error)}); {_AGAIN}") from None
        if not isinstance(document, dict):
            raise InputError(f"{self.location}/run.json is not a JSON object; {_AGAIN}")
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
            for name in _AT_THE_TOP.get(stage, ()):
                self.delete(name)

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


def _short(error: Exception) -> str:
    return "it is missing" if isinstance(error, FileNotFoundError) else (str(error).splitlines() or ["?"])[0][:200]
