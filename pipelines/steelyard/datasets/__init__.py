"""Data that steelyard makes itself, for demonstrations, tests and benchmarks."""

from steelyard.datasets._card_transactions import make_card_transactions

__all__ = ["make_card_transactions"]
