"""Seed scans: every covered seed decided, with windows, offsets and controls that can fail."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planted import UNWATCHED, planted_draws, question, random_draws

from seedfleet.generators import Generator, Stream, compiled
from seedfleet.generators.boundings import (
    BIT_COUNT,
    FLOOR_26_27,
    FLOOR_27_26,
    LEMIRE,
    MASK,
    MODULO,
    PHP_RANGE,
)
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.mt19937 import MT19937, MT19937_BY_ARRAY
from seedfleet.generators.families.pcg import NUMPY_PCG64, PCG32
from seedfleet.generators.families.xorshift import XORSHIFT32, XORSHIFT64
from seedfleet.recover.scans import seed_scan
from seedfleet.recover.scans.rates import scan_s
from seedfleet.recover.scans.seed_scan import SeedScan, scan_problems, seed_scans
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question, Search
from seedfleet.sieve import CpuBackend, Hits, constant_skip_positions

_PLAIN = Stream(XORSHIFT32, MODULO)


def small(generator: Generator, *, start: int = 77_000_000, count: int = 2**12) -> Generator:
    """Return the generator with a few of its seeds."""
    return replace(generator, seeds=range(start, start + count))


def scan(
    stream: Stream, asked: Question, *, noise: float = 0.0, backend: CpuBackend | None = None
) -> SeedScan:
    return SeedScan([stream], asked, backend=backend or CpuBackend(), noise=noise)


def after_skips(streams: list[Stream], asked: Question) -> list[SeedScan]:
    """Return the scans at the offsets that were asked for."""
    return [each for each in seed_scans(streams, asked) if each.coverage.offsets.start >= 0]


def found_by(search: SeedScan) -> set[tuple[Stream, object, int, int]]:
    survivors = search.run(UNWATCHED).survivors
    return {(s.stream, s.start, s.alignment.offset, s.alignment.skip_max) for s in survivors}


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [10, 49, 1000])
@pytest.mark.parametrize(
    ("generator", "boundings"),
    [
        (MT19937, (MODULO, PHP_RANGE, LEMIRE, MASK)),
        (MT19937_BY_ARRAY, (BIT_COUNT, FLOOR_27_26)),
        (NUMPY_PCG64, (LEMIRE,)),
        (XORSHIFT32, (MODULO,)),
    ],
    ids=lambda each: each.name if isinstance(each, Generator) else "",
)
def test_every_stream_of_a_generator_is_found_by_one_scan(
    generator: Generator, boundings: tuple[Any, ...], modulus: int
) -> None:
    few = small(generator)
    streams = [Stream(few, bounding) for bounding in boundings]
    for index, stream in enumerate(streams):
        seed = few.seeds[index * 1000 + 17]
        draws = planted_draws(stream, seed, count=60, skip=index % 3, modulus=modulus)
        (search,) = after_skips(streams, question(draws, modulus=modulus))
        assert search.coverage.streams == tuple(streams)
        assert search.coverage.readings == len(streams)
        found = search.run(UNWATCHED)
        assert found.tested == search.coverage.space == 2**12
        assert (stream, seed, index % 3) in {
            (s.stream, s.start, s.alignment.skip_max) for s in found.survivors
        }


@pytest.mark.slow
def test_all_pairs_are_those_of_plain_streams() -> None:
    few = small(XORSHIFT32, count=2**9)
    stream, modulus = Stream(few, MODULO), 3
    draws = planted_draws(stream, few.seeds[3], count=12, modulus=modulus)
    asked = replace(question(draws, modulus=modulus), offsets=range(2, 5))
    search = scan(stream, asked)
    depth = search.coverage.draws_used
    assert depth == 7  # 2**9 seeds, 9 alignments, 1 in 3
    expected = set()
    for seed in few.seeds:
        for offset in range(2, 5):
            for skip in range(3):
                positions = constant_skip_positions(depth, skip, offset=offset)
                values, _ = compiled.at_positions(stream, seed, modulus, positions)
                if (values == draws[:depth]).all():
                    expected.add((stream, seed, offset, skip))
    assert len(expected) > 1
    assert found_by(search) == expected


@pytest.mark.slow
def test_offsets_and_scopes_are_searched_together() -> None:
    few = small(XORSHIFT32)
    stream = Stream(few, MODULO)
    positions = constant_skip_positions(40, 2, offset=9)
    draws, _ = compiled.at_positions(stream, few.seeds[55], 1000, positions)
    noise = random_draws(40)
    scopes = (Scope(noise, 35, session="a"), Scope(draws, 35, session="b"), Scope(draws[:2], 2))
    asked = Question(1000, scopes, range(3), range(3), offsets=range(12))
    searches = after_skips([stream], asked)
    # The first offset alone comes first; a scope that tells no seeds apart spoils no other's scan.
    assert [(len(s.coverage.scopes), s.coverage.offsets) for s in searches] == [
        (2, range(1)),
        (2, range(1, 12)),
        (1, range(1)),
        (1, range(1, 12)),
    ]
    survivors = searches[1].run(UNWATCHED).survivors
    assert {(s.scope.session, s.start, s.alignment.offset) for s in survivors} == {
        ("b", few.seeds[55], 9)
    }


@pytest.mark.slow
@pytest.mark.parametrize("offset", [-3, -1])
def test_a_first_draw_before_all_of_its_skip_is_found_by_a_scan_of_its_own(offset: int) -> None:
    few = small(XORSHIFT32)
    stream = Stream(few, MODULO)
    positions = constant_skip_positions(60, 3, offset=offset)
    draws, _ = compiled.at_positions(stream, few.seeds[55], 1000, positions)
    asked = question(draws, scan_skips=range(5))
    (plain,) = after_skips([stream], asked)
    (before,) = (each for each in seed_scans([stream], asked) if each.coverage.offsets.start < 0)
    assert found_by(plain) == set()
    assert found_by(before) == {(stream, few.seeds[55], offset, 3)}
    assert before.coverage.offsets == range(-4, 0)
    assert before.coverage.alignments == 1 + 2 + 3 + 4, "none before the stream's first output"
    assert all(control.passed for control in before.controls(np.random.default_rng(1)))
    asked_alone = replace(asked, offsets=range(-3, 1))
    assert (stream, few.seeds[55], offset, 3) in {
        pair for each in seed_scans([stream], asked_alone) for pair in found_by(each)
    }


@pytest.mark.parametrize(
    "wanted", [range(-3, 1), range(-3, 2), range(-2, 0), range(4), range(2, 5)]
)
def test_every_offset_that_is_asked_for_is_searched_once(wanted: range) -> None:
    asked = replace(question(random_draws(60)), offsets=wanted)
    scans = seed_scans([Stream(small(XORSHIFT32), MODULO)], asked)
    searched = [offset for each in scans for offset in each.coverage.offsets]
    assert sorted(each for each in searched if each in wanted) == list(wanted)
    assert len(set(searched)) == len(searched)


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [10, 1000])
def test_wrong_draws_ask_for_more_windows(modulus: int) -> None:
    few = small(XORSHIFT32)
    stream = Stream(few, MODULO)
    values = planted_draws(stream, few.seeds[99], count=80, skip=1, modulus=modulus)
    values[0] = (values[0] + 1) % modulus
    asked = replace(question(values, modulus=modulus), noise=0.1)
    clean, noisy = after_skips([stream], asked)
    wanted = (stream, few.seeds[99], 0, 1)
    assert wanted not in found_by(clean)
    assert wanted in found_by(noisy)
    assert noisy.coverage.windows > clean.coverage.windows == 1
    assert noisy.coverage.power(0.1) >= 0.95
    assert clean.coverage.power(0.1) == pytest.approx(0.9**clean.coverage.draws_used)


def test_wide_spaces_are_scanned_below_2_32_and_say_so() -> None:
    asked = question(random_draws(60))
    narrow, wide = after_skips([_PLAIN, Stream(XORSHIFT64, MODULO)], asked)
    assert (narrow.coverage.attack, narrow.coverage.space) == ("seed scan", 2**32 - 1)
    assert wide.coverage.attack == "scan of seeds below 2^32"
    assert wide.coverage.space == 2**32 - 1
    # Of 2**48 seeds a program is as likely to take any.
    assert seed_scans([Stream(JAVA_RANDOM, FLOOR_26_27)], asked) == ()


def test_small_seeds_come_first_where_all_of_them_take_long() -> None:
    asked = question(random_draws(60))
    small_seeds, every = after_skips([Stream(MT19937, MODULO)], asked)
    assert (small_seeds.coverage.space, every.coverage.space) == (2**26, 2**32)
    assert small_seeds.coverage.attack == "scan of seeds below 2^26"
    assert every.coverage.attack == "seed scan"


@pytest.mark.parametrize(
    ("wanted", "small_seeds"),
    [
        (range(1), range(-8, 1)),
        (range(-8, 1), range(-8, 1)),
        (range(-2, 1), range(-2, 1)),
        (range(-3, 4), range(-3, 4)),
        (range(-2, 0), range(-2, 0)),
        (range(4), range(-8, 4)),
        (range(2, 5), range(2, 5)),
    ],
)
def test_no_offset_that_is_asked_for_is_left_to_scans_that_take_long(
    wanted: range, small_seeds: range
) -> None:
    asked = replace(question(random_draws(60), scan_skips=range(9)), offsets=wanted)
    scans = [each.coverage for each in seed_scans([Stream(MT19937, MODULO)], asked)]
    few = [each.offsets for each in scans if each.space == 2**26]
    every = [each.offsets for each in scans if each.space == 2**32]
    assert sorted(offset for offsets in few for offset in offsets) == list(small_seeds)
    assert sorted(offset for offsets in every for offset in offsets) == list(wanted)
    assert [offsets for offsets in (few[0], every[0]) if len(offsets) > 1] == []


def test_decided_streams_and_those_without_the_modulus_are_left_out() -> None:
    plain, php = Stream(MT19937, MODULO), Stream(MT19937, PHP_RANGE)
    searches = seed_scans([plain, php], question(random_draws(60)), decided={plain})
    assert {search.coverage.streams for search in searches} == {(php,)}
    assert seed_scans([plain], question(random_draws(60)), decided=[plain]) == ()


def test_only_far_too_many_alignments_are_a_problem() -> None:
    asked = replace(question(random_draws(60), scan_skips=range(200)), offsets=range(40))
    assert scan_problems(asked) == []
    (problem,) = scan_problems(replace(asked, offsets=range(41)))
    assert "at most 8192 alignments, not 200 skips at 41 offsets" in problem


def test_more_streams_and_rows_cost_more() -> None:
    plain, php = Stream(MT19937, MODULO), Stream(MT19937, PHP_RANGE)
    assert scan_s([plain], 9, 49) < scan_s([plain, php], 9, 49) < scan_s([plain, php], 18, 49)
    assert scan_s([_PLAIN], 9, 49) < scan_s([plain], 9, 49) < scan_s([plain], 9, 10)


class Impatient:
    """A watch that expires as soon as anything was told."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def progress(self, share: float) -> None:
        self.shares.append(share)

    def expired(self) -> bool:
        return bool(self.shares)


