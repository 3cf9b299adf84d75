"""Stage `compare`: judge recipes on the same folds of the training rows, and choose for `auto`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.comparing import Candidate, Comparison, Folds, candidates_of, compare
from steelyard.config import AUTO, CompareConfig, PipelineConfig, Recipe
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.stages._check import check_sampled
from steelyard.stages._choices import Earlier, Traits, changes, earlier_choice, keep_choice
from steelyard.stages._context import Context, Result
from steelyard.stages._source import dataset, rows_of, source, stats
from steelyard.stages.split import gap_of
from steelyard.store import RunDir


def run(ctx: Context, attempt: str) -> Result:
    """Write `choice.json`: the candidates, their paired differences, and the choice."""
    wanted = ctx.config.compare
    if wanted is None:
        raise InputError("the pipeline has no section compare")
    path, counts = f"compare/{attempt}/choice.json", ctx.read("split", "plan.json")["counts"]["train"]
    asked = _candidates(ctx, wanted, counts)
    earlier = _alike(ctx, wanted, asked)
    if earlier is not None:
        recipe = asked[earlier.choice["chosen"]].to_json()
        taken = {**earlier.choice, "recipe": recipe, "taken_over": {"run_id": earlier.run_id, "date": earlier.date}}
        ctx.run.write_json(path, taken)
        words = f"chosen: {taken['chosen']}, as in {earlier.name}: prevalence, rows and difficulty are alike"
        return Result([path], {"in": counts}, {"chosen": taken["chosen"], "messages": [words]})
    found = _compared(ctx, wanted, counts, list(asked.values()))
    ctx.run.write_json(path, found.to_json())
    keep_choice(ctx, found.to_json())
    ctx.run.delete("compare/parts")
    return Result([path], {"in": counts}, {"chosen": found.chosen, "messages": found.messages()})


def _candidates(ctx: Context, wanted: CompareConfig, counts: dict[str, int]) -> dict[str, Candidate]:
    """Return the candidates by name."""
    found = candidates_of(_asked(ctx.config), wanted, counts, categories=bool(dataset(ctx).categorical))
    return {c.name: c for c in found}


def _alike(ctx: Context, wanted: CompareConfig, asked: Mapping[str, Candidate]) -> Earlier | None:
    """Return the earlier choice that holds for this run's table too, if `auto` is to follow one."""
    if wanted.redecide is None or AUTO not in (ctx.config.resample.method, ctx.config.train.model):
        return None
    earlier = earlier_choice(ctx)
    changed = [] if earlier is None else changes(earlier.traits, Traits.of(ctx), wanted.redecide)
    if earlier is not None and earlier.choice["chosen"] not in asked:
        changed.append(f"{earlier.choice['chosen']} is not among the candidates of these rows")
    if earlier is not None and changed:
        ctx.warn(f"comparing again, since {earlier.name}: {'; '.join(changed)}")
    return None if changed else earlier


def _compared(ctx: Context, wanted: CompareConfig, counts: dict[str, int], asked: Sequence[Candidate]) -> Comparison:
    data = dataset(ctx)
    candidates = list(_allowed(ctx, data, asked))
    kept = Kept(ctx.run, f"compare/parts/{_digest(ctx, candidates)}")
    if len(kept):
        judged = sum(c.name in kept for c in candidates)
        rungs = f", {len(kept) - judged} on fewer rows" if len(kept) > judged else ""
        ctx.warn(f"continuing a comparison: {judged} of {len(candidates)} candidates are judged already{rungs}")
    return compare(
        rows_of(ctx, "train"),
        data,
        counts,
        candidates,
        decide=ctx.config.decide,
        metric=wanted.metric,
        folds=_folds(ctx, wanted),
        max_rows=wanted.max_rows,
        memory=kept,
        warn=ctx.warn,
    )


def _allowed(ctx: Context, data: Dataset, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the candidates whose sampler takes the table, with a note on each of the others.

    A task resamples numbers, whatever they stand for: it would judge a recipe that the stage `resample` refuses.
    """
    df, statistics = source(ctx), stats(ctx)
    for one in candidates:
        try:
            check_sampled(one.recipe.resample, df, data, statistics)
        except InputError as error:
            ctx.warn(f"{one.name} is left out: {error}")
        else:
            yield one


def _asked(config: PipelineConfig) -> Recipe:
    return Recipe(resample=config.resample, train=config.train, decide=config.decide)


def _folds(ctx: Context, wanted: CompareConfig) -> Folds:
    how = ctx.config.split
    return Folds(how.method, wanted.folds, gap_of(how), how.validation / (1 - how.test), how.seed)


def _digest(ctx: Context, candidates: list[Candidate]) -> str:
    """Return a digest of what the scores of candidates depend on."""
    config = ctx.config.to_json()
    read = [config["compare"], config["decide"], config["data"]["cost"], config["data"]["sampling_rate"]]
    attempts = [ctx.published(stage).attempt for stage in ("profile", "split")]
    recipes = [[c.name, c.to_json()] for c in candidates]
    return hashlib.sha256(json.dumps([read, attempts, recipes], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Kept(MutableMapping[str, Any]):
    """Scores of judged candidates, each in a file of its own, so that an interrupted comparison continues.

    A file that a killed process left unfinished counts as none: its candidate is judged again.
    """

    run: RunDir
    folder: str

    def _path(self, name: str) -> str:
        return f"{self.folder}/{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"

    def __getitem__(self, name: str) -> Any:
        kept = self._read(self._path(name))
        if kept is None:
            raise KeyError(name)
        return kept["scores"]

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            kept: dict[str, Any] = self.run.read_json(path)
        except (OSError, ValueError):
            return None
        return kept

    def __setitem__(self, name: str, scores: Any) -> None:
        self.run.write_json(self._path(name), {"name": name, "scores": scores})

    def __delitem__(self, name: str) -> None:
        self.run.delete(self._path(name))

    def __iter__(self) -> Iterator[str]:
        for file in self.run.files(self.folder) if self.run.exists(self.folder) else ():
            kept = self._read(file)
            if kept is not None and file == self._path(kept["name"]):
                yield kept["name"]

    def __len__(self) -> int:
        return sum(1 for _ in self)
