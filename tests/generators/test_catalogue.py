"""The catalogue's names, its lines of code, and which moduli its boundings have."""

import pytest

from seedfleet.generators import CATALOGUE, Bounding, Monotone, Preset, Residue, presets_of, streams
from seedfleet.generators.boundings import JAVA_NEXT_INT, JAVA_NEXT_INT_DIGITS, PHP_RANGE


def test_preset_and_stream_names_are_unique() -> None:
    names = [preset.name for preset in CATALOGUE]
    assert len(set(names)) == len(names)
    assert len({stream.name for stream in streams()}) == len(streams())
    generators = {stream.generator for stream in streams()}
    assert len({stream.generator.name for stream in streams()}) == len(generators)


def test_presets_of_partitions_the_catalogue() -> None:
    listed = [preset for stream in streams() for preset in presets_of(stream)]
    assert sorted(preset.name for preset in listed) == sorted(preset.name for preset in CATALOGUE)


@pytest.mark.parametrize("preset", CATALOGUE, ids=lambda preset: preset.name)
def test_code_templates_fill_in(preset: Preset) -> None:
    code = preset.code.format(seed=987654321, m=1000, last=999)
    assert "987654321" in code
    assert "{" not in code
    # The digits preset draws nextInt(10) whatever the modulus.
    assert "1000" in code or "999)" in code or "nextInt(10) for each digit" in code


@pytest.mark.parametrize(
    ("bounding", "modulus", "layout"),
    [
        (JAVA_NEXT_INT_DIGITS, 10, None),
        (JAVA_NEXT_INT_DIGITS, 100, (10, 2)),
        (JAVA_NEXT_INT_DIGITS, 1000, (10, 3)),
        (JAVA_NEXT_INT_DIGITS, 1001, None),
        (JAVA_NEXT_INT, 1000, (1000, 1)),
        (PHP_RANGE, 999, (999, 1)),
    ],
)
def test_layouts(bounding: Bounding, modulus: int, layout: tuple[int, int] | None) -> None:
    assert bounding.layout(modulus) == layout


def test_what_java_draws_modulo_a_power_of_two_is_no_residue() -> None:
    assert JAVA_NEXT_INT.shape(1024) == Monotone()
    assert JAVA_NEXT_INT.shape(1000) == Residue(1, 1000)
