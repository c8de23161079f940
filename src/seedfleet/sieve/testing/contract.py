"""The laws of `seedfleet.sieve.Backend`, checked against brute force by the readable reference.

BrokenLawError        a law that does not hold, and the question that shows it
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Stream, boundings, generators, reference
from seedfleet.sieve.backend import Backend, Hits, TooManyHitsError
from seedfleet.sieve.rows import Leg, Rows, Walk
from seedfleet.sieve.testing.brute_force import scanned, walked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["BrokenLawError", "check_backend", "check_scan", "check_walk"]

_EDGES = (0, 1, 2**31, 2**32 - 1, 2**48 - 1, 2**64 - 1)
_MODULI = (10, 1000, 3 * 2**29, 2**31)
_ROUNDS = 3  # random questions for each stream and range of seeds
_SPLIT = 5000  # seeds; wide enough for several blocks of anything


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
    """Hold the back ends that `make_backend` returns to the seam: `check_scan` and `check_walk`.

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
    check_walk(make_backend, asked=asked, seed=seed)


def check_scan(
    make_backend: Callable[[], Backend], *, asked: Sequence[Stream] = (), seed: int = 1
) -> None:
    """Hold `scan` to the seam; parameters and errors as for `check_backend`."""
    rng, backend = random.Random(seed), make_backend()  # noqa: S311 - questions, no secrets
    for stream in asked or _telling_streams():
        for around in _EDGES:
            seeds = range(max(0, around - 4), min(2**64, around + 5))
            for _ in range(_ROUNDS):
                rows = _question(rng, stream, seeds)
                hits = backend.scan(stream, rows, seeds)
                _equal("scan equals brute force", hits, scanned(stream, rows, seeds), seeds)
    _check_partition(backend, rng)
    _check_room(backend)
    _check_progress(backend)
    _check_threads(backend, rng)
    _check_refusals(backend)


def check_walk(
    make_backend: Callable[[], Backend], *, asked: Sequence[Stream] = (), seed: int = 1
) -> None:
    """Hold `walk` to the seam; parameters and errors as for `check_backend`."""
    rng, backend = random.Random(seed), make_backend()  # noqa: S311 - questions, no secrets
    for stream in asked or _telling_streams():
        for around in _EDGES:
            seeds = range(max(0, around - 3), min(2**64, around + 3))
            for _ in range(_ROUNDS):
                walk = _walk(rng, stream, seeds)
                hits = backend.walk(stream, walk, seeds)
                _equal("walk equals brute force", hits, walked(stream, walk, seeds), seeds)


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


def _equal(law: str, hits: Hits, expected: list[tuple[int, ...]], seeds: range) -> None:
    table = zip(hits.seeds.tolist(), hits.rows.tolist(), hits.matches.tolist(), strict=True)
    found = [(seed, row, *matches) for seed, row, matches in table]
    if found != expected:
        wrong = sorted(set(found) ^ set(expected))[:3]
        raise BrokenLawError(law, f"{wrong} of {seeds} are missing, reported for nothing or twice")
    if hits.tested != seeds.stop - seeds.start:
        raise BrokenLawError("tested counts every seed", f"{hits.tested} of {seeds}")


def _modulus(rng: random.Random, stream: Stream) -> int:
    return rng.choice([m for m in _MODULI if stream.bounding.layout(m) is not None])


def _legs(rng: random.Random, depth: int) -> tuple[Leg, ...]:
    """Return one or two legs; half of the first ones need every draw."""
    first = rng.randint(1, depth)
    legs = [Leg(first, rng.choice([first, rng.randint(0, first)]))]
    if first < depth:
        legs.append(Leg(depth - first, rng.randint(0, depth - first)))
    return tuple(legs)


def _question(rng: random.Random, stream: Stream, seeds: range) -> Rows:
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
    modulus, depth, least = _modulus(rng, stream), rng.randint(1, 5), rng.randint(1, 3)
    most = least + rng.randint(0, 3)
    starts = np.array([sorted(rng.choices(range(9), k=2)) for _ in range(3)])
    places = [int(starts[0, 0])]
    for _ in range(depth - 1):
        places.append(places[-1] + rng.randint(least, most))
    values = reference.at_positions(stream, seeds[rng.randrange(len(seeds))], modulus, places)
    return Walk(starts, np.array(values), modulus, least, most, _legs(rng, depth))


