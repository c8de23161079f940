"""State scans: every state of one orbit, against a plain walk along it, and what they promise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy import uint32, uint64
from planted import UNWATCHED, planted_draws, question, random_draws, with_noise

from seedfleet.generators import AtState, Generator, Leap, Stream, compiled, streams
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO, MODULO_31
from seedfleet.generators.families.lcg31 import LCG32, MINSTD, MINSTD0
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.msvc import MSVC
from seedfleet.generators.families.musl import MUSL
from seedfleet.generators.families.xorshift import XORSHIFT32, XORSHIFT64
from seedfleet.generators.linear_jump import affine_power
from seedfleet.generators.start import state_words
from seedfleet.recover.scans import state_scan
from seedfleet.recover.scans.orbit import OrbitHit, Pieces, orbit_length
from seedfleet.recover.scans.state_scan import StateScan, state_scans
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question

pytestmark = pytest.mark.slow

_SIZE = 2**13


def _seed(seed: Any) -> Any:
    return uint32(seed)


def _step(state: Any) -> Any:
    return uint32(state * uint32(1229) + uint32(351)) & uint32(_SIZE - 1)


def _leap(state: Any, multiplier: Any, increment: Any) -> Any:
    return uint32((uint64(state) * multiplier + increment) & uint64(_SIZE - 1))


def _output(state: Any) -> Any:
    return state


_TINY = Generator(
    name="tiny",
    seeds=range(_SIZE),
    seed_modulus=_SIZE,
    seed_bits=13,
    seed_state=_seed,
    step=_step,
    output=_output,
    leap=Leap(lambda steps: affine_power(1229, 351, _SIZE, steps), _leap),
)
_TINY_STREAM = Stream(_TINY, MODULO)


def test_orbits_are_known_by_their_jumps() -> None:
    assert orbit_length(_TINY) == _SIZE
    assert orbit_length(XORSHIFT32) == 2**32 - 1
    assert orbit_length(MINSTD) == orbit_length(LCG32) == 2**31 - 2
    assert orbit_length(MSVC) == 2**31
    # 16 divides what the multiplier lacks to 1, not 4: the states fall into several orbits.
    short = Leap(lambda steps: affine_power(1231, 351, _SIZE, steps), _leap)
    assert orbit_length(replace(_TINY, leap=short)) is None
    assert orbit_length(XORSHIFT64) is None  # too large, and without a jump
    assert orbit_length(MUSL) is None  # its seeds are few of its states


@pytest.mark.parametrize("modulus", [10, 97])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_every_pair_of_seed_and_skip_is_decided(modulus: int, noise: float) -> None:
    skips = range(2, 8)
    draws = planted_draws(_TINY_STREAM, 4711, count=60, skip=5, modulus=modulus)
    asked = question(draws, modulus=modulus, skips=skips)
    scan = StateScan(_TINY_STREAM, asked, noise=noise)
    found = scan.run(UNWATCHED)
    assert found.tested == scan.coverage.space == _SIZE
    depth = scan.coverage.draws_used
    expected = {
        (seed, skip)
        for skip in skips
        for seed in _seeds_that_give(draws, skip, modulus, depth, scan._windows[0])
    }
    assert {(s.start, s.alignment.skip_max) for s in found.survivors} == expected
    assert (4711, 5) in expected
    assert found.passed == len(expected)


def _seeds_that_give(
    draws: Any, skip: int, modulus: int, depth: int, windows: tuple[tuple[int, ...], ...]
) -> set[int]:
    """Walk the orbit in plain Python."""
    state, orbit = 0, []
    for _ in range(_SIZE):
        orbit.append(state)
        state = (state * 1229 + 351) % _SIZE
    words = np.array(orbit)
    seeds = set()
    for window in windows:
        assert len(window) == depth
        good = np.ones(_SIZE, dtype=bool)
        for draw in window:
            # The draw of orbit[i] as a seed stands position + 1 steps on.
            good &= np.roll(words, -(skip + draw * (skip + 1) + 1)) % modulus == draws[draw]
        seeds |= set(words[good].tolist())
    return seeds


@pytest.mark.parametrize("generator", [XORSHIFT32, MINSTD0], ids=lambda g: g.name)
@pytest.mark.parametrize("modulus", [10, 1000])
def test_a_piece_of_the_orbit_gives_the_hits_of_its_states(
    generator: Generator, modulus: int
) -> None:
    stream, count = Stream(generator, MODULO), 2**20 + 77
    start = generator.jumped(generator.seed_state(np.uint64(5)), 123_456_789)
    # On both sides of a walker's end, and of what its masks reach.
    for ahead in (0, 8191, 8192, 16384, count - 1):
        planted = AtState(state_words(generator.jumped(start, ahead)))
        positions = np.arange(14) * 38
        draws, _ = compiled.at_positions(stream, planted, modulus, positions)
        asked = Pieces(stream, modulus, range(30, 90), draws[np.newaxis])
        (hit,) = asked.hits(start, 1000, count)
        assert (hit.index, hit.skip, hit.window) == (1000 + ahead, 37, 0)
        assert hit.state == generator.jumped(start, ahead)
        assert asked.hits(start, 0, ahead) == []  # the state behind a piece is not its own


def test_a_large_modulus_and_a_dropped_bit() -> None:
    stream, modulus = Stream(XORSHIFT32, MODULO_31), 2_000_000_011
    draws = planted_draws(stream, 99, count=3, skip=3, modulus=modulus)
    start = XORSHIFT32.seed_state(np.uint64(99))
    hits = Pieces(stream, modulus, range(501), draws[np.newaxis]).hits(start, 0, 2**16)
    assert [(hit.index, hit.skip) for hit in hits] == [(3, 3)]


def test_wrong_draws_ask_for_more_windows() -> None:
    values = with_noise(
        planted_draws(_TINY_STREAM, 99, count=80, skip=1, modulus=997), 0.1, modulus=997, seed=3
    )
    values[0] = (values[0] + 1) % 997
    asked = replace(question(values, modulus=997), noise=0.1)
    clean, noisy = state_scans([_TINY_STREAM], asked)
    assert (99, 1) not in {(s.start, s.alignment.skip_max) for s in clean.run(UNWATCHED).survivors}
    assert (99, 1) in {(s.start, s.alignment.skip_max) for s in noisy.run(UNWATCHED).survivors}
    assert clean.coverage.power(0.1) == pytest.approx(0.9**clean.coverage.draws_used)
    assert noisy.coverage.power(0.1) >= 0.95 > clean.coverage.power(0.1)
    (alone,) = state_scans([_TINY_STREAM], replace(asked, noise=0.0))
    assert alone.coverage.windows == 1


def test_a_scope_with_hardly_a_draw_is_left_to_a_scan_of_its_own() -> None:
    draws = planted_draws(_TINY_STREAM, 99, count=80, modulus=997)
    scopes = Scope(draws, 75), Scope(draws[-2:], 0, session="b"), Scope(draws[:8], 3, session="a")
    asked = Question(997, scopes, range(5), range(3), noise=0.1)
    long, noisy, few = state_scans([_TINY_STREAM], asked)
    assert long.coverage.scopes == noisy.coverage.scopes == (scopes[0], scopes[2])
    assert {(s.scope.session, s.start) for s in long.run(UNWATCHED).survivors} == {
        (None, 99),
        ("a", 99),
    }
    # What is found in the shorter one of those searched together is what can be promised.
    (alone,) = state_scans([_TINY_STREAM], replace(asked, scopes=scopes[2:]))[1:]
    assert noisy.coverage.power(0.25) == alone.coverage.power(0.25)
    assert few.coverage.scopes == scopes[1:2]
    assert few.coverage.power(0.0) == 0.0
    assert few.run(UNWATCHED).tested == 0


def test_streams_with_other_boundings_or_orbits_are_left_out() -> None:
    asked = question(random_draws(100))
    java = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
    assert state_scans([java, Stream(XORSHIFT64, MODULO)], asked) == ()
    names = {scan.coverage.streams[0].generator.name for scan in state_scans(streams(), asked)}
    small = {"xorshift32", "minstd", "minstd_rand0", "lcg32", "msvc", "glibc random TYPE_0"}
    assert names == small


class Impatient:
    """A watch that expires after one report."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def progress(self, share: float) -> None:
        self.shares.append(share)

    def expired(self) -> bool:
        return bool(self.shares)


