"""From output words to draws: the boundings, apart from the generators that feed them.

Values are computed as the languages compute them, in 64-bit integers or in IEEE doubles, so that
they agree also where a double rounds.
"""

from __future__ import annotations

from typing import Any

from numpy import int64, uint32, uint64

from seedfleet.generators.definition import Bounding, Monotone, Residue

__all__ = ["JAVA_NEXT_INT", "JAVA_NEXT_INT_DIGITS", "MODULO", "MODULO_31", "PHP_RANGE"]


def _modulo(word: Any, radix: Any) -> Any:
    return int64(uint64(word) % uint64(radix))


def _modulo_31(word: Any, radix: Any) -> Any:
    return int64(word >> uint32(1)) % radix


def _java_value(word: Any, radix: Any) -> Any:
    bits = int64(word >> uint32(1))
    if radix & (radix - 1) == 0:
        return (bits * radix) >> 31
    return bits % radix


def _java_rejects(word: Any, radix: Any) -> Any:
    # Java tests `bits - value + (radix - 1) < 0` in 32-bit signed arithmetic.
    bits = int64(word >> uint32(1))
    return radix & (radix - 1) != 0 and bits - bits % radix + (radix - 1) >= 2147483648


def _php_rejects(word: Any, radix: Any) -> Any:
    # PHP 7.1 and later reject words above the last whole multiple of the range, less one.
    return radix & (radix - 1) != 0 and int64(word) > 4294967294 - 4294967295 % radix


def _one_part(modulus: int) -> tuple[int, int] | None:
    return modulus, 1


def _decimal_digits(modulus: int) -> tuple[int, int] | None:
    parts = len(str(modulus)) - 1
    return (10, parts) if parts >= 2 and modulus == 10**parts else None


def _whole_word(radix: int) -> Residue:
    return Residue(0, radix)


def _without_low_bit(radix: int) -> Residue:
    return Residue(1, radix)


def _java_shape(radix: int) -> Residue | Monotone:
    return Monotone() if radix & (radix - 1) == 0 else Residue(1, radix)


def _java_rejection(radix: int) -> float:
    return 0.0 if radix & (radix - 1) == 0 else 2**31 % radix / 2**31


def _php_rejection(radix: int) -> float:
    return 0.0 if radix & (radix - 1) == 0 else ((2**32 - 1) % radix + 1) / 2**32


MODULO = Bounding("word % m", _modulo, _one_part, _whole_word)
MODULO_31 = Bounding("(word >> 1) % m", _modulo_31, _one_part, _without_low_bit)
JAVA_NEXT_INT = Bounding(
    "nextInt(m)", _java_value, _one_part, _java_shape, _java_rejects, _java_rejection
)
JAVA_NEXT_INT_DIGITS = Bounding(
    "nextInt(10) digits", _java_value, _decimal_digits, _java_shape, _java_rejects, _java_rejection
)
PHP_RANGE = Bounding(
    "mt_rand(0, m-1)", _modulo, _one_part, _whole_word, _php_rejects, _php_rejection
)
