"""The recovery document as one self-contained page: no script, no request, one file to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report import _budgets, _charts, _search_words, _words
from seedfleet.report._templates import template_named

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["render_html"]


def render_html(document: Mapping[str, Any]) -> str:
    """Render a recovery document as a page for a person.

    Parameters
    ----------
    document : mapping
        A document of the format seedfleet.recovery/2 (docs/recovery.md).

    Returns
    -------
    str
        A complete HTML document without scripts that loads nothing. Every text of the input is
        escaped, and control characters are shown instead of obeyed.
    """
    comparison = document["comparison"]
    points = [] if comparison is None else _charts.comparison_points(comparison)
    best = document["candidates"][0] if document["candidates"] else None
    told = {0, *(finding["candidate"] for finding in document["findings"])}
    return template_named("page.html.j2").render(
        document=document,
        headline=_words.headline(document),
        found=document["verdict"] in _words.FOUND,
        verdict_name=_words.VERDICT_NAMES[document["verdict"]],
        best=best,
        outstanding=_words.by_date(document) or best,
        others=[row for place, row in enumerate(document["candidates"]) if place not in told],
        chance=1 / document["history"]["modulus"],
        failed_controls=[control for control in document["controls"] if not control["passed"]],
        budget_option=lambda needed_s: f"--budget {_budgets.as_option(needed_s)}",
        **_search_words.searched_part(document),
        points=points,
        panels=_charts.comparison_panels(points, document["history"]["modulus"]),
    )
