"""The report's drawings: small pure functions from numbers to inline SVG.

Every mark differs from the others in shape as well as in colour, and every drawing has an
accessible name that says what a reader would see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from seedfleet.report._drawing import drawing, rectangle
from seedfleet.report._figures import bits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["comparison_panels", "comparison_points", "evidence_meter", "share_bar"]


class Point(NamedTuple):
    """One draw beside the candidate's stream; `predicted` is None where that says nothing."""

    draw: int
    observed: int
    predicted: int | None
    held_out: bool

    @property
    def kind(self) -> str:
        """Either `hit`, `miss` or `silent`."""
        if self.predicted is None:
            return "silent"
        return "hit" if self.predicted == self.observed else "miss"


# --- the evidence meter ---

_LOWEST_BITS, _HIGHEST_BITS = -10.0, 80.0
_METER_LEFT, _METER_RIGHT = 6.0, 346.0
_BAR_TOP, _BAR_HEIGHT = 10.0, 18.0


def evidence_meter(
    label: str, evidence_bits: float, thresholds: Sequence[tuple[str, float]]
) -> Markup:
    """Draw evidence as a bar from zero, against the named thresholds.

    Parameters
    ----------
    label : str
        What the evidence is about, for the accessible name.
    evidence_bits : float
        Evidence in bits; beyond -10 or 80 the bar is cut and ends in an arrow.
    thresholds : sequence of (name, bits)
        Marks on the scale.

    Returns
    -------
    Markup
        One `svg` element.
    """
    shown = min(max(evidence_bits, _LOWEST_BITS), _HIGHEST_BITS)
    start, end = sorted((_meter_x(0), _meter_x(shown)))
    spoken = ", ".join(f"{name} at {bits(mark)} bits" for name, mark in thresholds)
    parts = [
        rectangle("track", _METER_LEFT, _BAR_TOP, _METER_RIGHT - _METER_LEFT, _BAR_HEIGHT),
        rectangle("bar", start, _BAR_TOP, max(end - start, 1.5), _BAR_HEIGHT),
        _cut_mark(evidence_bits),
        _meter_mark("zero", "0", 0),
        *(_meter_mark("threshold", f"{name} {mark:g}", mark) for name, mark in thresholds),
    ]
    name = f"{label}: {bits(evidence_bits)} bits; thresholds: {spoken}"
    return drawing("meter", 52, name, parts)


def _meter_x(value_bits: float) -> float:
    share = (value_bits - _LOWEST_BITS) / (_HIGHEST_BITS - _LOWEST_BITS)
    return _METER_LEFT + share * (_METER_RIGHT - _METER_LEFT)


def _meter_mark(kind: str, text: str, value_bits: float) -> Markup:
    x = _meter_x(value_bits)
    line = Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="5" y2="34"/>')
    # A threshold may cross the bar, whose colour it must stand out from; zero only borders on it.
    halo = line.format("halo", x, x) if kind == "threshold" else Markup()
    name = Markup('<text x="{:.1f}" y="46" text-anchor="middle">{}</text>').format(x, text)
    return halo + line.format(kind, x, x) + name


def _cut_mark(evidence_bits: float) -> Markup:
    middle = _BAR_TOP + _BAR_HEIGHT / 2
    if evidence_bits > _HIGHEST_BITS:
        tip, base = _METER_RIGHT + 10, _METER_RIGHT
    elif evidence_bits < _LOWEST_BITS:
        tip, base = _METER_LEFT - 6, _METER_LEFT
    else:
        return Markup()
    return Markup('<path class="bar" d="M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}z"/>').format(
        base, _BAR_TOP, tip, middle, base, _BAR_TOP + _BAR_HEIGHT
    )


# --- observed against predicted ---

_MAX_PANELS = 8
_DRAWS_PER_PANEL = 32
_PLOT_LEFT, _PLOT_RIGHT, _PLOT_TOP, _PLOT_BOTTOM = 34.0, 354.0, 22.0, 172.0
_PANEL_HEIGHT = 192


def comparison_points(comparison: Mapping[str, Any]) -> list[Point]:
    """Pair the last draws with the candidate's own stream.

    Parameters
    ----------
    comparison : mapping
        The document's `comparison`.

    Returns
    -------
    list of Point
        Oldest first, at most 256.
    """
    start, held_out_from = comparison["start"], comparison["held_out_from"]
    pairs = zip(comparison["observed"], comparison["predicted"], strict=True)
    points = [
        Point(draw, observed, predicted, draw >= held_out_from)
        for draw, (observed, predicted) in enumerate(pairs, start)
    ]
    return points[-_MAX_PANELS * _DRAWS_PER_PANEL :]


