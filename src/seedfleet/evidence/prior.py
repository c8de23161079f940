"""The one published prior over the whole catalogue. It never depends on what is searched.

Half of the stake stays on the null (independent uniform draws). The other half is spread over
preset x skip law x offset x noise x part of the history x start; all weights together sum to at
most 1, and what is not searched simply earns nothing. Version 4:

=============  ==================================================================================
preset         1/64 each; slots not in the catalogue yet stay empty
skip law       constant 1/2, variable 1/2
constant skip  ``1/16 * 2**-floor(log2(skip + 1))`` for skip < 65535: each octave weighs the same
variable skip  skip_max from 1 to 65534 as a constant skip; skip_min uniform below skip_max: this
               leaves the 1/32 of the lone skip_max 0, which is
missing        a constant skip after which the stream jumps at n >= 1 draws, ``2**-n``: at any of
               the history's draws but the first, alike; each over whole records 1/2 (1/8 an octave,
               less than 256), more calls 1/4 or fewer 1/4 (1/16 an octave)
offset         0: 7/16; from 1 to 65535 ``1/32 * 2**-floor(log2(offset))``; of a constant skip, from
               -skip to -1 together 1/16, equally: the first draw came before all of a skip
noise          0: 1/2; 0.01, 0.05, 0.1 and 0.25: 1/8 each
scope          all draws as one stream 1/2 (1 where the file has neither two sessions nor two
               machines); the other 1/2 for sessions and machines, in halves where the file has
               several of both. Of either's share half is for each one as a stream of its own,
               equally, and half for every other choice of two or more (with two of them there is
               no such choice, and the ones have all)
segment        all draws of the scope 1/2; every other stretch of neighbouring draws an equal share
               of 1/2, of as many as the whole history has
start          a canonical seed 1/2, any state of the generator 1/4, a seed for each date 1/4
seed           uniform over the canonical seeds; of spaces with more than 2**48, which programs
               hardly ever seed in full, half is on the seeds below 2**32
state          uniform over ``2**bits`` states
dated seeds    a table that was made without a look at the draws 1/2; a formula of n symbols out
               of 31 ``1/2 * 32**-(n + 1)``
=============  ==================================================================================

Scope and segment are weighed in `part_prior`, starts in `start_prior`, missing records in
`jump_prior`.
"""

from __future__ import annotations

from math import inf, log2

from seedfleet.evidence.likelihood import NOISE_RATES

__all__ = [
    "NULL_WEIGHT",
    "PRIOR_TEXT",
    "PRIOR_VERSION",
    "log2_alignment_weight",
    "noise_weights",
]

PRIOR_VERSION = "4"
PRIOR_TEXT = (
    "1/2 null; else preset 1/64 x skip law (constant 1/2: skip 1/16 per octave; variable 1/2: "
    "skip_max 1/16 per octave, skip_min uniform below it, of which 1/32 is on constant skips with"
    " records missing: 2^-n for n jumps, anywhere alike, each records 1/2, calls more or fewer "
    "1/4) x offset (0: 7/16, above 1/32 per octave, -skip to -1 of a constant skip 1/16) x noise "
    "0 1/2 or {0.01, 0.05, 0.1, 0.25} 1/8 each x scope (all 1/2, sessions and machines 1/2 "
    "together; of each half singles, half other choices; of two, all singles) x segment (all 1/2,"
    " every other stretch of the history an equal share of 1/2) x start (seed 1/2, uniform, "
    "spaces above 2^48 half below 2^32; any state 1/4; a seed for each date 1/4, tables half, "
    "formulas half, 1/32 per symbol)"
)
NULL_WEIGHT = 0.5
_PRESET_SLOTS = 64
_OCTAVES = 16
_LAW_BITS = -1.0  # constant or variable
_AT_ONCE, _BEFORE_SKIP = 7 / 16, 1 / 16  # offset 0, and all those below it


def log2_alignment_weight(
    *, presets: int, skip_min: int, skip_max: int, offset: int, part_bits: float
) -> float:
    """Return log2 of the prior weight of one stream under one alignment.

    The weight leaves out the null's half, the noise rate and the start, which multiply it.

    Parameters
    ----------
    presets
        How many presets of the catalogue draw this stream.
    skip_min, skip_max
        The skips that the alignment allows, from 0 on; a constant skip where they are equal.
    offset
        The alignment's stream offset; with a constant skip from ``-skip`` on, else from 0 on.
    part_bits
        log2 of the weight of the draws that the stream would have made (`part_prior`).

    Returns
    -------
    float
        Bits, at most 0; ``-inf`` outside the prior's support.
    """
    if skip_max + 1 >= 2**_OCTAVES or offset >= 2**_OCTAVES:
        return -inf
    skip_bits = -log2(_OCTAVES) - _octave(skip_max + 1)
    if skip_min < skip_max:
        skip_bits -= log2(skip_max)
    offset_bits = _offset_bits(offset, skip_min if skip_min == skip_max else 0)
    return log2(presets / _PRESET_SLOTS) + _LAW_BITS + skip_bits + offset_bits + part_bits


def noise_weights() -> tuple[float, ...]:
    """Return the prior weight of each of `NOISE_RATES`."""
    return tuple(0.5 if rate == 0 else 0.5 / (len(NOISE_RATES) - 1) for rate in NOISE_RATES)


def _offset_bits(offset: int, before: int) -> float:
    """Weigh an offset, of which so many may be below 0."""
    if offset == 0:
        return log2(_AT_ONCE)
    if offset > 0:
        return -log2(2 * _OCTAVES) - _octave(offset)
    return log2(_BEFORE_SKIP / before) if -offset <= before else -inf


def _octave(number: int) -> int:
    return number.bit_length() - 1
