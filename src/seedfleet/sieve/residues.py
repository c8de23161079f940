"""Exact residue tests without division.

For 32-bit words, ``word % m == d`` holds exactly when ``word >= d`` and ``word - d`` is a multiple
of ``m = 2**b * odd``. Multiplying by the inverse of the odd part modulo 2**32 and rotating right by
b sends the multiples of m, and only them, to their quotients, the smallest numbers; a comparison
then tests both at once, since a wrapped ``word - d`` would have too large a quotient.

Source: Warren, Hacker's Delight, 2nd edition, section 10-17.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ResidueTests",
    "has_residue",
    "odd_part",
    "residue_of_32",
    "residue_of_64",
    "residue_of_field",
]

_WORD_BITS = 32
_LAST_BIT = uint32(_WORD_BITS - 1)


def odd_part(modulus: int) -> tuple[int, int]:
    """Return ``(b, odd)`` with ``modulus == 2**b * odd``."""
    twos = (modulus & -modulus).bit_length() - 1
    return twos, modulus >> twos


def has_residue(word: Any, residue: Any, inverse: Any, rotation: Any, limit: Any) -> Any:
    """Tell whether a uint32 `word` has the residue for which the other arguments were made."""
    product = uint32(uint32(word - residue) * inverse)
    # The masks tell the compiler that shifts stay within 32 bits, so that lanes need not widen.
    right, left = rotation & _LAST_BIT, (uint32(_WORD_BITS) - rotation) & _LAST_BIT
    return uint32(uint32(product >> right) | uint32(product << left)) <= limit


def residue_of_32(word: Any, residue: Any, limit: Any, shared: Any) -> Any:
    """Test the high bits of a 32-bit word; ``shared = (inverse, rotation, dropped bits)``."""
    inverse, rotation, dropped = shared
    return has_residue(
        uint32(uint32(word) >> (dropped & _LAST_BIT)), residue, inverse, rotation, limit
    )


def residue_of_64(word: Any, residue: Any, limit: Any, shared: Any) -> Any:
    """Test those of a 64-bit word, all constants uint64 and the inverse modulo 2**64."""
    inverse, rotation, dropped = shared
    product = ((word >> (dropped & uint64(63))) - residue) * inverse
    right, left = rotation & uint64(63), (uint64(64) - rotation) & uint64(63)
    return ((product >> right) | (product << left)) <= limit


def residue_of_field(word: Any, residue: Any, limit: Any, shared: Any) -> Any:
    """Test bits in the middle; ``shared = (that of residue_of_32, first bit, mask)``."""
    of_field, first_bit, mask = shared
    field = uint32(uint64(word) >> (first_bit & uint64(63))) & mask
    return residue_of_32(field, residue, limit, of_field)


@dataclass(frozen=True)
class ResidueTests:
    """The constants of many tests with one modulus.

    Attributes
    ----------
    residues, limits
        uint32 arrays of one shape: the residues asked for, and the largest quotients.
    inverse, rotation
        The same for every test.
    """

    residues: NDArray[np.uint32]
    limits: NDArray[np.uint32]
    inverse: np.uint32
    rotation: np.uint32

    @classmethod
    def of(cls, residues: NDArray[np.int64], modulus: int, *, words: int = 2**32) -> ResidueTests:
        """Prepare tests for `residues`, any shape, each in ``[0, modulus)``.

        Parameters
        ----------
        modulus
            In ``[1, 2**32)``.
        words
            Words range over ``[0, words)``, at most 2**32.
        """
        twos, odd = odd_part(modulus)
        return cls(
            residues=residues.astype(np.uint32),
            limits=((words - 1 - residues.astype(np.int64)) // modulus).astype(np.uint32),
            inverse=np.uint32(pow(odd, -1, 2**_WORD_BITS)),
            rotation=np.uint32(twos),
        )
