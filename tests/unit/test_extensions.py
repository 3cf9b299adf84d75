"""Classes of other packages, found by real entry points and dotted paths."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.extensions import SAMPLERS, TRAINERS, extension_names, load_extension
from steelyard.sampling import check_sampler, sampler_class, sampler_names

KEY = "train.model"


def install(
    site: Path, package: str, points: str, group: str = TRAINERS, code: str = "class Mine:\n    pass\n"
) -> None:
    """Write what a wheel leaves behind: a module, and metadata with entry points."""
    (site / f"{package}.py").write_text(code)
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{points}\n")


def test_entry_points_are_listed_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "ext_one", "mine = ext_one:Mine\nbroken = ext_one:Nothing")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"mine", "broken"} <= set(extension_names(TRAINERS))
    assert load_extension("mine", TRAINERS, KEY).__name__ == "Mine"
    assert load_extension("ext_one.Mine", TRAINERS, KEY) is load_extension("mine", TRAINERS, KEY)
    assert load_extension("mime", TRAINERS, KEY) is None
    with pytest.raises(ConfigError, match=r"train\.model: 'broken' is ext_one:Nothing, which cannot be imported"):
        load_extension("broken", TRAINERS, KEY)
    other = tmp_path / "other"
    other.mkdir()
    install(other, "ext_two", "mine = ext_two:Mine")
    monkeypatch.syspath_prepend(str(other))
    with pytest.raises(ConfigError, match="several packages define 'mine': ext_one:Mine, ext_two:Mine"):
        load_extension("mine", TRAINERS, KEY)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_package.Mine", "module 'no_such_package' cannot be imported"),
        ("pathlib.Pth", "module 'pathlib' has no 'Pth'. Did you mean 'Path'?"),
        (".relative.Mine", "cannot be imported"),
        ("pathlib.", "has no ''"),
    ],
)
def test_a_path_that_leads_nowhere(path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_extension(path, TRAINERS, KEY)
    assert message in str(caught.value)


def test_the_deployment_limits_dotted_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_ALLOWED_MODULES", "json, my_models")
    assert load_extension("json.JSONDecoder", TRAINERS, KEY).__name__ == "JSONDecoder"
    with pytest.raises(ConfigError, match=r"'pathlib.Path' is not below a module that STEELYARD_ALLOWED_MODULES"):
        load_extension("pathlib.Path", TRAINERS, KEY)


OWN_SAMPLER = """
from steelyard.under_sampling import RandomUnderSampler

class Mine(RandomUnderSampler):
    name = "mine"

class Unfinished:
    pass
"""


def test_samplers_of_other_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "ext_samplers", "mine = ext_samplers:Mine\nodd = ext_samplers:Unfinished", SAMPLERS, OWN_SAMPLER)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"mine", "odd", "smote"} <= set(sampler_names())
    assert "ext_samplers" not in sys.modules, "listed without an import"
    assert sampler_class("mine").name == "mine"
    assert sampler_class("ext_samplers.Mine") is sampler_class("mine")
    check_sampler("mine", {"sampling_strategy": 0.5})
    with pytest.raises(ConfigError, match=r"sampler 'mine': no parameter 'ratio'\."):
        check_sampler("mine", {"ratio": 0.5})
    with pytest.raises(
        ConfigError, match=r"there is no sampler 'mime'\. Did you mean 'mine'\? There are: .*mine.*smote"
    ):
        sampler_class("mime")
    with pytest.raises(ConfigError, match=r"resample\.method: 'odd' is not a sampler: .* derived from Sampler"):
        sampler_class("odd")


def test_a_package_cannot_replace_a_sampler_of_steelyard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "ext_smote", "smote = ext_smote:Mine", SAMPLERS, OWN_SAMPLER)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"resample\.method: ext_smote:Mine is called 'smote' as well as steelyard's"):
        sampler_class("smote")
    assert sampler_class("smotenc").name == "smotenc"
