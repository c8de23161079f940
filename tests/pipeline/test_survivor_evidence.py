"""Many survivors' evidence at once, against one stream after the other, weighed and mixed."""

from dataclasses import replace
from math import log2

import numpy as np
import pytest
from numpy.typing import NDArray
from plain_history import history

from seedfleet.draws import History
from seedfleet.evidence import Scored, mix
from seedfleet.evidence import predictive_bits as mixed_predictive_bits
from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.prediction import DrawLaw, foretell
from seedfleet.evidence.prior import NULL_WEIGHT, log2_alignment_weight, noise_weights
from seedfleet.evidence.stakes import start_odds
from seedfleet.generators import AtState, find_preset, presets_of
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.sieve.rows import constant_skip_positions
from seedfleet.sieve.weighing import Alignment, Known, told, weigh

Entry = tuple[str, int, int, int, int, int, int]  # preset, seed, offset, skips, origin, end


def table_of(*entries: Entry, sessions: tuple[str, ...] = ()) -> SurvivorTable:
    presets = tuple(dict.fromkeys(entry[0] for entry in entries))
    rows = np.zeros(len(entries), ROW)
    for row, (preset, *numbers) in enumerate(entries):
        rows[row]["preset"] = presets.index(preset)
        for name, number in zip(
            ("seed", "offset", "skip_min", "skip_max", "origin", "end"), numbers, strict=True
        ):
            rows[row][name] = number
    return SurvivorTable(presets, sessions, rows)


def planted(
    preset: str, seed: int, skip: int, count: int, *, modulus: int = 1000, wrong: int = 0
) -> NDArray[np.int64]:
    positions = constant_skip_positions(count, skip)
    draws, _ = at_positions(find_preset(preset).stream, seed, modulus, positions)
    draws[: 7 * wrong : 7] = (draws[: 7 * wrong : 7] + 1) % modulus
    return draws


def weighed(table: SurvivorTable, whole: History, row: int, fitted: int) -> Scored:
    """Score one row as the searches do, on its part of the draws."""
    entry = table.rows[row]
    origin = int(entry["origin"])
    end = len(whole) if entry["end"] == NO_END else int(entry["end"])
    stream, start = table.stream(int(entry["preset"])), table.start(row)
    alignment = Alignment(int(entry["offset"]), int(entry["skip_min"]), int(entry["skip_max"]))
    known = Known(whole.values[origin:end], whole.modulus, range(max(0, min(fitted, end) - origin)))
    weighing = weigh(stream, start, alignment, known)
    return Scored(
        equivalence=row,
        log2_weight=log2_alignment_weight(
            presets=len(presets_of(stream)),
            skip_min=alignment.skip_min,
            skip_max=alignment.skip_max,
            offset=alignment.offset,
            part_bits=log2_part_weight(
                Division.of(whole.sessions, whole.machines), whole=origin == 0 and end == len(whole)
            ),
        ),
        seed_space=start_odds(stream.generator, start),
        fitted_bits=weighing.fitted_bits,
        known_bits=weighing.known_bits,
    )


CONSTANT = table_of(
    ("java_lcg", 777, 0, 2, 2, 0, NO_END),
    ("java_lcg", 778, 0, 2, 2, 0, NO_END),
    ("java_lcg", 777, 3, 1, 1, 0, NO_END),
    ("mt19937", 9, 0, 0, 0, 0, NO_END),
    ("java_lcg", 777, 0, 2, 2, 0, 40),
    ("msvc_rand", 5, 1, 0, 0, 30, NO_END),
)
VARIABLE = table_of(
    ("java_lcg", 777, 0, 0, 4, 0, NO_END),
    ("java_lcg", 779, 2, 1, 3, 0, NO_END),
    ("java_lcg", 777, 0, 0, 4, 10, 60),
    ("msvc_rand", 777, 0, 2, 2, 0, NO_END),
)


