"""The containers of docker/compose.yaml for tests: a project of its own, with folders, ports and a user of its own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = "steelyard-test"


@dataclass(frozen=True)
class Stack:
    """The project's containers and its folders on the host.

    Parameters
    ----------
    folder : Path
        Holds `runs`, `data` and `pipelines`, all of them the user's.
    user : int
        Whose the folders are; the containers run as that user.
    ports : mapping of str to int
        Of `master`, `history` and `airflow`, on loopback.
    """

    folder: Path
    user: int
    ports: Mapping[str, int]

    def compose(self, *words: str, timeout: float = 600, check: bool = True) -> str:
        """Run `docker compose … words` and return what it writes to stdout."""
        settings = {"UID": self.user, **{f"{name.upper()}_PORT": port for name, port in self.ports.items()}}
        settings |= {f"STEELYARD_{name.upper()}": self.folder / name for name in ("runs", "data", "pipelines")}
        env = {**os.environ, **{name: str(value) for name, value in settings.items()}}
        file = str(REPOSITORY / "docker" / "compose.yaml")
        command = ["docker", "compose", "--progress", "plain", "-p", PROJECT, "-f", file, *words]
        done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=timeout)
        assert not check or done.returncode == 0, f"{' '.join(words)}: {(done.stdout + done.stderr)[-3000:]}"
        return done.stdout

    def job(self, *words: str) -> str:
        """Run a command in the service `job`; one that waits for ever is ended."""
        return self.compose("run", "--rm", "-T", "job", "timeout", "480", *words)

    def get(self, service: str, path: str) -> Any:
        """Return what a service's web server answers, parsed from JSON."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[service]}/{path}", timeout=30) as answer:
            return json.load(answer)

    def airflow(self, path: str, body: Any = None, method: str = "POST", token: str | None = None) -> Any:
        """Return what Airflow's API answers; with a body it is sent."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['airflow']}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method="GET" if body is None else method,
            headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode()[:2000]}") from error

    def as_user(self, *command: object) -> str:
        """Run a command on the host as the user, and return what it writes to stdout."""
        who: dict[str, Any] = {"user": self.user, "group": self.user, "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, **who)
        assert done.returncode == 0, done.stderr
        return done.stdout


def engine() -> str | None:
    """Return why no containers can be started here, None if they can."""
    try:
        for command in (["docker", "info"], ["docker", "compose", "version"]):
            subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except FileNotFoundError:
        return "there is no command `docker`"
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or str(error)
        return f"`{' '.join(command)}` failed: {str(said).strip().splitlines()[-1]}"
    return None
