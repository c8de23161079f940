"""From output words to draws: the boundings, apart from the generators that feed them.

Values are computed as the languages compute them, in 64-bit integers or in IEEE doubles, so that
they agree also where a double rounds. What is left of a word's low or high bits is part of the
bounding: `FLOOR_24` takes the high 24 bits of a 32-bit word, `FLOOR_53` those of a 64-bit one.
"""

from __future__ import annotations

from typing import Any

from numpy import float64, int64, uint32, uint64

from seedfleet.generators.definition import Bounding
from seedfleet.generators.shapes import FieldResidue, Monotone, Residue

__all__ = [
    "BIT_COUNT",
    "DIVIDE_31",
    "FLOOR_24",
    "FLOOR_26_27",
    "FLOOR_27_26",
    "FLOOR_31",
    "FLOOR_32",
    "FLOOR_48",
    "FLOOR_52",
    "FLOOR_53",
    "GO_INT31N",
    "JAVA_NEXT_INT",
    "JAVA_NEXT_INT_DIGITS",
    "LEMIRE",
    "MASK",
    "MODULO",
    "MODULO_31",
    "PHP_RANGE",
]


def _one_part(modulus: int) -> tuple[int, int] | None:
    return modulus, 1


def _decimal_digits(modulus: int) -> tuple[int, int] | None:
    parts = len(str(modulus)) - 1
    return (10, parts) if parts >= 2 and modulus == 10**parts else None


def _is_power_of_two(radix: Any) -> Any:
    return radix & (radix - 1) == 0


def _monotone(_radix: int) -> Monotone:
    return Monotone()


# Plain remainders.


def _modulo(word: Any, radix: Any) -> Any:
    return int64(uint64(word) % uint64(radix))


def _modulo_31(word: Any, radix: Any) -> Any:
    return int64(word >> uint32(1)) % radix


def _whole_word(radix: int) -> Residue:
    return Residue(0, radix)


def _without_low_bit(radix: int) -> Residue:
    return Residue(1, radix)


MODULO = Bounding("word % m", _modulo, _one_part, _whole_word)
MODULO_31 = Bounding("(word >> 1) % m", _modulo_31, _one_part, _without_low_bit)


# Remainders that throw away the words of the last, incomplete round.


def _java_value(word: Any, radix: Any) -> Any:
    bits = int64(word >> uint32(1))
    if _is_power_of_two(radix):
        return (bits * radix) >> 31
    return bits % radix


def _java_rejects(word: Any, radix: Any) -> Any:
    # Java tests `bits - value + (radix - 1) < 0` in 32-bit signed arithmetic, which is true from
    # the last, incomplete round of the radix on. Written so, no word costs a division.
    bits = int64(word >> uint32(1))
    return not _is_power_of_two(radix) and bits > 2147483647 - 2147483648 % radix


def _java_shape(radix: int) -> Residue | Monotone:
    return Monotone() if _is_power_of_two(radix) else Residue(1, radix)


def _rejection_of_31_bits(radix: int) -> float:
    return 0.0 if _is_power_of_two(radix) else 2**31 % radix / 2**31


def _php_rejects(word: Any, radix: Any) -> Any:
    # PHP 7.1 and later reject words above the last whole multiple of the range, less one.
    # Unsigned, for loops over many words take the remainder out only then.
    last = uint64(4294967294) - uint64(4294967295) % uint64(radix)
    return not _is_power_of_two(radix) and uint64(word) > last


def _php_rejection(radix: int) -> float:
    return 0.0 if _is_power_of_two(radix) else ((2**32 - 1) % radix + 1) / 2**32


def _go_bits(word: Any) -> Any:
    return int64((uint64(word) & uint64(2**63 - 1)) >> uint64(32))


def _go_value(word: Any, radix: Any) -> Any:
    if radix == 2147483648:
        return int64(word & uint64(2147483647))  # from 2**31 on Intn asks Int63n
    if _is_power_of_two(radix):
        return _go_bits(word) & (radix - 1)
    return _go_bits(word) % radix


def _go_rejects(word: Any, radix: Any) -> Any:
    last = uint64(2147483647) - uint64(2147483648) % uint64(radix)  # unsigned, as for PHP
    return not _is_power_of_two(radix) and uint64(_go_bits(word)) > last


def _go_shape(radix: int) -> FieldResidue | None:
    return None if radix == 2**31 else FieldResidue(32, 31, radix)


def _up_to_2_31(modulus: int) -> tuple[int, int] | None:
    return (modulus, 1) if modulus <= 2**31 else None


def _below_2_31(modulus: int) -> tuple[int, int] | None:
    return (modulus, 1) if modulus < 2**31 else None


JAVA_NEXT_INT = Bounding(
    "nextInt(m)", _java_value, _one_part, _java_shape, _java_rejects, _rejection_of_31_bits
)
JAVA_NEXT_INT_DIGITS = Bounding(
    "nextInt(10) digits",
    _java_value,
    _decimal_digits,
    _java_shape,
    _java_rejects,
    _rejection_of_31_bits,
)
PHP_RANGE = Bounding(
    "mt_rand(0, m-1)", _modulo, _one_part, _whole_word, _php_rejects, _php_rejection
)
GO_INT31N = Bounding(
    "Intn(m)", _go_value, _up_to_2_31, _go_shape, _go_rejects, _rejection_of_31_bits
)


