"""From draws to a verdict, on histories whose answer is known."""

from collections.abc import Sequence
from math import log2
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import history_of, planted_draws, random_draws, silent, with_noise

from seedfleet.evidence import Verdict
from seedfleet.generators import Start, Stream
from seedfleet.generators.boundings import JAVA_NEXT_INT, JAVA_NEXT_INT_DIGITS, MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.pcg import PCG32
from seedfleet.recover import Options, Recovery, Status, recover
from seedfleet.recover.portfolio import planned

pytestmark = pytest.mark.slow

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_SEED = 20_240_229_123


def ask(
    values: NDArray[np.int64],
    *,
    sessions: Sequence[str | None] | None = None,
    machines: Sequence[str | None] | None = None,
    modulus: int = 1000,
    only: frozenset[str] = frozenset(),
    **options: Any,
) -> Recovery:
    chosen: dict[str, Any] = {
        "skips": range(5),
        "searched": frozenset({"java.util.Random"}),
        "variable_skip": None,
        "controls": False,
        "sessions": only,
        **options,
    }
    history = history_of(values, modulus=modulus, sessions=sessions, machines=machines)
    return recover(history, Options(**chosen), progress=silent)


def best(recovery: Recovery) -> tuple[Stream, Start, int, str | None]:
    survivor = recovery.items[0].survivor
    return survivor.stream, survivor.start, survivor.alignment.skip_max, survivor.scope.session


def test_a_variable_skip_needs_a_gap_more_for_every_draw() -> None:
    recovery = ask(random_draws(12), skips=range(1), variable_skip=(0, 8))
    variable = [each for each in recovery.searches if each.coverage.variable_skip is not None]
    assert {each.status for each in variable} == {Status.UNDER_POWERED}
    assert (0, 8) in {each.coverage.variable_skip for each in variable}
    for each in variable:
        # 60 bits of proof, 49 of the start's weight and 15 of the alignment's; of narrow laws, 10.
        alignment = 15 if each.coverage.gaps == 9 else 10
        assert each.draws_needed * log2(1000 / each.coverage.gaps) >= 60 + 49 + alignment


@pytest.mark.parametrize("skip", [0, 3, 15])
@pytest.mark.parametrize("bounding", [JAVA_NEXT_INT, JAVA_NEXT_INT_DIGITS], ids=lambda b: b.name)
def test_clean_draws_are_recovered_and_foretold(bounding: Any, skip: int) -> None:
    stream = Stream(JAVA_RANDOM, bounding)
    truth = planted_draws(stream, _SEED, count=110, skip=skip)
    recovery = ask(truth[:100], skips=range(skip + 1), predictions=10, controls=True)
    assert recovery.verdict is Verdict.RECOVERED
    assert best(recovery) == (stream, _SEED, skip, None)
    assert [prediction.draw for prediction in recovery.predictions] == truth[100:].tolist()
    assert all(prediction.probability > 0.95 for prediction in recovery.predictions)
    controls = [control for record in recovery.searches for control in record.controls]
    assert {control.kind for control in controls} == {"negative", "positive"}
    assert all(control.passed for control in controls)


@pytest.mark.parametrize("noise_seed", [0, 1, 2])
def test_one_draw_in_ten_recorded_wrong(noise_seed: int) -> None:
    truth = planted_draws(_JAVA, _SEED, count=210, skip=2)
    recovery = ask(with_noise(truth[:200], 0.1, seed=noise_seed), predictions=10)
    assert recovery.verdict is Verdict.RECOVERED
    assert best(recovery) == (_JAVA, _SEED, 2, None)
    assert [prediction.draw for prediction in recovery.predictions] == truth[200:].tolist()
    # The rate is learned: a coming draw is recorded right nine times in ten.
    assert all(0.75 < prediction.probability < 0.99 for prediction in recovery.predictions)


def test_sessions_that_share_a_stream() -> None:
    values = planted_draws(_JAVA, _SEED, count=80)
    recovery = ask(values, sessions=["midday", "evening"] * 40)
    assert recovery.verdict is Verdict.RECOVERED
    assert best(recovery) == (_JAVA, _SEED, 0, None)


