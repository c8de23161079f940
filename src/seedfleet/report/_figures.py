"""Numbers as a reader should meet them: integers exact, tiny values as powers, never "-0.0".

Powers are written `10^-8`, which the terminal shows as it is and the page typesets.
"""

from __future__ import annotations

import math

__all__ = ["bits", "duration", "number", "percent", "probability", "quantity", "whole"]

_SMALLEST_PLAIN = 1e-3
_LARGEST_PLAIN = 1e9


def whole(value: int, *, grouped: bool = True) -> str:
    """Write an integer exactly; seeds and states ungrouped, to be copied."""
    return f"{value:,d}" if grouped else f"{value:d}"


def quantity(value: float, log10: float | None = None) -> str:
    """Write a non-negative expectation or count that may be tiny or huge.

    Parameters
    ----------
    value : float
        The value, `>= 0`; 0 where it underflows.
    log10 : float or None
        Its decimal logarithm, which still tells what `value` cannot.

    Returns
    -------
    str
        Like `0`, `0.013`, `241`, `3.2 × 10^-14`.
    """
    if log10 is not None and (value < _SMALLEST_PLAIN or value > _LARGEST_PLAIN):
        return _power(log10)
    if value == 0:
        return "0"
    if value < _SMALLEST_PLAIN or value > _LARGEST_PLAIN:
        return _power(math.log10(value))
    if value >= 100:
        return f"{value:,.0f}"
    # Below 100, three significant digits say all that an expectation needs.
    return f"{value:.3g}"


def number(value: float | None) -> str:
    """Write any figure with four significant digits; one that is missing is `not known`."""
    if value is None:
        return "not known"
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size == 0 or _SMALLEST_PLAIN <= size <= _LARGEST_PLAIN:
        plain = f"{size:,.0f}" if size >= 1000 or size == int(size) else f"{size:.4g}"
        return sign + plain
    return sign + _power(math.log10(size))


def _power(log10: float) -> str:
    exponent = math.floor(log10)
    mantissa = round(10 ** (log10 - exponent), 1)
    if mantissa >= 10:
        mantissa, exponent = 1.0, exponent + 1
    return f"10^{exponent}" if mantissa == 1 else f"{mantissa:g} × 10^{exponent}"


def percent(value: float) -> str:
    """Write a share in `[0, 1]`; only exactly 0 and 1 are written as `0%` and `100%`."""
    if value <= 0:
        return "0%"
    if value >= 1:
        return "100%"
    if value < 0.0001:
        return "< 0.01%"
    if value > 0.9999:
        return "> 99.99%"
    decimals = 1 if 0.1 <= value <= 0.99 else 2
    text = f"{100 * value:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.')}%"


def probability(value: float) -> str:
    """Write a probability, which arithmetic may round to 0 or 1 but which is neither."""
    return percent(min(max(value, 1e-9), 1 - 1e-9))


def bits(value: float) -> str:
    """Write evidence in bits with one decimal."""
    text = f"{value:,.1f}"
    return "0.0" if text == "-0.0" else text


def duration(elapsed_s: float) -> str:
    """Write a time in seconds with the unit that suits it."""
    if elapsed_s < 1:
        return f"{1000 * elapsed_s:.3g} ms"
    if elapsed_s < 60:
        return f"{elapsed_s:.1f} s"
    minutes, seconds = divmod(round(elapsed_s), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60:,d} h {minutes % 60} min"
