"""Shifted copies of a stream, and seeds, stay in one fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.models.folds import connected, grouped_folds, shifted_copies

N_VALUES = 200


def planted(modulus: int, shifts: list[int]) -> tuple[np.ndarray, list[set[int]]]:
    """Return 300 streams in an order of chance, of which each ninth has a copy for each shift."""
    chance = np.random.default_rng(modulus)
    long = chance.integers(0, modulus, size=(300, N_VALUES + max(shifts)))
    rows: list[np.ndarray] = []
    groups: list[set[int]] = []
    for number, stream in enumerate(long):
        copies = [0, *shifts] if number % 9 == 0 else [0]
        groups.append(set(range(len(rows), len(rows) + len(copies))))
        rows += [stream[shift : shift + N_VALUES] for shift in copies]
    order = chance.permutation(len(rows))
    place = np.argsort(order)
    return np.array(rows)[order], [{int(place[row]) for row in group} for group in groups]


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {
        frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels).tolist()
    }


@pytest.mark.parametrize("modulus", [2, 10, 49, 1000, 2**31])
def test_finds_exactly_the_planted_copies(modulus: int) -> None:
    streams, groups = planted(modulus, [0, 1, 7, 60])
    found = shifted_copies([streams[:100], streams[100:]], modulus)
    assert partition(found) == {frozenset(group) for group in groups}


def test_constant_streams_and_short_ones_are_compared_too() -> None:
    streams = np.zeros((5, N_VALUES), dtype=np.int64)
    streams[3:] = 1
    assert shifted_copies([streams], 1000).tolist() == [0, 0, 0, 3, 3]
    short = np.array([[1, 2], [2, 1], [1, 2]])
    assert shifted_copies([short], 1000).tolist() == [0, 1, 0]
    assert shifted_copies([], 10).tolist() == []


@given(
    st.integers(1, 40).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))),
        )
    )
)
def test_connected_is_the_closure_of_links(case: tuple[int, list[tuple[int, int]]]) -> None:
    count, links = case
    ends = np.array(links, dtype=np.int64).reshape(-1, 2)
    found = connected(count, ends[:, 0], ends[:, 1])
    reach = np.eye(count, dtype=bool)
    for a, b in links:
        reach[a, b] = reach[b, a] = True
    for middle in range(count):
        reach |= np.outer(reach[:, middle], reach[middle])
    assert found.tolist() == reach.argmax(axis=1).tolist()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.integers(2, 7), st.integers(0, 3))
def test_folds_keep_groups_and_are_even(listed: list[int], folds: int, seed: int) -> None:
    groups = np.array(listed)
    if len(set(listed)) < folds:
        with pytest.raises(ValueError, match="groups"):
            grouped_folds(groups, folds, seed=seed)
        return
    found = grouped_folds(groups, folds, seed=seed)
    assert all(len(set(found[groups == group])) == 1 for group in groups)
    sizes = np.bincount(found, minlength=folds)
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()
    assert (found == grouped_folds(groups, folds, seed=seed)).all()


def test_single_rows_make_folds_equal_to_one_row() -> None:
    found = grouped_folds(np.r_[np.arange(1000), [3] * 40], 7, seed=2)
    sizes = np.bincount(found)
    assert sizes.max() - sizes.min() <= 1
