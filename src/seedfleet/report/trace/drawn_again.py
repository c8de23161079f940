"""The command that draws what a survivor drew, and which draws it prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report._figures import whole
from seedfleet.report._places import span_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Again", "drawn_again"]

_MOST_OUTPUTS = 1_000_000  # that the command prints


class Again(NamedTuple):
    """The command, None where there is none, and a sentence about what it prints or why not."""

    command: str | None
    note: str


def drawn_again(survivor: Mapping[str, Any], modulus: int, sessions: Sequence[str]) -> Again:
    """Return what draws a survivor's stream again.

    Parameters
    ----------
    survivor
        As predictions.json lists it.
    sessions
        Whose draws they are; none for all.
    """
    first, count = survivor["origin"], survivor["draws"]
    whose = f" of {' and '.join(sessions)}" if sessions else ""
    these = f"draws {first} to {first + count - 1}{whose}"
    least, most = survivor["skip_min"], survivor["skip_max"]
    if survivor.get("state") is not None:
        return Again(
            None,
            f"no command sets a state: that right before {these} is in predictions.json, word by "
            "word",
        )
    if least == most:
        return Again(_sampling(survivor, modulus, least, count), f"It gives {these}.")
    outputs = min(count * (most + 1), _MOST_OUTPUTS)
    return Again(
        _sampling(survivor, modulus, 0, outputs),
        f"It gives all outputs: {these} stand among them in this order, "
        f"{span_text((least, most))} dropped before each; which, steps 1 to 6 leave open.",
    )


def _sampling(survivor: Mapping[str, Any], modulus: int, skip: int, count: int) -> str:
    told = {
        "--seed": survivor["seed"],
        "--modulus": modulus,
        "--skip": skip,
        "--offset": survivor["offset"],
        "--count": count,
    }
    options = [word for name, value in told.items() for word in (name, whole(value, grouped=False))]
    return shlex.join(["seedfleet", "generators", "sample", survivor["generator"], *options])
