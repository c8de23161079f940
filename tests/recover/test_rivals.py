"""Which searches may still name otherwise what was found."""

from dataclasses import replace

import numpy as np
import pytest

from seedfleet.generators import Stream, find_preset
from seedfleet.recover.rivals import looks_for_rivals
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Coverage, Survivor
from seedfleet.sieve.weighing import Alignment

_JAVA, _RAND48 = (find_preset(name).stream for name in ("java_next_int", "c_lrand48"))
_SCOPE = Scope(np.arange(60), 54)


def coverage(
    stream: Stream, *, law: tuple[int, int] | None = None, cost_s: float = 0.5
) -> Coverage:
    coverage = Coverage(
        "a method", (stream,), (_SCOPE,), range(10), 2**48, 5, lambda _: 1.0, cost_s
    )
    return replace(coverage, variable_skip=law)


@pytest.mark.parametrize(
    ("law", "found", "asks"),
    [
        (None, Alignment(0, 15, 15), True),
        ((0, 8), Alignment(0, 15, 15), False),  # constant skips have been searched as such
        ((0, 20), Alignment(0, 15, 15), False),
        (None, Alignment(0, 0, 3), True),
        ((0, 3), Alignment(0, 0, 3), True),  # by another call
        ((0, 8), Alignment(0, 0, 3), False),
        ((0, 2), Alignment(0, 0, 8), True),  # a narrower law earns more
    ],
)
def test_only_laws_that_may_tell_more_are_asked(
    law: tuple[int, int] | None, found: Alignment, *, asks: bool
) -> None:
    survivors = [Survivor(_JAVA, _SCOPE, 1, found)]
    assert looks_for_rivals(coverage(_RAND48, law=law), survivors) is asks


def test_only_short_searches_of_the_same_recurrence_are_asked() -> None:
    survivors = [Survivor(_JAVA, _SCOPE, 1, Alignment(0, 2, 2))]
    assert looks_for_rivals(coverage(_RAND48), survivors)
    assert not looks_for_rivals(coverage(_RAND48, cost_s=2.0), survivors)
    assert not looks_for_rivals(coverage(find_preset("minstd").stream), survivors)
    assert not looks_for_rivals(coverage(_RAND48), [])
