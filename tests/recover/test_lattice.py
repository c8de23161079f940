"""Lattices: their laws, and the points in boxes against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.generators import PowerOfTwoLcg
from seedfleet.recover.congruential import lattice as lattice_module
from seedfleet.recover.congruential.jumps import Observations
from seedfleet.recover.congruential.lattice import (
    Boxes,
    Lattice,
    kept_share,
    lattice_size,
    points_in_boxes,
)

_BITS, _LOW_BITS = 20, 6
_HIGH_BITS = _BITS - _LOW_BITS
_TOY = PowerOfTwoLcg(0x5DEECE66D % 2**_BITS, 11, _BITS, 0, lambda state: state)


def residue_boxes(state: int, factor: int, skip: int, words: int) -> Boxes:
    """Return what a state shows modulo an odd number."""
    jumps = Observations.of(_TOY, skip=skip, draws=words, words=1)
    wanted = high_words(jumps, np.array([state], dtype=np.uint64))[0] % np.uint64(factor)
    widths = (np.uint64(2**_HIGH_BITS - 1) - wanted) // np.uint64(factor) + np.uint64(1)
    return Boxes(jumps.multipliers, jumps.increments, wanted, widths, _BITS, _LOW_BITS, factor)


def high_words(jumps: Observations | Boxes, states: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the high words that states show, shape (n_states, n_words)."""
    shown = states[:, np.newaxis] * jumps.multipliers + jumps.increments
    return (shown % np.uint64(2**_BITS)) >> np.uint64(_LOW_BITS)


def brute_force(boxes: Boxes) -> set[int]:
    states = np.arange(2**_BITS, dtype=np.uint64)
    for k in range(len(boxes.wanted)):
        one = Observations(boxes.multipliers[k : k + 1], boxes.increments[k : k + 1])
        residues = high_words(one, states)[:, 0] % np.uint64(boxes.factor)
        states = states[residues == boxes.wanted[k]]
    return set(states.tolist())


def found_in(boxes: Boxes, size: int) -> list[int]:
    lattice = Lattice.of(boxes.multipliers[:size], _HIGH_BITS)
    return points_in_boxes(lattice, boxes, np.arange(2**_LOW_BITS, dtype=np.uint64))[0]


@pytest.mark.slow
@settings(max_examples=60)
@given(
    state=st.integers(0, 2**_BITS - 1) | st.sampled_from([0, 2**_BITS - 1]),
    factor=st.sampled_from([5, 7, 9, 25, 49, 125, 999]),
    skip=st.integers(0, 40) | st.sampled_from([15, 31, 255]),
    more=st.integers(0, 4),
)
def test_points_are_those_of_brute_force(state: int, factor: int, skip: int, more: int) -> None:
    words = max(2, round(_BITS / np.log2(factor)) + more)
    boxes = residue_boxes(state, factor, skip, words)
    found = found_in(boxes, lattice_size(_HIGH_BITS, float(np.log2(factor)), words))
    expected = brute_force(boxes)
    assert len(found) == len(set(found))
    assert set(found) <= expected
    # Errors in the tail of their law are given up on purpose: fewer than one in fifty.
    assert len(found) >= len(expected) - 1 - len(expected) // 50


@pytest.mark.slow
def test_the_share_that_is_kept_is_the_share_of_planted_points_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        lattice_module, "_SPREADS", ((1.0, np.inf),)
    )  # at which about half are lost
    rng = np.random.default_rng(3)
    found, trials = 0, 400
    for _ in range(trials):
        state = int(rng.integers(2**_BITS))
        boxes = residue_boxes(state, 7, 0, 12)
        low_words = np.array([state % 2**_LOW_BITS], dtype=np.uint64)
        lattice = Lattice.of(boxes.multipliers, _HIGH_BITS)
        found += state in points_in_boxes(lattice, boxes, low_words)[0]
    kept = kept_share(lattice, 2**_HIGH_BITS / 7, 1)
    assert 0.2 < kept < 0.8
    assert abs(found / trials - kept) <= 4 * np.sqrt(kept * (1 - kept) / trials) + 0.02


@given(skip=st.integers(0, 300), bits=st.sampled_from([14, 31, 48]), size=st.integers(2, 12))
def test_a_reduced_basis_spans_the_lattice(skip: int, bits: int, size: int) -> None:
    lcg = PowerOfTwoLcg(0x5DEECE66D, 11, 48, 16, lambda state: state)
    multipliers = Observations.of(lcg, skip=skip, draws=size, words=1).multipliers
    lattice = Lattice.of(multipliers, bits)
    rows = [[int(each) for each in row] for row in lattice.basis]
    for row in rows:  # each vector is a multiple of the multipliers, modulo 2**bits
        first = row[0]
        expected = [first * int(each) % 2**bits for each in multipliers]
        assert [each % 2**bits for each in row] == expected
    volume = float(np.sum(np.log2(lattice.lengths)) / 2)
    assert volume == pytest.approx(bits * (size - 1), abs=1e-6)
    for test in lattice.tests.tolist():
        products = (sum(a * b for a, b in zip(test, row, strict=True)) for row in rows)
        assert all(product % 2**bits == 0 for product in products)
    assert np.allclose(np.diag(lattice.dual @ lattice.basis.T), 1)


def test_limits_grow_with_the_parts_and_the_spread() -> None:
    jumps = Observations.of(_TOY, skip=0, draws=8, words=1)
    lattice = Lattice.of(jumps.multipliers, _HIGH_BITS)
    assert np.all(np.diff(lattice.limits(100.0, 2.0)) < 0)
    assert np.all(lattice.limits(100.0, 3.0) > lattice.limits(100.0, 2.0))
    assert lattice.steps(100.0, 3.0) < lattice.steps(400.0, 3.0)


def test_more_points_than_room() -> None:
    boxes = residue_boxes(12345, 5, 0, 3)
    found = found_in(boxes, 3)
    assert len(found) > 4096
    assert len(brute_force(boxes) - set(found)) <= len(found) // 50


@pytest.mark.parametrize(
    ("bits", "bits_each", "available", "size"),
    [(31, 10.0, 99, 6), (31, 10.0, 4, 4), (48, 1.6, 99, 40), (15, 14.0, 99, 2)],
)
def test_size_of_a_lattice(bits: int, bits_each: float, available: int, size: int) -> None:
    assert lattice_size(bits, bits_each, available) == size
