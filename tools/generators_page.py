"""Write the table of presets in `docs/generators.md` from the catalogue.

Usage: `python -m tools.generators_page` from the root of the checkout.
"""

from __future__ import annotations

from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from seedfleet.generators import CATALOGUE, presets_of
from seedfleet.generators.catalogue import family_of

if TYPE_CHECKING:
    from seedfleet.generators import Preset

__all__ = ["PAGE", "main", "table", "with_table"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "generators.md"
_BEGIN = "<!-- presets: written by python -m tools.generators_page -->\n"
_END = "<!-- end of presets -->\n"


def table() -> str:
    """Return the table, one row for each preset of the catalogue, by family."""
    lines = [
        "| family | preset | call | holds for | seeds | same stream as |",
        "|---|---|---|---|---|---|",
    ]
    previous = ""
    for preset in CATALOGUE:
        family = family_of(preset).__name__.rpartition(".")[2]
        lines.append(f"| {'' if family == previous else f'`{family}`'} | {_cells(preset)} |")
        previous = family
    return "\n".join(lines) + "\n"


def _cells(preset: Preset) -> str:
    seeds = f"2^{log2(preset.stream.generator.seed_count):.1f}".removesuffix(".0")
    same = [f"`{each.slug}`" for each in presets_of(preset.stream) if each != preset]
    return " | ".join(
        [f"`{preset.slug}`", preset.name, preset.holds_for, seeds, ", ".join(same) or "none"]
    )


def with_table(page: str) -> str:
    """Return the text of the page with the table of today."""
    head, _, rest = page.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    return f"{head}{_BEGIN}\n{table()}\n{_END}{tail}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
