"""Names of the report's files."""

CARD = ("model_card.md", "model_card.html")
"""The model card's files, at the top of the run directory."""
