"""What is said of each coming draw, and how well the same would have told draws that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.draws.slices import Slices
from seedfleet.evidence.wrong_matches import matched_by_sums
from seedfleet.generators import find_preset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import Forecast
    from seedfleet.pipeline.steps.predict.turns import Turns
    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["forecast_part", "survivors_part", "test_part"]


def forecast_part(forecast: Forecast, step: int, top: int, modulus: int) -> dict[str, Any]:
    """Say what is told of one coming draw; no value where the null holds half or more."""
    law = forecast.law
    ranked = sorted(law.named.items(), key=lambda each: (-each[1], each[0]))
    value = forecast.value
    named = ranked[:top] if value is not None else []
    return {
        "step": step,
        "value": value,
        "probability": law.probability(value) if value is not None else 1 / modulus,
        "highest_probability": max([law.elsewhere, *(each for _, each in ranked[:1])]),
        "chance": 1 / modulus,
        "null_probability": forecast.null,
        "top": [{"value": value, "probability": probability} for value, probability in named],
        "elsewhere": law.elsewhere,
        "total_probability": sum(law.named.values()) + law.elsewhere * (modulus - len(law.named)),
    }


def test_part(turns: Turns) -> dict[str, Any]:
    """Say how well the draws of the test slice would have been told, each from all before it."""
    part = Slices.of(len(turns.evidence.draws)).test
    uniform = -float(np.log2(turns.evidence.modulus))
    if not len(part):
        return {"draws": 0, "bits": None, "log2_score": None, "uniform_log2_score": uniform}
    bits = turns.log2_total(part.stop) - turns.log2_total(part.start)
    return {
        "draws": len(part),
        "bits": bits,
        "log2_score": uniform + bits / len(part),
        "uniform_log2_score": uniform,
    }


def survivors_part(
    evidence: SurvivorEvidence, posterior: NDArray[np.float64], most: int
) -> list[dict[str, Any]]:
    """List the survivors with the largest posteriors, best first; junk is left out."""
    held = posterior.sum(axis=1)
    order = [row for row in np.argsort(-held, kind="stable")[:most].tolist() if held[row] > 1e-6]
    count = len(evidence.draws)
    hits, told = evidence.hits(range(count)), evidence.told_of(range(count))
    listed = []
    for row in order:
        entry = evidence.table.rows[row]
        preset = find_preset(evidence.table.presets[int(entry["preset"])])
        names = ("seed", "offset", "skip_min", "skip_max", "origin")
        state = evidence.table.states.get(row)
        listed.append(
            {
                "generator": preset.slug,
                "generator_name": preset.stream.generator.name,
                "preset": preset.name,
                **{name: int(entry[name]) for name in names},
                **({} if state is None else {"state": list(state)}),
                "posterior": float(held[row]),
                "matches": int(hits[row]),
                "draws": int(told[row]),
                "matches_by_chance": matched_by_sums(
                    evidence.modulus,
                    int(entry["skip_max"] - entry["skip_min"]) + 1,
                    max(1, int(told[row])),
                ),
            }
        )
    return listed
