"""Seeds that dates give: rules, what is found under them, and that chance earns nothing."""

import datetime as dt
from collections.abc import Sequence
from itertools import product
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted import UNWATCHED, random_draws

from seedfleet.evidence import mix, predictive_bits
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.prediction import foretell
from seedfleet.generators import Stream, compiled
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover.dated import DatedQuestion, coming_laws, dated_findings
from seedfleet.recover.dated_rules import DatedRule, SeedTable, parse_formula, parse_table
from seedfleet.recover.options import OptionsError
from seedfleet.recover.scope import Scope

_TWISTER, _JAVA = Stream(MT19937, MODULO), Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_SHIFT = Stream(XORSHIFT32, MODULO)
_FIRST = dt.date(2015, 1, 1)


def days(count: int, each: int) -> list[dt.date | None]:
    return [_FIRST + dt.timedelta(index) for index in range(count) for _ in range(each)]


def draws_of(
    stream: Stream, seeds: Sequence[int], each: int, *, offset: int = 0, skip: int = 0
) -> NDArray[np.int64]:
    positions = offset + skip + np.arange(each) * (skip + 1)
    return np.concatenate([compiled.at_positions(stream, s, 1000, positions)[0] for s in seeds])


def ask(
    values: NDArray[np.int64],
    rule: DatedRule,
    each: int,
    *,
    modulus: int = 1000,
    skips: range = range(3),
    offsets: range = range(2),
) -> DatedQuestion:
    return DatedQuestion(
        modulus=modulus,
        scope=Scope(values, len(values) - 5),
        dates=days(len(values) // each, each),
        rule=rule,
        division=Division(len(values)),
        skips=skips,
        offsets=offsets,
    )


def test_the_formula_behind_dated_draws_is_found_with_its_stream_and_alignment() -> None:
    rule = parse_formula("year*10000 + month*100 + day")
    seeds = [int(f"{day:%Y%m%d}") for day in days(40, 1) if day]
    values = draws_of(_TWISTER, seeds, 3, offset=1, skip=2)
    values[[4, 50]] = (values[[4, 50]] + 1) % 1000  # two wrong records
    question = ask(values, rule, 3)
    found = dated_findings([_JAVA, _TWISTER], question, UNWATCHED)
    assert len(found) == 2 * 6
    best = found[0]
    assert (best.stream, best.alignment.offset, best.alignment.skip_max) == (_TWISTER, 1, 2)
    mixture = mix([each.scored for each in found], held_out=False)
    assert mixture.evidence_bits > 40
    assert mixture.classes[best.scored.equivalence] > 0.999
    predictive = predictive_bits([each.scored for each in found])
    assert predictive is not None
    assert predictive > 20
    named = best.seeds()
    assert [each.seed for each in named] == seeds
    assert sum(each.matches for each in named) == 118
    following = _FIRST + dt.timedelta(40)
    known = mix([each.scored for each in found], held_out=True)
    told = coming_laws(best, known.posterior[0], following, 3)
    said = [foretell(laws, 1000).value for laws in told]
    assert said == draws_of(_TWISTER, [int(f"{following:%Y%m%d}")], 3, offset=1, skip=2).tolist()
    # The ratios are those of the matches: one seed a date is no choice.
    assert best.scored.known_bits == pytest.approx(bits_of_matches(118, 120, 1000), abs=1e-2)
    assert best.scored.seed_space == 4 * 2 * 32 ** (15 + 1)


@pytest.mark.parametrize("stream", [_SHIFT, _JAVA], ids=["xorshift32", "java"])
def test_dates_with_many_seeds_are_scanned_to_the_same_sums(stream: Stream) -> None:
    rng = np.random.default_rng(3)
    starts = rng.integers(0, 2**31, 4).tolist()
    true = [start + 50 + 9 * index for index, start in enumerate(starts)]
    values = draws_of(stream, true, 3, offset=1)
    values[1] = (values[1] + 1) % 1000
    rows = {day: (range(s, s + 100),) for day, s in zip(days(4, 1), starts, strict=True) if day}
    question = ask(values, SeedTable("table", rows), 3)
    found = dated_findings([stream], question, UNWATCHED)
    assert (found[0].alignment.offset, found[0].alignment.skip_max) == (1, 0)
    named = found[0].seeds()
    assert [each.seed for each in named] == true
    # Of the date with a wrong record: one seed gives two of three draws, others one or none.
    noise = int(np.argmax(found[0].scored.known_bits))
    every = [draws_of(stream, [seed], 3, offset=1) for seed in range(starts[0], starts[0] + 100)]
    each = [bits_of_matches(int((own == values[:3]).sum()), 3, 1000)[noise] for own in every]
    assert named[0].matches == 2
    assert named[0].posterior == pytest.approx(np.exp2(each).max() / np.exp2(each).sum(), rel=1e-9)
    # By hand, all seeds of all dates; the five held-out draws part the third date.
    for finding in found:
        alignment = finding.alignment
        for fitted, bits in ((7, finding.scored.fitted_bits), (12, finding.scored.known_bits)):
            total = np.zeros(5)
            for index, start in enumerate(starts):
                size = max(0, min(3, fitted - 3 * index))
                own = values[3 * index : 3 * index + size]
                ratios = []
                for seed in range(start, start + 100):
                    drawn = draws_of(
                        stream, [seed], 3, offset=alignment.offset, skip=alignment.skip_max
                    )
                    k = int((drawn[:size] == own).sum())
                    ratios.append(np.exp2(np.array(bits_of_matches(k, size, 1000))))
                with np.errstate(divide="ignore"):
                    total += np.log2(np.mean(ratios, axis=0))
            assert bits == pytest.approx(total.tolist(), abs=1e-3)


def test_random_draws_and_the_wrong_rule_earn_nothing() -> None:
    rule = parse_formula("year*10000+month*100+day")
    right = draws_of(_TWISTER, [int(f"{day:%Y%m%d}") for day in days(40, 1) if day], 3)
    for values, asked in ((random_draws(120), rule), (right, parse_formula("ordinal+0..3"))):
        found = dated_findings([_TWISTER], ask(values, asked, 3), UNWATCHED)
        assert len(found) == 6
        assert mix([each.scored for each in found], held_out=True).evidence_bits < 0


def staked(question: DatedQuestion, streams: Sequence[Stream]) -> float:
    """Return what the prior stakes on all that is asked, the null's half taken out."""
    nothing = DatedQuestion(
        modulus=question.modulus,
        scope=Scope(np.zeros(0, dtype=np.int64), 0),
        dates=[],
        rule=question.rule,
        division=question.division,
        skips=question.skips,
        offsets=question.offsets,
    )
    assert dated_findings(streams, nothing, UNWATCHED) == ()
    found = dated_findings(streams, question, UNWATCHED)
    return float(sum(2.0**each.scored.log2_weight / each.scored.seed_space for each in found)) / 2


@pytest.mark.parametrize("planted_error", [1, 2])
def test_over_all_histories_the_bets_pay_what_was_staked(planted_error: int) -> None:
    # Three dates of two coin tosses: 64 histories, so that the mean is exact. A date has seeds 5 to
    # 7 or one, and one has none.
    rows = {_FIRST: (range(5, 8),), _FIRST + dt.timedelta(2): (range(9, 10),)}
    table = SeedTable("table", rows)
    paid, stake = [], 0.0
    for drawn in product(range(2), repeat=6):
        question = ask(np.array(drawn), table, 2, modulus=2)
        stake = stake or staked(question, [_SHIFT])
        found = dated_findings([_SHIFT], question, UNWATCHED)
        terms = [bits for each in found for bits in each.scored.stakes(held_out=True)]
        paid.append(planted_error * float(np.exp2(terms).sum()))
    assert np.std(paid) > 0.1 * stake
    kept = abs(np.mean(paid) / stake - 1) < 1e-6
    assert kept == (planted_error == 1)


def test_equal_streams_are_one_finding() -> None:
    rule = parse_formula("ordinal")
    found = dated_findings(
        [_TWISTER], ask(random_draws(12), rule, 3, skips=range(1), offsets=range(1)), UNWATCHED
    )
    again = dated_findings(
        [_TWISTER, _JAVA],
        ask(random_draws(12), rule, 3, skips=range(1), offsets=range(1)),
        UNWATCHED,
    )
    classes = [each.scored.equivalence for each in again]
    assert found[0].scored.equivalence in classes
    assert len(set(classes)) == 2


@given(date=st.dates(dt.date(1970, 1, 1)))
def test_formulas_are_arithmetic_on_the_parts_of_a_date(date: dt.date) -> None:
    for text, expected in (
        (
            "year * 10000 + month*100 + day",
            int(f"{date:%d}") + 100 * date.month + 10**4 * date.year,
        ),
        ("unix", (date - dt.date(1970, 1, 1)).days * 86400),
        ("(ordinal - -3) // 2 % 1000", (date.toordinal() + 3) // 2 % 1000),
        ("weekday+7*yday", date.weekday() + 7 * date.timetuple().tm_yday),
    ):
        (seeds,) = parse_formula(text).seeds_of(date)
        assert seeds == range(expected, expected + 1)
    (seeds,) = parse_formula("unix + 0..86399").seeds_of(date)
    assert (seeds[0] % 86400, len(seeds)) == (0, 86400)


def test_a_formula_says_nothing_where_it_has_no_seed() -> None:
    assert parse_formula("day - 20").seeds_of(dt.date(2020, 5, 3)) == ()
    assert parse_formula("7 // (day - 3)").seeds_of(dt.date(2020, 5, 3)) == ()
    assert parse_formula("year*10000000000000000000").seeds_of(dt.date(2020, 5, 3)) == ()


@pytest.mark.parametrize(
    "text",
    ["", "__import__('os')", "year**9", "hour", "day/2", "day if day else 1", "True", "1.5", "'a'"],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(OptionsError):
        parse_formula(text)


def test_bad_ranges_and_lengths_of_formulas_are_refused() -> None:
    for text in ("unix+5..3", "unix+0..99999999", "day+" * 60 + "1"):
        with pytest.raises(OptionsError):
            parse_formula(text)


def test_longer_formulas_weigh_less() -> None:
    short, spaced, longer = (parse_formula(text).odds for text in ("day+1", " day + 1", "day+11"))
    assert short == spaced == 8 * 32**4
    assert longer == 32 * short
    assert log2(parse_table("2020-01-01,5", "t").odds) == 3


def test_tables_are_read_from_csv_and_json() -> None:
    one, two = dt.date(2020, 1, 1), dt.date(2020, 1, 2)
    expected = {one: (range(5, 6),), two: (range(7, 8), range(9, 13))}
    for text in (
        "date,seed\n2020-01-01,5\n2020-01-02,7,9..12\n",
        '{"2020-01-01": 5, "2020-01-02": [7, "9..12"]}',
    ):
        table = parse_table(text, "seeds")
        assert table.rows == expected
        assert table.seeds_of(two) == expected[two]
        assert table.seeds_of(dt.date(2020, 1, 3)) == ()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("2020-01-01,5\n2020-01-01,6", ["t: 2020-01-01: 2020-01-01 has come before"]),
        ("2020-13-01,5\n2020-01-01,x", ["month must be in 1..12", "'x' is no seed"]),
        ("2020-01-01", ["no seed"]),
        ("", ["it lists no date"]),
        ("[1]", ["one object"]),
        ('{"2020-01-01": ', ["Expecting value"]),
        ('{"2020-01-01": [true, 5]}', ["True is no seed"]),
        ("2020-01-01,9..3", ["9..3 is not within"]),
    ],
)
def test_what_is_wrong_with_a_table_is_told_together(text: str, problems: list[str]) -> None:
    with pytest.raises(OptionsError) as caught:
        parse_table(text, "t")
    assert len(caught.value.problems) == len(problems)
    for told, expected in zip(caught.value.problems, problems, strict=True):
        assert expected in told
