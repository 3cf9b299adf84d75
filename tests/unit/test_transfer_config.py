"""The section `train.transfer`: what is refused before Spark starts; and weights of a domain classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modules import skip_without
from small_pipelines import pipeline

from steelyard.errors import ConfigError, InputError
from steelyard.kernels.importance import density_ratio, effective_size, ranges_meet
from steelyard.stages._order import fingerprint
from steelyard.stages._transfer import lower_rate
from steelyard.stages.commands.check import check, check_paths


def _asked(transfer: dict[str, Any], **train: Any) -> Any:
    return pipeline("/t.parquet", train={"transfer": transfer, **train})


def test_unknown_method() -> None:
    with pytest.raises(ConfigError, match=r"train\.transfer\.method"):
        _asked({"source": "/s", "method": "copy"})


@pytest.mark.parametrize(
    ("method", "model"),
    [("warm_start", "logistic_regression"), ("warm_start", "neural_network"), ("fine_tune", "xgboost")],
)
def test_methods_that_continue_a_model_need_a_trainer_of_their_own(method: str, model: str) -> None:
    if model == "neural_network":
        skip_without("torch")
    with pytest.raises(ConfigError, match=f"{method} does not take {model}"):
        check(_asked({"source": "/s", "method": method}, model=model))


def test_keys_of_other_methods() -> None:
    with pytest.raises(ConfigError, match="clip is for method importance_weighting"):
        _asked({"source": "/s", "method": "warm_start", "clip": 5})
    with pytest.raises(ConfigError, match="learning_rate_factor is for method fine_tune"):
        _asked({"source": "/s", "method": "warm_start", "learning_rate_factor": 0.5})
    with pytest.raises(ConfigError, match=r"learning_rate_factor.*less than or equal to 1"):
        _asked({"source": "/s", "method": "fine_tune", "learning_rate_factor": 2})


def test_fine_tuning_lowers_the_learning_rate() -> None:
    def rate(transfer: dict[str, Any], **params: Any) -> Any:
        asked = _asked({"source": "/s", **transfer}, model="neural_network", params=params)
        return lower_rate(asked.train).params.get("learning_rate")

    assert rate({"method": "fine_tune"}) == pytest.approx(1e-4)
    assert rate({"method": "fine_tune", "learning_rate_factor": 0.5}, learning_rate=0.02) == pytest.approx(0.01)
    assert rate({"method": "importance_weighting"}, learning_rate=0.02) == 0.02


@pytest.mark.parametrize(("method", "model"), [("warm_start", "xgboost"), ("fine_tune", "neural_network")])
def test_a_table_is_no_model(method: str, model: str, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").touch()
    how = {"source": str(tmp_path / "t.parquet"), "method": method}
    with pytest.raises(InputError, match=r"train\.transfer\.source: .* is not a run directory"):
        check_paths(pipeline(how["source"], train={"transfer": how, "model": model}))


def test_transfer_and_compare() -> None:
    with pytest.raises(ConfigError, match="leave one out"):
        pipeline("/t.parquet", train={"transfer": {"source": "/s", "method": "warm_start"}}, compare={})


def test_a_path_or_a_table() -> None:
    with pytest.raises(ConfigError, match="exactly one of 'source' and 'table'"):
        _asked({"method": "importance_weighting"})
    with pytest.raises(ConfigError, match="exactly one of 'source' and 'table'"):
        _asked({"source": "/s", "table": "lake.s", "method": "importance_weighting"})
    with pytest.raises(ConfigError, match="method fine_tune takes a run directory as 'source', not a table"):
        _asked({"table": "lake.s", "method": "fine_tune"})


def test_missing_source(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").touch()
    how = {"source": str(tmp_path / "s.parquet"), "method": "importance_weighting"}
    with pytest.raises(InputError, match=r"train\.transfer\.source: there is no file"):
        check_paths(pipeline(str(tmp_path / "t.parquet"), train={"transfer": how}))


def test_train_reads_the_source() -> None:
    one, other = (_asked({"source": s, "method": "importance_weighting"}) for s in ("/a", "/b"))
    assert fingerprint("train", one) != fingerprint("train", other)
    assert fingerprint("resample", one) == fingerprint("resample", other)


def test_weights_are_odds_between_bounds() -> None:
    p = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    np.testing.assert_allclose(density_ratio(p, 4.0), [0.25, 0.25, 1.0, 4.0, 4.0])
    np.testing.assert_allclose(density_ratio(p[1:4], 20.0), [1 / 9, 1.0, 9.0])


def test_effective_size() -> None:
    weights = np.array([3.0, 1.0, 0.0])
    assert effective_size(weights.sum(), (weights**2).sum()) == pytest.approx(1.6)
    assert effective_size(0.0, 0.0) == 0.0


def test_values_that_two_domains_share() -> None:
    gap = np.nan
    low = np.array([[1.0, 0.0, 0.0, gap, gap, 1.0], [1.0, 1.1, 0.5, 0.0, 0.0, 5.0]])
    high = np.array([[1.0, 1.0, 1.0, gap, gap, 2.0], [1.0, 2.0, 0.5, 1.0, 1.0, 6.0]])
    missing = np.array([[0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 1, 1]]) > 0
    assert ranges_meet(low, high, missing).tolist() == [True, False, True, False, True, True]
