"""Patterns of card use by customers and by thieves, from which the card transactions are drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """One way of using a card, as the parameters of the distributions of its features."""

    share: float  # of the honest transactions, or of the frauds
    drift: float = 0.0  # gain of the share over the whole period when the drift is 1
    amount: float = 0.8  # median amount, as a multiple of the customer's mean
    amount_spread: float = 0.7  # of the logarithm
    pace: float = 0.6  # mean number of further transactions of the card in 24 hours
    haste: float = 1.0  # how much sooner than at random the previous transaction was
    distance: float = 6.0  # median distance from home in km
    distance_spread: float = 1.2  # of the logarithm
    night: float = 0.03  # probability of night hours,
    online: float = 0.25  # of a card that is not present,
    abroad: float = 0.03  # of another country,
    resale: float = 0.12  # and of goods that resell well
    terminal_risk: float = 0.006  # median share of the merchant's earlier payments that were charged back
    pin_failures: float = 0.03  # mean number of wrong PINs in 24 hours


HONEST = {
    "ordinary": Pattern(share=0.955),
    "journey": Pattern(
        share=0.016, amount=1.4, pace=1.5, distance=700.0, distance_spread=1.0, night=0.1, abroad=0.7,
        terminal_risk=0.01,
    ),
    "spree": Pattern(share=0.012, amount=1.5, pace=4.0, haste=2.0, distance=15.0, resale=0.4),
    "big purchase": Pattern(share=0.01, amount=5.0, amount_spread=0.6, online=0.5, resale=0.7, terminal_risk=0.008),
    "night owl": Pattern(
        share=0.007, amount=1.2, night=0.8, online=0.8, distance=60.0, distance_spread=1.5, resale=0.4
    ),
}  # fmt: skip

FRAUD = {
    "stolen card": Pattern(
        share=0.45, drift=-0.3, amount=3.2, amount_spread=0.6, pace=7.0, haste=5.0, distance=35.0, night=0.2,
        online=0.1, abroad=0.15, resale=0.8, terminal_risk=0.012, pin_failures=1.0,
    ),
    "account takeover": Pattern(
        share=0.30, drift=0.3, amount=2.8, amount_spread=0.7, pace=2.2, haste=4.0, distance=1200.0, distance_spread=1.0,
        night=0.7, online=0.97, abroad=0.6, resale=0.8, terminal_risk=0.016,
    ),
    "collusion": Pattern(
        share=0.20, amount=4.0, amount_spread=0.1, pace=0.8, online=0.1, resale=0.98, terminal_risk=0.08
    ),
    "quiet": Pattern(share=0.05, amount=1.5, pace=1.2, online=0.6, resale=0.4, terminal_risk=0.015),
}  # fmt: skip
