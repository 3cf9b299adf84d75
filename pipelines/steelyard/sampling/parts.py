"""Draws of several samplers on parts of one table, found in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_code, col, has_bit, internal
from steelyard.hashing import Cut, Ties, cuts
from steelyard.sampling.base import Sampler

_PART, _POSITION, _CLASS = internal("part"), internal("part_position"), internal("part_class")


def knowing_draws(
    samplers: Sequence[Sampler],
    df: DataFrame,
    placed: DataFrame,
    parts: Column,
    counts: Sequence[Mapping[str, int]],
) -> list[Sampler]:
    """Return samplers that know which rows they draw, where all of them only draw rows; else the samplers as given.

    Costs one narrow scan, two where rows without a key repeat, however many parts there are. Each part counts as many
    rows as if it were searched alone.

    Parameters
    ----------
    samplers : sequence of Sampler
        One for each part, of one class, the same random state and the same columns.
    df : DataFrame
        The table whose parts are resampled.
    placed : DataFrame
        Its rows, with the columns that `parts` reads.
    parts : Column of bigint
        Bit i says whether part i has a row; parts may overlap.
    counts : sequence of mapping of str to int
        Rows of each class in each part.
    """
    asked = [sampler._to_draw({c: n for c, n in of.items() if n}) for sampler, of in zip(samplers, counts, strict=True)]
    wanted = [
        {c: n for c, n in of.items() if 0 < n < size[c]}
        for of, size in zip(asked, counts, strict=True)
        if of is not None
    ]
    if len(wanted) < len(samplers) or not any(wanted):
        return list(samplers)
    roles = samplers[0]._roles(df)
    position, ties = samplers[0]._order(df, roles)
    classes = sorted({c for of in wanted for c in of})
    within = F.array_compact(F.array(*[F.when(has_bit(parts, i), F.lit(i)) for i in range(len(wanted))]))
    code = class_code(df, roles.label, classes)
    rows = placed.select(position.alias(_POSITION), code.alias(_CLASS), F.explode(within).alias(_PART))
    found = _cuts_of_parts(rows, classes, wanted, counts, ties)
    return [_knowing(sampler, of) for sampler, of in zip(samplers, found, strict=True)]


def _knowing(sampler: Sampler, known: Mapping[str, Cut]) -> Sampler:
    informed = sampler.copy()
    informed._cuts = known
    return informed


def _cuts_of_parts(
    rows: DataFrame,
    classes: Sequence[str],
    wanted: Sequence[Mapping[str, int]],
    counts: Sequence[Mapping[str, int]],
    ties: Ties,
) -> list[dict[str, Cut]]:
    """Return the cuts of each part, whose rows of a class are a stratum of their own."""
    strata = {f"{i}/{c}": (i, c) for i, of in enumerate(wanted) for c in classes if c in of}
    places = {of: place for place, of in enumerate(strata.values())}
    table = [str(places.get((i, c), "null")) for i in range(len(wanted)) for c in classes]
    of_row = col(_PART) * F.lit(len(classes)) + col(_CLASS)
    stratum = F.get(F.expr(f"array({', '.join(table)})"), of_row).cast("int")
    quotas = {name: [wanted[i][c]] for name, (i, c) in strata.items()}
    sizes = {name: counts[i][c] for name, (i, c) in strata.items()}
    found = cuts(rows, col(_POSITION), stratum, quotas, ties=ties, sizes=sizes)
    return [{c: found[f"{i}/{c}"][0] for c in of} for i, of in enumerate(wanted)]
