"""The place of a table, and the format of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.config import FILE_FORMATS, MISSING
from steelyard.errors import InputError

_BY_ENDING = {
    "parquet": "parquet", "parq": "parquet", "pq": "parquet", "csv": "csv", "tsv": "csv", "json": "json",
    "jsonl": "json", "ndjson": "json", "orc": "orc",
}  # fmt: skip
_FOREIGN = {
    "xlsx": "an Excel file", "xls": "an Excel file", "zip": "a zip archive", "feather": "a Feather file",
    "arrow": "an Arrow file", "pkl": "a pickle", "pickle": "a pickle", "h5": "an HDF5 file", "sas7bdat": "a SAS file",
    "dta": "a Stata file", "sav": "an SPSS file", "rds": "an R file", "sqlite": "a database",
}  # fmt: skip
_COMPRESSED = (".gz", ".bz2", ".zst", ".xz", ".snappy", ".lz4", ".deflate")
_SHOWN = 3


@dataclass(frozen=True)
class Source:
    """Where a table is and how it is read; `options` hold no placeholders any more.

    Parameters
    ----------
    format : str, optional
        By default, the format that the files' endings name, else Parquet.
    paths : tuple of str
        Files, folders, globs or URIs; empty for a table or a source without files.
    table : str, optional
    options : mapping of str to str
        Of Spark's reader; they override what is detected.
    schema : str, optional
        DDL; without it types are inferred.
    where : str, optional
        SQL condition on the rows.
    missing : tuple of str
        Values of a CSV file that mean "missing".
    """

    format: str | None = None
    paths: tuple[str, ...] = ()
    table: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    schema: str | None = None
    where: str | None = None
    missing: tuple[str, ...] = MISSING

    @property
    def name(self) -> str:
        """The table's name in messages."""
        return self.table or ", ".join(self.paths[:_SHOWN]) or f"the {self.format} source"

    @property
    def has_files(self) -> bool:
        """Whether the source is made of files that can be listed."""
        return bool(self.paths) and (self.format is None or self.format in FILE_FORMATS)

    def option(self, *names: str) -> str | None:
        """Return the first given option of some names; Spark ignores their case."""
        given = {k.lower(): v for k, v in self.options.items()}
        return next((given[n.lower()] for n in names if n.lower() in given), None)


def ending(path: str) -> str:
    """Return a file name's ending without the dot, that of a compression left out.

    Examples
    --------
    >>> ending("scores.CSV.gz")
    'csv'
    """
    name = path.rstrip("/").rsplit("/", 1)[-1].lower()
    for compressed in _COMPRESSED:
        name = name.removesuffix(compressed)
    return name.rsplit(".", 1)[-1] if "." in name else ""


def format_of(source: Source, files: Sequence[str]) -> str:
    """Return the format of a source's files: as given, else as the endings say, else Parquet.

    Several formats are an error.
    """
    if source.format is not None:
        return source.format
    named = {_BY_ENDING[e]: path for path in (*files, *source.paths) if (e := ending(path)) in _BY_ENDING}
    if len(named) > 1:
        shown = ", ".join(f"{form} ({path})" for form, path in sorted(named.items()))
        raise InputError(
            f"{source.name} holds files of several formats: {shown}; name one of them with --format "
            "(in a pipeline, data.format)"
        )
    foreign = next((path for path in files if ending(path) in _FOREIGN), None)
    if not named and foreign is not None:
        raise InputError(f"cannot read {foreign}: it is {_FOREIGN[ending(foreign)]}; write it as Parquet or CSV")
    return next(iter(named), "parquet")
