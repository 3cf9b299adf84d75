"""Which format a path's name suggests."""

from __future__ import annotations

_BY_ENDING = {"csv": "csv", "tsv": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "orc": "orc"}
_COMPRESSED = (".gz", ".bz2", ".zst", ".xz")


def guessed_format(path: str, form: str | None = None) -> tuple[str, dict[str, str]]:
    """Return a format and reader options for a path.

    Examples
    --------
    >>> guessed_format("scores.csv.gz")
    ('csv', {'header': 'true', 'inferSchema': 'true'})
    >>> guessed_format("scores/")
    ('parquet', {})
    """
    name = path.rstrip("/").lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    ending = name.rsplit(".", 1)[-1]
    chosen = form or _BY_ENDING.get(ending, "parquet")
    options: dict[str, str] = {"header": "true", "inferSchema": "true"} if chosen == "csv" else {}
    if ending == "tsv":
        options["sep"] = "\t"
    return chosen, options
