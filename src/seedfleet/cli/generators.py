"""`seedfleet generators`: what the catalogue knows, and draws from it to try things on."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._bad_values import CollectingOption, bad_values
from seedfleet.cli._generator_words import brief, full, list_text, moduli, show_text
from seedfleet.cli._own_faults import refusing_own_faults
from seedfleet.cli._sample import FORMATS, MAX_POSITION, Sample, records_of, written
from seedfleet.cli._spans import Span
from seedfleet.cli.output import output_option
from seedfleet.generators import CATALOGUE
from seedfleet.generators.searches import parse_search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.cli.output import Output
    from seedfleet.generators import Preset


__all__ = ["generators"]

_MAX_COUNT = 1_000_000
_MAX_SKIP = 10**9
_option = partial(click.option, cls=CollectingOption, show_default=True)
_modulus_option = _option(
    "--modulus", type=click.IntRange(2, 2**31), default=1000, help="Draws lie in [0, MODULUS)."
)


class _Names(click.ParamType[tuple[str, ...]]):
    """Names between commas."""

    name = "NAME,…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(","))
        if "" in names or len(set(names)) < len(names):
            self.fail(f"{value!r} must name different sessions between its commas", param, ctx)
        return names


class _ConstantSkip(click.IntRange):
    """One number of outputs; who gives a range is told which option takes it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if ".." in str(value):
            self.fail(f"{value} varies from draw to draw: --variable-skip {value}", param, ctx)
        return int(super().convert(value, param, ctx))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def generators() -> None:
    """List the known generators, show one, or sample draws from one."""


@generators.command("list")
@output_option
def list_(output: Output) -> None:
    """List every preset: seeds, bits of a word, numbers in a state, and whether it can jump.

    Presets that draw the same stream share a row.
    """
    document = {"presets": [brief(preset) for preset in CATALOGUE]}
    output.result(document, list_text(CATALOGUE, _width()))


@generators.command()
@click.argument("name")
@_modulus_option
@output_option
@click.pass_context
def show(ctx: click.Context, /, name: str, output: Output, **options: Any) -> None:
    """Tell everything about NAME, a preset or one of its searches."""
    problems = bad_values(ctx)
    preset = _preset(name, problems)
    if problems or preset is None:
        output.refuse("this cannot be shown", problems)
    document = full(preset, options["modulus"])
    output.result(document, show_text(document, _width()))


@generators.command()
@click.argument("name")
@_option("--seed", type=click.IntRange(0, 2**64 - 1), required=True, help="Seeds the generator.")
@_option("--count", type=click.IntRange(1, _MAX_COUNT), default=100, help="How many draws.")
@_modulus_option
@_option(
    "--skip",
    type=_ConstantSkip(0, _MAX_SKIP),
    help="Outputs dropped before each draw.  [default: 0]",
)
@_option(
    "--variable-skip",
    type=Span(_MAX_SKIP),
    help="The same, another number from A to B before each draw.",
)
@_option(
    "--path-seed",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    help="Seeds the choice of variable skips and of wrong draws.",
)
@_option(
    "--offset",
    type=int,
    default=0,
    help="Outputs dropped before all draws; -2 drops two less before the first one, at least 0.",
)
@_option(
    "--noise", type=click.FloatRange(0, 1), default=0.0, help="Share of draws to make wrong ones."
)
@_option("--sessions", type=_Names(), help="Sessions of each day, one draw for each in turn.")
@_option(
    "--start-date",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2020-01-01",
    help="Date of the first draw.",
)
@_option("--format", "form", type=click.Choice(list(FORMATS)), default="lines", help="Of the text.")
@output_option
@click.pass_context
def sample(ctx: click.Context, /, name: str, output: Output, **options: Any) -> None:
    """Draw from NAME, a preset, with a seed of your own.

    What is printed is a history that the other commands read. Exit codes: 0 done, 2 bad input.
    """
    problems = bad_values(ctx)
    preset = _preset(name, problems, search_too=False)
    chosen = None if preset is None else _sample(preset, options, problems)
    start = options["start_date"]
    if None not in (start, options["count"]):
        problems += _calendar_problems(start.date(), options)
    if problems or chosen is None:
        output.refuse("nothing was drawn", problems)
    with refusing_own_faults(output):
        draws = chosen.draws()
    for note in chosen.notes:
        output.note(f"note: {note}")
    records = records_of(draws, options["sessions"] or (), start.date())
    output.result(_sample_document(chosen, records), written(records, options["form"]))


def _width() -> int:
    return shutil.get_terminal_size().columns


# --- what was asked for ---


def _preset(name: str, problems: list[str], *, search_too: bool = True) -> Preset | None:
    try:
        search = parse_search(name)
    except ValueError as error:
        problems.append(str(error))
        return None
    if search.text != search.preset.slug and not search_too:
        problems.append(f"{name} is a search of {search.preset.slug}; draw from that")
        return None
    return search.preset


def _sample(preset: Preset, options: Mapping[str, Any], problems: list[str]) -> Sample | None:
    """Put it together where every value could be read; the others are among the problems."""
    if options["skip"] is not None and options["variable_skip"] is not None:
        problems.append("--skip and --variable-skip exclude each other")
    modulus = options["modulus"]
    if modulus is not None and preset.stream.bounding.layout(modulus) is None:
        has = moduli(preset.stream.bounding)
        problems.append(f"--modulus {modulus}: {preset.slug} does not draw it; it has {has}")
    skip = options["skip"] or 0
    given = {key: options[key] for key in ("seed", "count", "modulus", "offset", "noise")}
    if None in given.values() or options["path_seed"] is None:
        return None
    chosen = Sample(
        preset=preset,
        skips=options["variable_skip"] or (skip, skip),
        path_seed=options["path_seed"],
        **given,
    )
    if chosen.offset + chosen.skips[0] < 0:
        problems.append(f"--offset {chosen.offset} leads to before the stream's first output")
    if chosen.farthest > MAX_POSITION:
        far = f"position {chosen.farthest} of the stream; the farthest is {MAX_POSITION}"
        problems.append(f"--count, --skip and --offset lead to {far}")
    return chosen


def _calendar_problems(start: date, options: Mapping[str, Any]) -> list[str]:
    days = (options["count"] - 1) // max(1, len(options["sessions"] or ()))
    try:
        start + timedelta(days=days)
    except OverflowError:
        return [f"--start-date {start}: the calendar ends before {options['count']} draws do"]
    return []


def _sample_document(chosen: Sample, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "preset": chosen.preset.slug,
        "seed": chosen.seed,
        "modulus": chosen.modulus,
        "skip_min": chosen.skips[0],
        "skip_max": chosen.skips[1],
        "offset": chosen.offset,
        "noise": chosen.noise,
        "path_seed": chosen.path_seed,
        "notes": chosen.notes,
        "draws": list(records),
    }
