"""Every sampler gives the same rows on Spark Connect as on a classic session, which runs in a process of its own.

So it does on a Connect server in another process, whose workers have the steelyard that a session ships to them.
"""

from __future__ import annotations

import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark
import pytest
from interpreters import python_without
from java_options import classic_environment
from rows_of_all_samplers import rows_of
from session_settings import SETTINGS
from standalone import free_ports, process, wait_for

from steelyard.sampling import sampler_names

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.connect

ROOT = Path(__file__).resolve().parents[2]
# One that pairs rows up, one that drops them, one that ranks them, and imbalanced-learn's code in a task.
SAMPLERS = ("smotenc", "edited_nearest_neighbours", "near_miss", "cluster_centroids")


@pytest.mark.parametrize("name", sampler_names())
def test_the_same_rows(name: str, classic: dict[str, Counter[tuple[Any, ...]]], spark: SparkSession) -> None:
    assert type(spark).__module__.startswith("pyspark.sql.connect"), "the session is one of Spark Connect"
    assert rows_of(name, spark) == classic[name]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on a server whose workers' Python has no steelyard."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("server")
    [port] = free_ports(1)
    home = Path(pyspark.__file__).parent
    workers = python_without("steelyard", folder / "bare")
    env = {**classic_environment(), "SPARK_HOME": str(home), "PYSPARK_PYTHON": workers}
    address = {"spark.connect.grpc.binding.port": port, "spark.connect.grpc.binding.address": "127.0.0.1"}
    settings = {**SETTINGS, **address, "spark.sql.shuffle.partitions": 4}
    given = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = [home / "bin" / "spark-submit", "--master", "local[2]", *given, "--class", server, "spark-internal"]
    with process(command, env, folder / "server.log"):
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1), 120, "a server", folder / "server.log")
        with pytest.MonkeyPatch.context() as patch:
            # The suite's own server has set these. By its token PySpark would speak TLS to this one and try for ever,
            # and by the other variable a stop would take that server along, which later tests need.
            for name in ("SPARK_CONNECT_AUTHENTICATE_TOKEN", "SPARK_LOCAL_REMOTE"):
                patch.delenv(name, raising=False)
            made = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
            yield made
            made.stop()


def test_shipped_steelyard_gives_the_same_rows(
    session: SparkSession, classic: dict[str, Counter[tuple[Any, ...]]], tmp_path: Path
) -> None:
    with pytest.raises(Exception, match=r"has no steelyard.*addArtifacts"):
        rows_of("smotenc", session)
    shipped = shutil.make_archive(str(tmp_path / "steelyard"), "zip", ROOT / "pipelines", "steelyard")
    session.addArtifacts(shipped, pyfile=True)
    assert {name: rows_of(name, session) for name in SAMPLERS} == {name: classic[name] for name in SAMPLERS}
