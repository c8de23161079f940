"""What a bounding that is not uniform takes off the evidence, against counts of all words."""

from collections import Counter
from itertools import product
from math import isclose, log2, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.evidence.uniformity import allowance_bits, value_share
from seedfleet.generators import Bounding, Generator, Monotone, Stream, streams
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO, MODULO_31
from seedfleet.generators.families.xorshift import XORSHIFT32


def _same(value: Any) -> Any:
    return value


def words_of(bits: int) -> Generator:
    """Return a generator whose words have so many bits; only their width is looked at."""
    return Generator(
        f"{bits} bits", range(2**bits), 2**bits, bits, _same, _same, _same, output_bits=bits
    )


def _scaled_12(word: Any, radix: Any) -> Any:
    return np.int64(word) * radix >> 12


def _one_part(modulus: int) -> tuple[int, int]:
    return modulus, 1


def _two_digits(modulus: int) -> tuple[int, int] | None:
    return (10, 2) if modulus == 100 else None


def _monotone(_radix: int) -> Monotone:
    return Monotone()


SCALED = Bounding("scaled", _scaled_12, _one_part, _monotone)
DIGITS = Bounding("two digits", MODULO.value, _two_digits, MODULO.shape)


@pytest.mark.parametrize("bounding", [MODULO, MODULO_31, SCALED], ids=lambda b: str(b.name))
@pytest.mark.parametrize("modulus", [2, 3, 10, 64, 1000, 3000])
def test_shares_are_counts_of_words(bounding: Bounding, modulus: int) -> None:
    stream = Stream(words_of(12), bounding)
    counts = Counter(
        int(bounding.value(np.uint32(word), np.int64(modulus))) for word in range(2**12)
    )
    for value in range(modulus):
        assert value_share(stream, value, modulus) == counts[value] / 2**12


def test_digits_multiply_their_shares() -> None:
    stream = Stream(words_of(4), DIGITS)  # 0 to 5 have 2 of 16 words, 6 to 9 have 1
    assert [value_share(stream, value, 100) for value in (0, 58, 85, 99)] == [
        4 / 256,
        2 / 256,
        2 / 256,
        1 / 256,
    ]


def test_fifteen_bits_modulo_1000() -> None:
    stream = Stream(words_of(15), MODULO)
    assert value_share(stream, 767, 1000) == 33 / 32768
    assert value_share(stream, 768, 1000) == 32 / 32768
    found = allowance_bits(stream, np.array([999, 0, 999, 767]), 1000)
    assert found.tolist() == [0.0, log2(1000 * 33 / 32768), 0.0, log2(1000 * 33 / 32768)]
    assert allowance_bits(stream, np.empty(0, np.int64), 1000).shape == (0,)


def test_a_draw_that_the_bounding_never_gives_takes_nothing_off() -> None:
    # Fifteen bits end at 32767; what is recorded above is a wrong record, whatever the generator.
    stream = Stream(words_of(15), MODULO)
    found = allowance_bits(stream, np.array([99_999, 32_767]), 100_000)
    assert found.tolist() == [0.0, pytest.approx(log2(100_000 / 2**15))]


def test_bits_change_even_for_words_of_32_bits() -> None:
    # 2**32 mod 1000 is 296: values below it are more frequent by 704 in 2**32 words.
    found = allowance_bits(Stream(XORSHIFT32, MODULO), np.array([295, 296]), 1000)
    assert isclose(found[0], log2(1 + 704 / 2**32), rel_tol=1e-6)
    assert found[1] == 0


def test_boundings_that_throw_words_away_are_uniform() -> None:
    assert not allowance_bits(Stream(XORSHIFT32, JAVA_NEXT_INT), np.arange(1000), 1000).any()


@pytest.mark.parametrize("stream", streams(), ids=lambda stream: str(stream.name))
@pytest.mark.parametrize("modulus", [10, 49, 1000])
def test_shares_of_every_stream_in_the_catalogue_sum_to_one(stream: Stream, modulus: int) -> None:
    if stream.bounding.layout(modulus) is None:
        with pytest.raises(ValueError, match=f"has no modulus {modulus}"):
            value_share(stream, 0, modulus)
        return
    shares = [value_share(stream, value, modulus) for value in range(modulus)]
    # A bounding may take a word that its generator never gives out of [0, m).
    assert isclose(sum(shares), 1.0, rel_tol=1e-8)
    assert max(shares) * modulus < 1.04


def likelihood_ratio(
    stream: Stream, told: tuple[int, ...], draws: tuple[int, ...], modulus: int, *, allow: bool
) -> list[float]:
    """Return LR for each noise rate of a seed whose stream is `told`."""
    matches = sum(map(int.__eq__, told, draws))
    allowance = float(allowance_bits(stream, np.array(draws), modulus).sum()) if allow else 0.0
    bits = bits_of_matches(matches, len(draws), modulus, allowance=allowance)
    return [2.0**each for each in bits]


@given(
    bits=st.integers(2, 5), modulus=st.integers(2, 4), told=st.lists(st.integers(0, 3), max_size=3)
)
def test_no_seed_gains_on_average_under_uniform_draws_or_under_those_of_its_bounding(
    bits: int, modulus: int, told: list[int]
) -> None:
    stream = Stream(words_of(bits), MODULO)
    shares = [value_share(stream, value, modulus) for value in range(modulus)]
    seed = tuple(value % modulus for value in told)
    means = {"uniform": [0.0] * len(NOISE_RATES), "bounding": [0.0] * len(NOISE_RATES)}
    for draws in product(range(modulus), repeat=len(seed)):
        ratios = likelihood_ratio(stream, seed, draws, modulus, allow=True)
        for rate, ratio in enumerate(ratios):
            means["uniform"][rate] += ratio / modulus ** len(seed)
            means["bounding"][rate] += ratio * prod(shares[draw] for draw in draws)
    assert max(means["uniform"] + means["bounding"]) <= 1 + 1e-12
    if 2**bits % modulus == 0:
        assert min(means["uniform"]) >= 1 - 1e-12


def test_without_the_allowance_frequent_values_would_be_evidence() -> None:
    # Three bits modulo 3: values 0, 1 with 3/8, value 2 with 2/8. A seed that tells 0 throughout.
    stream, seed, shares = Stream(words_of(3), MODULO), (0, 0, 0), (3 / 8, 3 / 8, 2 / 8)
    means = {
        allow: sum(
            likelihood_ratio(stream, seed, draws, 3, allow=allow)[0]
            * prod(shares[draw] for draw in draws)
            for draws in product(range(3), repeat=3)
        )
        for allow in (True, False)
    }
    assert isclose(means[True], 1.0, rel_tol=1e-12)
    assert isclose(means[False], (9 / 8) ** 3, rel_tol=1e-12)
