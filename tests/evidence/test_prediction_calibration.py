"""Stated probabilities of coming draws come true, by checks that errors of size do not pass."""

import pytest
from benchmarks.calibration import Prior, Told, null_reliability, reliability, simulate

# Two sessions that share a stream, streams that end, wrong draws, and a model that knows something.
PRIOR = Prior(
    presets=("xorshift32",), seeds=24, skips=((0, 0), (1, 1)), draws=(2, 5), sessions=2, tau=1.0
)
HISTORIES = 400
UNIFORM = -3.3219


def told(broken: float = 1.0, trusted: float = 1.0) -> list[Told]:
    return list(simulate(PRIOR, HISTORIES, seed=11, broken=broken, trusted=trusted))


def worst(statements: list[Told]) -> float:
    found = [*reliability(statements), *null_reliability(statements)]
    return max(abs(each.deviation) for each in found)


def score(statements: list[Told], *kinds: str) -> float:
    own = [each.log2_score for each in statements if each.kind in kinds]
    return sum(own) / len(own)


@pytest.mark.slow
def test_what_is_stated_comes_true() -> None:
    statements = told()
    assert worst(statements) < 3.5
    found = reliability(statements)
    assert sum(each.count for each in found) == HISTORIES
    assert sum(0.12 <= each.low < 0.9 and each.count > 5 for each in found) >= 3
    assert score(statements, "constant") > UNIFORM + 1
    assert UNIFORM - 0.4 < score(statements, "random", "ended") <= UNIFORM
    # A model whose word is believed the wrong way round costs what its right word gains.
    misled = told(trusted=-1.0)
    everything = ("constant", "random", "ended")
    assert score(misled, *everything) < score(statements, *everything) - 0.02


@pytest.mark.slow
@pytest.mark.parametrize("broken", [10.0, 0.1])
def test_a_weight_that_is_wrong_by_ten_is_found_out(broken: float) -> None:
    assert worst(told(broken)) > 4
