"""What `seedfleet sieve` is asked, checked as a whole before anything runs or is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.draws.history import describe_unknown_session
from seedfleet.evidence.verdict import held_out_draws
from seedfleet.generators.searches import parse_search
from seedfleet.pipeline.sieve_chance import problems_of_room
from seedfleet.pipeline.sieve_range import problems_of_seeds, seeds_of
from seedfleet.pipeline.sieve_search import PlannedSearch, SessionScope
from seedfleet.recover import MAX_PREDICTIONS, OptionsError
from seedfleet.recover.repeats import find_repeats
from seedfleet.recover.unevenness import find_unevenness
from seedfleet.sieve import (
    DEFAULT_ROOM,
    ConstantSkip,
    Direction,
    Question,
    QuestionError,
    VariableSkip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.generators.searches import SearchName
    from seedfleet.recover.repeats import Repeats
    from seedfleet.recover.unevenness import Unevenness

__all__ = ["DEFAULT_SKIPS", "Plan", "SieveOptions", "plan_sieve"]

DEFAULT_SKIPS = range(9)
_DEFAULT_OF = {False: Direction.BIDIRECTIONAL, True: Direction.REVERSE}  # by SearchName.reverse


@dataclass(frozen=True)
class SieveOptions:
    """A sieve as it is asked for.

    Attributes
    ----------
    searches
        Names of presets or of their searches (`seedfleet.generators.searches`).
    seeds
        First and last seed; None for all canonical ones, where these are at most 2**32.
    skips
        Constant skips; None for 0..8, or for no constant skip where only `variable_skip` is given.
    variable_skip
        Least and most of a variable skip; None for 0..8 where a search needs it.
    offsets
        Stream offsets.
    sessions
        Sessions, any number of them, whose draws are one stream; empty for all draws.
    window_start, window_size
        The draws looked at, counted from the first draw of the chosen sessions; by default all but
        the held-out ones.
    forward_threshold, reverse_threshold
        Least share of matches of each part, in [0, 1].
    direction
        Which part decides; None as the names say.
    predictions, top
        Coming draws to predict, and survivors to show.
    run_seed
        Seeds the controls.
    """

    searches: tuple[str, ...]
    seeds: tuple[int, int] | None = None
    skips: range | None = None
    variable_skip: tuple[int, int] | None = None
    offsets: range = range(1)
    sessions: tuple[str, ...] = ()
    window_start: int | None = None
    window_size: int | None = None
    forward_threshold: float = 1.0
    reverse_threshold: float = 1.0
    direction: Direction | None = None
    predictions: int = 1
    top: int = 10
    run_seed: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """All of it.

    Attributes
    ----------
    history, options
        As they were given.
    repeats, origin
        What repeats among the chosen draws, and the index of the first draw free of copies: there
        the stream begins.
    uneven
        How `values` are not uniform, if they are not.
    values
        int64 array: the draws from the origin on, until the first copy.
    searches
        What is asked, each question once; none where too few draws are left to look at.
    to_the_end
        Whether `values` ends with the last known draw.
    """

    history: History
    options: SieveOptions
    repeats: Repeats | None
    uneven: Unevenness | None
    origin: int
    values: NDArray[np.int64]
    searches: tuple[PlannedSearch, ...]
    to_the_end: bool


def plan_sieve(history: History, options: SieveOptions) -> Plan:
    """Check everything, and say what will be tested.

    Raises
    ------
    OptionsError
        Something cannot be sieved; the error lists everything.
    """
    problems = [*_problems_of_options(options), *_problems_of_sessions(history, options)]
    names = _names(options, problems)
    chosen = _chosen(history, options)
    repeats = find_repeats(chosen, history.modulus) if len(chosen) else None
    start, stop = repeats.analysed if repeats else (0, len(chosen))
    values = chosen[start:stop]
    window = _window(options, len(chosen), (start, stop), problems)
    asked = []
    for name in names:
        wrong = list(problems_of_seeds(name, options.seeds))
        problems += wrong
        if window is None or not len(values) or wrong:
            continue
        try:
            asked.append((name, _question(name, values, history.modulus, options, window)))
        except QuestionError as error:
            problems += [_of(name, options, text) for text in error.problems]
    searches = _searches(asked, history, options)
    for search in searches:
        room = problems_of_room(search.question, search.chance, search.seed_count, DEFAULT_ROOM)
        problems += [_of(search.name, options, text) for text in room]
    if problems:
        raise OptionsError(list(dict.fromkeys(problems)))
    return Plan(
        history=history,
        options=options,
        repeats=repeats,
        uneven=find_unevenness(values, history.modulus),
        origin=start,
        values=values,
        searches=searches,
        to_the_end=stop == len(chosen),
    )


def _searches(
    asked: Iterable[tuple[SearchName, Question]], history: History, options: SieveOptions
) -> tuple[PlannedSearch, ...]:
    """Plan each question once, whatever names ask it."""
    once: dict[object, tuple[SearchName, Question]] = {}
    for name, question in asked:
        key = question.stream, question.skips, question.direction
        once.setdefault(key, (name, question))
    parts = [question.looked_at for _, question in once.values()]
    if not parts:
        return ()
    fitted = range(min(part.start for part in parts), max(part.stop for part in parts))
    scope = SessionScope.of(history, options.sessions)
    return tuple(
        PlannedSearch(name, question, seeds_of(name, options.seeds), fitted, scope)
        for name, question in once.values()
    )


def _of(name: SearchName, options: SieveOptions, text: str) -> str:
    return text if len(options.searches) == 1 else f"{name.text}: {text}"


def _problems_of_options(options: SieveOptions) -> Iterator[str]:
    if not options.searches:
        yield "generator: name at least one"
    if not 0 <= options.predictions <= MAX_PREDICTIONS:
        yield f"predictions: {options.predictions} is not within 0..{MAX_PREDICTIONS}"
    if options.top < 1:
        yield f"top: {options.top} is not at least 1"
    yield from _problems_of_skips(options)


def _problems_of_skips(options: SieveOptions) -> Iterator[str]:
    """Tell of skips that no search would use: the answer would be to another question."""
    if options.skips is None:
        return
    hybrid = {text.endswith(("_hybrid", "_hybrid_reverse")) for text in options.searches}
    if hybrid == {True}:
        yield "skips: every search named has a variable skip; give that as a variable skip A..B"
    elif options.variable_skip is not None and True not in hybrid:
        yield (
            "skips, variable skip: they exclude each other; name NAME_hybrid beside NAME to "
            "search both"
        )


def _problems_of_sessions(history: History, options: SieveOptions) -> Iterator[str]:
    there = history.session_names
    for session in options.sessions:
        if session not in there:
            yield describe_unknown_session(session, there)


def _names(options: SieveOptions, problems: list[str]) -> list[SearchName]:
    names = []
    for text in dict.fromkeys(options.searches):
        try:
            name = parse_search(text)
        except ValueError as error:
            problems.append(f"generator: {error}")
            continue
        asked = options.direction
        if name.reverse and asked not in (None, Direction.REVERSE):
            problems.append(f"direction: {text} looks at the reverse part, not {asked.value}")
        names.append(name)
    return names


def _chosen(history: History, options: SieveOptions) -> NDArray[np.int64]:
    if not options.sessions:
        return history.values
    wanted = set(options.sessions)
    return history.values[[i for i, name in enumerate(history.sessions) if name in wanted]]


def _window(
    options: SieveOptions, known: int, analysed: tuple[int, int], problems: list[str]
) -> tuple[int, int] | None:
    """Return start and size from the origin on; None where too few draws are left for a window."""
    start, stop = analysed
    first = start if options.window_start is None else options.window_start
    if options.window_size is not None:
        last = first + options.window_size
    else:
        last = stop - held_out_draws(stop - start)
    by_hand = options.window_start is not None or options.window_size is not None
    if not by_hand:
        return (0, last - start) if last - start >= 2 else None
    if not 0 <= first < last <= known:
        problems.append(
            f"window: draws {first}..{last - 1} are not within the {known} known ones"
            if first < last
            else f"window: from draw {first} on none is left to look at"
        )
        return None
    if first < start or last > stop:
        problems.append(
            f"window: draws {first}..{last - 1} hold copies of others; "
            f"{start}..{stop - 1} are free of them"
        )
        return None
    return first - start, last - first


def _question(
    name: SearchName,
    values: NDArray[np.int64],
    modulus: int,
    options: SieveOptions,
    window: tuple[int, int],
) -> Question:
    return Question(
        name.preset.stream,
        values,
        modulus,
        _skips(name, options),
        offsets=options.offsets,
        window_start=window[0],
        window_size=window[1],
        forward_threshold=options.forward_threshold,
        reverse_threshold=options.reverse_threshold,
        direction=options.direction or _DEFAULT_OF[name.reverse],
    )


def _skips(name: SearchName, options: SieveOptions) -> ConstantSkip | VariableSkip:
    only_variable = options.variable_skip is not None and options.skips is None
    if name.variable_skip or only_variable:
        default = DEFAULT_SKIPS[0], DEFAULT_SKIPS[-1]
        return VariableSkip(*(options.variable_skip or default))
    return ConstantSkip(DEFAULT_SKIPS if options.skips is None else options.skips)