def test_a_session_with_a_stream_of_its_own() -> None:
    values = random_draws(120)
    truth = planted_draws(_JAVA, _SEED, count=62, skip=1)
    values[1::2] = truth[:60]
    recovery = ask(values, sessions=["midday", "evening"] * 60, predictions=2)
    assert recovery.verdict is Verdict.RECOVERED
    assert recovery.reason == "recovered for session 'evening'; nothing explains session 'midday'"
    assert best(recovery) == (_JAVA, _SEED, 1, "evening")
    assert [prediction.draw for prediction in recovery.predictions] == truth[60:].tolist()


def test_every_session_with_a_stream_of_its_own() -> None:
    values = np.empty(120, dtype=np.int64)
    values[0::2] = planted_draws(_JAVA, 1, count=60)
    values[1::2] = planted_draws(_JAVA, 2, count=60)
    recovery = ask(values, sessions=["midday", "evening"] * 60)
    found = {(item.survivor.scope.session, item.survivor.start) for item in recovery.items}
    assert found == {("midday", 1), ("evening", 2)}
    assert recovery.verdict in (Verdict.RECOVERED, Verdict.SIGNAL)


def test_the_weight_of_a_finding_depends_on_no_option() -> None:
    values = planted_draws(_JAVA, _SEED, count=60, skip=3)
    narrow = ask(values, skips=range(3, 4))
    wide = ask(values, skips=range(20), searched=frozenset({"java.util.Random", "rand48"}))
    assert best(narrow) == best(wide)
    assert narrow.items[0].scored == wide.items[0].scored
    assert narrow.fitted.evidence_bits == wide.fitted.evidence_bits


def test_a_session_too_rare_to_search_still_shares_the_stake() -> None:
    values = planted_draws(_JAVA, _SEED, count=60)
    half = ask(values, sessions=["midday"] * 30 + ["evening"] * 30).items[0].scored
    rare = ask(values, sessions=["midday"] * 59 + ["evening"]).items[0].scored
    # With two sessions in the file, all of them together have half of the stake, however rare one.
    assert rare.log2_weight == half.log2_weight


def test_too_few_draws_say_how_many_would_do() -> None:
    recovery = ask(planted_draws(_JAVA, _SEED, count=10), skips=range(1))
    assert recovery.verdict is Verdict.UNDER_POWERED
    needed = min(record.draws_needed for record in recovery.searches)
    assert recovery.reason == f"10 draws are too few to tell: {needed} or more would do"
    assert all(record.status is Status.UNDER_POWERED for record in recovery.searches)
    enough = ask(planted_draws(_JAVA, _SEED, count=needed), skips=range(1))
    assert enough.verdict is Verdict.RECOVERED


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.zeros(200, dtype=np.int64), "constant"),
        (np.resize(random_draws(7), 200), "periodic"),
    ],
)
def test_draws_that_repeat_are_called_that_and_nothing_else(
    values: NDArray[np.int64], kind: str
) -> None:
    # All generators: a constant history would fit seed 0 of xorshift32 with any evidence.
    recovery = ask(values, searched=frozenset())
    assert recovery.repeats is not None
    assert recovery.repeats.kind == kind
    assert recovery.verdict is Verdict.UNDER_POWERED
    assert recovery.items == ()


def test_a_repeated_block_is_taken_out_first() -> None:
    truth = planted_draws(_JAVA, _SEED, count=125)
    values = np.concatenate([truth[:100], truth[20:40]])
    recovery = ask(values, predictions=1)
    assert recovery.repeats is not None
    assert recovery.repeats.analysed == (0, 100)
    assert recovery.verdict is Verdict.RECOVERED
    assert recovery.items[0].stream_draws[100] == truth[100]
    # The copy may go on or stop: nothing tells which, so nothing is foretold.
    assert [(p.draw, p.probability) for p in recovery.predictions] == [(None, 0.001)]


