"""Why a step runs again that has run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.pipeline.steps.standing import Standing

__all__ = ["why_again"]


def why_again(before: Standing, noted: Mapping[str, Any] | None, asked: Mapping[str, Any]) -> str:
    """Say in a few words what has changed since a step ran; empty where it never ran to its end.

    Parameters
    ----------
    before
        What its earlier word is worth.
    noted, asked
        How it was asked then, None where nobody noted it, and how it is asked now.
    """
    if before.declined or (before.record is None and noted is None):
        return ""
    changed = [] if noted is None else list(_changed(noted, asked))
    if before.decision is None:
        changed.append(before.reason)
    return "; ".join(changed)


def _changed(noted: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    options = noted.get("options", {})
    named = [name for name, value in asked["options"].items() if options.get(name) != value]
    if named:
        yield f"{', '.join(named)} changed"
    heard = noted.get("after", {})
    for step, word in asked["after"].items():
        if heard.get(step) != word:
            yield f"{step} had said {heard.get(step)}, and now {word}"
    if noted.get("version") != asked["version"]:
        yield f"version {noted.get('version')} had run it"
