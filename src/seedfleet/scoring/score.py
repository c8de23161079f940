"""Two summaries of a survivor that stand beside its features: its score and its confidence.

Both are worked out row by row, so that neither depends on which survivors stand beside it. They
are columns for people and for ranking, never inputs of models.
"""

from __future__ import annotations

from math import log, log2, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights
from seedfleet.evidence.stakes import Bets, log2_stakes
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.scoring.feature_names import SURVIVOR_FEATURES
from seedfleet.scoring.settings import COMPONENTS
from seedfleet.scoring.windows import Windows, digit_chance, digit_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division
    from seedfleet.scoring.settings import ScoringSettings
    from seedfleet.scoring.survivors import Candidates, Compared

    _Column = NDArray[np.float64]

__all__ = ["confidences", "score_components", "scores"]

_AT = {name: place for place, name in enumerate(SURVIVOR_FEATURES)}
_GUMBEL = sqrt(6) / pi  # one over the standard deviation of the standard Gumbel law


def scores(
    compared: Compared,
    candidates: Candidates,
    *,
    draws: NDArray[np.int64],
    modulus: int,
    settings: ScoringSettings,
) -> _Column:
    """Weigh the components: the sum over `COMPONENTS` of weight times component.

    Parameters
    ----------
    compared
        What `survivors.compare` found of the candidates.
    candidates, draws, modulus, settings
        As they were given to it.

    Returns
    -------
    NDArray
        float64 array, shape (n,).
    """
    weights = np.array([settings.weights.get(name, 0.0) for name in COMPONENTS])
    weighed: _Column = score_components(compared, candidates, draws, modulus, settings) @ weights
    return weighed


def confidences(
    compared: Compared,
    candidates: Candidates,
    draws: NDArray[np.int64],
    modulus: int,
    *,
    division: Division,
) -> _Column:
    """Return the posterior of each survivor alone; other survivors have no say.

    Parameters
    ----------
    compared, candidates, draws, modulus
        As for `scores`.
    division
        Of the whole history, of which the draws are a part.

    Returns
    -------
    NDArray
        float64 array, shape (n,), in [0, 1]: ``odds / (1 + odds)``, where ``odds = w LR / |S|``
        are those of this survivor against independent uniform draws by the published prior, LR
        the mean over its noise rates of the likelihood ratios of the slice's matches (along one
        path, with variable skip: ``gaps**-n`` of that).
    """
    odds = log2_stakes(_bets(candidates), division) - log2(NULL_WEIGHT)
    told = compared.explained > 0
    odds[told] += _evidence_bits(compared, candidates, draws, modulus)[told]
    return 1 / (1 + np.exp2(-np.clip(odds, -1000.0, 1000.0)))


def score_components(
    compared: Compared,
    candidates: Candidates,
    draws: NDArray[np.int64],
    modulus: int,
    settings: ScoringSettings,
) -> NDArray[np.float64]:
    """Return what the score adds up, float64 array, shape (n, 6), in the order of `COMPONENTS`.

    Each is about 0, with a spread of about 1, for a stream that has nothing to do with the draws,
    and grows with what it has; except `match`, which is bits a draw. All are 0 of a survivor that
    explains no draw.

    match
        log2 of the likelihood ratio of the exact matches, a draw.
    lanes
        The sum of the three lanes' `match_z`, over the square root of 3.
    coherence
        ``sqrt(2 k - 1) - sqrt(2 n KL)`` of the lane with the fewest residues, ``k`` of them less
        one (Fisher's root of the chi-square that n KL nearly is).
    stability
        z of the exact matches in the worst temporal window.
    digits
        z of the digits that agree in the temporal windows.
    runs
        The longest run of matches against the Gumbel law of the longest one by chance, centred on
        ``log_(1/c)(n (1 - c))`` with c = 1/m, in its standard deviations.
    """
    features, count = compared.features, np.maximum(compared.explained, 1).astype(float)
    chance = 1 / modulus
    size, covered = _windows_of(count, settings)
    lane = int(np.argmin(settings.residue_mods))
    freedom = settings.residue_mods[lane] - 1
    digit = digit_chance(modulus)
    shown = covered * digit_places(modulus)
    z_of_lanes = features[:, [_AT[f"residue_{name}_match_z"] for name in (8, 125, 1000)]]
    divergence = features[:, _AT[f"residue_{(8, 125, 1000)[lane]}_kl_divergence"]]
    worst = features[:, _AT["temporal_exact_min"]] - chance
    agreeing = features[:, _AT["temporal_digit_agreement_mean"]] - digit
    longest = features[:, _AT["longest_match_run"]] * -log(chance)
    centre = np.log(np.maximum(count * (1 - chance), 1.0))
    columns = (
        _evidence_bits(compared, candidates, draws, modulus) / count,
        z_of_lanes.sum(axis=1) / sqrt(3),
        sqrt(2 * freedom - 1) - np.sqrt(2 * count * divergence),
        worst / np.sqrt(chance * (1 - chance) / size),
        agreeing / np.sqrt(digit * (1 - digit) / shown),
        (longest - centre) * _GUMBEL,
    )
    return np.where(compared.explained[:, np.newaxis] > 0, np.stack(columns, axis=1), 0.0)


def _windows_of(count: _Column, settings: ScoringSettings) -> tuple[_Column, _Column]:
    """Return the size of the windows over so many draws, and how many draws they cover."""
    kinds, which = np.unique(count, return_inverse=True)
    windows = [Windows.of(int(draws), settings) for draws in kinds]
    sizes = np.array([float(each.size) for each in windows])
    covered = [
        float(each.covered(int(draws)).sum()) for each, draws in zip(windows, kinds, strict=True)
    ]
    return sizes[which], np.array(covered)[which]


def _evidence_bits(
    compared: Compared, candidates: Candidates, draws: NDArray[np.int64], modulus: int
) -> _Column:
    """Return log2 of the likelihood ratio of the exact matches, over the prior's noise rates."""
    hits = compared.matches.astype(float)
    misses = compared.explained - hits
    rates = []
    for rate, weight in zip(NOISE_RATES, noise_weights(), strict=True):
        bits = hits * log2((1 - rate) * modulus) + log2(weight)
        if rate > 0:
            rates.append(bits + misses * log2(rate * modulus / (modulus - 1)))
        else:
            rates.append(np.where(misses > 0, -np.inf, bits))
    gaps = candidates.skip_max - candidates.skip_min + 1
    total = np.logaddexp2.reduce(rates, axis=0) - compared.explained * np.log2(gaps)
    taken = np.concatenate([[0.0], np.cumsum(allowance_bits(candidates.stream, draws, modulus))])
    first = np.minimum(candidates.origins, len(draws))
    allowed: _Column = total - (taken[first + compared.explained] - taken[first])
    return allowed


def _bets(candidates: Candidates) -> Bets:
    """Return what the prior is asked of; slices have no say in what is the whole history."""
    columns = (candidates.offsets, candidates.skip_min, candidates.skip_max)
    return Bets(
        candidates.stream,
        candidates.seeds,
        np.stack(columns, axis=1),
        (candidates.origins == 0) & (candidates.ends < 0),
        candidates.states,
        candidates.sessions,
    )
