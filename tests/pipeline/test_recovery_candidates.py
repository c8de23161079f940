"""What the document says of survivors: calls, seeds, states, paths, and what draws again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seedfleet.draws import History
from seedfleet.evidence import Verdict, mix
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import AtState, compiled, find_preset
from seedfleet.pipeline import recovery_candidates
from seedfleet.pipeline.recovery_candidates import (
    candidates_part,
    comparison_part,
    findings_part,
)
from seedfleet.recover import Recovery
from seedfleet.recover.judgement import judge
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.generators import Start

pytestmark = pytest.mark.slow  # streams are compiled

_MODULUS = 1000


def _stream_draws(slug: str, start: Start, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    return compiled.at_positions(find_preset(slug).stream, start, _MODULUS, positions)[0]


def _history(values: NDArray[np.int64], machines: tuple[str | None, ...]) -> History:
    days = tuple(date(2015, 1, 1) + timedelta(days=place) for place in range(len(values)))
    nothing = (None,) * len(values)
    return History("draws", "draws", "0" * 64, values, days, nothing, machines, _MODULUS, False, ())


def _recovery(*survivors: Survivor, **fields: Any) -> Recovery:
    scopes = tuple(dict.fromkeys(survivor.scope for survivor in survivors))
    question = Question(_MODULUS, scopes, range(1), range(1))
    division = Division(sum(len(scope.values) for scope in scopes))
    items = tuple(weigh(survivor, question, division) for survivor in survivors)
    mixture = mix([item.scored for item in items], held_out=True)
    return Recovery(
        verdict=Verdict.RECOVERED,
        reason="",
        fitted=mixture,
        known=mixture,
        predictive_bits=None,
        items=items,
        predictions=(),
        searches=(),
        uncovered=(),
        unselected=(),
        repeats=None,
        question=question,
        **fields,
    )


def _whole(values: NDArray[np.int64]) -> tuple[Scope, History]:
    return Scope(values, len(values) - 5), _history(values, (None,) * len(values))


def test_variable_skips_are_told_along_the_likeliest_path() -> None:
    skips = np.random.default_rng(3).integers(0, 4, 60)
    positions = np.cumsum(skips + 1) - 1 + 2
    values = _stream_draws("java_next_int", 20150101, positions)
    # The next output would have done as well, so the last skip is anybody's guess.
    scope, history = _whole(values)
    stream = find_preset("java_next_int").stream
    recovery = _recovery(Survivor(stream, scope, 20150101, Alignment(2, 0, 3)))
    (candidate,) = candidates_part(recovery, history, ())
    assert candidate["path"]["skips"] == skips.tolist()
    assert all(candidate["path"]["certain"])
    assert candidate["alignment"]["skip_max"] == 3
    assert f"{{{', '.join(map(str, skips))}}}" in candidate["members"][0]["program"]
    assert "i < 2; i++" in candidate["members"][0]["program"]
    _, state = compiled.at_positions(stream, 20150101, _MODULUS, positions)
    assert candidate["state"] == [f"0x{state.words[0]:x}"]
    compared = comparison_part(recovery)
    assert compared is not None
    assert compared["predicted"] == compared["observed"] == values.tolist()


def test_a_wrong_draw_leaves_its_position_in_doubt() -> None:
    skips = np.random.default_rng(3).integers(0, 4, 60)
    values = _stream_draws("java_next_int", 20150101, np.cumsum(skips + 1) - 1).copy()
    values[23] = (values[23] + 1) % _MODULUS  # four ways to come by it
    scope, history = _whole(values)
    stream = find_preset("java_next_int").stream
    recovery = _recovery(Survivor(stream, scope, 20150101, Alignment(0, 0, 3)))
    (candidate,) = candidates_part(recovery, history, ())
    in_doubt = [place for place, sure in enumerate(candidate["path"]["certain"]) if not sure]
    assert in_doubt == [23, 24]
    assert candidate["matches"] == 59


def _minstd_states(seed: int, count: int) -> list[int]:
    """Step back by the published recurrence, and return the seeds, the last one first."""
    inverse, seeds = pow(16807, -1, 2**31 - 1), [seed]
    while len(seeds) < count:
        seeds.append(seeds[-1] * inverse % (2**31 - 1))
    return seeds


@pytest.mark.parametrize("wrong", [(), (0,), (25, 30), (7, 59)])
def test_seeds_that_differ_in_the_first_gap_are_one_stream(wrong: tuple[int, ...]) -> None:
    skips = np.random.default_rng(5).integers(0, 9, 60)
    skips[0] = 3
    stream = find_preset("cpp_minstd_rand0").stream
    values = _stream_draws("cpp_minstd_rand0", 1726371691, np.cumsum(skips + 1) - 1).copy()
    values[list(wrong)] = (values[list(wrong)] + 1) % _MODULUS
    scope, history = _whole(values)
    later = 1726371691
    for _ in range(3):
        later = later * 16807 % (2**31 - 1)
    seeds = _minstd_states(later, 9)  # draw 0 is their first output, their second, ...
    starts = [Survivor(stream, scope, seed, Alignment(0, 0, 8)) for seed in sorted(seeds)]
    recovery = _recovery(*starts)
    assert list(recovery.fitted.classes.values()) == [pytest.approx(1)]
    judged = judge(recovery.items, [], [], recovery.question, lambda _: 0.0)
    assert judged.verdict is Verdict.RECOVERED
    (candidate,) = candidates_part(recovery, history, ())
    assert len(candidate["members"]) == 1
    assert candidate["matches"] == 60 - len(wrong)
    assert candidate["path"]["certain"][0] is False
    told = {candidate["seed"], *candidate["nearby_seeds"]}
    if 0 in wrong:  # draw 0 may stand elsewhere, as few of the paths from the farthest starts know
        assert told < set(seeds)
        return
    assert told == set(seeds)
    # The program drops what leads from the seed that is named to the draws.
    assert candidate["seed"] == min(seeds)
    assert candidate["path"]["skips"][0] == seeds.index(min(seeds))


def test_a_stream_that_begins_elsewhere_is_a_rival() -> None:
    skips = np.random.default_rng(5).integers(0, 4, 60)
    values = _stream_draws("java_next_int", 77, np.cumsum(skips + 1) - 1)
    scope, history = _whole(values)
    stream = find_preset("java_next_int").stream
    starts = [Survivor(stream, scope, seed, Alignment(0, 0, 3)) for seed in (77, 78)]
    recovery = _recovery(*starts)
    assert len(recovery.fitted.classes) == 2
    (candidate,) = candidates_part(recovery, history, ())
    assert candidate["nearby_seeds"] == []
    assert candidate["path"]["certain"][0] is True


def test_every_preset_of_the_class_is_named_with_its_own_seed() -> None:
    values = _stream_draws("php_mt_rand", 4711, np.arange(3, 260, 4))
    scope, history = _whole(values)
    stream = find_preset("php_mt_rand").stream
    recovery = _recovery(Survivor(stream, scope, 4711, Alignment(0, 3, 3)))
    (candidate,) = candidates_part(recovery, history, ())
    assert {member["language"] for member in candidate["members"]} == {"PHP", "C++"}
    assert {member["seed"] for member in candidate["members"]} == {4711}
    assert len(candidate["presets"]) == len(candidate["members"]) == 4
    assert candidate["path"] is None
    assert candidate["without_seed"] is None


def test_what_was_asked_for_comes_first_among_what_draws_alike() -> None:
    values = _stream_draws("ruby_rand", 4711, np.arange(80))
    scope, history = _whole(values)
    survivor = Survivor(find_preset("ruby_rand").stream, scope, 4711, Alignment(0, 0, 0))
    ruby, numpy = "r = Random.new(4711); r.rand(1000)", "r = np.random.RandomState(4711)"
    for asked, first in ((("ruby_rand",), ruby), ((), numpy), (("numpy_randint",), numpy)):
        (candidate,) = candidates_part(_recovery(survivor), history, asked)
        assert candidate["reproduce"].startswith(first)
        assert candidate["presets"][0] == candidate["members"][0]["preset"]
        assert len(candidate["members"]) == 2


@pytest.mark.parametrize(
    ("asked", "bounding"), [("mt19937", "word % m"), ("php_mt_rand", "mt_rand(0, m-1)")]
)
def test_what_was_asked_for_speaks_for_streams_that_draw_alike(asked: str, bounding: str) -> None:
    scope, history = _whole(_stream_draws("php_mt_rand", 4711, np.arange(80)))
    slugs = ("php_mt_rand", "mt19937")
    alike = [Survivor(find_preset(each).stream, scope, 4711, Alignment(0, 0, 0)) for each in slugs]
    for survivors in (alike, alike[::-1]):
        recovery = _recovery(*survivors)
        (candidate,) = candidates_part(recovery, history, (asked,))
        assert candidate["bounding"] == bounding
        assert candidate["presets"][0] == find_preset(asked).name
        assert len(candidate["presets"]) == 4
        (finding,) = findings_part(recovery, history, (asked,))
        assert finding["bounding"] == bounding


def _nearest(state: int) -> str:
    """Step back by the published recurrence to the state that srand48 sets."""
    inverse, outputs = pow(0x5DEECE66D, -1, 2**48), 0
    while state % 2**16 != 0x330E:
        state, outputs = (state - 11) * inverse % 2**48, outputs + 1
    return (
        f"seed {state >> 16} leads to this state after {outputs:,} outputs; of all states, "
        f"{(outputs + 1) / 2**16:.1%} have a seed as near"
    )


def test_a_state_is_said_to_have_no_seed_only_as_far_as_was_looked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery_candidates, "_OUTPUTS_BEFORE", 1000)
    start = AtState((12345678901234,))
    values = _stream_draws("c_lrand48", start, np.arange(60))
    scope, history = _whole(values)
    survivor = Survivor(find_preset("c_lrand48").stream, scope, start, Alignment(0, 0, 0))
    (candidate,) = candidates_part(_recovery(survivor), history, ())
    assert candidate["without_seed"] == (
        "none of the 2^32 seeds leads to this state within 1,000 outputs"
    )


def test_a_state_without_seed_is_told_in_words_that_start_the_stream() -> None:
    start = AtState((12345678901234,))
    values = _stream_draws("c_lrand48", start, np.arange(60))
    scope, history = _whole(values)
    survivor = Survivor(find_preset("c_lrand48").stream, scope, start, Alignment(0, 0, 0))
    (candidate,) = candidates_part(_recovery(survivor), history, ())
    assert candidate["seed"] is None
    assert candidate["start_state"] == ["0xb3a73ce2ff2"]
    assert candidate["without_seed"] == _nearest(12345678901234)
    told = {member["language"]: member for member in candidate["members"]}
    assert told["C"]["seed"] is None
    assert told["C"]["program"] is not None
    assert told["Java"]["seed"] == 12345678901234 ^ 0x5DEECE66D


def test_each_part_of_a_history_is_told_with_its_draws_and_dates() -> None:
    stream = find_preset("java_next_int").stream
    machines = ("A", "B") * 60
    values = np.empty(120, dtype=np.int64)
    values[::2] = _stream_draws("java_next_int", 1, np.arange(60))
    values[1::2][:25] = _stream_draws("java_next_int", 2, np.arange(25))
    values[1::2][25:] = _stream_draws("java_next_int", 3, np.arange(35))
    parts = (
        Scope(values[::2], 55, machine="A"),
        Scope(values[1::2][:25], 20, machine="B", segment=(0, 25)),
        Scope(values[1::2][25:], 30, machine="B", segment=(25, 60)),
    )
    survivors = [
        Survivor(stream, scope, seed, Alignment(0, 0, 0))
        for seed, scope in enumerate(parts, start=1)
    ]
    history = _history(values, machines)
    recovery = _recovery(*survivors)
    findings = findings_part(recovery, history, ())
    assert [(each["first"], each["last"], each["seed"]) for each in findings] == [
        (0, 118, 1),
        (1, 49, 2),
        (51, 119, 3),
    ]
    assert findings[1]["dates"] == ["2015-01-02", "2015-02-19"]
    assert findings[2]["segment"] == [25, 60]
    candidates = candidates_part(recovery, history, ())
    for finding in findings:
        assert candidates[finding["candidate"]]["seed"] == finding["seed"]
        assert candidates[finding["candidate"]]["alignment"]["origin"] == finding["first"]


def test_each_of_many_streams_is_described() -> None:
    stream, machines = find_preset("java_next_int").stream, tuple("ABCDEFGHIJKLMN")
    values = np.stack([_stream_draws("java_next_int", n, np.arange(20)) for n in range(14)])
    scopes = [Scope(row, 15, machine=name) for row, name in zip(values, machines, strict=True)]
    survivors = [
        Survivor(stream, scope, seed, Alignment(0, 0, 0)) for seed, scope in enumerate(scopes)
    ]
    history = _history(values.T.ravel(), machines * 20)
    recovery = _recovery(*survivors)
    findings = findings_part(recovery, history, ())
    candidates = candidates_part(recovery, history, ())
    assert [each["machine"] for each in findings] == list(machines)
    told = [candidates[each["candidate"]] for each in findings]
    assert [each["seed"] for each in told] == [each["seed"] for each in findings] == list(range(14))
    assert [each["alignment"]["machine"] for each in told] == list(machines)


def test_missing_records_are_told_by_the_draw_before_them() -> None:
    stream, machines = find_preset("java_next_int").stream, ("A", "B") * 20
    alignment = Alignment(0, 2, 2, ((5, 6), (12, 1)))
    values = np.empty(40, dtype=np.int64)
    values[::2] = _stream_draws("java_next_int", 7, alignment.positions(20))
    values[1::2] = _stream_draws("java_next_int", 8, np.arange(20))
    scope = Scope(values[::2], 15, machine="A")
    recovery = _recovery(Survivor(stream, scope, 7, alignment))
    (candidate,) = candidates_part(recovery, _history(values, machines), ())
    assert candidate["matches"] == 20
    assert candidate["alignment"]["jumps"] == [
        {"after": 8, "outputs": 6, "records": 2},
        {"after": 22, "outputs": 1, "records": None},
    ]
    assert candidate["path"] is None
    program = next(each["program"] for each in candidate["members"] if each["language"] == "Java")
    assert ", 2, 8, 2," in program
    assert ", 2, 3, 2," in program
