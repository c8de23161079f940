"""What a sieve is asked: a stream, a history, a window of it, alignments and thresholds.

The words are those of the domain: alignments count from the origin of the history, a window only
chooses which draws are looked at, and the forward and the reverse part share out the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.sieve.rows import Leg, Rows, Walk, as_integers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import Stream

__all__ = ["ConstantSkip", "Direction", "Question", "QuestionError", "VariableSkip"]

_MAX_POSITION = 2**40  # a kernel would never come so far
_MAX_ALIGNMENTS = 2**20  # they are listed in memory, and each costs a pass over the seeds
_CELLS = 2**20  # positions held at once; more alignments than that come in several batches


class Direction(Enum):
    """Which part of the window decides."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BIDIRECTIONAL = "bidirectional"


@dataclass(frozen=True)
class ConstantSkip:
    """The same number of outputs dropped before each draw.

    Attributes
    ----------
    skips
        Each of them is an alignment; from 0 on.
    """

    skips: range


@dataclass(frozen=True)
class VariableSkip:
    """Any number of outputs dropped before each draw, from `skip_min` to `skip_max`."""

    skip_min: int
    skip_max: int

    @property
    def gaps(self) -> int:
        """``w``: how many gaps are possible."""
        return self.skip_max - self.skip_min + 1