@pytest.mark.slow
def test_an_expired_watch_ends_the_scan_with_what_was_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seed_scan, "_MOST_PART", 2**20)
    few = small(XORSHIFT32, start=1, count=2**24)
    stream = Stream(few, MODULO)
    draws = planted_draws(stream, 12, count=60)
    watch = Impatient()
    found = scan(stream, question(draws)).run(watch)
    assert found.tested == 2**20 // 8
    assert max(watch.shares) == pytest.approx(found.tested / 2**24)
    assert watch.shares == sorted(watch.shares)
    assert 12 in {survivor.start for survivor in found.survivors}


def parts_of(streams: list[Stream], asked: Question) -> list[range]:
    """Return the seeds of which a scan asks its back end, question by question."""
    parts: list[range] = []

    class Blind(CpuBackend):
        def scan_together(self, questions: Any, seeds: range, **_: Any) -> tuple[Hits, ...]:
            parts.append(seeds)
            none = np.empty(0, np.int64)
            hits = Hits(none.astype(np.uint64), none, np.empty((0, 1), np.int32), len(seeds))
            return (hits,) * len(questions)

    SeedScan(streams, asked, backend=Blind(), noise=0.0).run(UNWATCHED)
    return parts


def test_a_scan_asks_for_the_same_parts_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = question(random_draws(60), scan_skips=range(9))
    parts = parts_of([_PLAIN], asked)
    assert parts == parts_of([_PLAIN], asked)
    ends = [XORSHIFT32.seeds.start, *(part.stop for part in parts)]
    assert [part.start for part in parts] == ends[:-1]
    assert ends[-1] == XORSHIFT32.seeds.stop
    assert len(parts[0]) < len(parts[-2]) == max(map(len, parts))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert parts_of([_PLAIN], asked) == parts


