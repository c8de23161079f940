"""Streams that begin after the sieve slice, where the last one that step 1 knows of has ended.

Step 1 looks at the sieve slice alone, and a generator that is seeded anew later, or so shortly
before its end that too few draws are left to tell, is beyond it. Here its sieve is asked again, for
the same seeds of the same generator, from where the stream ends. The draws that the verdict holds
out are not looked at; those of the test slice are, which the count of survivors that were fitted to
them says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence.verdict import held_out_draws
from seedfleet.generators import find_preset
from seedfleet.pipeline.steps.predict.options import PredictError
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import ROW, chosen_draws
from seedfleet.pipeline.steps.window.configuration import Configuration, SkipLaw
from seedfleet.pipeline.steps.window.ground import Family, Ground, Part
from seedfleet.pipeline.steps.window.reseeds import SURE_BITS, streams_in_turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.window.recovered import KnownStream

__all__ = ["joined_by_later"]


def joined_by_later(
    evidence: SurvivorEvidence,
    log2_weights: NDArray[np.float64],
    history: History,
    config: Mapping[str, Any],
) -> tuple[SurvivorEvidence, NDArray[np.float64]]:
    """Join survivors by the streams that follow, each with its own stake of the prior.

    Parameters
    ----------
    log2_weights
        float64 array, shape (n,): those of the survivors.
    history
        The whole cleaned one.
    config
        Step 1's choice, of these draws.

    Returns
    -------
    evidence : SurvivorEvidence
        With rows added behind the others; the same where nothing follows.
    log2_weights : NDArray
        float64 array, as long.

    Raises
    ------
    PredictError
        The choice names a stream, and not what it was found by.
    """
    if config.get("best") is None or (config.get("evidence_bits") or 0.0) <= SURE_BITS:
        return evidence, log2_weights
    try:
        ground, configuration = _asked(history, config)
        best, origin = _last(config)
    except (KeyError, TypeError, ValueError) as error:
        raise PredictError([f"step 1's choice cannot be read: {error!r}"]) from error
    if origin >= len(ground.parts[0].draws):  # it began with a draw that is held out
        return evidence, log2_weights
    streams = streams_in_turn(ground, configuration, best, origin=origin)
    rows = _new_rows(evidence, streams)
    if not len(rows):
        return evidence, log2_weights
    added = SurvivorEvidence.of(replace(evidence.table, rows=rows, states={}), history)
    return evidence.followed_by(added), np.concatenate([log2_weights, added.log2_prior])


def _asked(history: History, config: Mapping[str, Any]) -> tuple[Ground, Configuration]:
    """Return step 1's sieve, on all draws but those held out."""
    first, last = config["seeds"]
    sessions, law = tuple(config["sessions"]), SkipLaw(config["skip_law"])
    family = Family(config["best"]["generator"], range(first, last + 1), (law,))
    draws = chosen_draws(history, sessions)
    part = replace(
        Part.of(history, sessions), draws=draws[: len(draws) - held_out_draws(len(draws))]
    )
    judged, paid_bits = int(config["judged_draws"]), float(config["paid_bits"])
    ground = Ground(history.modulus, (part,), (family,), judged, paid_bits)
    window = (int(config[name]) for name in ("window_start", "window_size"))
    skips = (int(config[name]) for name in ("skip_min", "skip_max"))
    thresholds = (float(config[f"{part}_threshold"]) for part in ("forward", "reverse"))
    return ground, Configuration(sessions, law, *window, *skips, *thresholds)


def _last(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """Return the stream that made the last draws of the sieve slice, and where it began."""
    best = config["best"]
    streams = [
        {**each, "generator": each["preset"]}
        for each in config.get("known_streams", ())
        if each["preset"] == best["generator"] and each["seed"] is not None
    ]
    last = max(streams, key=lambda each: int(each["origin"]), default={**best, "origin": 0})
    return last, int(last["origin"])


def _new_rows(evidence: SurvivorEvidence, streams: tuple[KnownStream, ...]) -> NDArray[np.void]:
    """Return the streams that no survivor is yet; none of a preset that no survivor is of."""
    table = evidence.table
    codes = {find_preset(name).stream: code for code, name in enumerate(table.presets)}
    names = ["preset", "seed", "offset", "origin"]
    known = {tuple(row) for row in table.rows[names].tolist()}
    told = [
        stream.row(codes[find_preset(stream.preset).stream])
        for stream in streams
        if find_preset(stream.preset).stream in codes
    ]
    new = [row for row in told if tuple(row[names].tolist()) not in known]
    return np.array(new, dtype=ROW)
