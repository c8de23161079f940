"""What a wrong stream matches along its likeliest path is what real wrong streams match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seedfleet.evidence.forward_sums import begin_forward, go_forward
from seedfleet.evidence.wrong_matches import (
    matched_along_a_path,
    matched_along_the_mean_path,
    matched_by_sums,
)
from seedfleet.generators import compiled, find_preset
from seedfleet.scoring.mean_path import pruned_mean_path
from seedfleet.sieve.weighing import Alignment, Known, weigh

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
