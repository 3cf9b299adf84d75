"""All pipelines of a folder: the DAGs of the sound ones, the errors of the others."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from airflow.sdk import DAG

from steelyard.airflow._dag import make_dag, read_pipeline
from steelyard.airflow._deployment import Deployment
from steelyard.airflow._failure import own_hook
from steelyard.airflow._score import make_score_dag
from steelyard.config import PipelineConfig, read_document
from steelyard.errors import ConfigError, SteelyardError


def folder_dags(folder: str | Path, deployment: Deployment) -> dict[str, DAG]:
    """Return the DAG of each valid `*.yaml` in a folder, by name; `check_folder` reports the others.

    Airflow stores one import error per DAG file, and then schedules none of the file's DAGs. Two DAG files call the two
    functions, so that an invalid pipeline does not stop the others.

    Parameters
    ----------
    folder : str or Path
    deployment : Deployment

    Raises
    ------
    ConfigError
        If the folder or the function `on_failure` does not exist.
    """
    return {c.name: make_dag(path, c, deployment) for path, c in _read(folder)[0].items()}


def folder_score_dags(folder: str | Path, deployment: Deployment) -> dict[str, DAG]:
    """Return the scoring DAG of each valid `*.yaml` in a folder that has a section `score`, by name.

    Parameters and errors are those of `folder_dags`.
    """
    dags = [make_score_dag(path, c, deployment) for path, c in _read(folder)[0].items() if c.score is not None]
    return {dag.dag_id: dag for dag in dags}


def check_folder(folder: str | Path) -> None:
    """Raise one error that lists each invalid `*.yaml` in a folder with its errors and their lines.

    Raises
    ------
    ConfigError
        If the folder does not exist, a pipeline in it is invalid, or its name occurs twice.
    """
    sound, broken = _read(folder)
    if broken:
        said = "".join(f"\n\n{path}\n{words}" for path, words in broken.items())
        raise ConfigError(f"{len(broken)} of {len(sound) + len(broken)} pipelines have no DAG:{said}")


@lru_cache(maxsize=1000)  # a process may parse several DAG files
def _of_text(path: Path, text: str) -> PipelineConfig:
    """Return the configuration of a pipeline whose file has this text."""
    return read_pipeline(path)


def _read(folder: str | Path) -> tuple[dict[Path, PipelineConfig], dict[Path, str]]:
    """Return the configurations of valid pipelines, and the errors of the others."""
    place = Path(folder).absolute()
    if not place.is_dir():
        raise ConfigError(f"there is no folder {place} to take pipelines from")
    sound: dict[Path, PipelineConfig] = {}
    broken: dict[Path, str] = {}
    for path in sorted(place.glob("*.yaml")):
        try:
            if not path.is_file():  # reading a named pipe would block
                raise ConfigError("is not a regular file")
            config = _of_text(path, read_document(path)[0])
            own_hook(config)
        except SteelyardError as error:
            broken[path] = str(error)
        except Exception as error:  # an error of one pipeline must not stop the others
            broken[path] = f"{type(error).__name__}: {error}"
        else:
            taken = next((p for p, c in sound.items() if c.name == config.name), None)
            if taken is None:
                sound[path] = config
            else:
                broken[path] = f"name: {config.name!r} is the name of {taken.name} already"
    return sound, broken
