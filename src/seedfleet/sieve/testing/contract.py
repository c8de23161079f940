"""The laws of `seedfleet.sieve.Backend`, checked against brute force by the readable reference.

BrokenLawError        a law that does not hold, and the question that shows it
"""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from seedfleet.generators import Stream, boundings, generators, reference
from seedfleet.sieve.backend import Backend, Hits, TooManyHitsError
from seedfleet.sieve.rows import Leg, Rows, Walk
from seedfleet.sieve.testing.brute_force import scanned, walked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["BrokenLawError", "check_backend", "check_scan", "check_together", "check_walk"]

_EDGES = (0, 1, 2**31, 2**32 - 1, 2**48 - 1, 2**64 - 1)
_MODULI = (10, 1000, 3 * 2**29, 2**31)
_ROUNDS = 3  # random questions for each stream and range of seeds
_SPLIT = 5000  # seeds; wide enough for several blocks of anything
_RETURN_S = 1.0  # from a thread's last word to its end
_DTYPES = (np.dtype(np.uint64), np.dtype(np.int64), np.dtype(np.int32))
_Asked = TypeVar("_Asked", Rows, Walk)


class BrokenLawError(AssertionError):
    """A back end does not do what the seam says.

    Attributes
    ----------
    law
        Name of the law.
    """

    def __init__(self, law: str, evidence: str) -> None:
        super().__init__(f"{law}: {evidence}")
        self.law = law


def check_backend(
    make_backend: Callable[[], Backend], *, asked: Sequence[Stream] = (), seed: int = 1
) -> None:
    """Hold the back ends that `make_backend` returns to the seam by the three checks below.

    Parameters
    ----------
    make_backend
        Returns a new back end on each call.
    asked
        Streams to ask about; by default a few that differ in all that matters. Each takes seconds
        where its kernels have to be compiled first.
    seed
        Of the random questions.

    Raises
    ------
    BrokenLawError
        A law does not hold.
    """
    check_scan(make_backend, asked=asked, seed=seed)
    check_together(make_backend, asked=asked, seed=seed)
    check_walk(make_backend, asked=asked, seed=seed)


def check_scan(
    make_backend: Callable[[], Backend], *, asked: Sequence[Stream] = (), seed: int = 1
) -> None:
    """Hold `scan` to the seam; parameters and errors as for `check_backend`."""
    half = _Half("scan", attrgetter("scan"), scanned, _rows, _simple_rows)
    _check(half, make_backend, asked or _telling_streams(), random.Random(seed))  # noqa: S311 - no secrets


def check_together(
    make_backend: Callable[[], Backend], *, asked: Sequence[Stream] = (), seed: int = 1
) -> None:
    """Hold `scan_together` to the seam; parameters and errors as for `check_backend`.

    All of `asked` are asked together; by default streams some of which share a generator.
    """
    _check_together(make_backend, asked or _sharing_streams(), random.Random(seed))  # noqa: S311


def check_walk(
    make_backend: Callable[[], Backend], *, asked: Sequence[Stream] = (), seed: int = 1
) -> None:
    """Hold `walk` to the seam; parameters and errors as for `check_backend`."""
    half = _Half("walk", attrgetter("walk"), walked, _walk, _simple_walk)
    _check(half, make_backend, asked or _telling_streams(), random.Random(seed))  # noqa: S311 - no secrets


@dataclass(frozen=True)
class _Half(Generic[_Asked]):
    """One of the two calls, and what it is asked.

    Attributes
    ----------
    name
        Of the call.
    of
        Returns the call of a back end.
    brute_force
        Says what it should find.
    question
        Returns a random question about some seeds of a stream.
    simple
        Returns a question with a modulus and the matches needed of two draws, for any stream.
    """

    name: str
    of: Callable[[Backend], Callable[..., Hits]]
    brute_force: Callable[[Stream, _Asked, range], list[tuple[int, ...]]]
    question: Callable[[random.Random, Stream, range], _Asked]
    simple: Callable[[int, int], _Asked]


