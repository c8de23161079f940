"""What a recovery searches, and how much it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.generators import generators
from seedfleet.recover.scoring import MAX_PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_SKIP", "Options", "OptionsError"]

MAX_SKIP = 4095  # a jump table of such a skip still takes no time


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
    """What is searched, and how much is predicted.

    Attributes
    ----------
    skips
        Constant skips of the lane split, within ``[0, MAX_SKIP]``.
    scan_skips
        Constant skips of seed scans, within ``[0, MAX_SKIP]``.
    generators
        Names of the generators to search; empty for all.
    sessions
        Sessions of which only the streams of their own are searched; empty for all, and for the
        stream that all sessions may share.
    predictions
        Coming draws to predict, in ``[0, 1000]``.
    run_seed
        Seeds the controls.
    controls
        Whether each completed search is tried on shuffled draws and a planted seed as well.
    """

    skips: range = range(501)
    scan_skips: range = range(9)
    generators: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    predictions: int = 1
    run_seed: int = 0
    controls: bool = True

    def problems(self) -> list[str]:
        """Say which options are out of range; empty where none is."""
        problems = [
            f"{name}: {chosen} is no range within 0..{MAX_SKIP}"
            for name, chosen in (("skips", self.skips), ("scan skips", self.scan_skips))
            if len(chosen) == 0 or chosen.step != 1 or chosen[0] < 0 or chosen[-1] > MAX_SKIP
        ]
        if not 0 <= self.predictions <= MAX_PREDICTIONS:
            problems.append(f"predictions: {self.predictions} is not within 0..{MAX_PREDICTIONS}")
        known = generators()
        problems += [
            f"generators: {name!r} is none of {', '.join(sorted(known))}"
            for name in sorted(self.generators - known.keys())
        ]
        return problems
