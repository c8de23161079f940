"""Runs the benchmarks named on the command line, or all of them, and prints a table of each."""

from __future__ import annotations

import sys

from benchmarks import calibration, engines, fleet, recover, scoring, sieve
from benchmarks.table import print_table

BENCHMARKS = {
    "calibration": calibration.rows,
    "engines": engines.rows,
    "fleet": fleet.rows,
    "recover": recover.rows,
    "scoring": scoring.rows,
    "sieve": sieve.rows,
}


def main(names: list[str]) -> int:
    """Print the tables; return 2 for a name that there is not."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    for name in names or BENCHMARKS:
        print_table(name, BENCHMARKS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
