"""Which change of a rare class the guard on label distributions catches, by simulation of its judgement.

    python benchmarks/guard_power.py        about 10 seconds

A class has a share of 0.1 % in a reference and a changed one in the table that is judged, of as many rows; the counts
are binomial, the two classes are judged together, as in the shipped suite. Shown is the smallest change that is caught
with a probability of 0.9 or more, the false alarms where nothing has changed, and those where the share has changed by
exactly what is tolerated, the worst honest case.
"""

from __future__ import annotations

import numpy as np

from steelyard.kernels.drift import share_ratio_intervals

SHARE = 0.001
CONFIDENCE = 0.99
POWER = 0.9
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
BANDS = {
    "raw.json: a quarter to three times": (0.25, 3.0),
    "suggested: half to twice": (0.5, 2.0),
    "max_change 0.2": (0.8, 1.2),
    "max_change 0: any change": (1.0, 1.0),
}


def caught(rows: int, ratio: float, band: tuple[float, float], draws: int, seed: int = 0) -> float:
    """Return the share of simulated nights that fail."""
    rng = np.random.default_rng(seed)
    rare = rng.binomial(rows, SHARE * ratio, draws)
    before = rng.binomial(rows, SHARE, draws)
    failed = np.zeros(draws, dtype=bool)
    for now, then in ((rare, before), (rows - rare, rows - before)):
        low, high = share_ratio_intervals(now, rows, then, rows, 1 - (1 - CONFIDENCE) / 2)
        failed |= (high < band[0]) | (low > band[1])
    return float(failed.mean())


def smallest(rows: int, band: tuple[float, float], *, rise: bool, draws: int = 2000) -> float | None:
    """Return the change that is caught with a probability of 0.9, as a ratio of shares; None where none is."""
    near, far = (band[1], 100.0) if rise else (band[0], 0.0)
    if caught(rows, far, band, draws) < POWER:
        return None
    while abs(near - far) > 0.002 * max(far, 0.5):
        middle = (near + far) / 2
        near, far = (near, middle) if caught(rows, middle, band, draws) >= POWER else (middle, far)
    return far


def _change(ratio: float | None) -> str:
    if ratio is None:
        return "none"
    return "gone" if ratio == 0 else f"−{1 - ratio:.1%}" if ratio < 1 else f"+{ratio - 1:.1%}"


def main() -> None:
    print("| tolerated | rows | loss caught | rise caught | false alarms, no change | at what is tolerated |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, band in BANDS.items():
        for rows in SIZES:
            loss, rise = smallest(rows, band, rise=False), smallest(rows, band, rise=True)
            alarms = caught(rows, 1.0, band, 20_000, seed=1)
            worst = max(caught(rows, edge, band, 20_000, seed=2) for edge in band)
            print(f"| {name} | {rows:,} | {_change(loss)} | {_change(rise)} | {alarms:.2%} | {worst:.2%} |")


if __name__ == "__main__":
    main()