@pytest.mark.parametrize("generator", [XORSHIFT32, MT19937, MT19937_BY_ARRAY, NUMPY_PCG64])
def test_no_part_of_a_scan_takes_long(generator: Generator) -> None:
    stream = Stream(generator, MODULO)
    for skips in (1, 9, 501):
        asked = question(random_draws(60), scan_skips=range(skips))
        seed_s = scan_s([stream], skips, asked.modulus) * (os.cpu_count() or 1)
        core_s = max(map(len, parts_of([stream], asked))) * seed_s
        assert 0.5 <= core_s <= 4.0  # two seconds on two cores


@pytest.mark.slow
def test_seeds_that_a_back_end_gives_up_are_not_counted() -> None:
    class Lossy(CpuBackend):
        def scan_together(self, *asked: Any, **options: Any) -> tuple[Hits, ...]:
            answers = super().scan_together(*asked, **options)
            return tuple(replace(each, tested=each.tested - 5) for each in answers)

    stream = Stream(small(XORSHIFT32), MODULO)
    found = scan(stream, question(random_draws(60)), backend=Lossy()).run(UNWATCHED)
    assert found.tested == 2**12 - 5


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [2, 10, 1000, 1_500_000_000])
@pytest.mark.parametrize(
    "streams",
    [
        (_PLAIN,),
        tuple(Stream(MT19937, bounding) for bounding in (MODULO, LEMIRE, MASK)),
        (Stream(NUMPY_PCG64, LEMIRE),),
        (Stream(PCG32, MODULO),),  # whose first word has 32 values for the seeds below 2**32
    ],
    ids=lambda streams: streams[0].name,
)
def test_controls_pass(streams: tuple[Stream, ...], modulus: int) -> None:
    asked = question(random_draws(100, modulus=modulus), modulus=modulus)
    search = SeedScan(streams, asked, backend=CpuBackend(), noise=0.0)
    controls = search.controls(np.random.default_rng(1))
    # One draw of the largest modulus leaves nothing to chance, so there is nothing to count.
    kinds = ["positive"] if modulus > 10**9 else ["negative", "positive"]
    assert [control.kind for control in controls] == kinds
    assert all(control.passed for control in controls), controls