class QuestionError(ValueError):
    """A question that cannot be asked.

    Attributes
    ----------
    problems
        All that is wrong with it, each a sentence.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, eq=False)
class Question:
    """A sieve over the seeds of one stream.

    Attributes
    ----------
    stream
        Generator and bounding.
    draws
        Integer array, shape (n,), kept as int64: the draws of the chosen sessions from the origin
        on, oldest first, each in ``[0, modulus)``.
    modulus
        In ``[2, 2**31]``, one that the bounding has.
    skips
        The family of alignments.
    offsets
        Stream offsets to try; from 0 on.
    window_start, window_size
        The draws looked at; a size of None is all from the start on.
    forward_threshold, reverse_threshold
        Least share of matches in each part, in ``[0, 1]``.
    direction
        Which part decides.

    Raises
    ------
    QuestionError
        Something is out of range; the error lists everything.
    """

    stream: Stream
    draws: NDArray[np.int64]
    modulus: int
    skips: ConstantSkip | VariableSkip
    offsets: range = range(1)
    window_start: int = 0
    window_size: int | None = None
    forward_threshold: float = 1.0
    reverse_threshold: float = 1.0
    direction: Direction = Direction.BIDIRECTIONAL

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        draws = as_integers(self.draws, dimensions=1)
        problems = [*self._problems_of_modulus()]
        if draws is None:
            problems.append("draws: they must be a one-dimensional array of integers")
        else:
            object.__setattr__(self, "draws", draws)
            problems += [*self._problems_of_draws(), *self._problems_of_window()]
        count = 0 if draws is None else len(draws)
        problems += [*self._problems_of_thresholds(), *self._problems_of_alignments(count)]
        if problems:
            raise QuestionError(problems)

    @property
    def window(self) -> range:
        """The indexes of the draws looked at."""
        size = self.window_size
        stop = len(self.draws) if size is None else self.window_start + size
        return range(self.window_start, stop)

    @property
    def forward(self) -> range:
        """The first half of the window, rounded up."""
        return self.window[: ceil(len(self.window) / 2)]

    @property
    def reverse(self) -> range:
        """The rest of the window."""
        return self.window[len(self.forward) :]

    @property
    def looked_at(self) -> range:
        """The draws that decide in this direction."""
        match self.direction:
            case Direction.FORWARD:
                return self.forward
            case Direction.REVERSE:
                return self.reverse
            case Direction.BIDIRECTIONAL:
                return self.window

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The parts that decide, with the matches that each needs."""
        forward = _leg(len(self.forward), self.forward_threshold)
        reverse = _leg(len(self.reverse), self.reverse_threshold)
        match self.direction:
            case Direction.FORWARD:
                return (forward,)
            case Direction.REVERSE:
                return (reverse,)
            case Direction.BIDIRECTIONAL:
                return (forward, reverse)

    @property
    def alignments(self) -> list[tuple[int, int, int]]:
        """``(offset, skip_min, skip_max)`` of each row, in the order of `batches`."""
        match self.skips:
            case ConstantSkip(skips):
                return [(offset, skip, skip) for offset in self.offsets for skip in skips]
            case VariableSkip(least, most):
                return [(offset, least, most) for offset in self.offsets]

    @property
    def _alignment_count(self) -> int:
        skips = self.skips
        rows = len(skips.skips) if isinstance(skips, ConstantSkip) else 1
        return len(self.offsets) * rows

    def batches(self) -> Iterator[Rows | Walk]:
        """Yield what a back end is asked, a bounded number of alignments at a time, in order."""
        looked_at, alignments = self.looked_at, self.alignments
        values = self.draws[looked_at.start : looked_at.stop]
        size = max(1, _CELLS // len(values))
        for at in range(0, len(alignments), size):
            batch = alignments[at : at + size]
            if isinstance(self.skips, VariableSkip):
                yield self._walk(batch, values)
            else:
                yield self._rows(batch, values)

    def _rows(self, batch: list[tuple[int, int, int]], values: NDArray[np.int64]) -> Rows:
        table = np.array(batch, dtype=np.int64)
        offsets, skips = table[:, :1], table[:, 1:2]
        index = np.arange(self.looked_at.start, self.looked_at.stop, dtype=np.int64)
        positions = offsets + skips + index * (skips + 1)
        shared = np.broadcast_to(values, positions.shape)
        return Rows(positions, shared, self.modulus, self.legs)

    def _walk(self, batch: list[tuple[int, int, int]], values: NDArray[np.int64]) -> Walk:
        first = self.looked_at.start
        starts = [
            (offset + least + first * (least + 1), offset + most + first * (most + 1))
            for offset, least, most in batch
        ]
        _, least, most = batch[0]
        return Walk(np.array(starts), values, self.modulus, least + 1, most + 1, self.legs)

    def _problems_of_modulus(self) -> Iterator[str]:
        if not 2 <= self.modulus <= 2**31:
            yield f"modulus: {self.modulus} is not within 2..2147483648"
        elif self.stream.bounding.layout(self.modulus) is None:
            yield f"modulus: {self.stream.bounding.name} has no modulus {self.modulus}"

    def _problems_of_draws(self) -> Iterator[str]:
        draws = self.draws
        if len(draws) and (draws.min() < 0 or draws.max() >= self.modulus):
            yield f"draws: not all are within 0..{self.modulus - 1}"

    def _problems_of_window(self) -> Iterator[str]:
        count = len(self.draws)
        rest = count - self.window_start
        size = rest if self.window_size is None else self.window_size
        if not 0 <= self.window_start < count:
            yield f"window start: {self.window_start} is not one of the {count} draws"
        elif not 0 < size <= rest:
            yield f"window size: {self.window_size} is not within 1..{rest}, the draws from there"
        elif self.direction is not Direction.FORWARD and size < 2:
            yield "window: its reverse part is empty; look at two draws or more"

    def _problems_of_thresholds(self) -> Iterator[str]:
        for name in ("forward", "reverse"):
            threshold = getattr(self, f"{name}_threshold")
            if not 0 <= threshold <= 1:
                yield f"{name} threshold: {threshold} is not within 0..1"

    def _problems_of_alignments(self, count: int) -> Iterator[str]:
        """List what is wrong with skips and offsets, under which so many draws are placed."""
        match self.skips:
            case ConstantSkip(skips):
                least, most = (skips[0], skips[-1]) if skips else (0, -1)
            case VariableSkip(least, most):
                pass
        if least < 0 or most < least:
            yield "skips: give at least one, from 0 on, low end first"
        offsets = self.offsets
        if not offsets or offsets[0] < 0 or offsets.step != 1:
            yield "offsets: give at least one, from 0 on, low end first"
        elif offsets[-1] + (most + 1) * count > _MAX_POSITION:
            yield f"skips and offsets: they lead beyond stream position {_MAX_POSITION}"
        elif self._alignment_count > _MAX_ALIGNMENTS:
            yield f"skips and offsets: they are more than {_MAX_ALIGNMENTS} alignments"


def _leg(draws: int, threshold: float) -> Leg:
    """Need the least k with ``k / draws >= threshold``, whatever the product rounds to."""
    needed = max(0, ceil(threshold * draws) - 1)
    while needed < draws and needed / draws < threshold:
        needed += 1
    return Leg(draws, needed)
