"""A constant skip that a search under variable skips came upon."""

import numpy as np
import pytest
from planted import planted_draws, question, with_noise

from seedfleet.evidence.part_prior import Division
from seedfleet.generators import Start, Stream, compiled, find_preset
from seedfleet.recover.gaps.constant import constant_skip_of
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Survivor
from seedfleet.sieve.weighing import Alignment

_JAVA = find_preset("java_next_int").stream
_DOUBLE = find_preset("java_next_double").stream
_DRAND = find_preset("c_drand48").stream
_TWISTER = find_preset("cpp_mt19937").stream
_SEED = 20_240_229


def refined(
    stream: Stream, start: Start, offset: int, *, skip: int = 2, noise: float = 0.0
) -> Survivor | None:
    values = with_noise(planted_draws(stream, _SEED, count=80, skip=skip), noise)
    asked = question(values)
    survivor = Survivor(stream, asked.scopes[0], start, Alignment(offset, 0, 8))
    return constant_skip_of(weigh(survivor, asked, Division(len(values))), asked.modulus)


@pytest.mark.parametrize("noise", [0.0, 0.15])
def test_the_skip_of_most_gaps_is_tried_by_itself(noise: float) -> None:
    found = refined(_JAVA, _SEED, 0, noise=noise)
    assert found is not None
    assert (found.start, found.alignment) == (_SEED, Alignment(0, 2, 2))


def test_a_start_behind_the_first_draws_own_skip_is_walked_back() -> None:
    for stream in (_JAVA, _DOUBLE):
        lcg = stream.generator.lcg
        assert lcg is not None
        # Two draws on: the first draw's skip of 2 is passed already.
        words = 2 * stream.bounding.words
        late = lcg.seed_of_state(lcg.advance(int(_SEED) ^ 0x5DEECE66D, words))
        assert late is not None
        found = refined(stream, late, 0)
        assert found is not None
        assert (found.start, found.alignment) == (_SEED, Alignment(0, 2, 2))


def test_a_first_draw_before_its_skip_leaves_the_seed_its_name() -> None:
    """A program that keeps an output and drops the next two: its states are no other seed's."""
    for stream in (_DRAND, _TWISTER, _JAVA):
        values = planted_draws(stream, _SEED, count=80, skip=2, offset=-2)
        asked = question(values)
        survivor = Survivor(stream, asked.scopes[0], _SEED, Alignment(0, 0, 8))
        found = constant_skip_of(weigh(survivor, asked, Division(80)), 1000)
        assert found is not None
        assert (found.start, found.alignment) == (_SEED, Alignment(-2, 2, 2))


def test_outputs_used_up_first_leave_the_seed_its_name() -> None:
    for stream in (_DRAND, _TWISTER):
        values = planted_draws(stream, _SEED, count=80, skip=2, offset=1)
        asked = question(values)
        survivor = Survivor(stream, asked.scopes[0], _SEED, Alignment(0, 0, 8))
        found = constant_skip_of(weigh(survivor, asked, Division(80)), 1000)
        assert found is not None
        assert (found.start, found.alignment) == (_SEED, Alignment(1, 2, 2))


def test_what_begins_before_the_seed_is_left() -> None:
    """All but the first draws lie where a skip of 2 would have begun 3 outputs before the seed."""
    path = np.arange(80) * 3 - 3
    path[:2] = 0, 1
    values, _ = compiled.at_positions(_TWISTER, _SEED, 1000, path)
    asked = question(values)
    survivor = Survivor(_TWISTER, asked.scopes[0], _SEED, Alignment(0, 0, 8))
    assert constant_skip_of(weigh(survivor, asked, Division(80)), 1000) is None


def test_gaps_that_vary_have_no_constant_skip() -> None:
    rng = np.random.default_rng(1)
    path = np.cumsum(rng.integers(1, 10, 80)) - 1
    varied, _ = compiled.at_positions(_JAVA, _SEED, 1000, path)
    for values in (varied, rng.integers(0, 1000, 80)):
        asked = question(values)
        survivor = Survivor(_JAVA, asked.scopes[0], _SEED, Alignment(0, 0, 8))
        assert constant_skip_of(weigh(survivor, asked, Division(80)), 1000) is None
    constant = Survivor(_JAVA, asked.scopes[0], _SEED, Alignment(0, 3, 3))
    assert constant_skip_of(weigh(constant, asked, Division(80)), 1000) is None
