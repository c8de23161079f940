"""What a seed under an alignment is worth: its stream beside every known draw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence import skip_paths
from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.evidence.prediction import point_laws
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.generators import compiled
from seedfleet.sieve.rows import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import DrawLaw
    from seedfleet.generators import AtState, Start, Stream

__all__ = ["AHEAD", "Alignment", "Known", "Weighing", "told", "weigh"]

AHEAD = 1000  # coming draws on which equivalent streams must agree, and that can be predicted
_LEAST_TOLD = 1e-9  # posterior below which a law is not worth its sums: it counts as the null's


@dataclass(frozen=True)
class Alignment:
    """Which stream positions made the draws; a constant skip where the two skips are equal.

    Attributes
    ----------
    offset
        Outputs dropped once, at the start.
    skip_min, skip_max
        Least and most outputs dropped before each draw.
    jumps
        ``(draw, outputs)``, by ascending draws, each at least 1: before that draw so many more
        outputs were dropped than the skip says, or fewer where negative. For constant skips alone:
        records are missing there.
    """

    offset: int
    skip_min: int
    skip_max: int
    jumps: tuple[tuple[int, int], ...] = ()

    @property
    def gaps(self) -> int:
        """Gaps that there may be between two draws: more than one under a variable skip."""
        return self.skip_max - self.skip_min + 1

    def positions(self, draws: int) -> NDArray[np.int64]:
        """Return the stream positions of the first draws under a constant skip.

        Returns
        -------
        NDArray
            int64 array, shape (draws,), strictly increasing.
        """
        path = constant_skip_positions(draws, self.skip_max, offset=self.offset)
        for draw, outputs in self.jumps:
            path[draw:] += outputs
        return path

    def path_model(self, modulus: int) -> skip_paths.PathModel:
        """Return the law of its gaps, without noise, for draws in ``[0, modulus)``."""
        return skip_paths.PathModel(self.skip_min + 1, self.skip_max + 1, modulus, self.offset)


@dataclass(frozen=True, eq=False)
class Known:
    """The known draws, and which of them a search has looked at.

    Attributes
    ----------
    values
        int64 array, shape (n,), n >= 1, in ``[0, modulus)``, oldest first, from the origin on.
    modulus
        In ``[2, 2**31]``.
    looked_at
        Indexes of the draws by which seeds were chosen; the others are unseen.
    """

    values: NDArray[np.int64]
    modulus: int
    looked_at: range


@dataclass(frozen=True, eq=False)
class Weighing:
    """A stream under one alignment, weighed.

    Attributes
    ----------
    path
        int64 array, shape (n,): the stream positions of the known draws; with variable skip, those
        of one most likely path.
    given
        int64 array, shape (n,): what the stream gives there.
    matched
        bool array, shape (n,): the draws that it gives right.
    fitted_bits, known_bits
        log2 likelihood ratios over the draws looked at, and over all known ones, one for each of
        `evidence.likelihood.NOISE_RATES`.
    stream_draws
        int64 array: what the stream gives at the n draws' positions and the next AHEAD; with
        variable skip, at every position that one of them may have.
    digest
        SHA-256, equal for streams that nothing here can tell apart.
    state
        The generator's state right after the last known draw; None with variable skip, where no
        path is certain.
    """

    path: NDArray[np.int64]
    given: NDArray[np.int64]
    matched: NDArray[np.bool_]
    fitted_bits: tuple[float, ...]
    known_bits: tuple[float, ...]
    stream_draws: NDArray[np.int64]
    digest: str
    state: AtState | None


def weigh(stream: Stream, start: Start, alignment: Alignment, known: Known) -> Weighing:
    """Compare a stream with every known draw.

    O((n + AHEAD) * (skip + 1)) steps of the stream; with variable skip also O(n**2 * w) sums.
    """
    if alignment.skip_min < alignment.skip_max:
        return _weigh_paths(stream, start, alignment, known)
    n, modulus, looked_at = len(known.values), known.modulus, known.looked_at
    skip = alignment.skip_max
    path = alignment.positions(n)
    given, state = compiled.at_positions(stream, start, modulus, path)
    coming, _ = compiled.at_positions(stream, state, modulus, constant_skip_positions(AHEAD, skip))
    draws = np.concatenate([given, coming])
    matched = given == known.values
    allowance = allowance_bits(stream, known.values, modulus)
    fitted_bits, known_bits = (
        bits_of_matches(
            int(matched[part].sum()),
            len(matched[part]),
            modulus,
            allowance=float(allowance[part].sum()),
        )
        for part in (slice(looked_at.start, looked_at.stop), slice(n))
    )
    return Weighing(
        path=path,
        given=given,
        matched=matched,
        fitted_bits=fitted_bits,
        known_bits=known_bits,
        stream_draws=draws,
        digest=hashlib.sha256(draws.tobytes()).hexdigest(),
        state=state,
    )


def _weigh_paths(stream: Stream, start: Start, alignment: Alignment, known: Known) -> Weighing:
    """Sum over all skip paths.

    The digest is that of the stream from the middle draw on. Where the stream began decides no more
    than the first gap, which no draw shows: a seed some outputs earlier or later, or another
    offset, is no rival, as its paths run together with these.
    """
    n, model = len(known.values), alignment.path_model(known.modulus)
    reach = (n + AHEAD) * model.most_gap
    positions = np.arange(reach + model.offset)
    values, _ = compiled.at_positions(stream, start, known.modulus, positions)
    fitted_bits, known_bits = _path_bits(stream, values, model, known)
    likely = NOISE_RATES[int(np.argmax(known_bits))]
    path = skip_paths.likeliest_path(values, known.values, replace(model, noise=likely))
    middle = int(path[n // 2])
    from_middle = values[middle : middle + AHEAD * model.most_gap]
    return Weighing(
        path=path,
        given=values[path],
        matched=values[path] == known.values,
        fitted_bits=fitted_bits,
        known_bits=known_bits,
        stream_draws=values,
        digest=hashlib.sha256(from_middle.tobytes()).hexdigest(),
        state=None,
    )


def _path_bits(
    stream: Stream, values: NDArray[np.int64], model: skip_paths.PathModel, known: Known
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the ratios over the draws looked at and over all, for each noise rate."""
    n, looked_at = len(known.values), known.looked_at
    allowance = allowance_bits(stream, known.values, known.modulus)
    seen = np.zeros(n, dtype=bool)
    seen[looked_at.start : looked_at.stop] = True
    running = skip_paths.log2_ratios_by_noise(values, known.values, model)
    if looked_at.start == 0 and len(looked_at):
        fitted = running[:, looked_at.stop - 1]  # the same sums, on their way
    else:
        fitted = skip_paths.log2_ratios_by_noise(values, known.values, model, seen)[:, -1]
    return (
        tuple((fitted - allowance[seen].sum()).tolist()),
        tuple((running[:, -1] - allowance.sum()).tolist()),
    )


