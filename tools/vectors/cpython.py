"""Answers of CPython's random.Random. The protocol is described in make.py."""

from __future__ import annotations

import platform
import random
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _draws(preset: str, source: random.Random, modulus: int) -> Callable[[], int]:
    if preset == "python_randrange":
        return lambda: source.randrange(modulus)
    if preset == "python_random":
        return lambda: int(source.random() * modulus)
    sys.exit(f"unknown preset {preset}")


def main(preset: str) -> None:
    """Answer requests from standard input until it ends."""
    if preset == "--version":
        print(platform.python_implementation(), platform.python_version())
        return
    for line in sys.stdin:
        seed, modulus, skip, count = map(int, line.split())
        draw = _draws(preset, random.Random(seed), modulus)  # noqa: S311 - what is asked about
        outputs = [draw() for _ in range((skip + 1) * count)]
        print(*outputs[skip :: skip + 1])


if __name__ == "__main__":
    main(sys.argv[1])