def _simple(modulus: int, *, needed: int = 2) -> tuple[Stream, Rows]:
    """Ask for two draws, which one seed in so many gives."""
    stream = Stream(generators()["xorshift32"], boundings.MODULO)
    return stream, Rows(np.array([[0, 2]]), np.array([[1, 1]]), modulus, (Leg(2, needed),))


def _check_partition(backend: Backend, rng: random.Random) -> None:
    law = "a range in parts, in any order, gives what the whole gives"
    for needed in (1, 2):
        stream, rows = _simple(7, needed=needed)
        for start in (1, 2**32 - _SPLIT // 2):
            whole = range(start, start + _SPLIT)
            expected = scanned(stream, rows, whole)
            _equal("scan equals brute force", backend.scan(stream, rows, whole), expected, whole)
            cuts = [0, *sorted(rng.sample(range(_SPLIT), 4)), _SPLIT]
            parts = [whole[a:b] for a, b in pairwise(cuts)]
            hits = {part: backend.scan(stream, rows, part) for part in rng.sample(parts, 5)}
            joined = Hits.joined([hits[part] for part in parts], 1)
            _equal(law, joined, expected, whole)
    empty = range(9, 9)
    _equal("an empty range has no hits", backend.scan(stream, rows, empty), [], empty)


def _check_room(backend: Backend) -> None:
    law = "more hits than room raise TooManyHitsError, as many as room do not"
    stream, rows = _simple(5)
    seeds = range(1, 1000)
    room = len(scanned(stream, rows, seeds))
    if len(backend.scan(stream, rows, seeds, room=room).seeds) != room:
        raise BrokenLawError(law, f"not {room} hits where there is room for {room}")
    try:
        backend.scan(stream, rows, seeds, room=room - 1)
    except TooManyHitsError as error:
        if error.room != room - 1:
            raise BrokenLawError(law, f"a room of {room - 1} is told as {error.room}") from error
        return
    raise BrokenLawError(law, f"{room} hits fit into a room for {room - 1}")


class _AskedToEndError(Exception):
    """What a caller's progress raises."""


def _check_progress(backend: Backend) -> None:
    stream, rows = _simple(1000)
    seeds = range(1, 1 + 4 * _SPLIT)
    told: list[int] = []
    backend.scan(stream, rows, seeds, progress=told.append)
    if not told or told != sorted(told) or told[-1] != len(seeds):
        raise BrokenLawError("progress ascends to all seeds", f"{told[-5:]} of {len(seeds)}")

    def end(_tested: int) -> None:
        raise _AskedToEndError

    try:
        backend.scan(stream, rows, seeds, progress=end)
    except _AskedToEndError:
        return
    raise BrokenLawError("an exception from progress is passed on", "it was swallowed")


def _check_threads(backend: Backend, rng: random.Random) -> None:
    law = "calls from several threads do not disturb each other"
    seeds = range(1, 200)
    asked = [(stream, _question(rng, stream, seeds)) for stream in _telling_streams()[:2] * 4]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda pair: backend.scan(pair[0], pair[1], seeds), asked)
        for (stream, rows), hits in zip(asked, answers, strict=True):
            _equal(law, hits, scanned(stream, rows, seeds), seeds)


def _check_refusals(backend: Backend) -> None:
    stream, rows = _simple(1000)
    digits = Stream(generators()["java.util.Random"], boundings.JAVA_NEXT_INT_DIGITS)
    no_digits = Rows.exact(np.array([[0]]), np.array([[1]]), 999)
    refused: Iterable[tuple[str, Stream, Rows, range]] = (
        ("a range with gaps", stream, rows, range(0, 10, 2)),
        ("a range that goes backwards", stream, rows, range(10, 0, -1)),
        ("seeds below 0", stream, rows, range(-1, 5)),
        ("seeds beyond 2**64", stream, rows, range(2**64 - 1, 2**64 + 1)),
        ("a modulus that the bounding lacks", digits, no_digits, range(5)),
    )
    for what, asked, question, seeds in refused:
        try:
            backend.scan(asked, question, seeds)
        except ValueError:
            continue
        raise BrokenLawError("what cannot be asked is refused with ValueError", what)
