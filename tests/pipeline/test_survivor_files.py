"""Survivor tables as files: what was written is read again, and nothing else is a survivor."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seedfleet.pipeline.steps.survivor_files import (
    SurvivorFileError,
    read_survivors,
    rows_without_skip,
    write_survivors,
)
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable

if TYPE_CHECKING:
    from pathlib import Path


def _table() -> SurvivorTable:
    rows = np.zeros(3, dtype=ROW)
    rows["preset"], rows["seed"], rows["end"] = [0, 1, 0], [1, 0, 2**64 - 1], [NO_END, 40, NO_END]
    rows["skip_max"], rows["bidirectional_selectivity"] = [0, 2, 8], [1.0, 0.25, 3.5]
    return SurvivorTable(("mt19937", "java_lcg"), ("evening",), rows, {1: (2**47 + 5,)})


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    written = _table()
    write_survivors(tmp_path / "some.parquet", written, {"run_id": "a"})
    read = read_survivors(tmp_path / f"some{suffix}", sessions=("evening",))
    assert read.sessions == written.sessions
    names = [read.presets[code] for code in read.rows["preset"]]
    assert names == ["mt19937", "java_lcg", "mt19937"]
    for name in (ROW.names or ())[1:]:
        assert read.rows[name].tolist() == written.rows[name].tolist(), name
    assert read.states == written.states


def test_a_table_has_its_name_only_once_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.parquet"
    path.write_text("an earlier one")

    def full(descriptor: int) -> None:
        del descriptor
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_survivors(path, _table(), {"run_id": "a"})
    assert path.read_text() == "an earlier one"
    assert list(tmp_path.iterdir()) == [path]


def test_bare_seeds_are_survivors_of_the_generator_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps([7, {"seed": 9, "skip_min": 1, "skip_max": 1}]))
    read = read_survivors(path, generator="xorshift32")
    assert read.rows["seed"].tolist() == [7, 9]
    assert read.rows["skip_max"].tolist() == [0, 1]
    assert rows_without_skip(path) == 1
    varying = read_survivors(path, generator="xorshift32", skips=(2, 5))
    assert varying.rows["skip_min"].tolist() == [2, 1]
    assert varying.rows["skip_max"].tolist() == [5, 1]
    assert read.rows["end"].tolist() == [NO_END, NO_END]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"seed": 5.7}, "seed has to be a whole number, not 5.7"),
        ({"seed": True}, "seed has to be a whole number, not True"),
        ({"skip_min": 1}, "seed has to be a whole number, not None"),
        ({"seed": -1}, "out of bounds"),
        ({"seed": 1, "generator": "nope"}, "no generator 'nope'"),
        ({"seed": 1, "skip_min": 3, "skip_max": 2}, "skip_max is below skip_min"),
        ({"seed": 1, "skip_max": 3, "offset": -1}, "first draw is before the stream's first"),
        ({"seed": 1, "origin": 5, "end": 5}, "end is not after origin"),
        ({"seed": 0, "state": [1, 2]}, "has 1 words, not 2"),
    ],
)
def test_what_is_no_survivor_is_refused_with_its_place(
    tmp_path: Path, entry: dict[str, Any], said: str
) -> None:
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps([{"seed": 1}, entry]))
    with pytest.raises(SurvivorFileError, match=r"\$\[1\]") as told:
        read_survivors(path, generator="java_lcg")
    assert any(said in problem for problem in told.value.problems), told.value.problems


def test_a_parquet_file_is_held_to_the_same(tmp_path: Path) -> None:
    table = _table()
    table.rows["skip_max"][1] = -4
    write_survivors(tmp_path / "some.parquet", table, {})
    with pytest.raises(SurvivorFileError, match="skip_max is below skip_min"):
        read_survivors(tmp_path / "some.parquet")


def test_every_problem_is_told_up_to_ten(tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps(["x"] * 50))
    with pytest.raises(SurvivorFileError) as told:
        read_survivors(path, generator="java_lcg")
    assert len(told.value.problems) == 10
