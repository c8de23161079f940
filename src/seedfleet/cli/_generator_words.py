"""What is told of a generator: as documents, and as text for a terminal."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass
from itertools import islice
from math import log2
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seedfleet.generators import presets_of, reference
from seedfleet.generators.catalogue import family_of
from seedfleet.generators.searches import searches_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedfleet.generators import Bounding, Generator, Preset, Stream

__all__ = ["brief", "full", "list_text", "moduli", "show_text"]

SAMPLE_SEED: Final = 42
_FIRST_DRAWS: Final = 5
_FIGURES_WIDTH: Final = 22  # columns of the list that hold numbers
_LEAST_CALL: Final = 20
# Where languages change their ways: small ones, powers of two and of ten, and the largest.
_PROBES: Final = (2, 3, 10, 49, 100, 999, 1000, 1024, 10**6, 2**31 - 1, 2**31)


# --- documents ---


def brief(preset: Preset) -> dict[str, Any]:
    """Return what `list` tells of a preset."""
    generator = preset.stream.generator
    return {
        "slug": preset.slug,
        "call": preset.name,
        "holds_for": preset.holds_for,
        "generator": generator.name,
        "bounding": preset.stream.bounding.name,
        "seeds": {"count": generator.seed_count, "log2": log2(generator.seed_count)},
        "word_bits": generator.output_bits,
        "state_numbers": _state_numbers(generator),
        "can_jump": generator.can_jump,
        "same_stream": [each.slug for each in presets_of(preset.stream) if each != preset],
    }


def full(preset: Preset, modulus: int) -> dict[str, Any]:
    """Return everything that is known of a preset.

    Parameters
    ----------
    modulus
        For the code line, the share of rejected words, and the first draws.
    """
    generator, bounding = preset.stream.generator, preset.stream.bounding
    document = brief(preset)
    document["seeds"] |= {
        "first": generator.seeds.start,
        "last": generator.seeds.stop - 1,
        "modulus": generator.seed_modulus,
        "bits": generator.seed_bits,
        "degenerate": list(generator.degenerate_seeds),
    }
    layout = bounding.layout(modulus)
    return document | {
        "modulus": modulus,
        "modulus_exists": layout is not None,
        "moduli": moduli(bounding),
        "words_a_draw": None if layout is None else layout[1] * bounding.words,
        "rejected_share": None if layout is None else bounding.rejection(layout[0]),
        "code": preset.line(SAMPLE_SEED, modulus),
        "draws_of_seed_1": None if layout is None else _first_draws(preset, modulus),
        "searches": [search.text for search in searches_of(preset)],
        "notes": _notes(inspect.getdoc(family_of(preset)) or ""),
    }


def _state_numbers(generator: Generator) -> int:
    with np.errstate(over="ignore"):
        return int(np.size(generator.seed_state(np.uint64(1))))


def _first_draws(preset: Preset, modulus: int) -> list[int]:
    return list(islice(reference.draws(preset.stream, 1, modulus), _FIRST_DRAWS))


def moduli(bounding: Bounding) -> str:
    """Say which moduli a bounding has, from a sample of them."""
    lacking = [each for each in _PROBES if bounding.layout(each) is None]
    if not lacking:
        return "any from 2 to 2**31"
    if min(lacking) >= 2**31 - 1:
        return f"any from 2 to below {_number(min(lacking))}"
    having = [_number(each) for each in _PROBES if bounding.layout(each) is not None]
    return f"only some, such as {', '.join(having)}"


def _notes(docstring: str) -> dict[str, str]:
    """Take the sections of a family's docstring apart: a line, and what is indented below it."""
    sections = re.findall(r"^(\S.*)\n((?:[ ]+\S.*\n?|\n(?=[ ]))+)", docstring, flags=re.MULTILINE)
    return {title: " ".join(text.replace("`", "").split()) for title, text in sections}


# --- for a person ---


