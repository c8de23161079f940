"""Names of searches: four for each preset, taken apart without guessing."""

import pytest

from seedfleet.generators import CATALOGUE, Preset
from seedfleet.generators.searches import SearchName, parse_search, search_names, searches_of


@pytest.mark.parametrize("preset", CATALOGUE, ids=lambda preset: preset.slug)
def test_a_preset_answers_to_its_four_names(preset: Preset) -> None:
    slug = preset.slug
    assert parse_search(slug) == SearchName(preset, variable_skip=False, reverse=False)
    assert parse_search(f"{slug}_hybrid") == SearchName(preset, variable_skip=True, reverse=False)
    assert parse_search(f"{slug}_reverse") == SearchName(preset, variable_skip=False, reverse=True)
    assert parse_search(f"{slug}_hybrid_reverse") == SearchName(preset, True, True)


def test_every_listed_name_is_read_as_what_it_is_written_for() -> None:
    names = search_names()
    assert len(names) == len(set(names)) == 4 * len(CATALOGUE)
    assert [parse_search(name).text for name in names] == list(names)
    listed = [search.text for preset in CATALOGUE for search in searches_of(preset)]
    assert listed == list(names)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("mt1937", "mt19937"),
        ("java_lcg_hybird", "java_lcg_hybrid"),
        ("xorshift32_hybrid_revers", "xorshift32_hybrid_reverse"),
        ("JAVA_LCG_reverse", "java_lcg_reverse"),
        # The parts of a name have one order.
        ("mt19937_reverse_hybrid", "mt19937_"),
    ],
)
def test_a_typo_is_answered_with_names_close_to_it(text: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"{text!r}; did you mean .*({near})"):
        parse_search(text)


@pytest.mark.parametrize("text", ["", "%%%%", "_hybrid_reverse_reverse_hybrid_hybrid_0123456789"])
def test_what_resembles_nothing_is_sent_to_the_list(text: str) -> None:
    with pytest.raises(ValueError, match=r"no generator or search .*; `seedfleet generators list`"):
        parse_search(text)
