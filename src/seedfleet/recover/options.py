"""What a recovery searches, how long it may take, and how much it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.generators import CATALOGUE, generators, presets_of, streams
from seedfleet.sieve.weighing import AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators import Stream

__all__ = ["DEEP", "MAX_OFFSET", "MAX_PREDICTIONS", "MAX_SKIP", "Options", "OptionsError"]

MAX_SKIP = 4095  # a jump table of such a skip still takes no time
MAX_PREDICTIONS = AHEAD
MAX_OFFSET = 65535  # beyond it the prior has no stake
_MOST_NOISE = max(NOISE_RATES)
# What `deep` changes in the defaults of Options.
DEEP = {
    "scan_skips": range(21),
    "offsets": range(227),
    "variable_skip": (0, 20),
    "budget_s": 1200.0,
}


class OptionsError(ValueError):
    """Options that cannot be searched.

    Attributes
    ----------
    problems
        All of them, each a sentence.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Options:
    """What is searched, how long that may take, and how much is predicted.

    Attributes
    ----------
    skips
        Constant skips of algebraic searches, within ``[0, MAX_SKIP]``.
    scan_skips
        Constant skips of seed scans, likewise.
    variable_skip
        Least and most outputs dropped before each draw where their number varies; None for no
        search of that.
    offsets
        Outputs given before the first draw and its skip, for searches that start from seeds; from
        minus the largest scan skip, where the first draw came before all of its skip, to
        `MAX_OFFSET`. Searches that start from any state cover every offset.
    noise
        Share of the draws recorded wrong that searches are to withstand, in [0, 0.25].
    searched
        What to search: names of generators and slugs of presets; empty for all.
    sessions
        Sessions of which only the streams of their own are searched; empty for all, and for the
        stream that all sessions may share.
    budget_s
        Seconds for the whole recovery; None for as long as it takes. Cheap searches come first,
        and those that do not fit are named with the budget that they would need.
    predictions
        Coming draws to predict, in ``[0, 1000]``.
    date_seeds
        A rule that gives each date its seeds: a formula, or the content of a table; None for none.
    date_table
        What the table is called; None for a formula.
    run_seed
        Seeds the controls.
    controls
        Whether each completed search is tried on shuffled draws and a planted seed as well.
    """

    skips: range = range(501)
    scan_skips: range = range(9)
    variable_skip: tuple[int, int] | None = (0, 8)
    offsets: range = range(1)
    noise: float = 0.1
    searched: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    budget_s: float | None = 60.0
    predictions: int = 1
    date_seeds: str | None = None
    date_table: str | None = None
    run_seed: int = 0
    controls: bool = True

    def problems(self) -> list[str]:
        """Say which options are out of range; empty where none is."""
        return [*self._problems_of_alignments(), *self._problems_of_the_rest()]

    def _problems_of_alignments(self) -> Iterator[str]:
        for name, chosen, most in (
            ("skips", self.skips, MAX_SKIP),
            ("scan skips", self.scan_skips, MAX_SKIP),
        ):
            if len(chosen) == 0 or chosen.step != 1 or chosen[0] < 0 or chosen[-1] > most:
                yield f"{name}: {chosen} is no range within 0..{most}"
        skips, offsets = self.scan_skips, self.offsets
        least = -skips[-1] if skips else 0
        if len(offsets) == 0 or offsets.step != 1 or offsets[0] < least or offsets[-1] > MAX_OFFSET:
            yield f"offsets: {offsets} is no range within {least}..{MAX_OFFSET}"
        if self.variable_skip is not None:
            least, most = self.variable_skip
            if not 0 <= least < most <= MAX_SKIP:
                yield f"variable skips: {least}..{most} is no range within 0..{MAX_SKIP}"

    def _problems_of_the_rest(self) -> Iterator[str]:
        if not 0 <= self.noise <= _MOST_NOISE:
            yield f"noise: {self.noise:g} is not within 0..{_MOST_NOISE:g}"
        if self.budget_s is not None and not (isfinite(self.budget_s) and self.budget_s > 0):
            yield f"budget: {self.budget_s:g} seconds are no time"
        if not 0 <= self.predictions <= MAX_PREDICTIONS:
            yield f"predictions: {self.predictions} is not within 0..{MAX_PREDICTIONS}"
        known = {*generators(), *(preset.slug for preset in CATALOGUE)}
        for name in sorted(self.searched - known):
            yield f"{name!r} is neither a generator nor a preset of the catalogue"

    def streams(self) -> tuple[Stream, ...]:
        """Return the streams of the catalogue that are to be searched."""
        return tuple(
            stream
            for stream in streams()
            if not self.searched
            or stream.generator.name in self.searched
            or any(preset.slug in self.searched for preset in presets_of(stream))
        )
