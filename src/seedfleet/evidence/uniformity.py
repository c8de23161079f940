"""Boundings that favour some values, and what that takes off the evidence.

The null of every e-value is composite: draws are independent, and either uniform or distributed as
the hypothesis's own bounding distributes them. 15-bit words modulo 1000 give each of 0..767 with
chance 33/32768 and the others with 32/32768; draws of any other generator bounded so are no
evidence for this one.

For a draw of value d a likelihood ratio is written with ``min(m, 1 / p_d)`` in place of m: the less
favourable of the two nulls, draw by draw. Then E[LR] <= 1 under both, for each seed and after each
draw, whatever path or noise rate is mixed; with ``1 / p_d`` alone it would hold under the
bounding's law only, with m alone under the uniform one only. Since every draw of value d carries
this factor, match or miss, the change is one sum over the draws: the `allowance_bits`.
"""

from __future__ import annotations

from functools import lru_cache
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators.definition import never
from seedfleet.generators.first_word import first_word
from seedfleet.generators.shapes import FieldResidue, Monotone, Residue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.generators import Stream

__all__ = ["allowance_bits", "value_share"]

_REMEMBERED = 2**16


def allowance_bits(stream: Stream, values: NDArray[np.int64], modulus: int) -> NDArray[np.float64]:
    """Return what each draw takes off a log2 likelihood ratio against uniform draws.

    Parameters
    ----------
    stream
        Its bounding, and the width of its generator's words, decide.
    values
        int64 array, shape (n,): the draws in ``[0, modulus)``.
    modulus
        One that the bounding has.

    Returns
    -------
    NDArray
        float64 array, shape (n,): ``max(0, log2(m p_d))`` bits, 0 throughout for a bounding that
        is uniform, and for a draw that the bounding never gives: it is a wrong record there.

    Raises
    ------
    ValueError
        The bounding has no such modulus.
    """
    distinct, places = np.unique(values, return_inverse=True)
    shares = [value_share(stream, int(value), modulus) for value in distinct]
    bits = np.array([log2(max(1.0, modulus * share)) for share in shares])
    return bits[places] if len(values) else np.zeros(0)


def value_share(stream: Stream, value: int, modulus: int) -> float:
    """Return ``p_v``: the share of accepted words, all of them equally likely, that give `value`.

    Raises
    ------
    ValueError
        The bounding has no such modulus.

    Notes
    -----
    Counted exactly for plain remainders and for monotone boundings, O(word bits). Boundings that
    throw words away do so to be uniform, and those of two words have 53 bits, so that no share is
    off by more than ``m * 2**-53`` of it: both count as uniform. That a generator leaves out a few
    words (minstd has no word 0) is not counted: less than ``m * 2**-30`` of a share.
    """
    layout = stream.bounding.layout(modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {modulus}")
    radix, parts = layout
    share = 1.0
    for _ in range(parts):
        value, digit = divmod(value, radix)
        share *= _part_share(stream, digit, radix)
    return share


@lru_cache(maxsize=_REMEMBERED)
def _part_share(stream: Stream, value: int, radix: int) -> float:
    bounding, bits = stream.bounding, stream.generator.output_bits
    shape = bounding.shape(radix)
    if bounding.rejects is not never or bounding.words != 1:
        return 1 / radix
    match shape:
        case Residue(dropped_bits, modulus):
            rounds, more = divmod(2 ** (bits - dropped_bits), modulus)
            return float((rounds + (value < more)) / 2 ** (bits - dropped_bits))
        case Monotone():
            first, end = (first_word(bounding, bits, radix, v) for v in (value, value + 1))
            return float((end - first) / 2**bits)
        case FieldResidue() | None:
            return 1 / radix