@pytest.mark.parametrize("table", [CONSTANT, VARIABLE], ids=["constant", "variable"])
def test_prior_and_ratios_are_those_of_each_stream_by_itself(table: SurvivorTable) -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    evidence = SurvivorEvidence.of(table, whole)
    fitted, rest = range(70), range(70, 90)
    for row in range(len(table)):
        alone = weighed(table, whole, row, 70)
        stake = log2(1 - NULL_WEIGHT) + alone.log2_weight - log2(alone.seed_space)
        assert evidence.log2_prior[row] == pytest.approx(stake)
        known = evidence.log2_joint(fitted, rest)[row]
        kept = np.maximum(known, -80) > -80  # where a stream may not have been given up
        np.testing.assert_allclose(known[kept], np.array(alone.known_bits)[kept], atol=1e-6)
        assert np.array(alone.known_bits)[~kept].max(initial=-99) < -79
        first = evidence.log2_ratios(fitted)[row]
        np.testing.assert_allclose(first[kept], np.array(alone.fitted_bits)[kept], atol=1e-6)
        later = evidence.log2_ratios(rest)[row]
        np.testing.assert_allclose((first + later)[kept], known[kept], atol=1e-6)


@pytest.mark.parametrize("table", [CONSTANT, VARIABLE], ids=["constant", "variable"])
def test_what_is_predicted_is_what_the_mixture_predicts(table: SurvivorTable) -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    evidence = SurvivorEvidence.of(table, whole)
    going_on = [row for row in range(len(table)) if evidence.ends[row] > 70]
    items = [weighed(table, whole, row, 70) for row in going_on]
    fitted, known = mix(items, held_out=False), mix(items, held_out=True)
    expected = known.evidence_bits - fitted.evidence_bits
    earned = (evidence.log2_mixed(range(stop))[going_on] for stop in (70, 90))
    weights = evidence.log2_prior[going_on]
    first, both = (
        np.logaddexp2.reduce(weights + bits, initial=log2(NULL_WEIGHT)) for bits in earned
    )
    assert both - first == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(mixed_predictive_bits(items), abs=1e-3)
    on = [row for row in range(len(table)) if evidence.goes_on[row]]
    mixture = mix([weighed(table, whole, row, 70) for row in on], held_out=True)
    posterior, null = evidence.posterior(evidence.log2_prior, range(90))
    assert null == pytest.approx(mixture.null(None))
    np.testing.assert_allclose(posterior[on], mixture.posterior, atol=1e-9)


def test_draws_between_two_ranges_are_unknown() -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    constant = SurvivorEvidence.of(CONSTANT, whole)
    parts = range(10, 30), range(50, 80)
    np.testing.assert_allclose(
        constant.log2_joint(*parts),
        constant.log2_joint(parts[0]) + constant.log2_joint(parts[1]),
    )
    assert constant.hits(range(10, 30))[0] == 17  # draws 14, 21 and 28 are wrong
    variable = SurvivorEvidence.of(VARIABLE, whole)
    together = variable.log2_joint(*parts)[0]
    assert np.all(together[1:] > 300)
    assert np.all(together[1:] < constant.log2_joint(*parts)[0][1:])  # paths have to be told


def test_a_stream_counts_once() -> None:
    # 2**48 + 1 is the seed 1 again; offset 3 with skip 2 is the stream that starts with skip 5.
    entries = (
        ("java_lcg", 1, 0, 2, 2, 0, NO_END),
        ("java_lcg", 2**48 + 1, 0, 2, 2, 0, NO_END),
        ("java_lcg", 1, 0, 2, 2, 0, 50),
        ("java_lcg", 1, 0, 0, 2, 0, NO_END),
        ("java_lcg", 1, 0, 0, 2, 0, NO_END),
    )
    evidence = SurvivorEvidence.of(table_of(*entries), history([1, 2, 3] * 20))
    assert np.isfinite(evidence.log2_prior).tolist() == [True, False, True, True, False]
    assert len(set(evidence.digests.tolist())) == 3


