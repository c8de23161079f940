"""Kernels are compiled once for every machine, and anew for every change of a definition."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_GENERATOR = """
from numpy import uint32, uint64
from seedfleet.generators import Generator


def _seed_state(seed):
    return uint64(seed)


def _step(state):
    return state * uint64(6364136223846793005) + uint64(INCREMENT)


def _output(state):
    return uint32(state >> uint64(32))


TINY = Generator("tiny", range(2**32), 2**64, 64, _seed_state, _step, _output)
"""

_PROGRAM = """
import numpy as np
from tiny import TINY
from seedfleet.generators import Stream, compiled
from seedfleet.generators.boundings import MODULO

stream = Stream(TINY, MODULO)
values, _ = compiled.at_positions(stream, 7, 2**32, np.array([0, 1]))
stats = compiled._at_positions_kernel(stream).stats
print(int(values[1]), sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def run(folder: Path, increment: int) -> tuple[int, int, int]:
    """Run the program in a new process: the second draw, kernels loaded, kernels compiled."""
    (folder / "tiny.py").write_text(_GENERATOR.replace("INCREMENT", str(increment)))
    return run_program(folder, _PROGRAM)


def run_program(folder: Path, program: str, **variables: str) -> tuple[int, int, int]:
    environment = {
        **os.environ,
        **variables,
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",  # an edit within a second must not meet old byte code
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    value, hits, misses = map(int, done.stdout.split())
    return value, hits, misses


def second_draw(increment: int) -> int:
    state = 7
    for _ in range(2):
        state = (state * 6364136223846793005 + increment) % 2**64
    return state >> 32


def test_kernels_are_loaded_by_a_second_process_and_follow_the_definition(tmp_path: Path) -> None:
    assert run(tmp_path, 11) == (second_draw(11), 0, 1)
    assert run(tmp_path, 11) == (second_draw(11), 1, 0)
    # The functions keep their names, so only the digest of their source tells the two apart.
    changed = 2**40 + 11
    assert run(tmp_path, changed) == (second_draw(changed), 0, 1)
    assert run(tmp_path, 11) == (second_draw(11), 1, 0)


def test_kernels_follow_a_function_of_another_familys_module(tmp_path: Path) -> None:
    package = "seedfleet.generators"
    definition = _GENERATOR.replace(package, f"{package}.definition")
    (tmp_path / "tiny.py").write_text(
        f"from {package}.families.tiny_increment import increment\n"
        + definition.replace("uint64(INCREMENT)", "increment()")
    )
    program = _PROGRAM.replace("from tiny", f"from {package}.families.tiny")

    def increased_by(increment: int) -> tuple[int, int, int]:
        (tmp_path / "tiny_increment.py").write_text(
            f"from numpy import uint64\n\n\ndef increment():\n    return uint64({increment})\n"
        )
        return run_program(tmp_path, program, SEEDFLEET_GENERATORS=str(tmp_path))

    assert increased_by(11) == (second_draw(11), 0, 1)
    assert increased_by(2**40 + 11) == (second_draw(2**40 + 11), 0, 1)
    assert increased_by(11) == (second_draw(11), 1, 0)


_SCANS = """
import sys
import numpy as np
from seedfleet.generators import reference, streams
from seedfleet.generators.compiled import at_positions
from seedfleet.sieve import CpuBackend, Rows

positions = np.arange(4)
for name in sys.argv[1:]:
    stream = next(stream for stream in streams() if stream.name == name)
    draws = np.array(reference.at_positions(stream, 2000123, 1000, list(positions)))
    if stream.generator.lcg is not None:
        found, _ = at_positions(stream, 2000123, 1000, positions)
        assert found.tolist() == draws.tolist(), name
    else:
        rows = Rows.exact(positions[np.newaxis], draws[np.newaxis], 1000)
        hits = CpuBackend().scan(stream, rows, range(2000000, 2000200))
        assert hits.seeds.tolist() == [2000123], name
"""


@pytest.mark.parametrize(
    "names",
    [
        ("minstd / word % m", "xorshift32 / word % m"),
        ("java.util.Random / nextInt(m)", "rand48 / (word >> 1) % m", "java_lcg / word % m"),
    ],
)
def test_kernels_of_one_factory_from_several_processes_are_kept_apart(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    for chosen in (*((name,) for name in names), names, names[::-1]):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _SCANS, *chosen],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
