"""Bets on parts of a history and on any start pay out what was staked, over every history there is.

Six coin tosses of two sessions and two machines: 64 histories, so that the mean is exact. Every
scope and every stretch of it is a bet, for two seeds and for a state.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seedfleet.evidence import stakes as starts
from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.verdict import held_out_draws
from seedfleet.generators import AtState, Stream
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover import scope as scopes
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve import weighing
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_STREAM = Stream(XORSHIFT32, MODULO)
_SESSIONS, _MACHINES = ("noon", "night") * 3, ("x",) * 3 + ("y",) * 3
_DIVISION = Division.of(_SESSIONS, _MACHINES)
# By the published prior: half is not on the null; one preset of 64; a constant skip, of 0; no
# offset. Two seeds share half of the starts with all others, and one state a quarter.
_COMMON = 1 / 2 * 1 / 64 * 1 / 2 * 1 / 16 * 1 / 2 * (2 / 2 / (2**32 - 1) + 1 / 4 / 2**32)
# All draws have half, and all of their stretches come. Each session and each machine has an eighth,
# and so many of the 20 stretches of the history as three draws have: five beside the whole.
_PARTS = 1 / 2 + 4 * 1 / 8 * (1 / 2 + 1 / 2 * 5 / 20)

pytestmark = pytest.mark.slow


def parts(drawn: tuple[int, ...]) -> Iterator[Scope]:
    """Yield every scope and every stretch of it."""
    owners: list[tuple[str | None, str | None, list[int]]] = [(None, None, list(range(6)))]
    for name in ("noon", "night"):
        own = [index for index in range(6) if _SESSIONS[index] == name]
        owners.append((name, None, own))
    for name in ("x", "y"):
        own = [index for index in range(6) if _MACHINES[index] == name]
        owners.append((None, name, own))
    for session, machine, own in owners:
        values = np.array(drawn)[own]
        for start, stop in product(range(len(values)), range(1, len(values) + 1)):
            if start < stop:
                whole = stop - start == len(values)
                segment = None if whole else (start, stop)
                stretch = values[start:stop]
                fitted = len(stretch) - held_out_draws(len(stretch))
                yield Scope(stretch, fitted, session, machine, segment)


def payouts() -> NDArray[np.float64]:
    """Return what all bets pay over each history."""
    paid = []
    for drawn in product(range(2), repeat=6):
        question = Question(modulus=2, scopes=(), skips=range(1), scan_skips=range(1))
        items = [
            weigh(Survivor(_STREAM, part, start, Alignment(0, 0, 0)), question, _DIVISION)
            for part in parts(drawn)
            for start in (5, 77, AtState((9,)))
        ]
        bits = [stake for item in items for stake in item.scored.stakes(held_out=True)]
        paid.append(np.exp2(bits).sum())
    return np.array(paid)


@pytest.fixture(autouse=True)
def _lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the draws to come."""
    monkeypatch.setattr(weighing, "AHEAD", 1)


def test_parts_and_starts_pay_out_what_the_prior_staked() -> None:
    paid = payouts()
    assert paid.std() > 0.1 * paid.mean()
    assert paid.mean() == pytest.approx(_COMMON * _PARTS, rel=1e-6, abs=0)


def test_a_choice_of_stretches_that_is_not_paid_for_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def free(division: Division, *, whole: bool, **chosen: int | None) -> float:
        return log2_part_weight(division, whole=whole or bool(chosen), **chosen)

    monkeypatch.setattr(scopes, "log2_part_weight", free)
    assert payouts().mean() > 2 * _COMMON * _PARTS


def test_states_that_weigh_as_much_as_seeds_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "state_odds", lambda bits: 2 << bits)
    assert payouts().mean() > 1.1 * _COMMON * _PARTS
