"""The dialect of a CSV file: separator, encoding, quotes, header. Detected in its first bytes; no Spark."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from steelyard.errors import InputError

UTF8 = "UTF-8"
WINDOWS = "windows-1252"
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_AGREE = 0.9
_MAGIC = {
    b"PAR1": "Parquet",
    b"ORC": "ORC",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"Obj\x01": "Avro",
    b"BZh": "bzip2",
}
_LATIN = {"windows-1252", "cp1252", "iso-8859-1", "latin1", "latin-1", "l1", "ansi"}
C1 = "".join(map(chr, range(0x80, 0xA0)))
"""Control characters of ISO 8859-1; a text that has them was written in windows-1252."""

C1_TEXT = "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in range(0x80, 0xA0))
"""What windows-1252 has in the place of each."""


@dataclass(frozen=True)
class Dialect:
    """The dialect of a CSV file."""

    sep: str = ","
    quote: str = '"'
    escape: str = '"'  # RFC 4180 doubles a quote inside quotes
    encoding: str = UTF8
    multi_line: bool = False  # whether quoted values contain line breaks; each file is then one task
    header: bool = True
    skip_space: bool = False  # whether a space follows each separator

    def options(self) -> dict[str, str]:
        """Return the options of Spark's reader."""
        options = {"sep": self.sep, "quote": self.quote, "escape": self.escape, "header": str(self.header).lower()}
        if self.encoding != UTF8:
            options["encoding"] = "ISO-8859-1" if self.encoding == WINDOWS else self.encoding
        if self.multi_line:
            options["multiLine"] = "true"
        if self.skip_space:
            options["ignoreLeadingWhiteSpace"] = "true"
        return options

    def words(self) -> str:
        """Return what differs from the commonest dialect, for people; empty if nothing does."""
        words = [] if self.sep == "," else [f"separator {_NAMES.get(self.sep, repr(self.sep))}"]
        words += [] if self.encoding == UTF8 else [f"encoding {self.encoding}"]
        words += ["quotes escaped by a backslash"] if self.escape == "\\" else []
        words += ["line breaks inside quotes"] if self.multi_line else []
        words += ["a space after each separator"] if self.skip_space else []
        words += [] if self.header else ["no header"]
        return ", ".join(words)

    def rows(self, text: str) -> list[list[str]]:
        """Parse some text."""
        quoting: dict[str, Any] = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        if self.escape == "\\" and self.quote:
            quoting |= {"doublequote": False, "escapechar": "\\"}
        lines = list(StringIO(text, newline=""))  # str.splitlines breaks lines at U+2028 and others too
        try:
            return list(csv.reader(lines, delimiter=self.sep, skipinitialspace=self.skip_space, **quoting))
        except (csv.Error, TypeError):  # a separator of several characters, a value of megabytes
            return [line.strip("\r\n").split(self.sep) for line in lines]


def given_dialect(options: Mapping[str, str]) -> Dialect:
    """Return the dialect that options of Spark's reader set; the rest is the default."""
    given = {k.lower(): v for k, v in options.items()}
    known = Dialect()
    return Dialect(
        sep=given.get("sep", given.get("delimiter", known.sep)).replace(r"\t", "\t"),
        quote=given.get("quote", known.quote),
        escape=given.get("escape", known.escape),
        encoding=_encoding(given.get("encoding", given.get("charset", known.encoding))),
        multi_line=given.get("multiline", "false").lower() == "true",
        header=given.get("header", "true").lower() == "true",
        skip_space=given.get("ignoreleadingwhitespace", "false").lower() == "true",
    )


def _encoding(name: str) -> str:
    if name.lower() in _LATIN:
        return WINDOWS
    return UTF8 if name.lower().replace("-", "") == "utf8" else name.upper()


def sniffed(head: Sequence[bytes], given: Mapping[str, str], *, tabs: bool = False) -> Dialect:
    """Return a file's dialect as its first lines show it. Given options of Spark's reader take precedence.

    `head` has lines without their ends; `tabs` says whether the file's name promises tabs.
    """
    dialect, names = given_dialect(given), {k.lower() for k in given}
    if not names & {"encoding", "charset"}:
        dialect = replace(dialect, encoding=_unicode(head))
    if dialect.encoding.startswith("UTF-16"):
        dialect = replace(dialect, multi_line=True)  # Spark splits lines at bytes
    text = decoded(head, dialect)
    if not names & {"sep", "delimiter"}:
        dialect = replace(dialect, sep="\t" if tabs and "\t" in text.partition("\n")[0] else _separator(text, dialect))
    if "ignoreleadingwhitespace" not in names:
        dialect = replace(dialect, skip_space=_spaced(text, dialect.sep))
    return dialect


def decoded(head: Sequence[bytes], dialect: Dialect) -> str:
    """Return the first lines as text."""
    codec = "cp1252" if dialect.encoding == WINDOWS else dialect.encoding
    try:
        return b"\n".join(head).decode(codec, "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    except LookupError:
        return b"\n".join(head).decode("utf-8", "replace")


def foreign(head: Sequence[bytes]) -> str | None:
    """Return what a file is if it is not text, or None if it may be text."""
    first = head[0] if head else b""
    for magic, name in _MAGIC.items():
        if first.startswith(magic):
            return f"a {name} file" if name not in ("ORC", "Avro") else f"an {name} file"
    return "a binary file" if _unicode(head) == UTF8 and any(b"\x00" in line for line in head) else None


def _unicode(head: Sequence[bytes]) -> str:
    start = b"\n".join(head[:3])[:400]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    for parity, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        every = start[parity::2]
        if len(start) > 3 and every.count(0) > 0.8 * len(every) and start[1 - parity :: 2].count(0) == 0:
            return name
    return UTF8


def _separator(text: str, dialect: Dialect) -> str:
    """Return the separator that most lines have as often as the header; of several, the one with most columns."""
    scores = []
    for place, sep in enumerate(_NAMES):
        counts = [len(row) for row in replace(dialect, sep=sep).rows(text) if row]
        if counts and counts[0] > 1:
            agree = sum(c == counts[0] for c in counts) / len(counts)
            scores.append((agree >= _AGREE, counts[0] if agree >= _AGREE else agree, -place, sep))
    return max(scores)[-1] if scores else ","


def _spaced(text: str, sep: str) -> bool:
    lines = [line for line in text.split("\n")[:20] if line.strip()]
    parts = [part for line in lines for part in line.split(sep)[1:]]
    return bool(parts) and sep != " " and all(part.startswith(" ") and part != " " for part in parts)


def header_names(text: str, dialect: Dialect, files: str) -> list[str]:
    """Return the names of the columns. Refuse a name that occurs twice, and a file without lines."""
    first = next((row for row in dialect.rows(text) if row), [])
    if not first:
        raise InputError(f"{files} holds no line")
    names = [(dialect.header and name) or f"_c{i}" for i, name in enumerate(first)]
    folded = [name.casefold() for name in names]
    twice = next((name for name in names if folded.count(name.casefold()) > 1), None)
    if twice is not None:
        raise InputError(
            f"{files}: column {twice!r} is {folded.count(twice.casefold())} times in the header; rename it"
        )
    return names
