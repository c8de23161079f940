"""What a sieve says where it found nothing: whether something fits in part, and not by chance."""

from __future__ import annotations

import numpy as np
import pytest
from plain_history import history

from seedfleet.generators import find_preset, reference
from seedfleet.pipeline.sieve_plan import SieveOptions, plan_sieve
from seedfleet.pipeline.sieving import run_sieve
from seedfleet.sieve import CpuBackend, Direction

LAST = 2**15
PLANTED = 12345
DRAWS = 60
MODULUS = 2**20  # of which 15-bit words give 2**15 values


def reason(matching: int) -> str:
    """Sieve draws of which so many agree with a seed of Visual C++'s rand, the others with none."""
    stream = find_preset("msvc_rand").stream
    values = np.random.default_rng(3).integers(2**15, size=DRAWS)
    positions = list(range(matching))
    values[:matching] = reference.at_positions(stream, PLANTED, MODULUS, positions)
    asked = SieveOptions(
        ("msvc_rand",),
        seeds=(1, LAST),
        skips=range(1),
        direction=Direction.FORWARD,
        forward_threshold=matching / (DRAWS // 2),
    )
    plan = plan_sieve(history(values.tolist(), MODULUS), asked)
    answer = run_sieve(plan, CpuBackend(1), keep=lambda *_: None, progress=lambda *_: None)
    assert len(answer.records[0].findings) > 0
    return answer.reason


@pytest.mark.slow
def test_chance_is_that_of_the_values_that_an_uneven_bounding_gives() -> None:
    # Three matches would be odd of 2**20 values; of the 2**15 that there are, four are.
    assert "more than chance would" not in reason(3)
    assert f"seed {PLANTED} gives 4 of {DRAWS}, more than chance would" in reason(4)
