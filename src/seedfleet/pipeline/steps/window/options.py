"""What the window optimizer is asked, checked as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from seedfleet.draws.history import describe_unknown_session
from seedfleet.generators import generators, presets_of, streams
from seedfleet.generators.searches import parse_search
from seedfleet.pipeline.sieve_range import problems_of_seeds
from seedfleet.pipeline.steps.window.bounds import Interval, SearchBounds
from seedfleet.pipeline.steps.window.configuration import SkipLaw
from seedfleet.pipeline.steps.window.ground import Family
from seedfleet.recover import MAX_SKIP, OptionsError
from seedfleet.recover.scans.rates import scan_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seedfleet.draws import History
    from seedfleet.generators import Stream
    from seedfleet.generators.searches import SearchName

__all__ = ["AUTO", "WindowOptions", "families_of"]

AUTO = "auto"
_NUMBER = r"(?:0[xX][0-9a-fA-F]{1,16}|2\^(\d{1,2})([+-]\d{1,20})?|\d{1,20})"
_SEEDS = re.compile(rf"(?P<first>{_NUMBER})(?:\.\.(?P<last>{_NUMBER}))?")
# Of generators that cost alike, those that histories have most often been made by come first.
_OFTEN_MET = (
    *("java_next_int", "mt19937", "python_randrange", "java_lcg", "xorshift32", "php_mt_rand"),
    *("glibc_rand", "minstd", "msvc_rand", "lcg32", "numpy_default_rng", "dotnet_next"),
    *("v8_math_random", "go_intn", "pcg32", "python_random", "numpy_randint"),
)
_LOOK_ROWS = 33  # alignments of a first look by default
_COST_STEP_S = 1.0  # by which costs have to differ to tell in the order


@dataclass(frozen=True)
class WindowOptions:
    """A window optimization as it is asked for.

    Attributes
    ----------
    generators
        Names of presets, of generators, which are all their presets, or NAME_hybrid for a variable
        skip alone; `auto`, or none, for every preset that draws with this modulus, of which the
        study keeps those that do best at a first look.
    seeds
        ``N`` for so many of each generator's canonical seeds, from the first on, or ``A..B`` for
        first and last.
    constant_skip
        Whether constant skips alone are tried.
    variable_skip
        Least and most outputs dropped before each draw, of the one variable skip that is tried;
        None lets the study find out within its bounds.
    sessions
        Whose draws; empty lets the study choose.
    bounds
        Within what it samples.
    trials
        How many the study makes.
    max_survivors
        Rows of each table; the likeliest are kept.
    jobs
        Whether trials run as jobs of the fleet; None where that pays.
    look_s
        Seconds for the first look at the generators of `auto`.
    run_seed
        Seeds the study and the controls.
    """

    generators: tuple[str, ...] = (AUTO,)
    seeds: str = "5000"
    constant_skip: bool = False
    variable_skip: tuple[int, int] | None = None
    sessions: tuple[str, ...] = ()
    bounds: SearchBounds = field(default_factory=SearchBounds)
    trials: int = 30
    max_survivors: int = 20_000
    jobs: bool | None = None
    look_s: float = 20.0
    run_seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range for any draws."""
        problems = [*self._problems_of_numbers(), *self._problems_of_names()]
        if problems:
            raise OptionsError(problems)

    @property
    def auto(self) -> bool:
        """Whether the generators are left to the study."""
        return set(self.generators) <= {AUTO}

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last seed; None where a number of them is asked for."""
        match = _SEEDS.fullmatch(self.seeds)
        if match is None or match["last"] is None:
            return None
        return _number(match["first"]), _number(match["last"])

    @property
    def seed_count(self) -> int:
        """How many seeds of each generator; where a span is asked for, as many as it has."""
        span = self.span
        return _number(self.seeds) if span is None else span[1] - span[0] + 1

    @property
    def study_bounds(self) -> SearchBounds:
        """Within what the study samples: a variable skip that is named stands as it is."""
        if self.variable_skip is None:
            return self.bounds
        least, most = self.variable_skip
        return replace(self.bounds, skip_min=Interval(least, least), skip_max=Interval(most, most))

    def to_document(self) -> dict[str, Any]:
        """Return them as JSON holds them."""
        told = vars(self) | {"bounds": self.bounds.to_document()}
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in told.items()
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_document` wrote."""
        lists = {
            name: tuple(document[name])
            for name in ("generators", "sessions", "variable_skip")
            if document[name] is not None
        }
        bounds = SearchBounds.from_document(document["bounds"])
        return cls(**{**document, **lists, "bounds": bounds})

    def problems(self, history: History) -> list[str]:
        """Say all that does not fit these draws; empty where nothing does."""
        return list(dict.fromkeys(self._problems_of(history)))

    def _problems_of_numbers(self) -> Iterator[str]:
        for name in ("trials", "max_survivors"):
            if getattr(self, name) < 1:
                yield f"{name.replace('_', ' ')}: {getattr(self, name)} is not at least 1"
        if not self.look_s > 0:
            yield f"look: {self.look_s:g} seconds are no time"
        if _SEEDS.fullmatch(self.seeds) is None:
            yield f"seeds: {self.seeds!r} is neither a number of seeds nor A..B"
        elif self.seed_count < 1:
            yield f"seeds: {self.seeds} are none"

        if self.variable_skip is not None:
            yield from self._problems_of_skip(*self.variable_skip)

    def _problems_of_skip(self, least: int, most: int) -> Iterator[str]:
        if not 0 <= least < most <= MAX_SKIP:
            yield f"variable skip: {least}..{most} does not vary within 0..{MAX_SKIP}"
        if self.constant_skip:
            yield "variable skip: constant ones alone are asked for beside it"

    def _problems_of_names(self) -> Iterator[str]:
        if AUTO in self.generators and not self.auto:
            yield "generator: auto is all of them; name none beside it"
        for text in self.generators:
            if text == AUTO:
                continue
            try:
                names = _searches(text)
            except ValueError as error:
                yield f"generator: {error}"
                continue
            for name in names:
                yield from self._problems_of_search(text, name)

    def _problems_of_search(self, text: str, name: SearchName) -> Iterator[str]:
        if name.reverse:
            preset = name.preset.slug
            yield f"generator: {text}: both parts of a window are looked at; name {preset}"
        if name.variable_skip and self.constant_skip:
            yield f"generator: {text} has a variable skip, and constant ones are asked for"
        if _SEEDS.fullmatch(self.seeds) and self.span is not None and self.seed_count > 0:
            yield from problems_of_seeds(name, self.span)

    def _problems_of(self, history: History) -> Iterator[str]:
        for choice in (self.sessions, *self.bounds.session_options):
            for session in choice:
                if session not in history.session_names:
                    yield describe_unknown_session(session, history.session_names)
        if not families_of(self, history.modulus):
            names = " and ".join(self.generators) or "no preset"
            yield f"generator: {names} cannot draw modulo {history.modulus} from these seeds"