def test_an_expired_watch_ends_the_walk_with_what_was_decided() -> None:
    scan = StateScan(Stream(MINSTD0, MODULO), question(random_draws(100)), noise=0.0)
    watch = Impatient()
    found = scan.run(watch)
    assert 0 < found.tested < scan.coverage.space
    assert watch.shares == [found.tested / scan.coverage.space]


@pytest.mark.parametrize("modulus", [10, 49, 1000, 1_000_003])
@pytest.mark.parametrize("generator", [XORSHIFT32, MINSTD0], ids=lambda g: g.name)
def test_controls_pass(generator: Generator, modulus: int) -> None:
    asked = question(random_draws(100, modulus=modulus), modulus=modulus)
    scan = StateScan(Stream(generator, MODULO), asked, noise=0.0)
    controls = scan.controls(np.random.default_rng(1))
    assert [control.kind for control in controls][-1] == "positive"
    assert (len(controls) == 2) == (modulus < 10**6)
    assert all(control.passed for control in controls), controls


@pytest.mark.parametrize("share", [0.0, 0.5, 3.0])
def test_controls_notice_a_kernel_that_finds_too_few_or_too_many(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Pieces):
        def hits(self, start: Any, first: int, count: int) -> list[OrbitHit]:
            found = super().hits(start, first, count)
            return (found * 3)[: round(share * len(found))]

    monkeypatch.setattr(state_scan, "Pieces", Broken)
    scan = StateScan(Stream(XORSHIFT32, MODULO), question(random_draws(100)), noise=0.0)
    passed = {each.kind: each.passed for each in scan.controls(np.random.default_rng(2))}
    assert not passed["negative"]
    assert passed["positive"] == (share >= 1)