def comparison_panels(points: Sequence[Point], modulus: int) -> list[Markup]:
    """Draw observed draws over time beside the predicted ones, in panels of at most 32 draws.

    Parameters
    ----------
    points : sequence of Point
        Oldest first.
    modulus : int
        Draws lie in `[0, modulus)`.

    Returns
    -------
    list of Markup
        One `svg` element per panel, alike in length.
    """
    count = -(-len(points) // _DRAWS_PER_PANEL)
    if count == 0:
        return []
    size = -(-len(points) // count)
    return [
        _panel(points[first : first + size], modulus, size) for first in range(0, len(points), size)
    ]


def _panel(points: Sequence[Point], modulus: int, slots: int) -> Markup:
    step = (_PLOT_RIGHT - _PLOT_LEFT) / slots
    kinds = [point.kind for point in points]
    name = (
        f"Draws {points[0].draw} to {points[-1].draw}: {kinds.count('hit')} of {len(points)} "
        f"predicted exactly, {kinds.count('miss')} missed, "
        f"{sum(point.held_out for point in points)} held out"
    )
    parts = [_held_out_region(points, step), *_value_axis(modulus)]
    for place, point in enumerate(points):
        x = _PLOT_LEFT + (place + 0.5) * step
        parts.append(_marks(point, x, modulus))
        if place in {0, len(points) - 1}:
            parts.append(
                Markup('<text x="{:.1f}" y="187" text-anchor="{}">{}</text>').format(
                    x, "end" if place else "start", point.draw
                )
            )
    return drawing("panel", _PANEL_HEIGHT, name, parts)


def _value_axis(modulus: int) -> list[Markup]:
    return [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text x="29" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(_PLOT_LEFT, _PLOT_RIGHT, y, y, y + 3.5, value)
        for value in sorted({0, modulus // 2, modulus - 1})
        for y in [_plot_y(value, modulus)]
    ]


def _held_out_region(points: Sequence[Point], step: float) -> Markup:
    places = [place for place, point in enumerate(points) if point.held_out]
    if not places:
        return Markup()
    left = _PLOT_LEFT + places[0] * step
    return Markup('{}<line class="border" x1="{:.1f}" x2="{:.1f}" y1="4" y2="{}"/>{}').format(
        rectangle("held-out", left, 4, len(places) * step, _PLOT_BOTTOM - 4),
        left,
        left,
        _PLOT_BOTTOM,
        # A region too narrow for its name is still marked by the dashed line and the tint.
        Markup('<text x="{:.1f}" y="14">held out</text>').format(left + 5)
        if len(places) * step > 55
        else Markup(),
    )


def _plot_y(value: int, modulus: int) -> float:
    return _PLOT_BOTTOM - (_PLOT_BOTTOM - _PLOT_TOP) * value / max(modulus - 1, 1)


def _marks(point: Point, x: float, modulus: int) -> Markup:
    predicted = "nothing" if point.predicted is None else point.predicted
    title = Markup("<title>draw {}: observed {}, predicted {}{}</title>").format(
        point.draw, point.observed, predicted, ", held out" if point.held_out else ""
    )
    y = _plot_y(point.observed, modulus)
    observed = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.4"/>').format(
        "hit" if point.kind == "hit" else "observed", x, y
    )
    if point.predicted is None or point.kind == "hit":
        return Markup("<g>{}{}</g>").format(title, observed)
    cross_y = _plot_y(point.predicted, modulus)
    return Markup(
        '<g>{}<line class="gap" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>{}'
        '<path class="cross" d="M{:.1f} {:.1f}l6 6m0 -6l-6 6"/></g>'
    ).format(title, x, x, y, cross_y, observed, x - 3, cross_y - 3)


# --- shared ---


def share_bar(share: float) -> Markup:
    """Draw a share in `[0, 1]` as a thin bar; the number stands beside it, so it is decoration."""
    return Markup(
        '<svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        "{}{}</svg>"
    ).format(rectangle("track", 0, 0, 100, 4), rectangle("bar", 0, 0, 100 * share, 4))