# Masks and bit counts, which throw away what is too large.


def _smeared(number: Any) -> Any:
    """Return the least ``2**k - 1`` that is not less than `number`, below 2**32."""
    mask = uint64(number)
    mask |= mask >> uint64(1)
    mask |= mask >> uint64(2)
    mask |= mask >> uint64(4)
    mask |= mask >> uint64(8)
    return mask | mask >> uint64(16)


def _mask_value(word: Any, radix: Any) -> Any:
    return int64(uint64(word) & _smeared(radix - 1))


def _mask_rejects(word: Any, radix: Any) -> Any:
    return _mask_value(word, radix) >= radix


def _mask_shape(radix: int) -> Residue:
    return Residue(0, 1 << (radix - 1).bit_length())


def _mask_rejection(radix: int) -> float:
    return 1 - radix / (1 << (radix - 1).bit_length())


def _bit_count_value(word: Any, radix: Any) -> Any:
    # The high bits of a 32-bit word, as many as the modulus itself has: word * 2**bits >> 32.
    return int64(uint64(word) * (_smeared(radix) + uint64(1)) >> uint64(32))


def _bit_count_rejects(word: Any, radix: Any) -> Any:
    return _bit_count_value(word, radix) >= radix


def _bit_count_rejection(radix: int) -> float:
    return 1 - radix / (1 << radix.bit_length())


MASK = Bounding(
    "mask and reject", _mask_value, _one_part, _mask_shape, _mask_rejects, _mask_rejection
)
BIT_COUNT = Bounding(
    "getrandbits and reject",
    _bit_count_value,
    _one_part,
    _monotone,
    _bit_count_rejects,
    _bit_count_rejection,
)


# Multiplication of a 32-bit word, by Lemire (ACM Transactions on Modeling and Computer Simulation
# 29(1), 2019): the high half is the value, a small low half is thrown away.


def _lemire_value(word: Any, radix: Any) -> Any:
    return int64(uint64(word) * uint64(radix) >> uint64(32))


def _lemire_rejects(word: Any, radix: Any) -> Any:
    low = (uint64(word) * uint64(radix)) & uint64(0xFFFFFFFF)
    return low < uint64(4294967296) % uint64(radix)


def _lemire_rejection(radix: int) -> float:
    return 2**32 % radix / 2**32


LEMIRE = Bounding("Lemire", _lemire_value, _one_part, _monotone, _lemire_rejects, _lemire_rejection)


# floor(u * m) with u in [0, 1) from so many bits.


def _floor_24(word: Any, radix: Any) -> Any:
    return int64(float64(word >> uint32(8)) * 2.0**-24 * float64(radix))


def _floor_31(word: Any, radix: Any) -> Any:
    return int64(float64(radix) * (float64(word >> uint32(1)) * 2.0**-31))


def _floor_32(word: Any, radix: Any) -> Any:
    return int64(float64(word) * 2.0**-32 * float64(radix))


def _floor_48(word: Any, radix: Any) -> Any:
    return int64(float64(word) * 2.0**-48 * float64(radix))


def _floor_52(word: Any, radix: Any) -> Any:
    return int64(float64(word >> uint64(12)) * 2.0**-52 * float64(radix))


def _floor_53(word: Any, radix: Any) -> Any:
    return int64(float64(word >> uint64(11)) * 2.0**-53 * float64(radix))


def _floor_26_27(first: Any, second: Any, radix: Any) -> Any:
    bits = (uint64(first) >> uint64(6) << uint64(27)) + (uint64(second) >> uint64(5))
    return int64(float64(bits) * 2.0**-53 * float64(radix))


def _floor_27_26(first: Any, second: Any, radix: Any) -> Any:
    bits = (uint64(first) >> uint64(5) << uint64(26)) + (uint64(second) >> uint64(6))
    return int64(float64(bits) * 2.0**-53 * float64(radix))


def _divide_31(word: Any, radix: Any) -> Any:
    return int64(float64(word) * (1.0 / 2147483647.0) * float64(radix))


FLOOR_24 = Bounding("floor(u * m), 24 bits", _floor_24, _one_part, _monotone)
FLOOR_31 = Bounding("floor(u * m), 31 bits", _floor_31, _one_part, _monotone)
FLOOR_32 = Bounding("floor(u * m), 32 bits", _floor_32, _one_part, _monotone)
FLOOR_48 = Bounding("floor(u * m), 48 bits", _floor_48, _one_part, _monotone)
FLOOR_52 = Bounding("floor(u * m), 52 bits", _floor_52, _one_part, _monotone)
FLOOR_53 = Bounding("floor(u * m), 53 bits", _floor_53, _one_part, _monotone)
FLOOR_26_27 = Bounding("floor(u * m), 26 + 27 bits", _floor_26_27, _one_part, _monotone, words=2)
FLOOR_27_26 = Bounding("floor(u * m), 27 + 26 bits", _floor_27_26, _one_part, _monotone, words=2)
# The modulus is a C# int.
DIVIDE_31 = Bounding("floor(word / (2**31 - 1) * m)", _divide_31, _below_2_31, _monotone)
