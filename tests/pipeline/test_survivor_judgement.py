"""The verdict on survivors: one stream has to earn it by itself."""

from __future__ import annotations

import numpy as np
import pytest
from plain_history import history

from seedfleet.evidence import Verdict
from seedfleet.evidence.verdict import Thresholds
from seedfleet.generators import find_preset, reference
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.steps.predict.judgement import judge
from seedfleet.pipeline.steps.predict.turns import Turns
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable

Row = tuple[int, int, int]  # seed, most skips, origin
OWN: tuple[Row, ...] = ((777, 1, 0), (777, 2, 0))


def posterior_of(*rows: Row) -> float:
    """Return that of the best stream among these, on draws that none of them made."""
    told = np.zeros(len(rows), ROW)
    told["seed"], told["skip_max"], told["origin"] = np.array(rows).T
    told["end"] = NO_END
    draws = np.random.default_rng(3).integers(0, 10, size=16).tolist()
    evidence = SurvivorEvidence.of(SurvivorTable(("xorshift32",), (), told), history(draws, 10))
    turns = Turns.of(evidence, evidence.log2_prior)
    return judge(turns, powered=True, goes_on=True).class_posterior


@pytest.mark.parametrize("stranger", [(778, 1, 0), (777, 1, 3)], ids=["seed", "origin"])
def test_two_strangers_do_not_pool_into_one_stream(stranger: Row) -> None:
    alone = posterior_of(*OWN), posterior_of(stranger)
    assert min(alone) > 1e-3 * max(alone) > 0  # else pooling them could not be seen
    together = posterior_of(*OWN, stranger)
    assert together in [pytest.approx(each, rel=1e-6, abs=0) for each in alone]


def test_a_seed_that_begins_a_stream_earlier_counts_with_it() -> None:
    """Seed 777 of xorshift32 leads to the state that its first word is a seed of."""
    later = next(reference.words(find_preset("xorshift32").stream.generator, 777))
    rows: tuple[Row, ...] = ((777, 2, 0), (later, 2, 0))
    alone = [posterior_of(row) for row in rows]
    assert min(alone) > 1e-3 * max(alone) > 0
    assert posterior_of(*rows) == pytest.approx(sum(alone), rel=1e-6, abs=0)


def test_the_laws_of_a_stream_count_together() -> None:
    laws = [posterior_of(row) for row in OWN]
    assert posterior_of(*OWN) == pytest.approx(sum(laws), rel=1e-6, abs=0)


def test_what_an_ended_stream_has_earned_proves_nothing_of_the_one_that_followed() -> None:
    """Eight fitted draws are too few for its own proof, however well it tells those held out."""
    stream, reseeded = find_preset("xorshift32").stream, 82
    parts = (777, reseeded), (778, 100 - reseeded)
    made = [at_positions(stream, seed, 1000, np.arange(count))[0] for seed, count in parts]
    told = np.zeros(2, ROW)
    told["seed"], told["origin"], told["end"] = (777, 778), (0, reseeded), (reseeded, NO_END)
    drawn = history(np.concatenate(made).tolist(), 1000)
    evidence = SurvivorEvidence.of(SurvivorTable(("xorshift32",), (), told), drawn)
    judged = judge(Turns.of(evidence, evidence.log2_prior), powered=True, goes_on=True)
    assert judged.evidence_bits > Thresholds.RECOVERED_FIT_BITS
    assert judged.predictive_bits is not None
    assert judged.predictive_bits > Thresholds.RECOVERED_PREDICTIVE_BITS
    assert judged.class_posterior > Thresholds.RECOVERED_POSTERIOR
    assert judged.verdict is Verdict.SIGNAL
