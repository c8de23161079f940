"""What searches may know of a bounding beside its values: which bits of a word they come from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FieldResidue", "Monotone", "Residue"]


@dataclass(frozen=True)
class Residue:
    """The shape of a bounding whose accepted value is ``(word >> dropped_bits) % modulus``.

    The modulus may be larger than the radix, as with a mask: such values are those rejected.
    """

    dropped_bits: int
    modulus: int


@dataclass(frozen=True)
class FieldResidue:
    """The shape of one whose value is ``(word >> first_bit) % 2**bits % modulus``, `bits` <= 32."""

    first_bit: int
    bits: int
    modulus: int


@dataclass(frozen=True)
class Monotone:
    """The shape of a bounding whose accepted value never falls as a word grows, each of two."""
