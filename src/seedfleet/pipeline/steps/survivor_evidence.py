"""What survivors are worth, all of them at once: their prior, and their ratios on any draws.

The witness for one survivor is `seedfleet.sieve.weighing` with `seedfleet.evidence.mix`; this is
the same for hundreds of thousands, in arrays. A stream says nothing of draws before its origin or
from its end on: there it earns 0 bits, as the null does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, Self

import numpy as np

from seedfleet.draws.slices import Slices
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.prediction import foretell
from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.evidence.verdict import held_out_draws
from seedfleet.pipeline.steps._coming_draws import point_law
from seedfleet.pipeline.steps._survivor_passes import Passes
from seedfleet.pipeline.steps._survivor_prior import counted_once, log2_prior_of
from seedfleet.pipeline.steps.survivor_table import chosen_draws
from seedfleet.sieve.weighing import AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.evidence.prediction import DrawLaw, Forecast
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["SurvivorEvidence"]

_FIRST_MARK = 8  # draws after which counts are kept, and twice as many, and so on
_LEAST_TOLD = 1e-9  # posterior below which a survivor says nothing worth its time


@dataclass(frozen=True, eq=False)
class SurvivorEvidence:
    """Survivors weighed on the draws of their sessions.

    Ranges of draws are indexes into those draws, oldest first.

    Attributes
    ----------
    table
        The survivors, n of them.
    draws
        int64 array: the draws that their table explains.
    modulus
        The draws' modulus m.
    division
        Of the whole history.
    log2_prior
        float64 array, shape (n,): log2 of what the published prior stakes on each survivor at all
        noise rates together; with `NULL_WEIGHT` on the null all stakes sum to at most 1. ``-inf``
        for a stream that another row has too: it counts once, for the row with the largest stake,
        of equal ones the first.
    digests
        uint64 array, shape (n,): equal for rows whose streams nothing here can tell apart.
    """

    table: SurvivorTable
    draws: NDArray[np.int64]
    modulus: int
    division: Division
    log2_prior: NDArray[np.float64]
    digests: NDArray[np.uint64]
    _passes: Passes
    _allowances: NDArray[np.float64]  # (n_presets, draws + 1): bits taken off before each draw

    @classmethod
    def of(
        cls,
        table: SurvivorTable,
        history: History,
        *,
        progress: Callable[[str, float], None] = lambda _label, _share: None,
    ) -> Self:
        """Run every survivor's stream over the draws once.

        O(n x draws x (skip + 1)) steps of streams at constant skips, less where a generator leaps;
        see `evidence.forward_sums` for variable ones. No array of n x draws is made.

        Parameters
        ----------
        history
            The whole cleaned one, of which the table's sessions are chosen.

        Raises
        ------
        ValueError
            A bounding does not have the history's modulus.
        """
        draws = chosen_draws(history, table.sessions)
        slices = Slices.of(len(draws))
        marks = {0, slices.tune.start, slices.tune.stop, slices.gate.stop, len(draws)}
        marks.add(len(draws) - held_out_draws(len(draws)))
        doubled = {_FIRST_MARK << times for times in range(len(draws).bit_length())}
        passes = Passes(table, draws, history.modulus, progress)
        digests = passes.begin(marks | {mark for mark in doubled if mark < len(draws)})
        division = Division.of(history.sessions, history.machines)
        log2_prior = log2_prior_of(table, division, passes.ends >= len(draws))
        allowances = [
            np.concatenate([[0.0], np.cumsum(bits)])
            for preset in range(len(table.presets))
            for bits in [allowance_bits(table.stream(preset), draws, history.modulus)]
        ]
        return cls(
            table,
            draws,
            history.modulus,
            division,
            np.where(counted_once(digests, log2_prior), log2_prior, -np.inf),
            digests,
            passes,
            np.stack(allowances) if allowances else np.zeros((0, len(draws) + 1)),
        )

    def followed_by(self, other: SurvivorEvidence) -> Self:
        """Return these survivors and then others of the same presets, draws and history.

        A stream that is among both counts once.
        """
        digests = np.concatenate([self.digests, other.digests])
        log2_prior = np.concatenate([self.log2_prior, other.log2_prior])
        passes = self._passes.followed_by(other._passes)
        return replace(
            self,
            table=passes.table,
            log2_prior=np.where(counted_once(digests, log2_prior), log2_prior, -np.inf),
            digests=digests,
            _passes=passes,
        )

    @property
    def marks(self) -> list[int]:
        """Numbers of draws after which counts are kept, so that asking for those costs no pass."""
        return self._passes.marks

    @property
    def variable(self) -> NDArray[np.bool_]:
        """Which rows have a variable skip: bool array, shape (n,)."""
        varies: NDArray[np.bool_] = self.table.rows["skip_min"] < self.table.rows["skip_max"]
        return varies

    @property
    def ends(self) -> NDArray[np.int64]:
        """The draw after the last that each explains: int64 array, shape (n,)."""
        return self._passes.ends

    @property
    def goes_on(self) -> NDArray[np.bool_]:
        """Which streams have made the last known draw: bool array, shape (n,)."""
        count, origin = len(self.draws), self.table.rows["origin"]
        return np.asarray((self.ends == count) & (origin < count))

    def told_of(self, draws: range) -> NDArray[np.int64]:
        """Return how many of these draws each survivor explains: int64 array, shape (n,)."""
        low, high = self._overlap(draws)
        return high - low

    def hits(self, draws: range) -> NDArray[np.int64]:
        """Return how many of these draws each survivor gives right: int64 array, shape (n,).

        With variable skip those at which most of the forward weight came to stand on a match
        (`Forward.matched`): by chance as many times more as there are gaps.
        """
        return self._passes.matches(draws.stop) - self._passes.matches(draws.start)

    def log2_ratios(self, draws: range) -> NDArray[np.float64]:
        """Return log2 likelihood ratios of these draws, given all that come before them.

        Returns
        -------
        NDArray
            float64 array, shape (n, n_rates), for each of `NOISE_RATES`; ``-inf`` where the stream
            cannot have made these draws, or those before them.
        """
        ratios = self._point_ratios([draws])
        chosen = np.flatnonzero(self.variable)
        if len(chosen):
            before = self._path_ratios(range(draws.start), chosen)
            after = self._path_ratios(range(draws.stop), chosen)
            told = np.isfinite(before)
            ratios[chosen] = np.where(told, after - np.where(told, before, 0.0), -np.inf)
        return ratios

    def log2_joint(self, *parts: range) -> NDArray[np.float64]:
        """Return log2 likelihood ratios of the draws of several ranges together.

        Draws of none of them are unknown; ranges may touch and must not overlap.

        Returns
        -------
        NDArray
            float64 array, shape (n, n_rates).
        """
        told = sorted((part for part in parts if len(part)), key=lambda part: part.start)
        ratios = self._point_ratios(told)
        chosen = np.flatnonzero(self.variable)
        if len(chosen) and told:
            ratios[chosen] = self._joint_path_ratios(told, chosen)
        return ratios

    def log2_mixed(self, *parts: range) -> NDArray[np.float64]:
        """Return `log2_joint` summed over the noise rates by their prior: shape (n,)."""
        mixed: NDArray[np.float64] = np.logaddexp2.reduce(
            self.log2_joint(*parts) + np.log2(noise_weights()), axis=1
        )
        return mixed

    def labels(self, draws: range) -> NDArray[np.float64]:
        """Return what each survivor was worth on these draws, a draw: float64 array, shape (n,).

        Where all skips are constant the share of matches; 1/m where it explains none of the draws.
        Where any skip varies the bits earned over all noise rates, given all draws before, of
        every row, so that all of a table's labels have one unit; 0 where it explains none.
        """
        told = self.told_of(draws)
        counts = np.maximum(told, 1)
        if not self.variable.any():
            return np.where(told > 0, self.hits(draws) / counts, 1 / self.modulus)
        earned = self.log2_mixed(range(draws.stop)) - self.log2_mixed(range(draws.start))
        return np.where(told > 0, earned / counts, 0.0)

    def running(self, row: int) -> NDArray[np.float64]:
        """Return one survivor's log2 ratios of all draws before each: (draws + 1, n_rates)."""
        marks = np.arange(len(self.draws) + 1)
        matches, bits = self._passes.running(row, marks)
        low, high = int(self.table.rows["origin"][row]), int(self.ends[row])
        allowances = self._allowances[self.table.rows["preset"][row]]
        stops = np.clip(marks, low, max(low, high))
        if bits is None:
            bits = self._bits_of(matches, stops - low)
        ratios: NDArray[np.float64] = bits - (allowances[stops] - allowances[low])[:, np.newaxis]
        return ratios

    def posterior(
        self,
        log2_weights: NDArray[np.float64],
        *parts: range,
        log2_null: float = log2(NULL_WEIGHT),
    ) -> tuple[NDArray[np.float64], float]:
        """Return the posterior of those that go on, after the draws of these ranges.

        Parameters
        ----------
        log2_weights
            float64 array, shape (n,): `log2_prior`, or what a model made of it.
        log2_null
            log2 of the stakes, times what they earned, on the null and whatever else says nothing
            of the draws to come.

        Returns
        -------
        posterior : NDArray
            float64 array, shape (n, n_rates); 0 for streams that have ended.
        null : float
            What is left of 1.
        """
        speaking = np.where(self.goes_on, log2_weights, -np.inf)
        stakes = speaking[:, np.newaxis] + np.log2(noise_weights()) + self.log2_joint(*parts)
        everything = float(np.logaddexp2.reduce(stakes, axis=None, initial=log2_null))
        return np.exp2(stakes - everything), float(2.0 ** (log2_null - everything))

    def coming(self, posterior: NDArray[np.float64], ahead: int) -> tuple[Forecast, ...]:
        """Return the laws of the next draws, survivors and null together.

        Parameters
        ----------
        posterior
            float64 array, shape (n, n_rates), as from `posterior`; what it leaves of 1 is the
            null's.
        ahead
            Coming draws, 1 to `seedfleet.sieve.weighing.AHEAD`. The law of each is given the known
            draws alone, whatever the ones between turn out to be.

        Raises
        ------
        ValueError
            More are asked for.
        """
        if not 1 <= ahead <= AHEAD:
            raise ValueError(f"1 to {AHEAD} draws can be told, not {ahead}")
        heard = posterior.sum(axis=1) >= _LEAST_TOLD
        told: list[list[tuple[float, DrawLaw]]] = [[] for _ in range(ahead)]
        fixed = np.flatnonzero(heard & ~self.variable)
        for rows, values in self._passes.coming_points(fixed, ahead):
            for place, laws in enumerate(told):
                laws.append(point_law(values[:, place], posterior[rows], self.modulus))
        for row in np.flatnonzero(heard & self.variable).tolist():
            more = self._passes.coming_laws(row, posterior[row], ahead)
            for laws, own in zip(told, more, strict=True):
                laws.extend(own)
        return tuple(foretell(laws, self.modulus) for laws in told)

    def laws(
        self, row: int, posterior: NDArray[np.float64], draws: range
    ) -> list[list[tuple[float, DrawLaw]]]:
        """Return what a survivor tells of each of some known draws, from all before it.

        Parameters
        ----------
        posterior
            float64 array, shape (len(draws), n_rates): the survivor's, before each draw.
        draws
            None but those that it explains.

        Returns
        -------
        list of list
            For each draw, as `seedfleet.evidence.prediction.foretell` takes it.
        """
        return self._passes.laws_along(row, posterior, draws)

    def _point_ratios(self, parts: Sequence[range]) -> NDArray[np.float64]:
        """Return those of fixed positions, for all rows."""
        hits = np.zeros(len(self.table), np.int64)
        told = np.zeros(len(self.table), np.int64)
        allowance = np.zeros(len(self.table))
        preset = self.table.rows["preset"]
        for part in parts:
            low, high = self._overlap(part)
            hits += self.hits(part)
            told += high - low
            allowance += self._allowances[preset, high] - self._allowances[preset, low]
        return self._bits_of(hits, told) - allowance[:, np.newaxis]

    def _bits_of(self, hits: NDArray[np.int64], told: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return log2 ratios of so many hits among so many draws, for each noise rate: (n, k)."""
        misses, rates = told - hits, []
        for noise in NOISE_RATES:
            miss_bits = log2(noise * self.modulus / (self.modulus - 1)) if noise else -np.inf
            bits = hits * log2((1 - noise) * self.modulus)
            rates.append(bits + misses * np.where(misses > 0, miss_bits, 0.0))
        return np.stack(rates, axis=1)

    def _joint_path_ratios(
        self, parts: Sequence[range], chosen: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        stop = parts[-1].stop
        seen = np.zeros(len(self.draws), bool)
        for part in parts:
            seen[part.start : part.stop] = True
        if seen[:stop].all():
            return self._path_ratios(range(stop), chosen)
        allowance = np.sum([self._allowance(part, chosen) for part in parts], axis=0)
        bits = self._passes.observed_bits(seen, stop)
        joint: NDArray[np.float64] = bits - allowance[:, np.newaxis]
        return joint

    def _path_ratios(self, draws: range, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return those of the first draws, of the rows with a variable skip."""
        allowance = self._allowance(draws, chosen)
        ratios: NDArray[np.float64] = self._passes.bits(draws.stop) - allowance[:, np.newaxis]
        return ratios

    def _allowance(self, draws: range, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        low, high = (bound[chosen] for bound in self._overlap(draws))
        preset = self.table.rows["preset"][chosen]
        taken: NDArray[np.float64] = self._allowances[preset, high] - self._allowances[preset, low]
        return taken

    def _overlap(self, draws: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        low = np.clip(self.table.rows["origin"], draws.start, draws.stop)
        return low, np.maximum(low, np.clip(self.ends, draws.start, draws.stop))