def test_after_a_repeat_in_the_middle_the_longest_fresh_stretch_speaks_if_it_is_the_last() -> None:
    truth = planted_draws(_JAVA, _SEED, count=225)
    values = np.concatenate([random_draws(30), random_draws(30)[:20], truth[:220]])
    recovery = ask(values, predictions=1)
    assert recovery.repeats is not None
    assert recovery.repeats.analysed == (50, 270)
    assert recovery.verdict is Verdict.RECOVERED
    assert recovery.predictions[0].draw == truth[220]


def test_a_stream_that_has_ended_foretells_nothing() -> None:
    values = np.concatenate([planted_draws(_JAVA, _SEED, count=60), random_draws(40)])
    recovery = ask(values, predictions=2)
    assert recovery.verdict is Verdict.SIGNAL
    assert recovery.reason == (
        "one stream explains draws 0 to 59; nothing that was searched explains the draws after them"
    )
    assert recovery.items[0].survivor.scope.segment == (0, 60)
    assert {p.draw for p in recovery.predictions} == {None}


@pytest.mark.parametrize("ends", [(100,), (60, 130)])
def test_a_generator_seeded_anew_is_recovered_from_seed_to_seed(ends: tuple[int, ...]) -> None:
    starts = (0, *ends)
    parts = [
        planted_draws(_JAVA, _SEED + number, count=202 - start, skip=number)
        for number, start in enumerate(starts)
    ]
    cuts = [stop - start for start, stop in zip(starts, (*ends, 200), strict=True)]
    values = np.concatenate([part[:cut] for part, cut in zip(parts, cuts, strict=True)])
    recovery = ask(values, predictions=2)
    assert recovery.verdict is Verdict.RECOVERED
    found = {
        item.survivor.scope.segment: (item.survivor.start, item.survivor.alignment.skip_max)
        for item in recovery.items
    }
    assert found == {
        (start, stop): (_SEED + number, number)
        for number, (start, stop) in enumerate(zip(starts, (*ends, 200), strict=True))
    }
    assert [p.draw for p in recovery.predictions] == parts[-1][cuts[-1] :][:2].tolist()


@pytest.mark.parametrize(
    ("modulus", "skip", "streams"),
    [
        (100, 3, ((1_727_111_964_210, 100), (1_715_934_675_277, 80), (1_720_550_961_938, 80))),
        (10, 5, ((1_709_275_238_093, 149), (1_711_199_284_828, 174), (1_715_092_016_005, 125))),
        (37, 2, ((1_720_083_266_289, 93), (1_728_481_119_709, 94), (1_734_517_815_011, 99))),
    ],
)
def test_a_stream_whose_first_draw_is_open_is_told_once_with_its_own_seed(
    modulus: int, skip: int, streams: tuple[tuple[int, int], ...]
) -> None:
    # An old stream gives the first draw of a new one by chance, or the new one the old one's last.
    parts = [
        planted_draws(_JAVA, seed, count=count, skip=skip, modulus=modulus)
        for seed, count in streams
    ]
    recovery = ask(np.concatenate(parts), modulus=modulus, skips=range(6))
    assert recovery.verdict is Verdict.RECOVERED
    found = {item.survivor.start: item.survivor.scope.segment for item in recovery.items}
    assert len(recovery.items) == 3
    assert set(found) == {seed for seed, _ in streams}
    assert recovery.items[0].survivor.start == streams[-1][0]
    draws = sum(count for _, count in streams)
    assert found[streams[-1][0]] == (draws - streams[-1][1], draws)


@pytest.mark.parametrize("lost", [(40,), (30, 31, 75), (97,)])
def test_a_stream_of_which_records_are_missing_is_one_stream(lost: tuple[int, ...]) -> None:
    truth = planted_draws(_JAVA, _SEED, count=130, skip=2)
    values = np.delete(truth[:110], lost)
    recovery = ask(values, predictions=3)
    assert recovery.verdict is Verdict.RECOVERED
    assert recovery.reason == "one stream explains the fitted draws and predicts those held out"
    best = recovery.items[0]
    assert (best.survivor.start, best.survivor.scope.part) == (_SEED, None)
    assert best.matches == len(values)
    assert [p.draw for p in recovery.predictions] == truth[110:113].tolist()
    assert recovery.predictive_bits is not None
    assert recovery.predictive_bits < 100.0  # of ten draws


