"""What a wrong stream matches along its likeliest path is what real wrong streams match."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seedfleet.evidence import wrong_matches
from seedfleet.evidence.forward_sums import begin_forward, go_forward
from seedfleet.evidence.wrong_matches import (
    matched_along_a_path,
    matched_along_the_mean_path,
    matched_by_sums,
)
from seedfleet.generators import compiled, find_preset
from seedfleet.scoring.mean_path import pruned_mean_path
from seedfleet.sieve.weighing import Alignment, Known, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.evidence.skip_paths import PathModel

DRAWS = 200


def test_at_fixed_positions_it_is_one_in_m() -> None:
    assert matched_along_a_path(1000, 1, 60) == matched_by_sums(1000, 1, 60) == 0.001
    assert matched_along_the_mean_path(10, 1, 60) == 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("modulus", "gaps"), [(1000, 9), (10, 4)])
def test_wrong_seeds_match_as_many(modulus: int, gaps: int) -> None:
    stream, alignment = find_preset("xorshift32").stream, Alignment(0, 0, gaps - 1)
    rng = np.random.default_rng(5)
    model = alignment.path_model(modulus)
    on_path, on_sums, on_means = [], [], []
    for seed in rng.integers(1, 2**32, size=40).tolist():
        draws = rng.integers(modulus, size=DRAWS)
        on_path.append(weigh(stream, seed, alignment, Known(draws, modulus, range(DRAWS))).matched)
        reach = np.arange(model.band(DRAWS - 1).stop)
        values, _ = compiled.at_positions(stream, seed, modulus, reach)
        means = pruned_mean_path(values, draws, replace(model, noise=0.05))
        on_means.append(values[np.rint(means).astype(int)] == draws)
        on_sums.append(go_forward(values, draws, model, begin_forward(0)).matched / DRAWS)
    path_share, sum_share = float(np.mean(on_path)), float(np.mean(on_sums))
    mean_share = float(np.mean(on_means))
    assert path_share > 1.2 * gaps / modulus, "the path is chosen by the draws"
    assert matched_along_a_path(modulus, gaps, DRAWS) == pytest.approx(path_share, rel=0.1)
    assert matched_along_the_mean_path(modulus, gaps, DRAWS) == pytest.approx(mean_share, rel=0.3)
    assert matched_by_sums(modulus, gaps, DRAWS) == pytest.approx(sum_share, rel=0.25)


@pytest.mark.parametrize("draws", [40, 300])
@pytest.mark.parametrize("gaps", [9, 101, 501, 4096, 2**16 - 1])
@pytest.mark.parametrize("effort", [wrong_matches._ON_PATHS, wrong_matches._ON_SUMS])
def test_no_law_is_too_wide_to_be_followed(effort: tuple[int, int], gaps: int, draws: int) -> None:
    """Steps of a path grow with the draws, and with the positions at which each may stand."""
    asked: list[int] = []

    def matched(_values: object, known: NDArray[np.int64], _model: PathModel) -> int:
        asked.append(len(known))
        return 1

    assert 0 < wrong_matches._share(matched, effort, 1000, gaps, draws) <= 1
    assert 0 < sum(count**2 for count in asked) * gaps <= effort[1]
    if gaps == 9:
        assert sum(asked) >= effort[0]


@pytest.mark.slow
def test_fewer_draws_tell_as_much_of_a_wide_law() -> None:
    simulated, _ = wrong_matches._ON_PATHS
    all_of_them = wrong_matches._share(wrong_matches._on_path, (simulated, 2**40), 1000, 101, 100)
    assert matched_along_a_path(1000, 101, 100) == pytest.approx(all_of_them, rel=0.1)
