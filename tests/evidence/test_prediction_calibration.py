"""Stated probabilities of coming draws come true, by a check that errors of size do not pass."""

import pytest
from benchmarks.calibration import Prior, Told, null_reliability, reliability, simulate

PRIOR = Prior(presets=("java_lcg",), seeds=100, skips=((0, 0), (1, 1)), draws=(2, 8))
HISTORIES = 400


def told(broken: float = 1.0) -> list[Told]:
    return list(simulate(PRIOR, HISTORIES, seed=11, broken=broken))


def worst(statements: list[Told]) -> float:
    found = [*reliability(statements), *null_reliability(statements)]
    return max(abs(each.deviation) for each in found)


@pytest.mark.slow
def test_what_is_stated_comes_true() -> None:
    statements = told()
    assert worst(statements) < 3.5
    found = reliability(statements)
    assert sum(each.count for each in found) == HISTORIES
    assert sum(0.12 <= each.low < 0.9 and each.count > 5 for each in found) >= 3
    random = [each.log2_score for each in statements if not each.planted]
    planted = [each.log2_score for each in statements if each.planted]
    uniform = -3.3219
    assert sum(planted) / len(planted) > uniform + 1
    assert uniform - 0.3 < sum(random) / len(random) <= uniform


@pytest.mark.slow
@pytest.mark.parametrize("broken", [10.0, 0.1])
def test_a_weight_that_is_wrong_by_ten_is_found_out(broken: float) -> None:
    assert worst(told(broken)) > 4
