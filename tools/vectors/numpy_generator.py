"""Answers of numpy's Generator.integers over three bit generators. The protocol is in make.py."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_GENERATORS: dict[str, Callable[[int], np.random.Generator]] = {
    "numpy_default_rng": np.random.default_rng,
    "numpy_pcg64dxsm": lambda seed: np.random.Generator(np.random.PCG64DXSM(seed)),
    "numpy_philox": lambda seed: np.random.Generator(np.random.Philox(seed)),
    "numpy_sfc64": lambda seed: np.random.Generator(np.random.SFC64(seed)),
}


def _answer(preset: str, line: str) -> str:
    seed, modulus, skip, length = map(int, line.split())
    generator = _GENERATORS[preset](seed)
    outputs = [int(generator.integers(0, modulus)) for _ in range((skip + 1) * length)]
    return " ".join(map(str, outputs[skip :: skip + 1]))


def _main(argument: str) -> None:
    if argument == "--version":
        print(f"numpy {np.__version__}")
    elif argument in _GENERATORS:
        for line in sys.stdin:
            print(_answer(argument, line))
    else:
        sys.exit(f"unknown preset {argument}")


_main(sys.argv[1])
