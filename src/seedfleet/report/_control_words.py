"""What a control has to find in order to pass, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report._figures import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["limits_text"]


def limits_text(control: Mapping[str, Any]) -> str:
    """Say with how many finds a control passes, to stand behind what is expected."""
    least, most = control["least"], control["most"]
    if control["kind"] == "positive":
        return f"{whole(least)} or more pass"
    return f"{whole(least)} to {whole(most)} pass" if least < most else f"{whole(most)} pass"
