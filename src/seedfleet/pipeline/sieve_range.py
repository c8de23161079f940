"""Which seeds a sieve tests: a range within the generator's distinct ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.generators.canonical import canonical_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.generators.searches import SearchName

__all__ = ["problems_of_seeds", "seeds_of"]

_MAX_DEFAULT_SEEDS = 2**32  # a larger space takes so long that it must be asked for


def seeds_of(name: SearchName, asked: tuple[int, int] | None) -> range:
    """Return the seeds from the first to the last that was asked for, or all canonical ones."""
    return name.preset.stream.generator.seeds if asked is None else range(asked[0], asked[1] + 1)


def problems_of_seeds(name: SearchName, asked: tuple[int, int] | None) -> Iterator[str]:
    """Tell why these seeds cannot be tested.

    Seeds from the last canonical one on give streams that others give, and would be bets on them
    a second time.
    """
    generator = name.preset.stream.generator
    if asked is None:
        if generator.seed_count > _MAX_DEFAULT_SEEDS:
            yield (
                f"seeds: {name.text} has {generator.seed_count}; name those to be tested, "
                f"such as 0..2^36-1"
            )
        return
    first, last = asked
    if not 0 <= first <= last:
        yield f"seeds: {first}..{last} is empty"
    elif last >= generator.seeds.stop:
        beyond = max(first, generator.seeds.stop)
        twin = canonical_seed(generator, beyond) if beyond < 2**64 else None
        same = "" if twin is None else f"; seed {beyond} is the stream of seed {twin}"
        yield (
            f"seeds: the distinct seeds of {name.text} are "
            f"{generator.seeds.start}..{generator.seeds.stop - 1}; {last} is beyond{same}"
        )
