"""What all drawings are made of.

Each is 360 units wide, so that its lettering stays legible where the page puts two side by side and
where a phone puts one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from seedfleet.report._words import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["circle", "cross", "drawing", "line", "rectangle", "words"]

_WIDTH = 360


def drawing(kind: str, height: int, name: str, parts: Sequence[Markup]) -> Markup:
    """Return one `svg` element with an accessible name.

    Parameters
    ----------
    kind
        Its class.
    height
        In units; it is 360 wide.
    name
        What a reader would see, in words.
    """
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
    ).format(kind, _WIDTH, height, visible(name), visible(name), Markup().join(parts))


def rectangle(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    """Return a rectangle by its upper left corner."""
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, x, y, width, height
    )


def line(kind: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
    """Return a line between two points."""
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, *start, *end
    )


def circle(kind: str, x: float, y: float, radius: float, title: str) -> Markup:
    """Return a circle that says what it stands for."""
    return Markup(
        '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>'
    ).format(kind, x, y, radius, visible(title))


def cross(kind: str, x: float, y: float, title: str) -> Markup:
    """Return a cross that says what it stands for."""
    return Markup(
        '<path class="{}" d="M{:.1f} {:.1f}l7 7m0 -7l-7 7"><title>{}</title></path>'
    ).format(kind, x - 3.5, y - 3.5, visible(title))


def words(text: str, x: float, y: float, anchor: str = "start") -> Markup:
    """Return lettering that starts, ends or has its middle at a point."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        x, y, anchor, visible(text)
    )
