"""From output words to draws: the boundings, apart from the generators that feed them."""

from __future__ import annotations

from typing import Any

from numpy import int64, uint32

from seedfleet.generators.definition import Bounding

__all__ = ["JAVA_NEXT_INT", "JAVA_NEXT_INT_DIGITS", "MODULO", "MODULO_31", "PHP_RANGE"]

_REJECTED = -1


def _modulo(word: Any, radix: Any) -> Any:
    return int64(word) % radix


def _modulo_31(word: Any, radix: Any) -> Any:
    return int64(word >> uint32(1)) % radix


def _java_next_int(word: Any, radix: Any) -> Any:
    bits = int64(word >> uint32(1))
    if radix & (radix - 1) == 0:
        return (bits * radix) >> 31
    value = bits % radix
    # Java tests `bits - value + (radix - 1) < 0` in 32-bit signed arithmetic.
    if bits - value + (radix - 1) >= 2147483648:
        return int64(_REJECTED)
    return value


def _php_range(word: Any, radix: Any) -> Any:
    # PHP 7.1 and later reject words above the last whole multiple of the range, less one.
    if radix & (radix - 1) != 0 and int64(word) > 4294967294 - 4294967295 % radix:
        return int64(_REJECTED)
    return int64(word) % radix


def _one_part(modulus: int) -> tuple[int, int] | None:
    return modulus, 1


def _decimal_digits(modulus: int) -> tuple[int, int] | None:
    parts = len(str(modulus)) - 1
    return (10, parts) if parts >= 2 and modulus == 10**parts else None


def _whole_word(_radix: int) -> int | None:
    return 0


def _without_low_bit(_radix: int) -> int | None:
    return 1


def _java_residue(radix: int) -> int | None:
    return None if radix & (radix - 1) == 0 else 1


def _nothing_rejected(_radix: int) -> float:
    return 0.0


def _java_rejection(radix: int) -> float:
    return 0.0 if radix & (radix - 1) == 0 else 2**31 % radix / 2**31


def _php_rejection(radix: int) -> float:
    return 0.0 if radix & (radix - 1) == 0 else ((2**32 - 1) % radix + 1) / 2**32


MODULO = Bounding("word % m", _modulo, _one_part, _whole_word, _nothing_rejected)
MODULO_31 = Bounding("(word >> 1) % m", _modulo_31, _one_part, _without_low_bit, _nothing_rejected)
JAVA_NEXT_INT = Bounding("nextInt(m)", _java_next_int, _one_part, _java_residue, _java_rejection)
JAVA_NEXT_INT_DIGITS = Bounding(
    "nextInt(10) digits", _java_next_int, _decimal_digits, _java_residue, _java_rejection
)
PHP_RANGE = Bounding("mt_rand(0, m-1)", _php_range, _one_part, _whole_word, _php_rejection)
