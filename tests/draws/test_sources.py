"""Where bytes come from, and bytes that are no text."""

import subprocess
import sys
from pathlib import Path

import pytest

from seedfleet.draws import DrawsError, load


def problem(path: Path) -> str:
    with pytest.raises(DrawsError, match="no draws could be loaded") as caught:
        load(path)
    (only,) = caught.value.problems
    return only


def problem_of(folder: Path, content: bytes) -> str:
    path = folder / "draws.txt"
    path.write_bytes(content)
    return problem(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    assert problem(tmp_path / "missing.json") == "cannot be read: No such file or directory"
    assert problem(tmp_path) == "cannot be read: Is a directory"
    assert problem(tmp_path / "nul\0.json").startswith("cannot be read: embedded null")
    assert problem(tmp_path / ("long" * 100)).startswith("cannot be read: File name too long")


def test_the_summary_names_the_file_even_if_its_name_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(DrawsError) as caught:
        load(tmp_path / "\udcff.json")
    assert caught.value.summary == f"no draws could be loaded from {tmp_path}/?.json"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert problem_of(tmp_path, b"") == "the file is empty"
    assert problem_of(tmp_path, b"\xef\xbb\xbf") == "the file is empty"
    assert problem_of(tmp_path, b" \r\n\t ") == "the file holds only white space"
    assert problem_of(tmp_path, b"12\n\xff3").startswith("byte 3: invalid start byte")
    assert problem_of(tmp_path, b"\xef\xbb\xbf12\n\xff3").startswith("byte 6: invalid start byte")
    assert problem_of(tmp_path, b"1\n2\0\n").startswith("byte 3: a NUL byte")
    assert problem_of(tmp_path, "[1, 2]".encode("utf-16")).startswith("byte 0: invalid start byte")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "draws.csv"
    path.write_bytes(b"\xef\xbb\xbfdraw\n5\n")
    assert load(path).values.tolist() == [5]


def test_reading_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "draws.csv"
    path.write_bytes(b"draw\n5\n")
    before = path.stat().st_mtime_ns
    load(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["draws.csv"]
    assert path.stat().st_mtime_ns == before


def test_a_file_named_like_standard_input_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-").write_text("[7]")
    assert load(Path("-")).values.tolist() == [7]


@pytest.mark.slow
def test_standard_input() -> None:
    program = (
        "from seedfleet.draws import load; history = load('-'); "
        "print(history.name, history.source, history.values.tolist())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], input=b"[4, 5]", stdout=subprocess.PIPE, check=True
    )
    assert finished.stdout.split(b"\n")[0] == b"stdin standard input [4, 5]"