def _check(
    half: _Half[_Asked],
    make_backend: Callable[[], Backend],
    streams: Sequence[Stream],
    rng: random.Random,
) -> None:
    call = half.of(make_backend())
    for stream in streams:
        for around in _EDGES:
            seeds = range(max(0, around - 4), min(2**64, around + 5))
            for _ in range(_ROUNDS):
                asked = half.question(rng, stream, seeds)
                expected = half.brute_force(stream, asked, seeds)
                law = f"{half.name} equals brute force"
                _equal(law, call(stream, asked, seeds), expected, seeds)
    plain = Stream(generators()["xorshift32"], boundings.MODULO)
    _check_partition(half, call, plain, rng)
    _check_room(half, call, plain)
    _check_progress(partial(call, plain, half.simple(1000, 2)))
    _check_threads(half, call, streams, rng)
    _check_refusals(half, call, plain)


def _telling_streams() -> tuple[Stream, ...]:
    """Return streams with and without a leap, whole states, rejection, digits and two words."""
    known = generators()
    xorshift, java, mt19937 = (known[n] for n in ("xorshift32", "java.util.Random", "mt19937"))
    return (
        Stream(xorshift, boundings.MODULO),
        Stream(xorshift, boundings.MASK),
        Stream(known["rand48"], boundings.MODULO_31),
        Stream(java, boundings.JAVA_NEXT_INT),
        Stream(java, boundings.JAVA_NEXT_INT_DIGITS),
        Stream(java, boundings.FLOOR_26_27),
        Stream(mt19937, boundings.PHP_RANGE),
    )


def _sharing_streams() -> tuple[Stream, ...]:
    """Return streams of two generators, with and without rejected words."""
    known = generators()
    java, mt19937 = known["java.util.Random"], known["mt19937"]
    return (
        Stream(mt19937, boundings.MODULO),
        Stream(java, boundings.JAVA_NEXT_INT),
        Stream(mt19937, boundings.MASK),
        Stream(mt19937, boundings.FLOOR_27_26),
        Stream(java, boundings.FLOOR_26_27),
        Stream(mt19937, boundings.PHP_RANGE),
    )


def _check_together(
    make_backend: Callable[[], Backend], streams: Sequence[Stream], rng: random.Random
) -> None:
    call = make_backend().scan_together
    for around in _EDGES:
        seeds = range(max(0, around - 4), min(2**64, around + 5))
        questions = [(stream, _rows(rng, stream, seeds)) for stream in (*streams, streams[0])]
        answers = call(questions, seeds)
        if len(answers) != len(questions):
            law = "each question has its hits"
            raise BrokenLawError(law, f"{len(answers)} for {len(questions)}")
        for (stream, rows), hits in zip(questions, answers, strict=True):
            expected = scanned(stream, rows, seeds)
            _equal("joint scans equal brute force", hits, expected, seeds)
    if call([], range(5)) != ():
        raise BrokenLawError("each question has its hits", "no question has some")
    pair = [(stream, _simple_rows(5, 2)) for stream in (streams[0], streams[0])]
    _check_joint_room(call, pair)
    _check_joint_progress(call, pair)


def _check_joint_room(
    call: Callable[..., tuple[Hits, ...]], questions: Sequence[tuple[Stream, Rows]]
) -> None:
    law, seeds = "the room is for the hits of all questions together", range(1, 300)
    room = sum(len(scanned(stream, rows, seeds)) for stream, rows in questions)
    if sum(len(hits.seeds) for hits in call(questions, seeds, room=room)) != room:
        raise BrokenLawError(law, f"not {room} hits where there is room for {room}")
    try:
        call(questions, seeds, room=room - 1)
    except TooManyHitsError as error:
        if error.room != room - 1:
            raise BrokenLawError(law, f"a room of {room - 1} is told as {error.room}") from error
        return
    raise BrokenLawError(law, f"{room} hits fit into a room for {room - 1}")