def test_a_stream_of_two_tables_that_are_joined_counts_once() -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    entries = [("java_lcg", seed, 0, 2, 2, 0, NO_END) for seed in (777, 778, 779)]
    both = table_of(*entries)
    first = SurvivorEvidence.of(table_of(*entries[:2]), whole)
    other = SurvivorEvidence.of(table_of(entries[0], entries[2]), whole)
    joined, expected = first.followed_by(other), SurvivorEvidence.of(both, whole)
    assert np.isfinite(joined.log2_prior).tolist() == [True, True, False, True]
    known = range(90)
    posterior, null = joined.posterior(joined.log2_prior, known)
    alone, alone_null = expected.posterior(expected.log2_prior, known)
    np.testing.assert_allclose(posterior[[0, 1, 3]], alone)
    assert null == pytest.approx(alone_null)


def test_of_equal_streams_the_one_with_the_largest_stake_counts() -> None:
    # In java_lcg the state 777 is the seed 777; the prior takes a seed to be likelier than a state.
    entry, whole = ("java_lcg", 777, 0, 2, 2, 0, NO_END), history([1, 2, 3] * 20)
    alone = [
        SurvivorEvidence.of(replace(table_of(entry), states=states), whole).log2_prior[0]
        for states in ({}, {0: (777,)})
    ]
    assert alone[0] != alone[1]
    for stateful in (0, 1):
        table = replace(table_of(entry, entry), states={stateful: (777,)})
        log2_prior = SurvivorEvidence.of(table, whole).log2_prior
        assert log2_prior.max() == max(alone)
        assert np.isfinite(log2_prior).sum() == 1
    assert SurvivorEvidence.of(table_of(entry, entry), whole).log2_prior[0] == alone[0]


def test_a_state_counts_as_its_seed_does() -> None:
    stream = find_preset("java_lcg").stream
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    table = table_of(*[("java_lcg", 777, 0, 2, 2, 0, NO_END)] * 2)
    table = replace(table, states={1: (777,)})
    evidence = SurvivorEvidence.of(table, whole)
    assert evidence.digests[0] == evidence.digests[1]
    hits = evidence.hits(range(90))
    assert hits[0] == hits[1] == 84
    alone = SurvivorEvidence.of(table.take(np.array([1])), whole)
    stake = evidence.log2_prior[0] + log2(start_odds(stream.generator, 777))
    assert alone.log2_prior[0] == pytest.approx(
        stake - log2(start_odds(stream.generator, AtState((777,))))
    )


def test_labels_are_what_a_draw_is_worth() -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    constant = SurvivorEvidence.of(CONSTANT, whole)
    labels = constant.labels(range(60, 80))
    assert labels[0] == 1.0
    assert labels[1] < 0.1
    assert labels[4] == 1 / 1000  # its stream ended at draw 40
    variable = SurvivorEvidence.of(VARIABLE, whole).labels(range(60, 80))
    assert log2(1000 / 5) - 1 < variable[0] < log2(1000 / 5) + 0.1
    assert variable[2] == 0


def test_labels_of_a_table_have_one_unit_whatever_its_skips() -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    entries = [
        ("java_lcg", 777, 0, 2, 2, 0, NO_END),
        ("java_lcg", 777, 0, 0, 4, 0, NO_END),
        ("java_lcg", 778, 0, 2, 2, 0, NO_END),
        ("java_lcg", 777, 0, 2, 2, 0, 40),
    ]
    right, pathwise, wrong, ended = SurvivorEvidence.of(table_of(*entries), whole).labels(
        range(60, 80)
    )
    # The same stream: knowing its gaps is worth log2 5 a draw more than having to find them.
    assert right - pathwise == pytest.approx(log2(5), abs=0.1)
    assert right == pytest.approx(log2(1000), abs=0.2)
    assert wrong < 0.1
    assert ended == 0


