"""Streams that parts of a history have to themselves, each as a few lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report._figures import bits, whole
from seedfleet.report._places import jumps_text, law_text, part_text, path_text
from seedfleet.report._words import seed_text, state_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["streams"]


def streams(document: Mapping[str, Any], most: int) -> Iterator[tuple[str, str]]:
    """Tell of at most so many streams of a recovery document, in the history's order.

    Yields
    ------
    tuple of str, str
        A label, which may be empty, and a text. What it takes to draw on, and to draw again, has
        entries of its own.
    """
    findings = document["findings"]
    # Those that go on, and the surer ones, come first among the candidates.
    chosen = {id(each) for each in sorted(findings, key=lambda each: each["candidate"])[:most]}
    yield "streams", f"{len(findings)} parts of the history have their own"
    for number, finding in enumerate(findings, start=1):
        if id(finding) in chosen:
            yield from _stream(number, finding, document["candidates"][finding["candidate"]])
    if len(findings) > most:
        yield "", f"… and {len(findings) - most} more in recovery.json"


def _stream(
    number: int, finding: Mapping[str, Any], candidate: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    where, part = f"draws {finding['first']} to {finding['last']}", part_text(finding)
    if part != where:
        where += f" ({part})"
    matches = f"{whole(finding['matches'])} of {whole(finding['n'])} known draws"
    evidence = f"{matches}, {bits(finding['evidence_bits'])} bits"
    yield f"stream {number}", f"{where}: {finding['generator']}, {candidate['bounding']}"
    yield "", f"{seed_text(candidate)}, {law_text(candidate['alignment'])}; {evidence}"
    missing = jumps_text(candidate["alignment"])
    if missing:
        yield "", missing
    if candidate["start_state"] is not None:
        yield "starts from", state_text(candidate["start_state"])
    if candidate["without_seed"] is not None:
        yield "", candidate["without_seed"]
    if candidate["path"] is not None:
        yield "", path_text(candidate["path"])
    if candidate["state"] is not None:
        yield "state now", state_text(candidate["state"])
    yield "reproduce", candidate["reproduce"]
