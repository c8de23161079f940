"""The back end for few seeds: held to the seam, and no slower way round for many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seedfleet.generators import find_preset
from seedfleet.sieve import CpuBackend, Hits, Rows, few_seeds_backend
from seedfleet.sieve.few_seeds import FewSeedsBackend
from seedfleet.sieve.testing import check_scan, check_together, check_walk

_ASKED = [find_preset(name).stream for name in ("java_lcg", "python_randrange")]


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_scan, check_together, check_walk])
def test_it_keeps_the_contract(check: Any) -> None:
    check(few_seeds_backend, asked=_ASKED)


def test_it_passes_on_what_is_too_much() -> None:
    passed_on: list[range] = []

    class Listening(CpuBackend):
        def scan(self, *asked: Any, **_options: Any) -> Hits:
            passed_on.append(asked[-1])
            return Hits.joined([], 1)

    rows = Rows.exact(np.array([[0, 1]]), np.array([[5, 5]]), 10)
    backend = FewSeedsBackend(Listening())
    for seeds in (range(2**62), range(2**63, 2**64), range(0, 10, 2)):
        backend.scan(_ASKED[0], rows, seeds)
    assert passed_on == [range(2**62), range(2**63, 2**64), range(0, 10, 2)]
