"""What the compiler takes is told once, with all that it compiles on the way."""

from __future__ import annotations

import time
from typing import Any

import numba
import numba.core.event
import pytest

from seedfleet.generators.compile_time import compile_timed

_EVENTS: Any = numba.core.event
_KIND = "numba:compile"
_TOOK_S = 0.02


def test_a_kernel_counts_once_with_what_it_calls() -> None:
    begun = []
    with compile_timed(lambda: begun.append(1)) as spent:
        started = time.perf_counter()
        for _kernel in range(2):
            _EVENTS.start_event(_KIND)
            _EVENTS.start_event(_KIND)
            time.sleep(_TOOK_S)
            _EVENTS.end_event(_KIND)
            _EVENTS.end_event(_KIND)
        most = time.perf_counter() - started
        assert 2 * _TOOK_S <= spent.spent_s <= most
    _EVENTS.start_event(_KIND)
    assert len(begun) == 2
    assert spent.spent_s <= most


@pytest.mark.slow
def test_compiling_is_told_and_calling_again_is_not() -> None:
    begun = []
    with compile_timed(lambda: begun.append(1)) as spent:
        kernel = numba.njit(lambda number: number + 1)
        assert kernel(1) == 2
        told, after = len(begun), spent.spent_s
        assert told
        assert after > 0
        assert kernel(2) == 3
    assert (len(begun), spent.spent_s) == (told, after)
