"""Moved to steelyard.columns; import from there."""

from steelyard.columns import class_text, col, decimal_text, dtype, is_vector, quoted, require_columns

__all__ = ["class_text", "col", "decimal_text", "dtype", "is_vector", "quoted", "require_columns"]
