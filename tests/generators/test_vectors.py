"""Both ways to run a definition answer what the real runtimes answered."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedfleet.generators import CATALOGUE, Stream, compiled, find_preset, reference
from seedfleet.sieve import constant_skip_positions

_FOLDER = Path(__file__).parents[1] / "vectors"
# Vectors with the slug of a preset as their name, and those that look at one in another way.
_STREAMS = {
    **{preset.slug: preset.stream for preset in CATALOGUE},
    "cpp_mt19937_words": find_preset("cpp_mt19937").stream,
}
_FILES = sorted(path.stem for path in _FOLDER.glob("*.json"))


def vectors(preset: str) -> list[dict[str, Any]]:
    document = json.loads((_FOLDER / f"{preset}.json").read_text())
    listed: list[dict[str, Any]] = document["vectors"]
    return listed


def test_every_stored_file_is_compared() -> None:
    assert set(_FILES) <= set(_STREAMS)


def test_every_stream_of_the_catalogue_has_vectors() -> None:
    assert {_STREAMS[name] for name in _FILES} == set(_STREAMS.values())


@pytest.mark.slow
@pytest.mark.parametrize("preset", _FILES)
def test_compiled_stream_gives_every_vector(preset: str) -> None:
    for vector in vectors(preset):
        positions = constant_skip_positions(len(vector["outputs"]), vector["skip"])
        found, _ = compiled.at_positions(
            _STREAMS[preset], vector["seed"], vector["modulus"], positions
        )
        assert found.tolist() == vector["outputs"], (vector["seed"], vector["modulus"])


@pytest.mark.slow
@pytest.mark.parametrize("preset", _FILES)
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
        (find_preset("cpp_mt19937").stream, 5489, 4123659995),
        (find_preset("cpp_minstd_rand").stream, 1, 399268537),
    ],
)
def test_ten_thousandth_word_is_the_published_one(
    stream: Stream, seed: int, published: int
) -> None:
    found, _ = compiled.at_positions(stream, seed, 2**32, np.array([9999]))
    assert found.tolist() == [published]
    assert next(islice(reference.words(stream.generator, seed), 9999, None)) == published
