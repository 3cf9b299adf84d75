"""The Python blocks of the pages run, and so do their commands on a bare table."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import steelyard_here
from prose import PAGES, ROOT, blocks
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

RUN = {"profile", "split", "resample", "evaluate", "guard"}  # commands on a table, without a pipeline
FOLDED = ROOT / "docs/notebooks.md"  # its table has a column of folds
LONG = "auto"  # a method that diagnoses first; tests/jobs runs it


def python_pages() -> Iterator[Any]:
    for page in PAGES:
        if page.name == "CONTRIBUTING.md":  # its blocks are parts of files; a test follows its steps
            continue
        found = [(kind, text, at) for kind, text, at in blocks(page) if kind.split(" ")[0] == "python"]
        if found:
            yield pytest.param(page, found, id=str(page.relative_to(ROOT)))


def bare_commands() -> list[str]:
    """Return the commands of the pages that need nothing but the tables of this test, each once."""
    bash = (text for page in PAGES for kind, text, _ in blocks(page) if kind == "bash")
    lines = (shlex.split(line, comments=True) for text in bash for line in text.replace("\\\n", " ").splitlines())
    ours = [w for w in lines if w[:1] == ["steelyard"] and w[1] in RUN and LONG not in w]
    return list(dict.fromkeys(shlex.join(words) for words in ours))


@pytest.fixture(scope="module")
def folder(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables that the pages name: 600 rows, 30 of them positive."""
    at = tmp_path_factory.mktemp("pages")

    def share(of: int) -> Any:
        return F.pmod(F.xxhash64("id", F.lit(of)), F.lit(1000)) / 1000

    positive = (F.col("id") % 20 == 3).cast("int")
    table = spark.range(0, 600, 1, 2).select(
        "id",
        positive.alias("Class"),
        positive.alias("is_fraud"),
        (share(0) + positive / 2).alias("amount"),
        (share(1) * 24).alias("hour"),
        F.shiftright("id", 2).alias("customer"),
    )
    table.toPandas().to_parquet(at / "table.parquet", index=False)
    scores = table.select(F.col("Class").alias("y"), (share(2) * 0.6 + F.col("Class") * 0.4).alias("p"), "amount")
    scores.toPandas().to_parquet(at / "scores.parquet", index=False)
    return at


@pytest.fixture
def df(spark: SparkSession, folder: Path, monkeypatch: pytest.MonkeyPatch) -> DataFrame:
    monkeypatch.chdir(folder)
    return spark.read.parquet(f"{folder}/table.parquet")


@pytest.mark.parametrize(("page", "found"), list(python_pages()))
def test_python_blocks(
    page: Path, found: list[tuple[str, str, int]], spark: SparkSession, df: DataFrame, folder: Path
) -> None:
    if page == FOLDED:
        df = df.withColumn("fold", (F.col("id") % 3).cast("int"))
    names: dict[str, Any] = {"spark": spark, "df": df}
    for kind, text, at in found:
        text = text.replace('"table.parquet"', f'"{folder}/table.parquet"')  # Java keeps its own working directory
        code = compile("\n" * at + text, str(page), "exec")  # with the page's line numbers
        if kind == "python":
            exec(code, names)


@pytest.mark.parametrize("line", bare_commands())
def test_commands_on_a_table(line: str, df: DataFrame, folder: Path) -> None:
    words = shlex.split(line)[1:]
    steelyard_here(*words)
    if "--out" in words:
        assert (folder / words[words.index("--out") + 1]).exists()
