"""What a seed under an alignment is worth: its stream beside every known draw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.generators import compiled
from seedfleet.sieve.rows import constant_skip_positions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.generators import Stream

__all__ = ["AHEAD", "Alignment", "Known", "Weighing", "weigh"]

AHEAD = 1000  # coming draws on which equivalent streams must agree, and that can be predicted


@dataclass(frozen=True)
class Alignment:
    """Which stream positions made the draws; a constant skip where the two skips are equal."""

    offset: int
    skip_min: int
    skip_max: int


@dataclass(frozen=True, eq=False)
class Known:
    """The known draws, and which of them a search has looked at.

    Attributes
    ----------
    values
        int64 array, shape (n,), n >= 1, in ``[0, modulus)``, oldest first, from the origin on.
    modulus
        In ``[2, 2**31]``.
    looked_at
        Indexes of the draws by which seeds were chosen; the others are unseen.
    """

    values: NDArray[np.int64]
    modulus: int
    looked_at: range


@dataclass(frozen=True, eq=False)
class Weighing:
    """A stream under one alignment, weighed.

    Attributes
    ----------
    matched
        bool array, shape (n,): the draws that the stream gives.
    fitted_bits, known_bits
        log2 likelihood ratios over the draws looked at, and over all known ones, one for each of
        `evidence.likelihood.NOISE_RATES`.
    stream_draws
        int64 array, shape (n + AHEAD,): what the stream gives at the draws' positions and the next.
    digest
        SHA-256 of these: equal for alignments and seeds that nothing here can tell apart.
    state
        The generator's state right after the last known draw; None where it is no single word.
    """

    matched: NDArray[np.bool_]
    fitted_bits: tuple[float, ...]
    known_bits: tuple[float, ...]
    stream_draws: NDArray[np.int64]
    digest: str
    state: int | None


def weigh(stream: Stream, seed: int, alignment: Alignment, known: Known) -> Weighing:
    """Compare a stream with every known draw. O((n + AHEAD) * (skip + 1)) steps."""
    n, modulus, looked_at = len(known.values), known.modulus, known.looked_at
    skip, offset = alignment.skip_max, alignment.offset
    positions = constant_skip_positions(n + AHEAD, skip, offset=offset)
    draws, _ = compiled.at_positions(stream, seed, modulus, positions)
    _, state = compiled.at_positions(stream, seed, modulus, positions[:n])
    matched = draws[:n] == known.values
    allowance = allowance_bits(stream, known.values, modulus)
    fitted_bits, known_bits = (
        bits_of_matches(
            int(matched[part].sum()),
            len(matched[part]),
            modulus,
            allowance=float(allowance[part].sum()),
        )
        for part in (slice(looked_at.start, looked_at.stop), slice(n))
    )
    return Weighing(
        matched=matched,
        fitted_bits=fitted_bits,
        known_bits=known_bits,
        stream_draws=draws,
        digest=hashlib.sha256(draws.tobytes()).hexdigest(),
        state=state,
    )