def told(
    weighing: Weighing, alignment: Alignment, known: Known, posterior: Sequence[float], ahead: int
) -> tuple[tuple[tuple[float, DrawLaw], ...], ...]:
    """Return what a stream tells of each of the coming draws, for `evidence.prediction.foretell`.

    Parameters
    ----------
    posterior
        The stream's posterior for each of `NOISE_RATES`.
    ahead
        Coming draws, at most AHEAD; what is returned has an entry for each.
    """
    n = len(known.values)
    if alignment.skip_min == alignment.skip_max:
        coming = weighing.stream_draws[n : n + ahead].tolist()
        return tuple(tuple(point_laws(value, posterior, known.modulus)) for value in coming)
    model = alignment.path_model(known.modulus)
    laws = [
        [(weight, law) for law in _coming_laws(weighing, known, replace(model, noise=noise), ahead)]
        for noise, weight in zip(NOISE_RATES, posterior, strict=True)
        if weight >= _LEAST_TOLD
    ]
    return tuple(tuple(each[index] for each in laws) for index in range(ahead))


def _coming_laws(
    weighing: Weighing, known: Known, model: skip_paths.PathModel, ahead: int
) -> tuple[DrawLaw, ...]:
    return skip_paths.laws_over_paths(weighing.stream_draws, known.values, model, ahead)
