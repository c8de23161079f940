"""Laws of the boundings, each against its language's formula in Python's integers and floats."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.generators import Bounding, Monotone, Residue, boundings
from seedfleet.generators.boundings import (
    BIT_COUNT,
    DIVIDE_31,
    FLOOR_24,
    FLOOR_26_27,
    FLOOR_27_26,
    FLOOR_31,
    FLOOR_32,
    FLOOR_48,
    FLOOR_52,
    FLOOR_53,
    GO_INT31N,
    JAVA_NEXT_INT,
    JAVA_NEXT_INT_DIGITS,
    LEMIRE,
    MASK,
    MODULO,
    MODULO_31,
    PHP_RANGE,
)

_MODULI = (2, 3, 10, 49, 1000, 1024, 1_500_000_000, 2**31 - 1, 2**31)


class Case(NamedTuple):
    """A bounding, the words that it is given, and what its language makes of them."""

    bounding: Bounding
    words: int  # words lie in [0, words)
    formula: Callable[..., int]

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        return np.uint32 if self.words <= 2**32 else np.uint64


def _java(word: int, bound: int) -> int:
    bits = word // 2
    return bound * bits // 2**31 if bound.bit_count() == 1 else bits % bound


def _go(word: int, bound: int) -> int:
    if bound == 2**31:
        return word % 2**31  # Int63n
    return (word % 2**63 // 2**32) % bound


_CASES = {
    "MODULO": Case(MODULO, 2**64, lambda word, m: word % m),
    "MODULO_31": Case(MODULO_31, 2**32, lambda word, m: word // 2 % m),
    "JAVA_NEXT_INT": Case(JAVA_NEXT_INT, 2**32, _java),
    "JAVA_NEXT_INT_DIGITS": Case(JAVA_NEXT_INT_DIGITS, 2**32, _java),
    "PHP_RANGE": Case(PHP_RANGE, 2**32, lambda word, m: word % m),
    "GO_INT31N": Case(GO_INT31N, 2**64, _go),
    "MASK": Case(MASK, 2**32, lambda word, m: word % 2 ** (m - 1).bit_length()),
    # getrandbits(k) shifts a word down to its k high bits.
    "BIT_COUNT": Case(BIT_COUNT, 2**32, lambda word, m: word >> (32 - m.bit_length())),
    "LEMIRE": Case(LEMIRE, 2**32, lambda word, m: word * m // 2**32),
    "FLOOR_24": Case(FLOOR_24, 2**32, lambda word, m: int(word // 2**8 / 2**24 * m)),
    "FLOOR_31": Case(FLOOR_31, 2**32, lambda word, m: int(m * (word // 2 / 2**31))),
    "FLOOR_32": Case(FLOOR_32, 2**32, lambda word, m: int(word / 2**32 * m)),
    "FLOOR_48": Case(FLOOR_48, 2**48, lambda word, m: int(word / 2**48 * m)),
    "FLOOR_52": Case(FLOOR_52, 2**64, lambda word, m: int(word // 2**12 / 2**52 * m)),
    "FLOOR_53": Case(FLOOR_53, 2**64, lambda word, m: int(word // 2**11 / 2**53 * m)),
    # java.util.Random: (((long) next(26) << 27) + next(27)) * 0x1.0p-53
    "FLOOR_26_27": Case(
        FLOOR_26_27, 2**32, lambda a, b, m: int((a // 2**6 * 2**27 + b // 2**5) / 2**53 * m)
    ),
    # genrand_res53 by Matsumoto and Nishimura: (a * 67108864.0 + b) * (1.0 / 9007199254740992.0)
    "FLOOR_27_26": Case(
        FLOOR_27_26,
        2**32,
        lambda a, b, m: int(((a >> 5) * 67108864.0 + (b >> 6)) * (1.0 / 9007199254740992.0) * m),
    ),
    # .NET: InternalSample() * (1.0 / int.MaxValue), of which the largest is int.MaxValue - 1.
    "DIVIDE_31": Case(DIVIDE_31, 2**31 - 1, lambda word, m: int(word * (1.0 / 2147483647) * m)),
}

names = pytest.mark.parametrize("name", _CASES)
any_radix = st.integers(2, 2**31) | st.sampled_from(_MODULI)


def radix_of(bounding: Bounding, modulus: int) -> int:
    """Return the radix at `modulus`; 10 where the bounding has no such modulus."""
    layout = bounding.layout(modulus)
    return 10 if layout is None else layout[0]


def rejects(case: Case, word: int, radix: int) -> bool:
    with np.errstate(over="ignore"):
        return bool(case.bounding.rejects(case.dtype(word), np.int64(radix)))


def value(case: Case, *words: int, radix: int) -> int:
    with np.errstate(over="ignore"):
        found = case.bounding.value(*map(case.dtype, words), np.int64(radix))
    assert isinstance(found, np.int64)
    return int(found)


def words_of(case: Case) -> st.SearchStrategy[int]:
    last = case.words - 1
    return st.integers(0, last) | st.integers(0, 3) | st.integers(last - 3, last)


def test_every_bounding_is_looked_at() -> None:
    offered = {name for name in boundings.__all__ if name.isupper()}
    assert offered == set(_CASES)
    assert all(case.bounding is getattr(boundings, name) for name, case in _CASES.items())
    assert len({case.bounding.name for case in _CASES.values()}) == len(_CASES)


@names
@settings(max_examples=60)
@given(data=st.data(), modulus=any_radix)
def test_a_value_is_the_languages_own_and_below_the_radix(
    name: str, data: st.DataObject, modulus: int
) -> None:
    case = _CASES[name]
    radix = radix_of(case.bounding, modulus)
    words = [data.draw(words_of(case)) for _ in range(case.bounding.words)]
    found = value(case, *words, radix=radix)
    assert found == case.formula(*words, radix)
    if case.bounding.words == 2 or not rejects(case, words[0], radix):
        assert 0 <= found < radix


@pytest.mark.parametrize(
    "name", [name for name, case in _CASES.items() if case.bounding.words == 1]
)
@pytest.mark.parametrize("radix", [10, 49, 1000])
def test_one_value_gives_way_to_the_next_where_the_language_says(name: str, radix: int) -> None:
    case = _CASES[name]
    steps = [value * case.words // radix for value in range(radix)]
    near = {step + by for step in steps for by in (-4096, -2048, -1, 0, 1, 2, 1024, 2048, 4096)}
    words = sorted(word for word in near if 0 <= word < case.words)
    found = case.bounding.value(np.array(words, dtype=case.dtype), np.int64(radix))
    assert found.tolist() == [case.formula(word, radix) for word in words]


@pytest.mark.parametrize(("name", "low_bits"), [("FLOOR_26_27", 27), ("FLOOR_27_26", 26)])
@given(data=st.data(), radix=any_radix, by=st.integers(-1, 1), noise=st.integers(0, 31))
def test_two_words_make_one_number_of_53_bits(
    name: str, low_bits: int, data: st.DataObject, radix: int, by: int, noise: int
) -> None:
    step = -(-data.draw(st.integers(0, radix)) * 2**53 // radix)
    number = min(max(step + by, 0), 2**53 - 1)
    first = number >> low_bits << (low_bits - 21) | noise
    second = number % 2**low_bits << (32 - low_bits) | noise
    found = value(_CASES[name], first, second, radix=radix)
    assert found == int(number / 2**53 * radix)
    assert 0 <= found < radix


@names
@pytest.mark.parametrize("modulus", _MODULI)
def test_first_last_and_random_words_at_notable_moduli(name: str, modulus: int) -> None:
    case = _CASES[name]
    bounding, radix = case.bounding, np.int64(radix_of(case.bounding, modulus))
    near = np.arange(300, dtype=case.dtype)
    random = np.random.default_rng(7).integers(0, case.words, 100, dtype=case.dtype)
    words = np.concatenate([near, random, case.dtype(case.words - 1) - near])
    taken = [words] if bounding.words == 1 else [words, words[::-1]]
    rejected = np.broadcast_to(bounding.rejects(words, radix), words.shape)
    values = bounding.value(*taken, radix)
    expected = [case.formula(*map(int, each), int(radix)) for each in zip(*taken, strict=True)]
    assert values.tolist() == expected
    accepted = values[~rejected]
    assert len(accepted) > 0
    assert accepted.min() >= 0
    assert accepted.max() < radix


@names
@settings(max_examples=60)
@given(data=st.data(), modulus=any_radix)
def test_a_shape_tells_the_truth(name: str, data: st.DataObject, modulus: int) -> None:
    case = _CASES[name]
    radix = radix_of(case.bounding, modulus)
    shape = case.bounding.shape(radix)
    if case.bounding.words == 2:
        assert isinstance(shape, Monotone)  # in each of them
        low, high = (sorted(data.draw(words_of(case)) for _ in range(2)) for _ in range(2))
        least = value(case, low[0], high[0], radix=radix)
        assert least <= value(case, low[0], high[1], radix=radix)
        assert least <= value(case, low[1], high[0], radix=radix)
        return
    first, second = sorted(data.draw(words_of(case)) for _ in range(2))
    if rejects(case, first, radix) or rejects(case, second, radix):
        return
    match shape:
        case Residue(dropped_bits, left):
            assert value(case, first, radix=radix) == (first >> dropped_bits) % left
        case Monotone():
            assert value(case, first, radix=radix) <= value(case, second, radix=radix)


# Whole multiples of the radix are accepted, and what is above them is not.
_TAILS: dict[str, tuple[Callable[[int], int], Callable[[int], int]]] = {
    # how many different keys there are at a radix, and a word that has the key
    "JAVA_NEXT_INT": (lambda _radix: 2**31, lambda key: 2 * key + 1),
    "JAVA_NEXT_INT_DIGITS": (lambda _radix: 2**31, lambda key: 2 * key),
    "PHP_RANGE": (lambda _radix: 2**32, lambda key: key),
    "GO_INT31N": (lambda _radix: 2**31, lambda key: 2**63 + key * 2**32 + 12345),
    "MASK": (lambda radix: 1 << (radix - 1).bit_length(), lambda key: key),
    "BIT_COUNT": (lambda _radix: 2**32, lambda key: key),
}


def test_every_rejection_is_looked_at() -> None:
    rejecting = {name for name, case in _CASES.items() if case.bounding.rejection(1000) > 0}
    assert rejecting == {*_TAILS, "LEMIRE"}
    assert all(
        case.bounding.rejection(10) == 0 and not rejects(case, case.words - 1, 10)
        for name, case in _CASES.items()
        if name not in {*_TAILS, "LEMIRE"}
    )


@pytest.mark.parametrize("name", _TAILS)
@settings(max_examples=60)
@given(data=st.data(), modulus=any_radix)
def test_the_share_rejected_is_the_tail_of_the_words(
    name: str, data: st.DataObject, modulus: int
) -> None:
    case = _CASES[name]
    keys_at, word_of = _TAILS[name]
    radix = radix_of(case.bounding, modulus)
    keys = keys_at(radix)
    rejected = Fraction(case.bounding.rejection(radix)) * keys
    assert rejected.denominator == 1
    first_rejected = keys - int(rejected)
    assert not rejects(case, word_of(first_rejected - 1), radix)
    if rejected:
        assert rejects(case, word_of(first_rejected), radix)
    key = data.draw(st.integers(0, keys - 1))
    assert rejects(case, word_of(key), radix) == (key >= first_rejected)


@pytest.mark.parametrize("name", ["JAVA_NEXT_INT", "PHP_RANGE", "GO_INT31N", "BIT_COUNT", "MASK"])
@pytest.mark.parametrize("modulus", [3, 10, 49, 999, 1000, 65_537])
def test_what_is_accepted_is_uniform(name: str, modulus: int) -> None:
    case = _CASES[name]
    keys_at, _ = _TAILS[name]
    accepted = keys_at(modulus) * (1 - Fraction(case.bounding.rejection(modulus)))
    assert accepted.denominator == 1
    assert int(accepted) % modulus == 0


@pytest.mark.parametrize("modulus", [2, 3, 10, 49, 1000, 1024, 9973])
def test_lemire_gives_every_value_the_same_number_of_words(modulus: int) -> None:
    radix = np.int64(modulus)
    # The words with value v are those from ceil(v * 2**32 / m) on, up to those of v + 1.
    starts = [-(-v * 2**32 // modulus) for v in range(modulus + 1)]
    first = np.array(starts[:-1], dtype=np.uint32)
    last = np.array(starts[1:], dtype=np.uint64).astype(np.int64) - 1
    assert LEMIRE.value(first, radix).tolist() == list(range(modulus))
    assert LEMIRE.value(last.astype(np.uint32), radix).tolist() == list(range(modulus))
    rejected = LEMIRE.rejects(first, radix).astype(np.int64)
    assert not LEMIRE.rejects(first + np.uint32(1), radix).any()
    assert set((np.diff(starts) - rejected).tolist()) == {2**32 // modulus}
    assert Fraction(LEMIRE.rejection(modulus)) * 2**32 == int(rejected.sum())


@pytest.mark.parametrize("power", [1, 4, 10, 30, 31])
@pytest.mark.parametrize("name", ["LEMIRE", *_TAILS])
def test_a_power_of_two_rejects_nothing_unless_the_language_does(name: str, power: int) -> None:
    case = _CASES[name]
    if case.bounding.layout(2**power) is None:
        assert name == "JAVA_NEXT_INT_DIGITS"
        return
    # CPython asks for one bit more than a power of two needs.
    assert case.bounding.rejection(2**power) == (0.5 if name == "BIT_COUNT" else 0.0)


@pytest.mark.parametrize("name", [name for name in _CASES if name != "JAVA_NEXT_INT_DIGITS"])
def test_layouts_have_one_part(name: str) -> None:
    bounding = _CASES[name].bounding
    for modulus in _MODULI:
        # .NET's modulus is an int.
        expected = None if (name, modulus) == ("DIVIDE_31", 2**31) else (modulus, 1)
        assert bounding.layout(modulus) == expected
