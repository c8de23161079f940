"""Every page that the samples give, by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from report_samples import SAMPLES
from trace_samples import TRACES

from seedfleet.report import render_html, render_trace

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PAGES"]


def _rendered(render: Callable[[Any], str], sample: Callable[[], Any]) -> str:
    return render(sample())


PAGES: dict[str, Callable[[], str]] = {
    **{name: partial(_rendered, render_html, make) for name, make in SAMPLES.items()},
    **{f"trace {name}": partial(_rendered, render_trace, make) for name, make in TRACES.items()},
}
