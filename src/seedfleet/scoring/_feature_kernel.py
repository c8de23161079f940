"""The features of many survivors at once: the fast twin of `reference.stream_features`.

Draws lie in 16 or 32 bits, as their modulus allows. For each survivor there is one vector pass for
the matches, one for the moments of values and residuals, one scattering pass into a histogram whose
bins hold a count and a sum of ranks side by side, and one pass over the bins, which gives
divergences, Kolmogorov-Smirnov distance and Spearman's rho. Sums are exact integers where draws lie
in 16 bits.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float64, int32, int64, uint16, uint32, uint64

from seedfleet.generators.compiled import build_kernel, jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COUNT_BITS", "feature_kernel"]

COUNT_BITS = 20  # of a bin's count, below its sum of ranks
_COUNT_MASK = 2**COUNT_BITS - 1
_BLOCK = 64  # draws that are looked through together for a run of matches


def _word_16(value: Any) -> Any:
    return uint16(value)


def _word_32(value: Any) -> Any:
    return uint32(value)


def _tenth_16(value: Any) -> Any:
    """Return a tenth of a value, rounded down, by a multiplication that vectorises."""
    return uint16(uint32(uint32(value) * uint32(52429)) >> uint32(19))


def _tenth_32(value: Any) -> Any:
    return uint32(uint64(value) * uint64(0xCCCCCCCD) >> uint64(35))


@cache
def feature_kernel(bits: int) -> Callable[..., None]:
    """Return ``kernel(pred, slice_, room, out)`` for draws of 16 or 32 bits.

    `pred` is an array of such words, shape (k, n); `out` a float64 array, shape (k, 45), the
    last column being the exact matches; the others are what a `_slice_plan.SlicePlan` gives.
    """
    if bits == 16:
        return build_kernel(_factory, _word_16, _tenth_16, _moments_16)
    return build_kernel(_factory, _word_32, _tenth_32, _moments_32)


def _factory(
    digest: str,
    word: Callable[..., Any],
    tenth: Callable[..., Any],
    moments: Callable[..., Any],
) -> Callable[..., Any]:
    count_matches, count_digits = _counting(word, tenth)

    def kernel(pred: Any, slice_: Any, room: Any, out: Any) -> None:
        _ = digest
        act, digits, cuts, covered, windows, lanes, chances, bins = slice_
        tallies, left, histogram, lane_counts = room
        for row in range(len(pred)):
            mine, features = pred[row], out[row]
            for segment in range(len(cuts) - 1):
                low, high = cuts[segment], cuts[segment + 1]
                # Slices, since indexes that begin at 0 let loops vectorise.
                part, wanted = mine[low:high], act[low:high]
                exact, first, second, third = count_matches(part, wanted, lanes)
                shown = int64(0)
                if covered[segment] != 0:
                    shown = count_digits(part, digits[:, low:high], left[: high - low])
                tallies[segment + 1, 0] = tallies[segment, 0] + exact
                tallies[segment + 1, 1] = tallies[segment, 1] + first
                tallies[segment + 1, 2] = tallies[segment, 2] + second
                tallies[segment + 1, 3] = tallies[segment, 3] + shown
                tallies[segment + 1, 4] = tallies[segment, 4] + third
            features[44] = tallies[len(cuts) - 1, 0]
            _residue(tallies[len(cuts) - 1], len(act), chances, features)
            _temporal(tallies, windows, len(digits), features)
            moments(mine, act, features)
            features[42] = _longest_run(mine, act)
            _orders(mine, bins, (histogram, lane_counts), features)

    return kernel


def _counting(
    word: Callable[..., Any], tenth: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the loops that count what agrees within a segment of draws."""

    @jitable
    def agree(mine: Any, act: Any, lane: Any) -> Any:
        # Modulo 2**b * odd two draws agree iff b bits of their distance are 0 and it is, times the
        # inverse of the odd part, no larger than the largest multiple's share of it.
        mask, inverse, limit = word(lane[0]), word(lane[1]), word(lane[2])
        count = int32(0)
        for i in range(len(act)):
            apart = word(max(mine[i], act[i]) - min(mine[i], act[i]))
            whole = word(apart & mask) == word(0)
            count += int32(1) if whole & (word(apart * inverse) <= limit) else int32(0)
        return int64(count)

    @jitable
    def count_matches(mine: Any, act: Any, lanes: Any) -> Any:
        exact = _matches(mine, act)
        first, second = agree(mine, act, lanes[0]), agree(mine, act, lanes[1])
        return exact, first, second, agree(mine, act, lanes[2])

    @jitable
    def count_digits(mine: Any, digits: Any, left: Any) -> Any:
        count = int32(0)
        for i in range(len(left)):
            left[i] = mine[i]
        for place in range(len(digits)):
            wanted = digits[place]
            for i in range(len(left)):
                rest = tenth(left[i])
                digit = word(left[i] - word(rest * word(10)))
                count += int32(1) if digit == wanted[i] else int32(0)
                left[i] = rest
        return int64(count)

    return count_matches, count_digits


