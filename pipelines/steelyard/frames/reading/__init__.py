"""Reading tables: one reader for bare commands and pipelines, and the pin that lets later reads see the same table."""

from steelyard.frames.reading._footer_types import written_schema
from steelyard.frames.reading._kinds import like_number
from steelyard.frames.reading._pin import Pin, Reading, check_time_zone, check_unchanged, read, read_pinned
from steelyard.frames.reading._source import Source

__all__ = [
    "Pin",
    "Reading",
    "Source",
    "check_time_zone",
    "check_unchanged",
    "like_number",
    "read",
    "read_pinned",
    "written_schema",
]
