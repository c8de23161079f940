"""Laws of variable skips within a wider one, the constant skips among them."""

from __future__ import annotations

__all__ = ["narrower_laws"]

_EVERY = 8  # skips above the least that are bounds, each; from there on four to an octave


def narrower_laws(skip_min: int, skip_max: int) -> list[tuple[int, int]]:
    """Return the laws tried within one: least and most skip of each, itself left out.

    O(log(skip_max - skip_min)**2) of them; all there are up to nine skips.
    """
    width = skip_max - skip_min
    steps = [each for each in range(width + 1) if each <= _EVERY or _is_round(each)]
    bounds = sorted({skip_min + step for step in [*steps, width]})
    laws = [(least, most) for least in bounds for most in bounds if least <= most]
    return [law for law in laws if law != (skip_min, skip_max)]


def _is_round(number: int) -> bool:
    step: int = 1 << max(0, number.bit_length() - 3)
    return number % step == 0
