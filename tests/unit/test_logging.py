"""Records of what happens to runs."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from py4j.java_gateway import GatewayClient

from steelyard.config import load
from steelyard.errors import EngineError, InputError
from steelyard.stages import Context, run_stage, start_run
from steelyard.stages._logging import JsonLines, hide_engine_logs, logs_as_asked
from steelyard.store import Store

PIPELINE = '{"version": 1, "name": "small", "data": {"path": "t.parquet", "label": "y", "positive": "1"}}'


def test_a_stage_that_fails_says_so_with_its_run_and_its_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def no_session() -> None:
        raise EngineError("no cluster today")

    config = load(PIPELINE)
    ctx = Context(start_run(Store(tmp_path), config, "r1", {}), config, no_session)  # type: ignore[arg-type]
    with caplog.at_level(logging.INFO, "steelyard"), pytest.raises(EngineError):
        run_stage(ctx, "profile")
    ctx.warn("beware")
    started, failed, warned = (json.loads(JsonLines().format(record)) for record in caplog.records)
    for line in (started, failed, warned):
        assert (line["pipeline"], line["run_id"], line["stage"]) == ("small", "r1", "profile")
    assert (started["event"], started["level"]) == ("started", "INFO")
    assert (failed["event"], failed["level"], failed["kind"]) == ("failed", "ERROR", "engine")
    assert failed["message"] == "no cluster today" and failed["seconds"] >= 0
    assert failed["attempt"] == started["attempt"] == ctx.run.read_json("stages/profile.json")["attempt"]
    assert (warned["event"], warned["message"]) == ("warning", "beware")


def test_lines_are_written_once_and_only_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("steelyard")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    monkeypatch.delenv("STEELYARD_LOG", raising=False)
    assert not logs_as_asked() and not logger.handlers
    monkeypatch.setenv("STEELYARD_LOG", "json")
    assert logs_as_asked() and logs_as_asked()
    logger.info("by hand")
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "by hand"
    monkeypatch.setenv("STEELYARD_LOG", "yaml")
    with pytest.raises(InputError, match="STEELYARD_LOG is 'yaml'"):
        logs_as_asked()


def test_what_py4j_logs_of_an_interrupt_stays_off_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    class Interrupted(GatewayClient):  # type: ignore[misc]
        socket = None

        def __init__(self) -> None:
            """Need no server."""

        def _get_connection(self) -> Interrupted:
            return self

        def send_command(self, command: str, *more: object, **how: object) -> str:
            raise KeyboardInterrupt

    hide_engine_logs()
    with pytest.raises(KeyboardInterrupt):
        GatewayClient.send_command(Interrupted(), "x")
    logging.warning("of somebody else")
    assert [r.getMessage() for r in caplog.records] == ["of somebody else"]