@jitable
def _residue(totals: Any, count: Any, chances: Any, features: Any) -> None:
    for lane in range(3):
        matches = totals[1 + lane if lane < 2 else 4]
        chance = chances[lane]
        spread = np.sqrt(count * chance * (1.0 - chance))
        features[4 * lane] = matches / float64(count)
        features[4 * lane + 1] = (matches - count * chance) / spread if spread > 0 else 0.0


@jitable
def _temporal(tallies: Any, windows: Any, places: Any, features: Any) -> None:
    count, size = len(windows), windows[0, 2]
    middle = (count - 1) / 2.0
    for series in range(4):
        whole = float64(size * places) if series == 3 else float64(size)
        total, low, high, slope, power = 0.0, np.inf, -np.inf, 0.0, 0.0
        for k in range(count):
            rate = (tallies[windows[k, 1], series] - tallies[windows[k, 0], series]) / whole
            total += rate
            low, high = min(low, rate), max(high, rate)
            slope += (k - middle) * rate
            power += (k - middle) ** 2
        mean, spread = total / count, 0.0
        for k in range(count):
            rate = (tallies[windows[k, 1], series] - tallies[windows[k, 0], series]) / whole
            spread += (rate - mean) ** 2
        at = 12 + 5 * series
        features[at] = mean
        features[at + 1] = np.sqrt(spread / count)
        features[at + 2] = low
        features[at + 3] = high
        features[at + 4] = slope / max(power, 1e-10)


def _moments_16(mine: Any, act: Any, features: Any) -> None:
    """Sum exactly; then move the sums to a whole number near the mean, so that nothing cancels."""
    n = len(act)
    values, squares, low, high = int64(0), int64(0), int32(65535), int32(0)
    sums, powers, products = int64(0), int64(0), int64(0)
    apart, furthest = int64(0), int32(0)
    for i in range(n):
        value = int32(mine[i])
        values += value
        squares += int64(value) * int64(value)
        low, high = min(low, value), max(high, value)
    for i in range(n):
        residual = int32(act[i]) - int32(mine[i])
        distance = abs(residual)
        sums += residual
        apart += distance
        powers += int64(residual) * int64(residual)
        furthest = max(furthest, int32(distance))
    for i in range(n - 1):
        residual = int32(act[i]) - int32(mine[i])
        following = int32(act[i + 1]) - int32(mine[i + 1])
        products += int64(residual) * int64(following)
    first, last = int64(act[0]) - int64(mine[0]), int64(act[n - 1]) - int64(mine[n - 1])
    mean = values / float64(n)
    near = int64(mean)
    variance = (squares - 2 * near * values + n * near * near) / float64(n) - (mean - near) ** 2
    features[32] = mean
    features[33] = np.sqrt(max(variance, 0.0))
    features[34] = low
    features[35] = high
    mean = sums / float64(n)
    near = int64(mean)
    off = mean - near
    variance = (powers - 2 * near * sums + n * near * near) / float64(n) - off * off
    features[36] = mean
    features[37] = np.sqrt(max(variance, 0.0))
    features[38] = apart / float64(n)
    features[39] = furthest
    ends = 2 * sums - first - last
    products += (n - 1) * near * near - near * ends
    ends -= 2 * (n - 1) * near
    covariance = products - off * ends + (n - 1) * off * off
    features[40] = covariance / (variance * n) if variance > 0 else 0.0