def _check_joint_progress(
    call: Callable[..., tuple[Hits, ...]], questions: Sequence[tuple[Stream, Rows]]
) -> None:
    seeds, told = range(1, 1 + _SPLIT), list[int]()
    call(questions, seeds, progress=told.append)
    if not told or told != sorted(told) or told[-1] != len(questions) * len(seeds):
        law = "progress ascends to all pairs of seed and question"
        raise BrokenLawError(law, f"{told[-5:]} of {len(questions)} times {len(seeds)}")


def _equal(law: str, hits: Hits, expected: list[tuple[int, ...]], seeds: range) -> None:
    table = zip(hits.seeds.tolist(), hits.rows.tolist(), hits.matches.tolist(), strict=True)
    found = [(seed, row, *matches) for seed, row, matches in table]
    if found != expected:
        wrong = sorted(set(found) ^ set(expected))[:3]
        fault = "are missing, reported for nothing or twice, or out of order"
        raise BrokenLawError(law, f"{wrong} of {seeds} {fault}")
    if hits.tested != seeds.stop - seeds.start:
        raise BrokenLawError("tested counts every seed", f"{hits.tested} of {seeds}")
    dtypes = hits.seeds.dtype, hits.rows.dtype, hits.matches.dtype
    if dtypes != _DTYPES:
        raise BrokenLawError("hits have the types that they say", f"{dtypes}, not {_DTYPES}")


def _modulus(rng: random.Random, stream: Stream) -> int:
    return rng.choice([m for m in _MODULI if stream.bounding.layout(m) is not None])


def _legs(rng: random.Random, depth: int) -> tuple[Leg, ...]:
    """Return one or two legs; half of the first ones need every draw."""
    first = rng.randint(1, depth)
    legs = [Leg(first, rng.choice([first, rng.randint(0, first)]))]
    if first < depth:
        legs.append(Leg(depth - first, rng.randint(0, depth - first)))
    return tuple(legs)


def _rows(rng: random.Random, stream: Stream, seeds: range) -> Rows:
    """Ask for what seeds of the range give, with some values changed."""
    modulus, depth = _modulus(rng, stream), rng.randint(1, 6)
    reach = rng.choice([depth, 12, 12, 40, 300])
    positions = [sorted(rng.sample(range(max(reach, depth)), depth)) for _ in range(4)]
    values = [
        reference.at_positions(stream, seeds[rng.randrange(len(seeds))], modulus, row)
        for row in positions
    ]
    values[-1][-1] = (values[-1][-1] + 1) % modulus
    return Rows(np.array(positions), np.array(values), modulus, _legs(rng, depth))


def _walk(rng: random.Random, stream: Stream, seeds: range) -> Walk:
    """Ask for what seeds give along a path, some of which begin too late or take too wide a gap."""
    modulus, depth, least = _modulus(rng, stream), rng.randint(1, 5), rng.randint(1, 3)
    most = least + rng.randint(0, 3)
    starts = np.array([sorted(rng.choices(range(9), k=2)) for _ in range(3)])
    too_late, too_wide = rng.choice([(0, 0), (0, 0), (1, 0), (0, 1)])
    places = [int(rng.choice(starts[0])) + too_late]
    for _ in range(depth - 1):
        places.append(places[-1] + rng.choice([least, most, rng.randint(least, most)]))
    places[-1] += too_wide
    values = reference.at_positions(stream, seeds[rng.randrange(len(seeds))], modulus, places)
    return Walk(starts, np.array(values), modulus, least, most, _legs(rng, depth))


def _simple_rows(modulus: int, needed: int) -> Rows:
    return Rows(np.array([[0, 2]]), np.array([[1, 1]]), modulus, (Leg(2, needed),))


def _simple_walk(modulus: int, needed: int) -> Walk:
    return Walk(np.array([[0, 1]]), np.array([1, 1]), modulus, 1, 2, (Leg(2, needed),))


