"""Histories with a structure of their own are named for it, and never put down to a generator."""

from collections.abc import Sequence
from itertools import product
from math import log2
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import history_of, planted_draws, random_draws, silent

from seedfleet.evidence import Scored, Verdict, mix
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.verdict import Thresholds
from seedfleet.generators import Stream
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg31 import MINSTD
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover import Options, Recovery, recover
from seedfleet.recover.repeats import find_repeats
from seedfleet.recover.unevenness import Unevenness, find_unevenness
from seedfleet.sieve import ConstantSkip, Question, sieve

_COUNT = 400


def _lottery() -> NDArray[np.int64]:
    """Return a stand-in for a pick-3 lottery: three balls a draw from machines of ten."""
    rng = np.random.default_rng(19)
    return np.asarray(rng.integers(0, 10, (_COUNT, 3)) @ np.array([100, 10, 1]))


def _missing(digit: int) -> NDArray[np.int64]:
    draws = random_draws(2 * _COUNT, seed=5)
    return np.asarray(draws[draws // 10 % 10 != digit][:_COUNT])


_BLOCK = random_draws(200, seed=4)
_EVEN = {
    "lottery": _lottery(),
    "uniform": random_draws(_COUNT, seed=1),
}
_REPEATING = {
    "constant": np.full(_COUNT, 7),
    "zeros": np.zeros(_COUNT, dtype=np.int64),
    "alternating": np.tile([3, 5], _COUNT // 2),
    "repeated block": np.concatenate([_BLOCK, random_draws(50, seed=6), _BLOCK[20:150]]),
}
_UNEVEN = {
    "counter": np.arange(_COUNT) % 1000,
    "counter by 7": np.arange(_COUNT) * 7 % 1000,
    "sorted": np.sort(random_draws(_COUNT, seed=2)),
    "missing digit": _missing(8),
    "two values": np.random.default_rng(3).choice([3, 5], _COUNT),
    "mostly zero": np.where(np.arange(_COUNT) % 9 == 0, random_draws(_COUNT, seed=8), 0),
}
_ALL = {**_EVEN, **_REPEATING, **_UNEVEN}


def ask(
    values: NDArray[np.int64], sessions: Sequence[str] | None = None, **options: Any
) -> Recovery:
    chosen: dict[str, Any] = {
        "skips": range(5),
        "searched": frozenset({"java.util.Random"}),
        "variable_skip": None,
        "controls": False,
        **options,
    }
    return recover(history_of(values, sessions=sessions), Options(**chosen), progress=silent)


@pytest.mark.slow
@pytest.mark.parametrize("name", _ALL)
def test_no_structure_is_recovered(name: str) -> None:
    found = ask(_ALL[name])
    assert found.verdict in (Verdict.NO_EVIDENCE, Verdict.UNDER_POWERED)
    assert found.fitted.evidence_bits < Thresholds.SIGNAL_BITS
    assert (found.repeats is not None) == (name in _REPEATING)
    assert all(prediction.draw is None for prediction in found.predictions)
    if name in _UNEVEN:
        assert "not uniform" in found.reason or "never" in found.reason


@pytest.mark.parametrize("name", _ALL)
def test_what_is_uneven_is_said(name: str) -> None:
    values = _ALL[name]
    repeats = find_repeats(values, 1000)
    start, stop = repeats.analysed if repeats else (0, len(values))
    uneven = find_unevenness(values[start:stop], 1000)
    assert (uneven is not None) == (name in _UNEVEN)


def test_a_missing_digit_is_named() -> None:
    uneven = find_unevenness(_missing(8), 1000)
    assert uneven is not None
    assert uneven.text == "digit 2 of 3 is never 8"
    # log2(10 / 9) for each draw, less the digit's and the way's share of the stake.
    assert uneven.bits == pytest.approx(_COUNT * log2(10 / 9) - log2(10) - log2(8))


@pytest.mark.parametrize(("modulus", "count"), [(10, 4), (3, 5), (2, 8)])
def test_unevenness_is_worth_no_more_than_one_on_average(
    monkeypatch: pytest.MonkeyPatch, modulus: int, count: int
) -> None:
    monkeypatch.setattr("seedfleet.recover.unevenness._CHANCE_BITS", -1000.0)
    found = [
        find_unevenness(np.array(draws), modulus) for draws in product(range(modulus), repeat=count)
    ]
    assert sum(2.0**each.bits for each in found if each) / modulus**count <= 1 + 1e-9


def test_nothing_is_uneven_about_no_draws() -> None:
    assert find_unevenness(np.empty(0, dtype=np.int64), 1000) is None


@pytest.mark.slow
def test_a_stream_stands_that_explains_more_than_unevenness_does() -> None:
    values = planted_draws(Stream(JAVA_RANDOM, JAVA_NEXT_INT), 4711, count=400)
    values[200:280:2] = 5  # a tenth recorded wrong
    uneven = find_unevenness(values, 1000)
    assert uneven is not None
    found = ask(values)
    assert found.verdict is Verdict.RECOVERED
    assert found.reason.startswith(uneven.text)


@pytest.mark.slow
def test_a_stream_falls_that_explains_less(monkeypatch: pytest.MonkeyPatch) -> None:
    values = planted_draws(Stream(JAVA_RANDOM, JAVA_NEXT_INT), 4711, count=60)
    evidence = ask(values).fitted.evidence_bits
    for beaten, verdict in (
        (evidence - 41, Verdict.RECOVERED),
        (evidence - 39, Verdict.SIGNAL),
        (evidence - 19, Verdict.NO_EVIDENCE),
    ):
        uneven = Unevenness(beaten, "the draws are not uniform")
        for asks in (
            "analysis",
            "portfolio",
        ):  # of the whole history, and of what a stream explains
            monkeypatch.setattr(
                f"seedfleet.recover.{asks}.find_unevenness", lambda *_, found=uneven: found
            )
        assert ask(values).verdict is verdict


@pytest.mark.slow
def test_a_session_stands_beside_one_that_repeats_itself() -> None:
    noon = planted_draws(Stream(JAVA_RANDOM, JAVA_NEXT_INT), 4711, count=60)
    values = np.stack([noon, *np.repeat([[0], [63], [611]], 60, axis=1)], axis=1).ravel()
    found = ask(values, ("noon", "night", "night", "night") * 60)
    assert found.reason.startswith("the draws are not uniform")
    assert found.verdict is Verdict.RECOVERED
    assert found.items[0].survivor.scope.session == "noon"


@pytest.mark.slow
@pytest.mark.parametrize("name", _ALL)
@pytest.mark.parametrize("generator", [XORSHIFT32, MINSTD, JAVA_RANDOM], ids=lambda g: str(g.name))
def test_no_seed_of_a_sieve_is_worth_a_signal(generator: Any, name: str) -> None:
    stream = Stream(generator, JAVA_NEXT_INT if generator is JAVA_RANDOM else MODULO)
    values, skips = _ALL[name], range(3)
    question = Question(
        stream=stream,
        draws=values,
        modulus=1000,
        skips=ConstantSkip(skips),
        window_size=40,
        forward_threshold=0.05,
        reverse_threshold=0.05,
    )
    found = sieve(question, range(1, 20_000)).table
    assert len(found) > 10  # so low a threshold lets some through by chance
    items = []
    for row in found:
        bits = bits_of_matches(int(row["forward_matches"] + row["reverse_matches"]), 40, 1000)
        weight = log2_alignment_weight(
            presets=1,
            skip_min=int(row["skip_min"]),
            skip_max=int(row["skip_max"]),
            offset=0,
            part_bits=-1.0,
        )
        items.append(Scored(int(row["seed"]), weight, generator.seed_count, bits, bits))
    assert mix(items, held_out=False).evidence_bits < Thresholds.SIGNAL_BITS