def passed(search: Search) -> dict[str, bool]:
    return {c.kind: c.passed for c in search.controls(np.random.default_rng(2))}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5, 3.0])
def test_controls_notice_a_kernel_that_passes_too_few_or_too_many(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = scan(_PLAIN, question(random_draws(100)))
    assert passed(search) == {"negative": True, "positive": True}

    class Broken(CpuBackend):
        def scan(self, *args: Any, **options: Any) -> Hits:
            result = super().scan(*args, **options)
            count = round(share * len(result.seeds))
            thrice = np.repeat(result.seeds, 3), np.repeat(result.rows, 3)
            return replace(result, seeds=thrice[0][:count], rows=thrice[1][:count])

    monkeypatch.setattr(seed_scan, "local_backend", Broken)
    assert not passed(search)["negative"]
    assert passed(search)["positive"] == (share >= 1)


def test_the_power_is_that_of_the_scope_with_least_windows() -> None:
    scopes = Scope(random_draws(200), 190), Scope(random_draws(12), 6, session="a")
    asked = Question(1000, scopes, range(3), range(3), noise=0.2)
    short = replace(asked, scopes=scopes[1:])
    both, alone = (scan(_PLAIN, each, noise=0.2).coverage for each in (asked, short))
    assert both.draws_used == alone.draws_used
    assert both.power(0.2) == alone.power(0.2) < 0.9
    assert scan(_PLAIN, replace(asked, scopes=scopes[:1]), noise=0.2).coverage.power(0.2) > 0.9


def test_without_draws_nothing_is_decided() -> None:
    asked = Question(1000, (Scope(random_draws(5), 0),), range(9), range(9), noise=0.1)
    (search,) = after_skips([_PLAIN], asked)
    assert search.coverage.power(0.0) == 0.0
    assert search.run(UNWATCHED).tested == 0
