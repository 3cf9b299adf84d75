"""All pipelines of a folder: the DAGs of the sound ones, the errors of the others."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from steelyard.airflow._dag import make_dag, read_pipeline
from steelyard.airflow._deployment import Deployment
from steelyard.airflow._failure import own_hook
from steelyard.airflow._score import make_score_dag
from steelyard.config import PipelineConfig
from steelyard.errors import ConfigError, SteelyardError


def folder_dags(folder: str | Path, deployment: Deployment) -> dict[str, DAG]:
    """Return the DAG of each sound `*.yaml` in a folder, by name; `check_folder` speaks of the others.

    Airflow keeps one import error for a DAG file, and as long as there is one it schedules none of the file's DAGs.
    So the two are called in two DAG files, and one broken pipeline stops no other.

    Parameters
    ----------
    folder : str or Path
    deployment : Deployment

    Raises
    ------
    ConfigError
        If there is no such folder, or no such function `on_failure`.
    """
    return {c.name: make_dag(path, c, deployment) for path, c in _read(folder)[0].items()}


def folder_score_dags(folder: str | Path, deployment: Deployment) -> dict[str, DAG]:
    """Return the scoring DAG of each sound `*.yaml` in a folder that has a section `score`, by name.

    Parameters and errors are those of `folder_dags`.
    """
    dags = [make_score_dag(path, c, deployment) for path, c in _read(folder)[0].items() if c.score is not None]
    return {dag.dag_id: dag for dag in dags}


def check_folder(folder: str | Path) -> None:
    """Raise one error that says of each broken `*.yaml` in a folder what is wrong and where.

    Raises
    ------
    ConfigError
        If there is no such folder, or a pipeline in it can't be read, or its name is taken.
    """
    sound, broken = _read(folder)
    if broken:
        said = "".join(f"\n\n{path}\n{words}" for path, words in broken.items())
        raise ConfigError(f"{len(broken)} of {len(sound) + len(broken)} pipelines have no DAG:{said}")


def _read(folder: str | Path) -> tuple[dict[Path, PipelineConfig], dict[Path, str]]:
    """Return the configurations of sound pipelines and what is wrong with the others."""
    place = Path(folder).absolute()
    if not place.is_dir():
        raise ConfigError(f"there is no folder {place} to take pipelines from")
    sound: dict[Path, PipelineConfig] = {}
    broken: dict[Path, str] = {}
    for path in sorted(place.glob("*.yaml")):
        try:
            if not path.is_file():  # a named pipe would be waited for
                raise ConfigError("is no regular file")
            config = read_pipeline(path)
            own_hook(config)
        except SteelyardError as error:
            broken[path] = str(error)
        except Exception as error:  # whatever it is, it is this pipeline's fault alone
            broken[path] = f"{type(error).__name__}: {error}"
        else:
            taken = next((p for p, c in sound.items() if c.name == config.name), None)
            if taken is None:
                sound[path] = config
            else:
                broken[path] = f"name: {config.name!r} is the name of {taken.name} already"
    return sound, broken
