"""Whatever a study samples is what the sieve is asked, within bounds that are checked at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_history import history
from window_runs import uniform

from seedfleet.generators import find_preset
from seedfleet.pipeline.steps.window import look
from seedfleet.pipeline.steps.window.bounds import Interval, SearchBounds, read_bounds
from seedfleet.pipeline.steps.window.configuration import Configuration, SkipLaw
from seedfleet.pipeline.steps.window.ground import Family, Ground, Part
from seedfleet.pipeline.steps.window.options import WindowOptions, families_of
from seedfleet.pipeline.steps.window.sampling import Sampler
from seedfleet.pipeline.steps.window.sessions import left_out, session_choices, shortage
from seedfleet.pipeline.steps.window.study import open_study
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = Configuration((), SkipLaw.CONSTANT, 3, 20, 1, 4, 0.5, 0.6)


def asked(configuration: Configuration) -> tuple[object, ...]:
    question = configuration.question(find_preset("java_lcg").stream, uniform(60), 1000)
    return (question.window, question.skips, question.legs, question.alignments)


@pytest.mark.parametrize(
    "change",
    [
        {"law": SkipLaw.VARIABLE},
        {"window_start": 4},
        {"window_size": 21},
        {"skip_min": 0},
        {"skip_max": 5},
        {"forward_threshold": 0.7},
        {"reverse_threshold": 0.8},
    ],
)
def test_every_value_changes_what_the_sieve_is_asked(change: dict[str, object]) -> None:
    assert asked(replace(CONFIGURATION, **change)) != asked(CONFIGURATION)  # type: ignore[arg-type]


def test_sessions_choose_the_draws_and_only_their_sieve_slice() -> None:
    values = list(range(100))
    names = ["day", "night"] * 50
    known = history(values, 1000, names)
    part = Part.of(known, ("night",))
    np.testing.assert_array_equal(part.draws, values[1:60:2])
    np.testing.assert_array_equal(Part.of(known, ()).draws, values[:60])


def test_a_study_samples_within_bounds_and_leaves_draws_to_judge_by() -> None:
    bounds = SearchBounds(
        window_size=Interval(10, 40),
        offset=Interval(2, 500),
        skip_max=Interval(3, 6),
        forward_threshold=Interval(0.1, 0.2),
        reverse_threshold=Interval(0.7, 0.9),
    )
    part = Part.of(history(uniform(200).tolist()), ())
    ground = Ground(1000, (part,), (Family("java_lcg", range(50)),), 30, 0.0)
    sampler = Sampler(ground, bounds)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    laws = set()
    for _ in range(60):
        chosen = sampler.sampled(study.ask())
        laws.add(chosen.law)
        assert 10 <= chosen.window_size <= 40
        assert 2 <= chosen.window_start <= 120 - 30 - chosen.window_size
        assert 3 <= chosen.skip_max <= 6
        assert chosen.skip_min <= chosen.skip_max - (chosen.law is SkipLaw.VARIABLE)
        assert 0.1 <= chosen.forward_threshold <= 0.2
        assert 0.7 <= chosen.reverse_threshold <= 0.9
    assert laws == set(SkipLaw)


def test_a_named_variable_skip_is_the_only_one_that_a_study_asks_for() -> None:
    options = WindowOptions(("java_lcg",), seeds="50", variable_skip=(2, 11))
    assert WindowOptions.from_document(options.to_document()) == options
    part = Part.of(history(uniform(200).tolist()), ())
    ground = Ground(1000, (part,), families_of(options, 1000), 30, 0.0)
    sampler = Sampler(ground, options.study_bounds)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    chosen = [sampler.sampled(study.ask()) for _ in range(20)]
    asked = {(each.law, each.skip_min, each.skip_max) for each in [*chosen, *sampler.set_ones()]}
    assert asked == {(SkipLaw.VARIABLE, 2, 11)}


@pytest.mark.parametrize(("modulus", "sizes"), [(10, {96, 256}), (1000, {96})])
def test_of_few_values_a_variable_skip_is_tried_on_a_long_window_too(
    modulus: int, sizes: set[int]
) -> None:
    options = WindowOptions(("xorshift32",), seeds="20")
    part = Part.of(history((uniform(800) % modulus).tolist(), modulus), ())
    ground = Ground(modulus, (part,), families_of(options, modulus), 30, 0.0)
    asked = list(Sampler(ground, options.study_bounds).set_ones())
    for law, expected in ((SkipLaw.VARIABLE, sizes), (SkipLaw.CONSTANT, {96})):
        assert {each.window_size for each in asked if each.law is law} == expected
    assert all(each.window_start + each.window_size <= 480 - 30 for each in asked)


@pytest.mark.parametrize("span", [(3, 3), (4, 2), (0, 4096)])
def test_a_skip_that_does_not_vary_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(OptionsError, match="does not vary within"):
        WindowOptions(variable_skip=span)


def test_constant_skips_alone_and_a_variable_one_contradict() -> None:
    with pytest.raises(OptionsError, match="constant ones alone are asked for beside it"):
        WindowOptions(variable_skip=(0, 3), constant_skip=True)


def test_bad_bounds_are_told_of_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "distributed_config.json"
    path.write_text(
        '{"nodes": [], "search_bounds": {"window_size": [9, 3], "skip_min": {"min": 0}, '
        '"forward_threshold": {"min": 0.2, "max": 1.5}, "windw": [1, 2], "skip_max": [0.5, 2]}}'
    )
    with pytest.raises(OptionsError) as caught:
        read_bounds(path)
    problems = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 5
    for name in ("window_size", "skip_min", "forward_threshold", "windw", "skip_max"):
        assert f"$.search_bounds.{name}: " in problems


def test_bounds_are_read_in_both_forms_and_written_back(tmp_path: Path) -> None:
    path = tmp_path / "bounds.json"
    path.write_text(
        '{"search_bounds": {"offset": {"min": 5, "max": 7}, "window_size": [8, 9], '
        '"session_options": [["day"], []]}}'
    )
    bounds = read_bounds(path)
    assert bounds.offset == Interval(5, 7)
    assert bounds.window_size == Interval(8, 9)
    assert bounds.session_options == (("day",), ())
    assert SearchBounds.from_document(bounds.to_document()) == bounds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("400", range(400)),
        ("0x10", range(16)),
        ("7..9", range(7, 10)),
        ("2^20-3..2^20", range(2**20 - 3, 2**20 + 1)),
    ],
)
def test_seeds_are_a_number_of_canonical_ones_or_a_span(text: str, seeds: range) -> None:
    options = WindowOptions(generators=("java_lcg",), seeds=text)
    assert families_of(options, 1000)[0].seeds == seeds


def test_the_first_seeds_are_the_canonical_ones() -> None:
    first = families_of(WindowOptions(generators=("xorshift32",), seeds="5"), 1000)[0].seeds
    assert first == range(1, 6)


def test_options_out_of_range_are_told_of_all_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        WindowOptions(generators=("java_lgc", "mt19937_reverse"), seeds="9..3", trials=0)
    assert len(caught.value.problems) == 4


def test_auto_is_every_stream_that_fits_what_was_found_first() -> None:
    families = families_of(WindowOptions(), 10, ["lcg32"])
    assert families[0].preset == "lcg32"
    streams = [family.stream for family in families]
    assert len(set(streams)) == len(streams) > 30
    assert "java_next_int_digits" not in [each.preset for each in families]


def test_every_choice_of_few_sessions_is_tried() -> None:
    known = history(list(range(90)), 1000, ["a", "b", "c"] * 30)
    choices = session_choices(known, WindowOptions())
    assert set(choices) == {(), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")}
    assert session_choices(known, WindowOptions(sessions=("c", "a"))) == (("a", "c"),)


def test_a_session_that_is_rare_is_no_choice_unless_it_is_named() -> None:
    known = history(list(range(300)), 1000, ["a"] * 290 + ["b"] * 10)
    assert set(session_choices(known, WindowOptions())) == {(), ("a",)}
    assert not shortage(known, WindowOptions())
    assert left_out(known, WindowOptions())[0].endswith("their own: b.")
    assert not left_out(known, WindowOptions(sessions=("b",)))
    (problem,) = shortage(known, WindowOptions(sessions=("b",)))
    assert "of b has 6" in problem


@given(st.integers(1, 40))
def test_a_shortage_names_the_least_number_of_draws_that_would_do(count: int) -> None:
    told = shortage(history([0] * count), WindowOptions())
    assert bool(told) == (count < 14)
    assert all("14 draws have" in each for each in told)


def test_set_configurations_take_turns_between_the_laws_and_leave_trials_to_sample(
    tmp_path: Path,
) -> None:
    names = [f"at {hour}" for hour in range(14)]
    known = history(uniform(2800).tolist(), sessions=names * 200)
    options = WindowOptions(("java_lcg",), seeds="20")
    choices = session_choices(known, options)
    parts = tuple(Part.of(known, choice) for choice in choices)
    ground = Ground(1000, parts, families_of(options, 1000), 20, 0.0)
    sampler = Sampler(ground, options.study_bounds)
    study = open_study(tmp_path / "study.log", {}, sampler, 0, most_set=15)
    asked = [study.ask()[1] for _ in range(15)]
    assert asked == list(sampler.set_ones(15))
    assert [each.law for each in asked[:4]] == [*SkipLaw, *SkipLaw]
    assert len({(each.sessions, each.law) for each in asked}) == 15
    waiting = study.optuna_study.get_trials(states=[optuna.trial.TrialState.WAITING])
    assert waiting == []

    constant, variable = sampler.untried(asked)
    assert constant.startswith("No trial had a constant skip of at 7, at 8, ")
    assert variable.startswith("No trial had a variable skip of at 6, at 7, ")
    every = [sampler.first_look(part, law) for part in parts for law in SkipLaw]
    assert sampler.untried(every) == []
    assert sampler.untried(every[::2]) == ["No trial had a variable skip."]


@dataclass
class Spent:
    """Seconds so far, and those of them that went into compiling."""

    now_s: float = 0.0
    spent_s: float = 0.0


def looked_at(monkeypatch: pytest.MonkeyPatch, *, each_s: float, compiles_s: float) -> look.Look:
    """Look for 20 seconds, where a look takes so long after compiling for so long."""
    known = history(uniform(200).tolist())
    options = WindowOptions(seeds="20", constant_skip=True)
    parts = (Part.of(known, ()),)
    ground = Ground(1000, parts, families_of(options, 1000), 20, 0.0)
    clock = Spent()

    def took(*_: object) -> float:
        clock.now_s += compiles_s + each_s
        clock.spent_s += compiles_s
        return 0.0

    @contextmanager
    def timed(_begun: object) -> Iterator[Spent]:
        yield clock

    monkeypatch.setattr(look, "_best_of", took)
    monkeypatch.setattr(look, "compile_timed", timed)
    monkeypatch.setattr(f"{look.__name__}.time.perf_counter", lambda: clock.now_s)
    return look.first_look(Sampler(ground, options.study_bounds), 20.0, lambda _: None)


def test_kernels_are_not_charged_to_a_first_look_but_for_what_takes_very_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = looked_at(monkeypatch, each_s=0.1, compiles_s=1.0)
    assert not compiled.left_out
    slow = looked_at(monkeypatch, each_s=0.1, compiles_s=3.0)
    # Of 60 seconds, 40 are for compiling; the first look's do not count.
    assert len(slow.looked_at) == pytest.approx(1 + 60 / 3.1, abs=1)
    assert slow.left_out
    many = looked_at(monkeypatch, each_s=1.0, compiles_s=0.0)
    assert len(many.looked_at) == pytest.approx(1 + 20, abs=1)