def list_text(presets: Sequence[Preset], width: int) -> str:
    """Write the table of presets, one row for each stream, at most `width` columns wide."""
    groups: dict[Stream, list[Preset]] = {}
    for preset in presets:
        groups.setdefault(preset.stream, []).append(preset)
    slug_width = max(len(group[0].slug) for group in groups.values())
    table = _Table(slug_width, max(_LEAST_CALL, width - slug_width - _FIGURES_WIDTH - 4))
    lines = table.row("preset", "call", ("seeds", "word", "state", "jump"))
    for first, *others in groups.values():
        lines += table.row(first.slug, first.name, _figures(first.stream.generator))
        if others:
            same = "= " + ", ".join(each.slug for each in others)
            lines += textwrap.wrap(same, width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join([*lines, "", *_legend(len(presets), len(groups))])


def _legend(presets: int, streams: int) -> list[str]:
    return [
        f"{presets} presets, {streams} streams; after = are presets of the same stream as above",
        "word: bits of an output word; state: numbers in a state",
        "seedfleet generators show PRESET tells more",
    ]


def _figures(generator: Generator) -> tuple[str, str, str, str]:
    jump = "yes" if generator.can_jump else "no"
    state = _state_numbers(generator)
    return power(generator.seed_count), str(generator.output_bits), str(state), jump


@dataclass(frozen=True)
class _Table:
    slug_width: int
    call_width: int

    def row(self, slug: str, call: str, figures: tuple[str, str, str, str]) -> list[str]:
        """Return the lines of a row; a long call takes more than one."""
        first, *rest = textwrap.wrap(call, self.call_width)
        seeds, word, state, jump = figures
        shown = f"{seeds:>6} {word:>4} {state:>5} {jump:>4}"
        more = [" " * (self.slug_width + 2) + line for line in rest]
        return [f"{slug:{self.slug_width}}  {first:{self.call_width}}  {shown}", *more]


def power(count: int) -> str:
    """Write a count as a power of two, to a tenth of a bit."""
    return f"2**{log2(count):.1f}".removesuffix(".0")


def _number(number: int) -> str:
    return {2**31: "2**31", 2**31 - 1: "2**31 - 1"}.get(number, str(number))


def show_text(document: Mapping[str, Any], width: int) -> str:
    """Write the document of `full`, wrapped to `width` columns."""
    rows = [*_rows(document), *document["notes"].items()]
    label_width = max(len(label) for label, _ in rows) + 2
    lines = []
    for label, text in rows:
        wrapped = textwrap.wrap(text, max(30, width - label_width), break_long_words=False)
        lines += [
            f"{label if index == 0 else '':{label_width}}{line}"
            for index, line in enumerate(wrapped)
        ]
    return "\n".join(lines)


def _rows(document: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    seeds = document["seeds"]
    degenerate = ", ".join(map(str, seeds["degenerate"]))
    return [
        ("preset", document["slug"]),
        ("call", document["call"]),
        ("code", document["code"]),
        ("holds for", document["holds_for"]),
        ("same stream", ", ".join(document["same_stream"]) or "no other preset"),
        ("generator", f"{document['generator']}, {document['word_bits']}-bit words"),
        ("state", _counted(document["state_numbers"], "number")),
        ("seeds", f"{power(seeds['count'])}: {seeds['first']} to {seeds['last']}"),
        ("equal seeds", f"those that agree modulo {_modulus(seeds['modulus'])}"),
        ("left out", degenerate or "no seed"),
        ("bounding", document["bounding"]),
        ("moduli", document["moduli"]),
        (f"modulus {document['modulus']}", _at_modulus(document)),
        ("jump", "yes" if document["can_jump"] else "no"),
        ("searches", ", ".join(document["searches"])),
    ]


def _modulus(modulus: int) -> str:
    bits = modulus.bit_length() - 1
    return f"2**{bits}" if modulus == 1 << bits else str(modulus)


def _at_modulus(document: Mapping[str, Any]) -> str:
    if not document["modulus_exists"]:
        return "not drawn by this call"
    words = _counted(document["words_a_draw"], "word")
    drawn = " ".join(map(str, document["draws_of_seed_1"]))
    share = document["rejected_share"]
    return f"{words} a draw, {share:.3g} of them rejected; seed 1 draws {drawn} …"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
