"""The whole step `seedfleet sieve` over every history there is: it pays out what was staked.

Six coin tosses make 64 histories, few enough to sieve each, so that the mean over uniform histories
is exact, and an error of any size shows. Nothing is needed of a survivor, so that every bet is
weighed; other thresholds only drop bets.
"""

from __future__ import annotations

from itertools import product
from math import exp2
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from uniform_histories import generator_of

from seedfleet.draws import History
from seedfleet.evidence.start_prior import seed_odds
from seedfleet.pipeline import sieve_findings, sieving
from seedfleet.pipeline.sieve_plan import SieveOptions, plan_sieve
from seedfleet.pipeline.sieving import run_sieve
from seedfleet.sieve import CpuBackend, weighing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.pipeline.sieving import Answer

SEEDS = 8  # from anywhere among the 2**32 - 1 of xorshift32
# By the published prior: half is not on the null; one preset of 64; either law of skips; for the
# constant one skips 0 and 1, for the variable one 0..1; offset 0; the whole history; from a seed.
_COMMON = 1 / 2 * 1 / 64 * 1 / 2 * 7 / 16 * 1 / 2 * 1 / 2 * SEEDS / (2**32 - 1)
CONSTANT, VARIABLE = _COMMON * (1 / 16 + 1 / 32), _COMMON * 1 / 32
NAMES = ("xorshift32", "xorshift32_reverse")
HYBRID = ("xorshift32_hybrid", "xorshift32_hybrid_reverse")
WINDOW = (0, 4)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what no figure here depends on: the controls, and draws to come."""
    monkeypatch.setattr(sieving, "controls_of", lambda *_: ())
    monkeypatch.setattr(weighing, "AHEAD", 8)


def history(draws: tuple[int, ...], modulus: int) -> History:
    none = (None,) * len(draws)
    return History(
        name="draws",
        source="draws",
        sha256="0" * 64,
        values=np.array(draws, dtype=np.int64),
        dates=none,
        sessions=none,
        machines=none,
        modulus=modulus,
        modulus_inferred=False,
        notes=(),
    )


def asked(window: tuple[int, int] = WINDOW, names: tuple[str, ...] = NAMES) -> SieveOptions:
    first = int(generator_of(20).integers(1, 2**32 - SEEDS))
    return SieveOptions(
        names,
        seeds=(first, first + SEEDS - 1),
        skips=None if names == HYBRID else range(2),
        variable_skip=(0, 1) if names == HYBRID else None,
        window_start=window[0],
        window_size=window[1],
        forward_threshold=0.0,
        reverse_threshold=0.0,
    )


def answers(options: SieveOptions, modulus: int = 2, draws: int = 6) -> Iterator[Answer]:
    """Sieve every history."""
    for drawn in product(range(modulus), repeat=draws):
        plan = plan_sieve(history(drawn, modulus), options)
        assert len(plan.values) == draws
        yield run_sieve(plan, CpuBackend(1), keep=lambda *_: None, progress=lambda *_: None)


def payout(mixture: Mixture) -> float:
    """Return what the bets paid; `evidence_bits` alone would round it beside the null's half."""
    return sum(mixture.classes.values()) * exp2(mixture.evidence_bits)


def payouts(
    options: SieveOptions, of: Callable[[Answer], Mixture] = lambda answer: answer.known
) -> NDArray[np.float64]:
    return np.array([payout(of(answer)) for answer in answers(options)])


def tail_is_kept(values: NDArray[np.float64]) -> bool:
    """Check P(value >= v) <= 1 / v at every value that comes."""
    shares = [(values >= value).mean() * value for value in values]
    return bool(max(shares) <= 1 + 1e-9)


def exactly(staked: float) -> Any:
    return pytest.approx(staked, rel=1e-6, abs=0)


@pytest.mark.parametrize(("names", "staked"), [(NAMES, CONSTANT), (HYBRID, VARIABLE)])
def test_a_sieve_pays_out_what_the_prior_staked(names: tuple[str, ...], staked: float) -> None:
    both = [(payout(each.known), payout(each.fitted)) for each in answers(asked(names=names))]
    known, fitted = np.array(both).T
    assert known.std() > fitted.std() > 0.1 * staked
    for values in (known, fitted):
        assert values.mean() == exactly(staked)
        assert tail_is_kept(values / staked)


@pytest.mark.calibration
def test_a_sieve_of_thousands_of_histories_pays_out_what_the_prior_staked() -> None:
    values = np.array([payout(each.known) for each in answers(asked(), modulus=3, draws=7)])
    assert len(values) == 2187
    assert values.mean() == exactly(CONSTANT)
    assert tail_is_kept(values / CONSTANT)


def test_a_stream_counted_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieving, "once_each", list)
    values = payouts(asked())
    assert values.mean() == exactly(2 * CONSTANT)


def test_seeds_that_weigh_twice_their_share_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve_findings, "seed_odds", lambda *seed: seed_odds(*seed) / 2)
    values = payouts(asked())
    assert values.mean() == exactly(2 * CONSTANT)


def test_a_window_chosen_after_a_look_pays_no_more() -> None:
    windows = [asked(window) for window in ((0, 2), (2, 2), (4, 2))]
    known = np.max([payouts(options) for options in windows], axis=0)
    assert known.mean() == exactly(CONSTANT)
    # The same bets over the best window alone: what a signal must not be taken from.
    fitted = [payouts(options, lambda answer: answer.fitted) for options in windows]
    assert np.max(fitted, axis=0).mean() > 1.1 * CONSTANT
