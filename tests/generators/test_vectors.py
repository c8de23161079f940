"""Both ways to run a definition answer what the real runtimes answered."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedfleet.generators import CATALOGUE, Stream, compiled, reference
from seedfleet.generators.boundings import (
    JAVA_NEXT_INT,
    JAVA_NEXT_INT_DIGITS,
    MODULO,
    MODULO_31,
    PHP_RANGE,
)
from seedfleet.generators.lcg48 import JAVA_LCG, JAVA_RANDOM, RAND48
from seedfleet.generators.minstd import MINSTD
from seedfleet.generators.mt19937 import MT19937
from seedfleet.generators.xorshift32 import XORSHIFT32
from seedfleet.sieve import constant_skip_positions

_FOLDER = Path(__file__).parents[1] / "vectors"
_STREAMS = {
    "cpp_minstd_rand": Stream(MINSTD, MODULO),
    "cpp_mt19937": Stream(MT19937, MODULO),
    "cpp_mt19937_words": Stream(MT19937, MODULO),
    "glibc_lrand48": Stream(RAND48, MODULO_31),
    "java_lcg": Stream(JAVA_LCG, MODULO),
    "java_next_int": Stream(JAVA_RANDOM, JAVA_NEXT_INT),
    "java_next_int_digits": Stream(JAVA_RANDOM, JAVA_NEXT_INT_DIGITS),
    "php_mt_rand": Stream(MT19937, PHP_RANGE),
    "xorshift32": Stream(XORSHIFT32, MODULO),
}


def vectors(preset: str) -> list[dict[str, Any]]:
    document = json.loads((_FOLDER / f"{preset}.json").read_text())
    listed: list[dict[str, Any]] = document["vectors"]
    return listed


def test_every_stored_file_is_compared() -> None:
    assert {path.stem for path in _FOLDER.glob("*.json")} == set(_STREAMS)


def test_every_stream_of_the_catalogue_has_vectors() -> None:
    assert {preset.stream for preset in CATALOGUE} == set(_STREAMS.values())


@pytest.mark.slow
@pytest.mark.parametrize("preset", _STREAMS)
def test_compiled_stream_gives_every_vector(preset: str) -> None:
    for vector in vectors(preset):
        positions = constant_skip_positions(len(vector["outputs"]), vector["skip"])
        found, _ = compiled.at_positions(
            _STREAMS[preset], vector["seed"], vector["modulus"], positions
        )
        assert found.tolist() == vector["outputs"], (vector["seed"], vector["modulus"])


@pytest.mark.slow
@pytest.mark.parametrize("preset", _STREAMS)
def test_reference_gives_every_vector(preset: str) -> None:
    for vector in vectors(preset):
        skip, outputs = vector["skip"], vector["outputs"]
        stream = reference.draws(_STREAMS[preset], vector["seed"], vector["modulus"])
        found = list(islice(stream, skip, (skip + 1) * len(outputs), skip + 1))
        assert found == outputs, (vector["seed"], vector["modulus"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "seed", "published"),
    [
        # ISO C++11 [rand.predef]: the 10000th word of a default-constructed engine.
        (Stream(MT19937, MODULO), 5489, 4123659995),
        (Stream(MINSTD, MODULO), 1, 399268537),
    ],
)
def test_ten_thousandth_word_is_the_published_one(
    stream: Stream, seed: int, published: int
) -> None:
    found, _ = compiled.at_positions(stream, seed, 2**32, np.array([9999]))
    assert found.tolist() == [published]
    assert next(islice(reference.words(stream.generator, seed), 9999, None)) == published
