"""The templates of the pages, and how figures and words get into them."""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from seedfleet.report import (
    _budgets,
    _charts,
    _control_words,
    _figures,
    _places,
    _search_words,
    _words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Template

__all__ = ["template_named"]

_POWER = re.compile(r"\b(10|2)\^(-?\d+)")


def template_named(name: str) -> Template:
    """Return a template of this package, with all filters."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("seedfleet.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "alignment": _places.alignment_text,
        "bits": _typeset(_figures.bits),
        "closest": _words.closest_text,
        "control_limits": _control_words.limits_text,
        "coverage": _typeset(_search_words.coverage_text),
        "days": _budgets.days_text,
        "duration": _figures.duration,
        "exact": _exact,
        "number": _typeset(_figures.number),
        "offsets": _places.offsets_text,
        "part": _places.part_text,
        "path": _places.path_text,
        "power": _power,
        "skips": _places.skips_text,
        "state": _words.state_text,
        "steps": _steps,
        "tested_share": _search_words.tested_share,
        "known_as": _places.known_as,
        "meter": _charts.evidence_meter,
        "percent": _figures.percent,
        "probability": _figures.probability,
        "quantity": _typeset(_figures.quantity),
        "share_bar": _charts.share_bar,
        "shell": shlex.join,
        "status": _search_words.STATUS_NAMES.__getitem__,
        "took": _search_words.took_text,
        "typeset": _power,
        "verdict": _words.VERDICT_NAMES.__getitem__,
        "whole": _figures.whole,
    }
    return environment


def _finalize(value: object) -> object:
    """Show control characters of the document; markup made by this package holds none."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _words.visible(value)
    return value


def _exact(value: int) -> str:
    return _figures.whole(value, grouped=False)


def _power(text: str) -> Markup:
    return _typeset(_words.visible)(text)


def _steps(path: Mapping[str, Any]) -> str:
    """Write the skips before the draws, those in doubt with a question mark."""
    told = zip(path["skips"], path["certain"], strict=True)
    return " ".join(f"{skip}" if certain else f"{skip}?" for skip, certain in told)


def _typeset(write: Callable[..., str]) -> Callable[..., Markup]:
    """Wrap a writer of figures so that its powers get raised exponents and its minus a true one."""

    def typeset(*values: Any) -> Markup:
        text = str(escape(write(*values)))
        raised = _POWER.sub(r"\1<sup>\2</sup>", text)
        return Markup(re.sub(r"-(?=\d)", "−", raised))  # noqa: S704 - escaped two lines above

    return typeset
