"""A stream that is found from several first draws is told once, two seeds are told as two."""

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import planted_draws, random_draws, with_noise

from seedfleet.evidence.part_prior import Division
from seedfleet.generators import Start, Stream
from seedfleet.generators.boundings import JAVA_NEXT_INT
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.recover.one_stream import unspoken
from seedfleet.recover.rewinding import rewound
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import Weighed, weigh
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve.weighing import Alignment

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_SEED, _OTHER = 1_720_550_961_938, 1_715_934_675_277


def on_segment(
    values: NDArray[np.int64],
    segment: tuple[int, int],
    start: Start,
    *,
    skip: int = 3,
    modulus: int = 100,
) -> Weighed:
    own = values[slice(*segment)]
    scope = Scope(own, len(own) - 8, segment=segment, draws_after=len(values) - segment[1])
    question = Question(modulus=modulus, scopes=(scope,), skips=range(1), scan_skips=range(1))
    survivor = Survivor(_JAVA, scope, start, Alignment(0, skip, skip))
    return weigh(survivor, question, Division(len(values)))


def earlier(seed: int, draws: int, *, skip: int = 3, modulus: int = 100) -> Start:
    start = rewound(_JAVA, seed, draws * (skip + 1), modulus)
    assert start is not None
    return start


def two_streams(*, noise: float = 0.0, modulus: int = 100) -> NDArray[np.int64]:
    parts = [
        planted_draws(_JAVA, seed, count=80, skip=3, modulus=modulus) for seed in (_OTHER, _SEED)
    ]
    return with_noise(np.concatenate(parts), noise, modulus=modulus, seed=5)


def test_the_most_evidence_speaks_for_shifted_copies() -> None:
    values = two_streams()
    first, true = on_segment(values, (0, 80), _OTHER), on_segment(values, (80, 160), _SEED)
    copies = [on_segment(values, (80 - k, 160), earlier(_SEED, k)) for k in (1, 2)]
    copies.append(on_segment(values, (81, 160), earlier(_SEED, -1)))
    silent = unspoken([copies[0], first, *copies[1:], true])
    assert {id(each) for each in silent} == {id(each) for each in copies}


@pytest.mark.parametrize("modulus", [100, 1000])
def test_wrong_draws_do_not_make_two_streams_of_one(modulus: int) -> None:
    values = two_streams(noise=0.08, modulus=modulus)
    true = on_segment(values, (80, 160), _SEED, modulus=modulus)
    copy = on_segment(values, (81, 160), earlier(_SEED, -1, modulus=modulus), modulus=modulus)
    assert unspoken([copy, true]) == [copy]


@pytest.mark.parametrize(("seed", "speaks"), [(_SEED, 80), (0xFEDC_1234_5678, 79)])
def test_of_nearly_as_much_evidence_the_shorter_seed_speaks(seed: int, speaks: int) -> None:
    # The draw before the reseed fits by chance, and the copy that begins there earns more: it
    # speaks where its seed is no longer than the other.
    orbit = planted_draws(_JAVA, seed, count=80, skip=3, modulus=10)
    start = earlier(seed, 1, modulus=10)
    assert isinstance(start, int)
    assert start.bit_length() >= 46
    values = np.concatenate([random_draws(79, modulus=10), [0], orbit])
    values[79] = planted_draws(_JAVA, start, count=1, skip=3, modulus=10)[0]
    items = {
        80: on_segment(values, (80, 160), seed, modulus=10),
        79: on_segment(values, (79, 160), start, modulus=10),
    }
    assert items[79].matches == items[80].matches + 1
    assert unspoken(items.values()) == [each for at, each in items.items() if at != speaks]


def test_two_seeds_whose_segments_share_a_draw_are_two_streams() -> None:
    values = two_streams(modulus=10)
    values[80] = planted_draws(_JAVA, _OTHER, count=81, skip=3, modulus=10)[80]
    first = on_segment(values, (0, 81), _OTHER, modulus=10)
    second = on_segment(values, (80, 160), _SEED, modulus=10)
    assert unspoken([first, second]) == []


def test_one_orbit_before_and_after_a_gap_is_not_silenced() -> None:
    orbit = planted_draws(_JAVA, _SEED, count=161, skip=3, modulus=100)
    values = np.concatenate([orbit[:80], orbit[81:]])
    before = on_segment(values, (0, 80), _SEED)
    after = on_segment(values, (78, 160), earlier(_SEED, -79))
    assert unspoken([before, after]) == []