def test_a_stream_whose_last_records_have_a_gap_is_foretold_but_not_yet_proved() -> None:
    truth = planted_draws(_JAVA, _SEED, count=130)
    recovery = ask(np.delete(truth[:110], 100), predictions=1)
    assert recovery.verdict is Verdict.SIGNAL
    assert recovery.items[0].survivor.alignment.jumps == ((100, 1),)
    assert recovery.predictions[0].draw == truth[110]
    # The place of the gap was chosen by these very draws, and that is taken off.
    assert recovery.predictive_bits is not None
    assert recovery.predictive_bits < 99.0 - 15.0


def test_once_streams_explain_all_draws_nothing_more_is_searched() -> None:
    parts = [planted_draws(_JAVA, _SEED + n, count=70, modulus=100) for n in (0, 1, 2)]
    searched = frozenset({"java.util.Random", "xorshift32", "pcg32"})
    recovery = ask(np.concatenate(parts), modulus=100, searched=searched)
    assert recovery.verdict is Verdict.RECOVERED
    # Other names of what was found are looked for where that takes no time, and nothing else.
    others = [
        each
        for each in recovery.searches
        if {stream.generator for stream in each.coverage.streams} != {JAVA_RANDOM}
    ]
    assert len(others) > 3
    assert {each.status for each in others} == {Status.NOT_NEEDED}


def test_a_stream_that_two_searches_tell_of_is_one_bet() -> None:
    # The wrong draw leaves both streams to windows that slide, so that the second one is found
    # among all draws, and again by the search of what the first one leaves.
    parts = [planted_draws(_JAVA, _SEED + number, count=80) for number in (0, 1)]
    values = np.concatenate(parts)
    values[3] = (values[3] + 1) % 1000
    recovery = ask(values)
    found = [
        (each.stream, each.start, each.alignment, each.scope.part)
        for each in (item.survivor for item in recovery.items)
    ]
    assert {_SEED, _SEED + 1} <= {start for _, start, _, _ in found}
    assert len(found) == len(set(found))


def test_a_machine_with_a_stream_of_its_own() -> None:
    values = random_draws(180)
    truth = planted_draws(_JAVA, _SEED, count=61, skip=1)
    values[2::3] = truth[:60]
    recovery = ask(values, machines=["A", "B", "C"] * 60, predictions=1)
    assert recovery.verdict is Verdict.RECOVERED
    survivor = recovery.items[0].survivor
    assert (survivor.scope.machine, survivor.start) == ("C", _SEED)
    assert [p.draw for p in recovery.predictions] == [truth[60]]


def test_two_sessions_with_streams_of_their_own_are_both_recovered_and_foretold() -> None:
    noon = planted_draws(_JAVA, 111, count=62)
    night = planted_draws(_JAVA, 222, count=62, skip=2)
    values = np.stack([noon[:60], night[:60]], axis=1).reshape(-1)
    recovery = ask(values, sessions=["noon", "night"] * 60, predictions=2)
    assert recovery.verdict is Verdict.RECOVERED
    assert recovery.reason == "recovered for session 'noon' and session 'night'"
    told = {(p.session, p.ahead): p.draw for p in recovery.predictions}
    assert told == {
        ("noon", 1): noon[60],
        ("noon", 2): noon[61],
        ("night", 1): night[60],
        ("night", 2): night[61],
    }


def test_rare_and_many_sessions_spoil_nothing() -> None:
    values = planted_draws(_JAVA, _SEED, count=200)
    rare = ["day"] * 200
    rare[10] = rare[120] = "extra"
    assert ask(values, sessions=rare).verdict is Verdict.RECOVERED
    many = [f"hour {i % 8}" for i in range(200)]
    assert ask(values, sessions=many).verdict is Verdict.RECOVERED