def test_the_sessions_of_a_table_are_its_draws() -> None:
    draws = planted("java_lcg", 777, 2, 40)
    mixed = np.stack([draws, draws[::-1]], axis=1).ravel().tolist()
    whole = history(mixed, sessions=("midday", "evening") * 40)
    entry = ("java_lcg", 777, 0, 2, 2, 0, NO_END)
    evidence = SurvivorEvidence.of(table_of(entry, sessions=("midday",)), whole)
    assert evidence.hits(range(40)).tolist() == [40]
    division = Division.of(whole.sessions, whole.machines)
    part = log2_part_weight(division, sessions=1, whole=True)
    plain = SurvivorEvidence.of(table_of(entry), history(draws.tolist()))
    expected = part - log2_part_weight(Division(40), whole=True)
    assert evidence.log2_prior[0] - plain.log2_prior[0] == pytest.approx(expected)


def test_no_survivors_leave_the_null_alone() -> None:
    evidence = SurvivorEvidence.of(table_of(), history([1, 2, 3] * 20))
    posterior, null = evidence.posterior(evidence.log2_prior, range(60))
    assert (posterior.shape, null) == ((0, len(noise_weights())), 1.0)


@pytest.mark.parametrize(("table", "lift"), [(CONSTANT, 40), (VARIABLE, 58)])
def test_coming_draws_are_those_that_each_stream_tells(table: SurvivorTable, lift: int) -> None:
    whole = history(planted("java_lcg", 777, 2, 12, modulus=10, wrong=1).tolist(), modulus=10)
    evidence = SurvivorEvidence.of(table, whole)
    weights = evidence.log2_prior + lift  # so that several survivors have a say
    posterior, null = evidence.posterior(weights, range(12))
    assert 1e-3 < null < 0.999
    alone: list[list[tuple[float, DrawLaw]]] = [[] for _ in range(3)]
    for row in np.flatnonzero(evidence.goes_on).tolist():
        entry = table.rows[row]
        alignment = Alignment(int(entry["offset"]), int(entry["skip_min"]), int(entry["skip_max"]))
        origin = int(entry["origin"])
        known = Known(whole.values[origin:], 10, range(12 - origin))
        weighing = weigh(table.stream(int(entry["preset"])), table.start(row), alignment, known)
        laws = told(weighing, alignment, known, posterior[row].tolist(), 3)
        for own, more in zip(alone, laws, strict=True):
            own.extend(more)
    for ours, theirs in zip(evidence.coming(posterior, 3), alone, strict=True):
        expected = foretell(theirs, 10)
        assert ours.null == pytest.approx(null) == pytest.approx(expected.null)
        for value in range(10):
            assert ours.law.probability(value) == pytest.approx(expected.law.probability(value))
        assert sum(ours.law.probability(value) for value in range(10)) == pytest.approx(1)


def test_a_planted_stream_tells_the_next_draws() -> None:
    draws = planted("java_lcg", 777, 2, 95)
    evidence = SurvivorEvidence.of(CONSTANT, history(draws[:90].tolist()))
    posterior, null = evidence.posterior(evidence.log2_prior, range(90))
    assert null < 1e-9
    coming = evidence.coming(posterior, 5)
    assert [each.value for each in coming] == draws[90:].tolist()
    with pytest.raises(ValueError, match="1 to 1000 draws"):
        evidence.coming(posterior, 1001)


@pytest.mark.parametrize("table", [CONSTANT, VARIABLE], ids=["constant", "variable"])
def test_running_ratios_are_those_of_the_draws_so_far(table: SurvivorTable) -> None:
    whole = history(planted("java_lcg", 777, 2, 90, wrong=6).tolist())
    evidence = SurvivorEvidence.of(table, whole)
    for row in range(len(table)):
        running = evidence.running(row)
        for stop in (0, 1, 35, 90):
            expected = evidence.log2_joint(range(stop))[row]
            np.testing.assert_allclose(running[stop], expected, atol=1e-9)