def _number(text: str) -> int:
    """Read ``123``, ``0x7b`` or ``2^36-1``."""
    match = re.fullmatch(_NUMBER, text)
    if match is not None and match[1] is not None:
        power: int = 2 ** int(match[1])
        return power + int(match[2] or 0)
    return int(text, 16 if text[:2] in {"0x", "0X"} else 10)


def _searches(text: str) -> list[SearchName]:
    """Return what a name stands for.

    Raises
    ------
    ValueError
        It is no name.
    """
    if text in generators():
        own = [stream for stream in streams() if stream.generator.name == text]
        found = [parse_search(presets_of(stream)[0].slug) for stream in own]
        return found if all(name.preset.slug != text for name in found) else [parse_search(text)]
    return [parse_search(text)]


def families_of(
    options: WindowOptions, modulus: int, first: Iterable[str] = ()
) -> tuple[Family, ...]:
    """Return what is sieved for; of `auto` the presets in `first`, then the others, cheap first."""
    families: dict[str, Family] = {}
    for name in _names(options, modulus, first):
        slug = name.preset.slug
        laws = (SkipLaw.VARIABLE,) if name.variable_skip else _laws(options)
        if slug in families:
            laws = tuple(law for law in SkipLaw if law in {*laws, *families[slug].laws})
        seeds = _seeds(name, options)
        if seeds is not None:
            families[slug] = Family(slug, seeds, laws)
    return tuple(families.values())


def _names(options: WindowOptions, modulus: int, first: Iterable[str]) -> list[SearchName]:
    if not options.auto:
        named = [name for text in options.generators for name in _searches(text)]
        return [name for name in named if _draws(name.preset.stream, modulus)]
    fitting = [stream for stream in streams() if _draws(stream, modulus)]
    ahead = [parse_search(slug) for slug in first]
    slugs = {stream: presets_of(stream)[0].slug for stream in fitting}

    def cost(stream: Stream) -> tuple[float, int]:
        seconds = scan_s([stream], _LOOK_ROWS, modulus) * options.seed_count
        often = slugs[stream] in _OFTEN_MET
        rank = _OFTEN_MET.index(slugs[stream]) if often else len(_OFTEN_MET)
        return seconds // _COST_STEP_S, rank

    others = [parse_search(slugs[stream]) for stream in sorted(fitting, key=cost)]
    streams_ahead = {name.preset.stream for name in ahead}
    return [*ahead, *(name for name in others if name.preset.stream not in streams_ahead)]


def _draws(stream: Stream, modulus: int) -> bool:
    return stream.bounding.layout(modulus) is not None


def _laws(options: WindowOptions) -> tuple[SkipLaw, ...]:
    if options.constant_skip:
        return (SkipLaw.CONSTANT,)
    return tuple(SkipLaw) if options.variable_skip is None else (SkipLaw.VARIABLE,)


def _seeds(name: SearchName, options: WindowOptions) -> range | None:
    """Return the seeds that are tried; None where those that are asked for are not canonical."""
    span = options.span
    if span is None:
        canonical = name.preset.stream.generator.seeds
        return range(canonical.start, min(canonical.stop, canonical.start + options.seed_count))
    if any(problems_of_seeds(name, span)):
        return None
    return range(span[0], span[1] + 1)
