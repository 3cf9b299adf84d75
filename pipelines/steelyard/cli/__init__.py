"""The `steelyard` command."""

from steelyard.cli._app import main

__all__ = ["main"]