def test_a_session_can_be_asked_for_alone_under_the_same_prior() -> None:
    noon = planted_draws(_JAVA, 111, count=60)
    values = np.stack([noon, random_draws(60)], axis=1).reshape(-1)
    names = ["noon", "night"] * 60
    alone = ask(values, sessions=names, only=frozenset({"noon"}))
    every = ask(values, sessions=names)
    assert [scope.session for scope in alone.question.scopes] == ["noon"]
    assert alone.verdict is every.verdict is Verdict.RECOVERED
    assert alone.fitted.evidence_bits == pytest.approx(every.fitted.evidence_bits)


def test_random_draws_give_no_evidence() -> None:
    recovery = ask(random_draws(200), predictions=3, controls=True)
    assert recovery.verdict is Verdict.NO_EVIDENCE
    assert recovery.fitted.evidence_bits <= 0
    assert [(p.draw, p.probability) for p in recovery.predictions] == [(None, 0.001)] * 3
    assert all(record.status is Status.COMPLETED for record in recovery.searches)
    assert all(record.found and record.found.passed == 0 for record in recovery.searches)
    assert all(control.passed for record in recovery.searches for control in record.controls)


def test_where_java_rejects_three_words_in_ten() -> None:
    modulus = 1_500_000_000
    planted = ask(planted_draws(_JAVA, _SEED, count=60, modulus=modulus), modulus=modulus)
    assert planted.verdict is Verdict.RECOVERED  # windows of a few draws have no rejected word
    assert {item.survivor.start for item in planted.items} == {_SEED}
    by_chance = ask(random_draws(60, modulus=modulus), modulus=modulus)
    assert by_chance.verdict is not Verdict.RECOVERED
    assert by_chance.items == ()


def test_a_generator_without_an_attack_is_uncovered() -> None:
    # One bit of a draw modulo 2 is too little for the lattice, and 2**48 seeds are too many.
    recovery = ask(random_draws(60, modulus=2), modulus=2)
    assert recovery.searches == ()
    assert {stream.generator.name for stream in recovery.uncovered} == {"java.util.Random"}
    assert recovery.verdict is Verdict.UNDER_POWERED
    assert "no search is built" in recovery.reason


def test_what_is_left_of_constant_draws_is_too_little_for_a_search_that_is_built() -> None:
    constant = ask(np.full(200, 7), skips=range(501))
    assert constant.verdict is Verdict.UNDER_POWERED
    assert "without the repeats: 1 draw is too few to tell: 17 or more would do" in constant.reason
    assert {record.reason for record in constant.searches} == {"1 draw is too few: 17 would do"}


def test_a_search_that_mostly_misses_says_so() -> None:
    # Three words in ten are rejected; the more draws are skipped, the surer one of them is passed.
    history = history_of(random_draws(200, modulus=1_500_000_000), modulus=1_500_000_000)
    for skips, share in ((range(5), 0.47), (range(501), 0.11)):
        searched = frozenset({"java.util.Random"})
        coverages = planned(history, Options(skips=skips, variable_skip=None, searched=searched))
        powers = [each.power(0.0) for each in coverages if _JAVA in each.streams]
        assert max(powers) == pytest.approx(share, abs=0.01)


def test_seeds_that_only_a_scan_decides_are_scanned() -> None:
    stream = Stream(PCG32, MODULO)
    truth = planted_draws(stream, 4_000_000_007, count=62, skip=1)
    recovery = ask(
        truth[:60],
        searched=frozenset({"pcg32"}),
        scan_skips=range(2),
        noise=0.0,
        predictions=2,
        controls=True,
        budget_s=None,
    )
    assert recovery.verdict is Verdict.RECOVERED
    assert best(recovery) == (stream, 4_000_000_007, 1, None)
    assert [prediction.draw for prediction in recovery.predictions] == truth[60:].tolist()
    record = next(each for each in recovery.searches if each.found is not None)
    assert record.found is not None
    assert record.found.tested == record.coverage.space == 2**32
    assert all(control.passed for control in record.controls)


def test_progress_is_told_from_start_to_end() -> None:
    options = Options(
        skips=range(2), variable_skip=None, searched=frozenset({"java.util.Random"}), controls=False
    )
    shares: list[float] = []
    recover(
        history_of(random_draws(60)),
        options,
        progress=lambda _, share: shares.append(share),
    )
    assert min(shares) > 0
    assert max(shares) == 1.0
