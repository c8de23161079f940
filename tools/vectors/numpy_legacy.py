"""Answers of numpy's frozen RandomState. The protocol is described in make.py."""

from __future__ import annotations

import sys

import numpy as np


def main(preset: str) -> None:
    """Answer requests from standard input until it ends."""
    if preset == "--version":
        print("numpy", np.__version__)
        return
    if preset != "numpy_randint":
        sys.exit(f"unknown preset {preset}")
    for line in sys.stdin:
        seed, modulus, skip, count = map(int, line.split())
        source = np.random.RandomState(seed)
        outputs = [source.randint(0, modulus, dtype=np.int64) for _ in range((skip + 1) * count)]
        print(*outputs[skip :: skip + 1])


if __name__ == "__main__":
    main(sys.argv[1])
