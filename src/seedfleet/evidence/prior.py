"""The one published prior over the whole catalogue. It never depends on what is searched.

Half of the stake stays on the null (independent uniform draws). The other half is spread over
preset x skip law x offset x noise x session scope x segment; all weights together sum to at most
1, and what is not searched simply earns nothing. Version 2:

=============  ==================================================================================
preset         1/64 each; slots not in the catalogue yet stay empty
skip law       constant 1/2, variable 1/2
constant skip  ``1/16 * 2**-floor(log2(skip + 1))`` for skip < 65535: each octave weighs the same
variable skip  skip_max from 1 to 65534 as a constant skip; skip_min uniform below skip_max
offset         0: 1/2; else ``1/32 * 2**-floor(log2(offset))`` for offset < 65536
noise          0: 1/2; 0.01, 0.05, 0.1 and 0.25: 1/8 each
session scope  of one session in the file, 1; else all as one stream 1/2; each session as a
               stream of its own an equal share of 1/4, and every other choice of two or more an
               equal share of 1/4 (with two sessions there is none, and each has 1/4)
segment        the whole history 1/2; the rest is kept for reseeds inside it
seed           uniform over the canonical seeds; of spaces with more than 2**48, which programs
               hardly ever seed in full, half is on the seeds below 2**32
=============  ==================================================================================
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
    "seed_odds",
]

PRIOR_VERSION = "2"
PRIOR_TEXT = (
    "1/2 null; else preset 1/64 x skip law (constant 1/2: skip 1/16 per octave; variable 1/2: "
    "skip_max 1/16 per octave, skip_min uniform below it) x offset (0: 1/2, else 1/32 per octave) "
    "x noise 0 1/2 or {0.01, 0.05, 0.1, 0.25} 1/8 each x session scope (all 1/2, singles 1/4 "
    "shared, other choices 1/4 shared; of two sessions, singles 1/2 shared) x whole history 1/2 "
    "x seed uniform (spaces above 2^48: half below 2^32)"
)
NULL_WEIGHT = 0.5
_PRESET_SLOTS = 64
_OCTAVES = 16
_LAW_BITS = -1.0  # constant or variable
_WIDE_BITS, _SMALL_BITS = 48, 32  # spaces that are not seeded in full, and what they often get
_SEGMENT_BITS = -1.0  # the whole history


def log2_alignment_weight(
    *,
    presets: int,
    skip_min: int,
    skip_max: int,
    offset: int,
    session_count: int,
    chosen_sessions: int,
) -> float:
    """Return log2 of the prior weight of one stream under one alignment.

    The weight leaves out the null's half and the noise rate, which multiply it.

    Parameters
    ----------
    presets
        How many presets of the catalogue draw this stream.
    skip_min, skip_max
        The skips that the alignment allows, from 0 on; a constant skip where they are equal.
    offset
        The alignment's stream offset, from 0 on.
    session_count
        Sessions in the history.
    chosen_sessions
        How many of them share the stream, at least 1.

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
    offset_bits = -1.0 if offset == 0 else -log2(2 * _OCTAVES) - _octave(offset)
    scope_bits = _scope_bits(session_count, chosen_sessions)
    preset_bits = log2(presets / _PRESET_SLOTS)
    return preset_bits + _LAW_BITS + skip_bits + offset_bits + scope_bits + _SEGMENT_BITS


def _scope_bits(sessions: int, chosen: int) -> float:
    if sessions <= 1:
        return 0.0
    if chosen == sessions:
        return -1.0
    if sessions == 2:
        return -2.0
    others = 2**sessions - sessions - 2  # neither none, nor one, nor all
    return -2.0 - log2(sessions if chosen == 1 else others)


def seed_odds(seeds: int, seed: int) -> int:
    """Return one over the prior weight of a seed within its generator.

    Parameters
    ----------
    seeds
        ``|S|``: canonical seeds of the generator.
    seed
        One of them, from 0 on.
    """
    if seeds <= 2**_WIDE_BITS:
        return seeds
    return 2 ** (_SMALL_BITS + 1) if seed < 2**_SMALL_BITS else 2 * seeds


def noise_weights() -> tuple[float, ...]:
    """Return the prior weight of each of `NOISE_RATES`."""
    return tuple(0.5 if rate == 0 else 0.5 / (len(NOISE_RATES) - 1) for rate in NOISE_RATES)


def _octave(number: int) -> int:
    return number.bit_length() - 1
