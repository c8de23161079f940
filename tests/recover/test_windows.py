"""Windows of draws: what they promise of wrong draws, against histories that have some."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.recover.windows import (
    contiguous_windows,
    interleaved_windows,
    power_of,
    sliding_starts,
    window_batches,
)

MAKERS = [contiguous_windows, interleaved_windows]


@pytest.mark.parametrize("make", MAKERS)
@given(
    fitted=st.integers(0, 60),
    depth=st.integers(1, 12),
    noise=st.sampled_from([0.0, 0.05, 0.25]),
    most=st.integers(1, 9),
)
def test_windows_are_distinct_draws_in_order(
    make: object, fitted: int, depth: int, noise: float, most: int
) -> None:
    windows = make(fitted, depth, noise, most=most)  # type: ignore[operator]
    assert len(windows) <= most
    assert bool(windows) == (depth <= fitted)
    assert len(set(windows)) == len(windows)
    for window in windows:
        assert len(window) == depth
        assert list(window) == sorted(set(window))
        assert 0 <= window[0] <= window[-1] < fitted
    if windows:
        assert windows[0][0] == 0
        assert 0.0 <= power_of(windows, noise) <= 1.0


@pytest.mark.parametrize("make", MAKERS)
def test_without_noise_the_first_window_is_enough(make: object) -> None:
    assert make(50, 4, 0.0, most=9) == ((0, 1, 2, 3),)  # type: ignore[operator]


def test_windows_for_noise_lie_apart_while_there_are_draws() -> None:
    # 0.9**4 is 0.656, so that three windows of four draws are clean with 1 - 0.344**3 = 0.959.
    assert interleaved_windows(50, 4, 0.1, most=9) == ((0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11))
    assert contiguous_windows(50, 4, 0.1, most=9) == ((0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11))
    assert power_of(contiguous_windows(50, 4, 0.1, most=9), 0.1) == pytest.approx(0.959, abs=1e-3)
    assert len(contiguous_windows(9, 4, 0.1, most=9)) > 2  # overlapping ones fill up


@pytest.mark.parametrize("noise", [0.05, 0.25])
@pytest.mark.parametrize("fitted", [6, 9, 11])
def test_power_of_runs_is_exact_though_they_overlap(fitted: int, noise: float) -> None:
    windows = contiguous_windows(fitted, 4, 0.25, most=9)
    assert len(windows) * 4 > fitted
    expected = 0.0
    for clean in product((True, False), repeat=fitted):
        if any(all(clean[draw] for draw in window) for window in windows):
            expected += (1 - noise) ** sum(clean) * noise ** (fitted - sum(clean))
    assert power_of(windows, noise) == pytest.approx(expected, abs=1e-12)


@given(length=st.integers(1, 40), more=st.integers(0, 2000))
def test_batches_of_sliding_windows_are_all_of_them_once(length: int, more: int) -> None:
    starts = sliding_starts(length + more, length)
    batches = window_batches(length + more, length)
    assert sorted(start for batch in batches for start in batch) == list(starts)
    assert starts[0] == 0
    assert starts[-1] + length <= length + more < starts[-1] + starts.step + length
    assert len(starts) <= 257
    assert not sliding_starts(length - 1, length)


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("noise", [0.05, 0.1, 0.25])
@pytest.mark.parametrize(("fitted", "depth"), [(14, 5), (40, 11), (200, 4)])
def test_power_is_the_share_of_histories_with_a_clean_window(
    make: object, noise: float, fitted: int, depth: int
) -> None:
    windows = make(fitted, depth, noise, most=30)  # type: ignore[operator]
    clean = np.random.default_rng(12345).random((40_000, fitted)) >= noise
    found = np.zeros(len(clean), dtype=bool)
    for window in windows:
        found |= clean[:, window].all(axis=1)
    power = power_of(windows, noise)
    # Both shares are counted, in 40,000 and in 16,384 histories.
    assert abs(found.mean() - power) <= 5 * np.sqrt(power * (1 - power) / 11_600) + 1e-9