def _check_partition(
    half: _Half[_Asked], call: Callable[..., Hits], stream: Stream, rng: random.Random
) -> None:
    law = "a range in parts, in any order, gives what the whole gives"
    for needed in (1, 2):
        asked = half.simple(7, needed)
        for start in (1, 2**32 - _SPLIT // 2):
            whole = range(start, start + _SPLIT)
            expected = half.brute_force(stream, asked, whole)
            _equal(f"{half.name} equals brute force", call(stream, asked, whole), expected, whole)
            cuts = [0, *sorted(rng.sample(range(_SPLIT), 4)), _SPLIT]
            parts = [whole[a:b] for a, b in pairwise(cuts)]
            hits = {part: call(stream, asked, part) for part in rng.sample(parts, 5)}
            joined = Hits.joined([hits[part] for part in parts], 1)
            _equal(law, joined, expected, whole)
        empty = range(9, 9)
        _equal("an empty range has no hits", call(stream, asked, empty), [], empty)


def _check_room(half: _Half[_Asked], call: Callable[..., Hits], stream: Stream) -> None:
    law = "more hits than room raise TooManyHitsError, as many as room do not"
    asked, seeds = half.simple(5, 2), range(1, 1000)
    room = len(half.brute_force(stream, asked, seeds))
    if len(call(stream, asked, seeds, room=room).seeds) != room:
        raise BrokenLawError(law, f"not {room} hits where there is room for {room}")
    try:
        call(stream, asked, seeds, room=room - 1)
    except TooManyHitsError as error:
        if error.room != room - 1:
            raise BrokenLawError(law, f"a room of {room - 1} is told as {error.room}") from error
        return
    raise BrokenLawError(law, f"{room} hits fit into a room for {room - 1}")


class _AskedToEndError(Exception):
    """What a caller's progress raises."""


def _check_progress(call: Callable[..., Hits]) -> None:
    seeds, before = range(1, 1 + 4 * _SPLIT), set(threading.enumerate())
    told: list[int] = []
    call(seeds, progress=told.append)
    if not told or told != sorted(told) or told[-1] != len(seeds):
        raise BrokenLawError("progress ascends to all seeds", f"{told[-5:]} of {len(seeds)}")

    def end(_tested: int) -> None:
        raise _AskedToEndError

    try:
        call(seeds, progress=end)
    except _AskedToEndError:
        left = _lasting(set(threading.enumerate()) - before)
        if left:
            raise BrokenLawError("threads end with their call", f"{left} go on") from None
        return
    raise BrokenLawError("an exception from progress is passed on", "it was swallowed")


def _lasting(threads: set[threading.Thread]) -> set[threading.Thread]:
    """Return the threads that work on; one that has said its last word may still be returning."""
    until = time.monotonic() + _RETURN_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {thread for thread in threads if thread.is_alive()}


def _check_threads(
    half: _Half[_Asked],
    call: Callable[..., Hits],
    streams: Sequence[Stream],
    rng: random.Random,
) -> None:
    law = "calls from several threads do not disturb each other"
    seeds = range(1, 200)
    asked = [(stream, half.question(rng, stream, seeds)) for stream in [*streams[:2]] * 4]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda pair: call(pair[0], pair[1], seeds), asked)
        for (stream, question), hits in zip(asked, answers, strict=True):
            _equal(law, hits, half.brute_force(stream, question, seeds), seeds)


def _check_refusals(half: _Half[_Asked], call: Callable[..., Hits], stream: Stream) -> None:
    simple, no_digits = half.simple(1000, 2), half.simple(999, 2)
    digits = Stream(generators()["java.util.Random"], boundings.JAVA_NEXT_INT_DIGITS)
    refused: Iterable[tuple[str, Stream, _Asked, range]] = (
        ("a range with gaps", stream, simple, range(0, 10, 2)),
        ("a range that goes backwards", stream, simple, range(10, 0, -1)),
        ("seeds below 0", stream, simple, range(-1, 5)),
        ("seeds beyond 2**64", stream, simple, range(2**64 - 1, 2**64 + 1)),
        ("a modulus that the bounding lacks", digits, no_digits, range(5)),
    )
    for what, asked, question, seeds in refused:
        try:
            call(asked, question, seeds)
        except ValueError:
            continue
        raise BrokenLawError("what cannot be asked is refused with ValueError", what)