def _moments_32(mine: Any, act: Any, features: Any) -> None:
    """Sum in floating point, around means that a first pass has found."""
    n = len(act)
    values, sums, apart = int64(0), int64(0), int64(0)
    low, high, furthest = int64(mine[0]), int64(mine[0]), int64(0)
    for i in range(n):
        value = int64(mine[i])
        residual = int64(act[i]) - value
        values += value
        sums += residual
        apart += abs(residual)
        low, high = min(low, value), max(high, value)
        furthest = max(furthest, abs(residual))
    mean, middle = values / float64(n), sums / float64(n)
    spread, power, product, before = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        off = float64(int64(act[i]) - int64(mine[i])) - middle
        spread += (float64(mine[i]) - mean) ** 2
        power += off * off
        product += before * off
        before = off
    features[32] = mean
    features[33] = np.sqrt(spread / n)
    features[34] = low
    features[35] = high
    features[36] = middle
    features[37] = np.sqrt(power / n)
    features[38] = apart / float64(n)
    features[39] = furthest
    features[40] = product / power if power > 0 else 0.0


@jitable
def _matches(mine: Any, act: Any) -> Any:
    count = int32(0)
    for i in range(len(act)):
        count += int32(1) if mine[i] == act[i] else int32(0)
    return int64(count)


@jitable
def _longest_run(mine: Any, act: Any) -> Any:
    """Return the most consecutive matches; blocks without any are passed in one go."""
    longest, run = 0, 0
    for start in range(0, len(act), _BLOCK):
        part, wanted = mine[start : start + _BLOCK], act[start : start + _BLOCK]
        matches = _matches(part, wanted)
        if matches == 0:
            run = 0
        elif matches == len(part):
            run += len(part)
            longest = max(longest, run)
        else:
            for i in range(len(part)):
                run = run + 1 if part[i] == wanted[i] else 0
                longest = max(longest, run)
    return longest


@jitable
def _orders(mine: Any, bins: Any, room: Any, features: Any) -> None:
    """Fill the histogram, and work out all that follows from it."""
    shift, packed, below, folds, lanes, lane_shares, logs, rank_power = bins
    histogram, lane_counts = room
    n = len(mine)
    histogram[:] = uint64(0)
    for i in range(n):
        histogram[mine[i] >> shift] += packed[i]
    folded = folds.shape[1] > 0
    lane_counts[:] = 0
    if not folded:
        for lane in range(3):
            modulus, less = lanes[lane, 3], lanes[lane, 4]
            for i in range(n):
                lane_counts[lane, (int64(mine[i]) % modulus) >> less] += 1
    reached, furthest, product, power = int64(0), int64(0), int64(0), int64(0)
    for value in range(len(histogram)):
        count = int64(histogram[value] & uint64(_COUNT_MASK))
        ranks = int64(histogram[value] >> uint64(COUNT_BITS))
        place = 2 * reached + count - n  # twice the average rank, less twice the mean of all
        product += place * (ranks - count * (n + 1))
        power += count * place * place
        reached += count
        furthest = max(furthest, abs(reached - below[value]))
        if folded:
            lane_counts[0, folds[0, value]] += count
            lane_counts[1, folds[1, value]] += count
            lane_counts[2, folds[2, value]] += count
    whole = np.sqrt(float64(power)) * np.sqrt(rank_power)
    features[41] = product / whole if whole > 0 else 0.0
    features[43] = furthest / float64(n)
    for lane in range(3):
        divergence = lane_shares[lane, lane_shares.shape[1] - 1]  # what the draws' own shares give
        for residue in range(lanes[lane, 5]):
            divergence -= lane_shares[lane, residue] * logs[lane_counts[lane, residue]]
        divergence = max(divergence, 0.0)
        features[4 * lane + 2] = divergence
        features[4 * lane + 3] = 1.0 / (1.0 + divergence)
