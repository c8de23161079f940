"""Systems over GF(2): against all assignments, plain integers, and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.recover.linear._gf2_kernel import consistency_kernel
from seedfleet.recover.linear.gf2 import Solution, empty_system, solve


def system(equations: list[tuple[int, int]], unknowns: int) -> NDArray[np.uint64]:
    """Pack equations, each the bits of its unknowns and its right side."""
    rows = empty_system(len(equations), unknowns)
    for row, (left, right) in zip(rows, equations, strict=True):
        packed = left | right << unknowns
        for word in range(unknowns // 64 + 1):
            row[word] = packed >> 64 * word & 2**64 - 1
    return rows


def solved(equations: list[tuple[int, int]], unknowns: int, *, vectors: int = 64) -> Solution:
    solution = solve(system(equations, unknowns), unknowns, vectors=vectors)
    assert solution is not None
    return solution


def number(vector: NDArray[np.uint64]) -> int:
    return int.from_bytes(vector.astype("<u8").tobytes(), "little")


def holds(equation: tuple[int, int], assignment: int) -> bool:
    left, right = equation
    return (left & assignment).bit_count() % 2 == right


def rank_of(lefts: list[int]) -> int:
    pivots: dict[int, int] = {}
    for left in lefts:
        rest = left
        while rest and rest.bit_length() in pivots:
            rest ^= pivots[rest.bit_length()]
        if rest:
            pivots[rest.bit_length()] = rest
    return len(pivots)


def span(solution: Solution) -> set[int]:
    assert solution.vector is not None
    found = {number(solution.vector)}
    for vector in solution.kernel:
        found |= {each ^ number(vector) for each in found}
    return found


@given(
    equations=st.lists(st.tuples(st.integers(0, 2**7 - 1), st.integers(0, 1)), max_size=12),
)
def test_solutions_are_those_of_all_assignments(equations: list[tuple[int, int]]) -> None:
    unknowns = 7
    solution = solved(equations, unknowns)
    expected = {x for x in range(2**unknowns) if all(holds(each, x) for each in equations)}
    assert solution.rank == rank_of([left for left, _ in equations])
    assert len(solution.kernel) == len(solution.free) == unknowns - solution.rank
    assert (set() if solution.vector is None else span(solution)) == expected


@pytest.mark.slow
@settings(max_examples=25)
@given(
    unknowns=st.sampled_from([1, 63, 64, 65, 127, 128, 200, 2047, 2048, 2100]),
    more=st.integers(-40, 40),
    density=st.sampled_from([0.5, 0.02]),
    seed=st.integers(0, 2**32 - 1),
)
def test_planted_solution(unknowns: int, more: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen = rng.random((max(1, unknowns + more), unknowns)) < density
    secret = rng.random(unknowns) < 0.5
    rights = (chosen & secret).sum(axis=1) % 2
    rows = empty_system(len(chosen), unknowns)
    bits = np.packbits(np.column_stack([chosen, rights == 1]), axis=1, bitorder="little")
    rows.view(np.uint8)[:, : bits.shape[1]] = bits
    packed = [int.from_bytes(row.tobytes(), "little") for row in bits]
    equations = [(each & 2**unknowns - 1, each >> unknowns) for each in packed]
    solution = solve(rows, unknowns)
    assert solution is not None
    assert solution.vector is not None
    assert solution.rank == rank_of([left for left, _ in equations])
    assert solution.rank + len(solution.free) == unknowns
    for equation in equations:
        assert holds(equation, number(solution.vector))
        assert all(holds((equation[0], 0), number(vector)) for vector in solution.kernel)
    free = sum(1 << int(column) for column in solution.free)
    for dimension, vector in enumerate(solution.kernel):  # one free unknown each: independent
        assert number(vector) & free == 1 << int(solution.free[dimension])


def test_only_as_many_kernel_vectors_as_asked() -> None:
    assert len(solved([(1, 1)], 90, vectors=3).kernel) == 3


def test_no_equations() -> None:
    solution = solved([], 5)
    assert (solution.rank, span(solution)) == (0, set(range(32)))


def test_a_solver_can_be_stopped() -> None:
    shares: list[float] = []

    def pause(share: float) -> bool:
        shares.append(share)
        return len(shares) == 2

    assert solve(system([(1, 1), (1 << 100, 0)], 300), 300, pause=pause) is None
    assert len(shares) == 2
    assert 0 < shares[0] < shares[1] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("unknowns", [10, 70])
def test_small_systems_are_judged_as_the_large_ones(unknowns: int) -> None:
    rng = np.random.default_rng(unknowns)
    count, words = unknowns + 3, -(-unknowns // 64)
    masks = np.array([2 ** min(64, unknowns - 64 * word) - 1 for word in range(words)], np.uint64)
    table = rng.integers(0, 2**64, (4 * count, 1, words), dtype=np.uint64) & masks
    table[::7] = 0  # so that ranks differ
    secret = rng.integers(0, 2**64, words, dtype=np.uint64)
    true = table[2 : 2 + count, 0] & secret  # of the system with start 2 and stride 1
    sides = np.array([number(each).bit_count() % 2 for each in true], dtype=np.uint8)
    equations = (np.arange(count), np.zeros(count, dtype=np.int64), sides)
    hits = np.zeros((500, 3), dtype=np.int64)
    starts, strides = np.arange(count), np.array([1, 2, 3])
    found = consistency_kernel()(table, equations, starts, strides, 0, hits)
    expected = set()
    for start in starts.tolist():
        for stride in strides.tolist():
            lefts = [number(table[start + stride * k, 0]) for k in range(count)]
            solution = solved(list(zip(lefts, sides.tolist(), strict=True)), unknowns)
            if solution.vector is not None:
                expected.add((start, stride, count - solution.rank))
    assert {tuple(hit) for hit in hits[:found].tolist()} == expected
    assert (2, 1) in {(start, stride) for start, stride, _ in expected}
    deep = consistency_kernel()(table, equations, starts, strides, 4, hits)
    assert deep == sum(surplus >= 4 for _, _, surplus in expected)
