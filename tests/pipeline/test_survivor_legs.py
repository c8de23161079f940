"""Rows of one stream with records missing inside it: which they are, and what is said of them."""

from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_history import history
from survivor_runs import found_by_step_0, write_recovery

from seedfleet.evidence import Verdict
from seedfleet.evidence.jump_prior import log2_jump_weight
from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.stakes import start_odds
from seedfleet.evidence.verdict import held_out_draws
from seedfleet.generators import find_preset, presets_of
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.steps.learnable import fitted_beyond
from seedfleet.pipeline.steps.predict.judgement import judge
from seedfleet.pipeline.steps.predict.later_streams import joined_by_later
from seedfleet.pipeline.steps.predict.step import _handed
from seedfleet.pipeline.steps.predict.turns import Turns
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_legs import begun_inside, legs_of
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.pipeline.steps.window.recovered import KnownStream, recovered_streams
from seedfleet.pipeline.steps.window.reseeds import explained_draws
from seedfleet.sieve.weighing import Alignment

SEED, DRAWS, SKIP = 4321, 200, 3

Jumps = tuple[tuple[int, int], ...]


def streams(folder: Path, *jumps: tuple[int, int], offset: int = 0) -> tuple[KnownStream, ...]:
    """Return what a run reads of a recovery of one stream with jumps before these draws."""
    found: dict[str, Any] = found_by_step_0(SEED, draws=DRAWS)
    found["alignment"] |= {"skip_min": SKIP, "skip_max": SKIP, "offset": offset}
    found["alignment"]["jumps"] = [{"after": draw - 1, "outputs": more} for draw, more in jumps]
    files = RunFiles(folder)
    write_recovery(files, [found])
    return recovered_streams(files.recovery, history([0] * DRAWS))


def table_of(*rows: tuple[int, ...]) -> SurvivorTable:
    """Return a table of rows, each with offset, least and most skip, origin and end."""
    table = np.zeros(len(rows), ROW)
    table["seed"] = SEED
    for name, column in zip(
        ("offset", "skip_min", "skip_max", "origin", "end"), zip(*rows, strict=True), strict=True
    ):
        table[name] = column
    return SurvivorTable(("java_lcg",), (), table)


def of_streams(known: tuple[KnownStream, ...], *others: np.void) -> SurvivorTable:
    return SurvivorTable(("java_lcg",), (), np.array([*(each.row(0) for each in known), *others]))


@st.composite
def gaps(draw: Any) -> Jumps:
    places = sorted(draw(st.sets(st.integers(1, DRAWS - 1), min_size=1, max_size=4)))
    sizes = st.integers(-SKIP, 40).filter(bool)
    return tuple((place, draw(sizes)) for place in places)


@pytest.mark.slow
@given(jumps=gaps(), offset=st.integers(-SKIP, 9), turned=st.booleans())
def test_every_part_of_a_stream_goes_on_with_its_first(
    tmp_path_factory: pytest.TempPathFactory, jumps: Jumps, offset: int, turned: bool
) -> None:
    known = streams(tmp_path_factory.getbasetemp(), *jumps, offset=offset)
    legs = legs_of(of_streams(known[::-1] if turned else known))
    first = len(jumps) if turned else 0
    assert {leg.first for leg in legs.values()} == {first}
    assert sorted(leg.jumps for leg in legs.values()) == [
        jumps[:count] for count in range(1, len(jumps) + 1)
    ]


def test_a_stream_that_begins_anew_or_skips_variably_goes_on_with_none() -> None:
    begun_anew = table_of((0, 3, 3, 0, 120), (0, 3, 3, 120, NO_END))
    other_skip = table_of((0, 3, 3, 0, 120), (488, 4, 4, 120, NO_END))
    a_gap_apart = table_of((0, 3, 3, 0, 120), (488, 3, 3, 121, NO_END))
    variable = table_of((0, 0, 3, 0, 120), (488, 0, 3, 120, NO_END))
    for table in (begun_anew, other_skip, a_gap_apart, variable):
        assert legs_of(table) == {}
    assert begun_inside(begun_anew) == ["Streams begin inside the history, at draw 120."]
    gap = table_of((0, 3, 3, 0, 120), (484, 3, 3, 120, NO_END))
    assert begun_inside(gap) == ["Records are missing, or calls more or fewer, before draw 120."]
    assert begun_inside(table_of((0, 3, 3, 0, NO_END))) == []


@pytest.mark.parametrize("jumps", [((120, 4),), ((40, 4), (150, 8))])
@pytest.mark.parametrize("law", [(SKIP, SKIP), (0, 8)])
def test_what_goes_on_after_missing_records_is_found_where_its_stream_is(
    tmp_path: Path, jumps: Jumps, law: tuple[int, int]
) -> None:
    known = streams(tmp_path, *jumps)
    whole, recovery = history([0] * DRAWS), RunFiles(tmp_path).recovery
    alone = of_streams(known)
    assert len(_handed(alone, fitted_beyond(alone, whole, recovery))) == len(known)
    sieved = table_of((0, *law, 0, NO_END)).rows
    sieved["forward_draws"] = 64
    both = of_streams(known, sieved[0])
    assert _handed(both, fitted_beyond(both, whole, recovery)) == set()
    both.rows["seed"][-1] += 1  # another seed is no word for this one
    assert len(_handed(both, fitted_beyond(both, whole, recovery))) == len(known)


