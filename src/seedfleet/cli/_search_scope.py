"""How far `seedfleet trace recover` searches, as the command line says it."""

from __future__ import annotations

from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._durations import Duration
from seedfleet.cli._spans import Span, SpanRange
from seedfleet.generators import CATALOGUE, generators
from seedfleet.pipeline.run_folder import printable
from seedfleet.recover import DEEP, MAX_OFFSET, MAX_SKIP, Options, OptionsError
from seedfleet.recover.dated_rules import parse_rule

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["options_of", "scope_options"]

_NONE = "none"


class _SkipLaw(click.ParamType[tuple[int, ...]]):
    """`A..B` with A below B; empty for none."""

    name = "A..B|none"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if value == _NONE:
            return ()
        least, most = Span(MAX_SKIP).convert(value, param, ctx)
        if least == most:
            self.fail(f"{value!r} does not vary; constant skips are asked by --skips", param, ctx)
        return least, most


class _Searchable(click.ParamType[str]):
    """The name of a generator, or the slug of a preset."""

    name = "NAME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        slugs = [preset.slug for preset in CATALOGUE]
        if str(value) not in {*generators(), *slugs}:
            self.fail(
                f"{value!r} is no preset of `seedfleet generators list`, nor one of the generators "
                f"{', '.join(sorted(generators()))}",
                param,
                ctx,
            )
        return str(value)


class _DateSeeds(click.ParamType[tuple[str, str | None]]):
    """A file with a table of seeds by date, or a formula: its text, and the table's name."""

    name = "RULE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str | None]:
        if isinstance(value, tuple):
            return value
        text, table = str(value), None
        try:
            if Path(text).is_file():
                text, table = Path(text).read_text("utf-8"), printable(text)
            parse_rule(text, table)
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value}: {error}", param, ctx)
        except OptionsError as error:
            told = "; ".join(error.problems)
            self.fail(told if table else f"{told}; and there is no such file", param, ctx)
        return text, table


_SCOPE = (
    click.option(
        "--generator",
        "searched",
        multiple=True,
        type=_Searchable(),
        help="Search only this preset of `seedfleet generators list`, or everything drawn from the "
        "generator of this name; may be given more than once. Default: all.",
    ),
    click.option(
        "--sessions",
        help="Search only for the streams that these sessions have to themselves: NAME[,NAME...].",
    ),
    click.option(
        "--skips",
        type=SpanRange(MAX_SKIP),
        default="0..500",
        show_default=True,
        help="Outputs dropped before each draw, for the searches that try no seeds.",
    ),
    click.option(
        "--scan-skips",
        type=SpanRange(MAX_SKIP),
        help="The same for searches that try every seed.  [default: 0..8; with --deep 0..20]",
    ),
    click.option(
        "--variable-skips",
        "variable_skip",
        type=_SkipLaw(),
        help="Outputs dropped before each draw where their number varies, or none for no such "
        "search.  [default: 0..8; with --deep 0..20]",
    ),
    click.option(
        "--offsets",
        type=SpanRange(MAX_OFFSET, -MAX_SKIP),
        help="Outputs given before the first draw and its skip, for searches that try every seed; "
        "the others find any. Below 0 the first draw came before its skip, which is constant, as "
        "where a program keeps an output and drops the next ones.  [default: 0, and for small "
        "seeds those below; with --deep 0..226]",
    ),
    click.option(
        "--date-seeds",
        type=_DateSeeds(),
        help="Ask whether the stream begins anew on every date, with a seed that RULE gives it: a "
        "file (CSV: date,seed[,seed...]; or JSON), or a formula such as "
        "'year*10000+month*100+day' or 'unix+0..86399'.",
    ),
    click.option(
        "--noise",
        type=click.FloatRange(0, 0.25),
        default=0.1,
        show_default=True,
        help="Share of the draws that may be recorded wrong.",
    ),
    click.option(
        "--budget",
        "budget_s",
        type=Duration(endless=True),
        help="Time for the whole search, such as 60s, 8m or 2h, or none for no limit. What is "
        "likely for its time comes first; what does not fit is named with what it needs.  "
        "[default: 60s; with --deep 20m]",
    ),
    click.option("--deep", is_flag=True, help="Search more alignments, and longer."),
)


def scope_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that widen or narrow a search."""
    for decorate in reversed(_SCOPE):
        function = decorate(function)
    return function


def options_of(given: dict[str, Any]) -> Options:
    """Return what the command line asks for."""
    chosen: dict[str, Any] = dict(DEEP) if given["deep"] else {}
    for name in ("scan_skips", "offsets"):
        if given[name] is not None:
            chosen[name] = given[name]
    if given["variable_skip"] is not None:
        chosen["variable_skip"] = given["variable_skip"] or None
    if given["budget_s"] is not None:
        chosen["budget_s"] = None if isinf(given["budget_s"]) else given["budget_s"]
    if given["date_seeds"] is not None:
        chosen["date_seeds"], chosen["date_table"] = given["date_seeds"]
    return Options(
        searched=frozenset(given["searched"]),
        sessions=frozenset(given["sessions"].split(",")) if given["sessions"] else frozenset(),
        **{name: given[name] for name in ("skips", "noise", "predictions", "run_seed")},
        **chosen,
    )
