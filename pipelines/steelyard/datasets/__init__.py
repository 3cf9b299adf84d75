"""Data that steelyard makes itself, for demonstrations, tests and benchmarks."""

from steelyard.datasets._card_transactions import check_card_transactions, make_card_transactions

__all__ = ["check_card_transactions", "make_card_transactions"]
