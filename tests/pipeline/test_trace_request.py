"""What a run was asked survives in its folder, and a folder that is none is told from one."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.draws import History
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.request import Request, RequestError, begin_folder, open_run
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.workflow import asked_steps

CONTEXT = RunContext("draws_1", ("seedfleet", "trace", "run"), "2026-01-01T00:00:00+00:00", "out")
ASKED = Request(
    CONTEXT,
    generators=("java_lcg", "mt19937_hybrid"),
    seeds="0..4999",
    steps=("0", "1", "2.5"),
    variable_skip=(0, 9),
    trials=7,
    engine_options={"slots": "1"},
)


def _history(
    values: list[int],
    *,
    modulus: int = 1000,
    dates: tuple[dt.date, ...] | None = None,
    sessions: tuple[str, ...] | None = None,
) -> History:
    none = (None,) * len(values)
    return History(
        name="draws",
        source="somewhere/draws.csv",
        sha256="ab" * 32,
        values=np.array(values, dtype=np.int64),
        dates=dates or none,
        sessions=sessions or none,
        machines=none,
        modulus=modulus,
        modulus_inferred=True,
        notes=("Dropped something.",),
    )


def test_what_was_asked_and_the_draws_come_back(tmp_path: Path) -> None:
    days = tuple(dt.date(2026, 1, 1) + dt.timedelta(days=i // 2) for i in range(4))
    sessions = ("midday", "evening") * 2
    history = _history([5, 999, 0, 5], dates=days, sessions=sessions)
    begin_folder(RunFiles(tmp_path), history, ASKED)
    again, asked = open_run(tmp_path)
    assert asked == ASKED
    for name in (part.name for part in dataclasses.fields(History)):
        assert np.array_equal(getattr(again, name), getattr(history, name)), name


@settings(max_examples=25)
@given(st.lists(st.integers(0, 48), min_size=1, max_size=30))
def test_draws_without_dates_keep_their_order_and_modulus(
    tmp_path_factory: pytest.TempPathFactory, values: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    begin_folder(RunFiles(folder), _history(values, modulus=49), ASKED)
    history, _ = open_run(folder)
    assert (history.values.tolist(), history.modulus) == (values, 49)


def test_a_history_that_was_changed_is_refused(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    begin_folder(files, _history([1, 2, 3]), ASKED)
    files.history.write_text('[{"draw": 1}]')
    with pytest.raises(RequestError, match=r"lottery_history\.json was changed"):
        open_run(tmp_path)


def test_a_folder_begun_by_established_names_is_opened_by_its_configuration(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    begin_folder(files, _history([1, 2, 3]), ASKED)
    files.request.unlink()
    with pytest.raises(RequestError, match=r"neither request.json.*nor optimal_window_config"):
        open_run(tmp_path)
    files.window_config.write_text(json.dumps({"modulus": 10, "run_id": "by_hand"}))
    history, asked = open_run(tmp_path)
    assert (history.values.tolist(), history.modulus) == ([1, 2, 3], 10)
    assert (asked.context.run_id, asked.generators) == ("by_hand", ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON document (line 1, column 1); begin a new run"),
        ('{"format":\n', "no JSON document (line 2, column 1); begin a new run"),
        ("[]", "does not hold what it should"),
        ("{}", "it has no 'format'; begin a new run"),
        ('{"format": "seedfleet.recovery-request/1"}', "'seedfleet.recovery-request/1' is not"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_in_words(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "request.json").write_text(text)
    with pytest.raises(RequestError, match=r"request\.json") as refused:
        open_run(tmp_path)
    (told,) = refused.value.problems
    assert said in told
    assert "Error" not in told


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no such folder"):
        open_run(tmp_path / "none")


@pytest.mark.parametrize(("look_s", "used_s"), [(None, 20.0), (120.0, 120.0)])
def test_the_time_of_the_first_look_is_that_of_step_1(look_s: float | None, used_s: float) -> None:
    request = Request(CONTEXT, steps=("1",), look_s=look_s)
    asked = asked_steps(request, _history(list(range(30)), modulus=100))
    assert [step.options.look_s for step in asked] == [used_s]
