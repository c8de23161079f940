"""Where in a stream the draws stand, and which part of a history a stream has, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "alignment_text",
    "jumps_text",
    "known_as",
    "law_text",
    "offsets_text",
    "part_text",
    "path_text",
    "skips_text",
    "span_text",
]


def alignment_text(alignment: Mapping[str, Any]) -> str:
    """Say which stream positions made the draws."""
    part, origin = part_text(alignment), alignment["origin"]
    told = f"{law_text(alignment)}, {part}, begun at draw {origin}"
    return "; ".join(filter(None, (told, jumps_text(alignment))))


def jumps_text(alignment: Mapping[str, Any]) -> str:
    """Say where records are missing; nothing where none are, as in every answer of a sieve."""
    return "; ".join(_jump_text(jump) for jump in alignment.get("jumps", ()))


def _jump_text(jump: Mapping[str, Any]) -> str:
    records, outputs, after = jump["records"], jump["outputs"], jump["after"]
    if records is not None:
        return f"{records} record{'s are' if records > 1 else ' is'} missing after draw {after}"
    count, what = abs(outputs), "more" if outputs > 0 else "fewer"
    return f"after draw {after} {count} {what} output{'s' if count > 1 else ''} dropped"


def known_as(candidate: Mapping[str, Any]) -> list[str]:
    """Name the calls that draw so, with their own skips where those are not the candidate's."""
    fields = ("offset", "skip_min", "skip_max")
    aligned, names = [candidate["alignment"][field] for field in fields], []
    for member in candidate["members"]:
        own = [member[field] for field in fields]
        apart = "" if own == aligned else f" at {law_text(member)}"
        names.append(member["preset"] + apart)
    return names


def law_text(alignment: Mapping[str, Any]) -> str:
    """Say how much of a stream is dropped before its first draw, and before each."""
    skips = span_text([alignment["skip_min"], alignment["skip_max"]])
    kind = "skip" if alignment["skip_min"] == alignment["skip_max"] else "variable skip"
    return f"{kind} {skips}, offset {alignment['offset']}"


def offsets_text(search: Mapping[str, Any]) -> str:
    """Say at which places of the stream a search let the history begin."""
    return "any offset" if search["from_states"] else f"offsets {span_text(search['offsets'])}"


def part_text(part: Mapping[str, Any]) -> str:
    """Say which part of the history a stream has to itself."""
    named = [f"{kind} {part[kind]}" for kind in ("session", "machine") if part[kind] is not None]
    if part["segment"] is not None:
        first, stop = part["segment"]
        named.append(
            f"draws {first} to {stop - 1} of it" if named else f"draws {first} to {stop - 1}"
        )
    return ", ".join(named) or "all sessions as one stream"


def path_text(path: Mapping[str, Any]) -> str:
    """Sum up a path of variable skips."""
    skips, doubtful = path["skips"], path["certain"].count(False)
    seen = f"skips {span_text([min(skips), max(skips)])} along the likeliest path"
    if not doubtful:
        return f"{seen}, all of them beyond doubt"
    return f"{seen}, {doubtful} of {len(skips)} in doubt"


def skips_text(search: Mapping[str, Any]) -> str:
    """Say which skips a search tried."""
    if search["variable_skip"] is not None:
        return f"variable skips {span_text(search['variable_skip'])}"
    return f"skips {span_text(search['skips'])}"


def span_text(span: Sequence[int]) -> str:
    """Write an inclusive range such as skips 0..500, or its only value; "none" where empty."""
    if not span:
        return "none"
    first, last = span
    return str(first) if first == last else f"{first}..{last}"