def drawn(jumps: Jumps, offset: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    positions = Alignment(offset, SKIP, SKIP, jumps).positions(DRAWS)
    return at_positions(find_preset("java_lcg").stream, SEED, 1000, positions)[0]


@pytest.mark.parametrize("offset", [-2, 0, 7])
def test_a_stream_is_followed_from_where_it_stands(tmp_path: Path, offset: int) -> None:
    draws = drawn(((120, 4),), offset)
    for stream in streams(tmp_path, (120, 4), offset=offset):
        best = {**vars(stream), "generator": "java_lcg", "seed": stream.start}
        explained = explained_draws(best, draws[stream.origin :], 1000)
        assert stream.origin + explained == (120 if stream.end == 120 else DRAWS)


@pytest.mark.parametrize(("place", "end"), [(80, DRAWS), (80, 130), (DRAWS - 15, DRAWS)])
def test_nothing_begins_where_a_stream_goes_on_after_missing_records(
    tmp_path: Path, place: int, end: int
) -> None:
    """Also where nothing made the last draws, or where all that come after are held out."""
    assert DRAWS - 15 > DRAWS - held_out_draws(DRAWS) > 130
    draws = drawn(((place, 4),))
    draws[end:] = np.random.default_rng(1).integers(1000, size=DRAWS - end)
    whole = history(draws.tolist())
    known = streams(tmp_path, (place, 4))
    told = [{**vars(each), "seed": each.start, "sessions": []} for each in known]
    config = {
        "best": {**told[0], "generator": "java_lcg"},
        "evidence_bits": 300.0,
        "known_streams": told,
        "seeds": [0, 5000],
        "sessions": [],
        "skip_law": "constant",
        "window_start": 0,
        "window_size": 64,
        "skip_min": 0,
        "skip_max": 8,
        "forward_threshold": 0.5,
        "reverse_threshold": 0.5,
        "judged_draws": 20,
        "paid_bits": 2.0,
    }
    evidence = SurvivorEvidence.of(of_streams(known), whole)
    assert len(joined_by_later(evidence, evidence.log2_prior, whole, config)[0].table) == 2


@pytest.mark.parametrize("offset", [-2, 0])
@pytest.mark.parametrize("jumps", [((40, 4),), ((40, 4), (150, 8))])
def test_what_goes_on_after_jumps_has_the_stake_of_its_stream_with_them(
    tmp_path: Path, offset: int, jumps: Jumps
) -> None:
    """Or that of a stream which begins there so late, if it is the larger one."""
    draws, stream = history(drawn(()).tolist()), find_preset("java_lcg").stream
    table = of_streams(streams(tmp_path, *jumps, offset=offset))
    whole = log2_alignment_weight(
        presets=len(presets_of(stream)),
        skip_min=SKIP,
        skip_max=SKIP,
        offset=offset,
        part_bits=log2_part_weight(Division(DRAWS), whole=True),
    ) - log2(2 * start_odds(stream.generator, SEED))  # half is on the null
    stretch = -log2(DRAWS * (DRAWS + 1) // 2 - 1)
    own = [SurvivorEvidence.of(table.take(np.array([row])), draws) for row in range(len(table))]
    alone = [float(each.log2_prior[0]) for each in own]
    with_jumps = [
        whole + stretch * (row < len(jumps)) + log2_jump_weight(jumps[:row], skip=SKIP, draws=DRAWS)
        for row in range(len(table))
    ]
    assert alone[0] == pytest.approx(with_jumps[0])
    assert (with_jumps[1] > alone[1]) is (len(jumps) == 1)
    together = SurvivorEvidence.of(table, draws).log2_prior.tolist()
    assert together == pytest.approx(list(map(max, alone, with_jumps)))


def test_a_stream_goes_on_after_a_jump_however_far_it_has_come() -> None:
    """Also where it has passed more outputs than the prior lets a stream begin with."""
    skip, place = 1000, 80
    alignment = Alignment(0, skip, skip, ((place, skip + 1),))
    positions, stream = alignment.positions(141), find_preset("java_lcg").stream
    values, _ = at_positions(stream, SEED, 1000, positions)
    offset = int(positions[place]) - skip
    assert offset > 2**16
    table = table_of((0, skip, skip, 0, place), (offset, skip, skip, place, NO_END))
    evidence = SurvivorEvidence.of(table, history(values[:140].tolist()))
    turns = Turns.of(evidence, evidence.log2_prior)
    judged = judge(turns, powered=True, goes_on=True)
    assert judged.verdict is Verdict.RECOVERED
    posterior, null = evidence.posterior(evidence.log2_prior, range(140))
    assert null < 1e-9
    (coming,) = evidence.coming(posterior, 1)
    assert coming.value == values[140]
