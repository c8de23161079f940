"""Within what the window optimizer looks: `search_bounds` of the cluster or configuration file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from seedfleet.fleet import BadInputError
from seedfleet.fleet.documents import read_document
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Interval", "SearchBounds", "read_bounds"]

_SECTION = "search_bounds"
_MOST = {
    "window_size": (2, 2**31),
    "offset": (0, 2**31),
    "skip_min": (0, 4095),
    "skip_max": (0, 4095),
    "forward_threshold": (0.0, 1.0),
    "reverse_threshold": (0.0, 1.0),
}
_SHARES = ("forward_threshold", "reverse_threshold")


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both included; whole numbers, but for shares."""

    low: float
    high: float

    def clipped(self, high: float) -> Interval:
        """Return the part up to `high`; its high end alone, where there is none."""
        return Interval(min(self.low, high), min(self.high, high))


@dataclass(frozen=True)
class SearchBounds:
    """The bounds of all that a trial samples.

    Attributes
    ----------
    window_size
        Draws looked at.
    offset
        Where the window begins in the sieve slice; it never moves the stream.
    skip_min, skip_max
        Ends of the range of constant skips that are tried, or of a variable skip's law.
    forward_threshold, reverse_threshold
        Least share of matches in each part.
    session_options
        Choices of sessions; empty for every choice where there are up to three, and for each one
        and all of them where there are more. An empty choice is all draws.
    """

    window_size: Interval = Interval(16, 512)
    offset: Interval = Interval(0, 1000)
    skip_min: Interval = Interval(0, 16)
    skip_max: Interval = Interval(0, 32)
    forward_threshold: Interval = Interval(0.02, 0.95)
    reverse_threshold: Interval = Interval(0.02, 0.95)
    session_options: tuple[tuple[str, ...], ...] = field(default=())

    def to_document(self) -> dict[str, Any]:
        """Return them as a configuration file holds them."""
        intervals = {name: vars(getattr(self, name)) for name in _MOST}
        ends = {name: {"min": each["low"], "max": each["high"]} for name, each in intervals.items()}
        return {**ends, "session_options": [list(each) for each in self.session_options]}

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Read them; what is left out keeps its default.

        Raises
        ------
        OptionsError
            With everything that is wrong, each with its place.
        """
        if not isinstance(document, dict):
            raise OptionsError([f"$.{_SECTION}: an object of bounds is needed"])
        problems = [*_problems_of_keys(document)]
        read: dict[str, Any] = {}
        for name in _MOST:
            if name in document:
                interval = _interval(name, document[name], problems)
                if interval is not None:
                    read[name] = interval
        if "session_options" in document:
            read["session_options"] = _sessions(document["session_options"], problems)
        bounds = cls(**read)
        if not problems and bounds.skip_min.low > bounds.skip_max.high:
            problems.append(f"$.{_SECTION}.skip_min: it begins above the end of skip_max")
        if problems:
            raise OptionsError(problems)
        return bounds


def read_bounds(path: Path) -> SearchBounds:
    """Read the section `search_bounds` of a cluster or configuration file; defaults without one.

    Raises
    ------
    OptionsError
        The file is no JSON object, or the section holds what are no bounds: all of it at once.
    """
    try:
        document = read_document(path)
    except BadInputError as error:
        raise OptionsError(error.problems) from error
    if not isinstance(document, dict):
        raise OptionsError([f"{path}: $: an object is needed"])
    try:
        return SearchBounds.from_document(document.get(_SECTION, {}))
    except OptionsError as error:
        raise OptionsError([f"{path}: {problem}" for problem in error.problems]) from error


def _problems_of_keys(document: dict[str, Any]) -> Iterator[str]:
    known = [each.name for each in fields(SearchBounds)]
    for key in document:
        if key not in known:
            yield f"$.{_SECTION}.{key}: no such bound; there are {', '.join(known)}"


def _interval(name: str, given: object, problems: list[str]) -> Interval | None:
    """Read ``{"min": a, "max": b}`` or ``[a, b]``."""
    where = f"$.{_SECTION}.{name}"
    if isinstance(given, dict) and given.keys() == {"min", "max"}:
        ends = [given["min"], given["max"]]
    elif isinstance(given, list) and len(given) == 2:
        ends = given
    else:
        problems.append(f'{where}: {{"min": A, "max": B}} or [A, B] is needed')
        return None
    kinds = (int, float) if name in _SHARES else (int,)
    if any(isinstance(end, bool) or not isinstance(end, kinds) for end in ends):
        kind = "numbers" if name in _SHARES else "whole numbers"
        problems.append(f"{where}: {kind} are needed, not {ends[0]!r} and {ends[1]!r}")
        return None
    least, most = _MOST[name]
    if not least <= ends[0] <= ends[1] <= most:
        problems.append(
            f"{where}: {ends[0]}..{ends[1]} is not within {least}..{most}, low end first"
        )
        return None
    return Interval(*ends)


def _sessions(given: object, problems: list[str]) -> tuple[tuple[str, ...], ...]:
    choices = given if isinstance(given, list) else [None]
    if not all(
        isinstance(choice, list) and all(isinstance(s, str) for s in choice) for choice in choices
    ):
        problems.append(f"$.{_SECTION}.session_options: a list of lists of names is needed")
        return ()
    return tuple(tuple(choice) for choice in choices if isinstance(choice, list))
