"""A pack can be checked by somebody else, and its hypotheses stand before the search starts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from seedfleet.cli import main
from seedfleet.draws import load
from seedfleet.generators import CATALOGUE, find_preset, reference
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.evidence_pack import begin_pack
from seedfleet.pipeline.recorded import write_record
from seedfleet.recover import Options, planned

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {
    "MANIFEST.sha256",
    "README.txt",
    "controls.json",
    "draws.txt",
    "hypotheses.json",
    "recovery.json",
    "report.html",
    "versions.json",
}
_GENERATOR = ("--generator", "java.util.Random", "--skips", "0..2")


@pytest.fixture
def draws(tmp_path: Path) -> Path:
    """Sixty draws of java.util.Random, one skipped before each."""
    stream = find_preset("java_next_int").stream
    values = reference.at_positions(stream, 20150101, 1000, range(1, 120, 2))
    file = tmp_path / "three digits.txt"
    file.write_text("\n".join(map(str, values)) + "\n")
    return file


def _recover(draws: Path, *words: str) -> Result:
    output_dir = str(draws.parent / "out")
    told = ["trace", "recover", str(draws), *_GENERATOR, "--output-dir", output_dir, *words]
    return CliRunner().invoke(main, told)


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text("utf-8"))


def _check(folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("sha256sum") is None:
        pytest.skip("needs 'sha256sum' on PATH")
    return subprocess.run(
        ["sha256sum", "--strict", "-c", "MANIFEST.sha256"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_pack_is_whole_and_a_changed_byte_shows(draws: Path, tmp_path: Path) -> None:
    pack = tmp_path / "a" / "pack"
    result = _recover(draws, "--evidence-pack", str(pack))
    assert result.exit_code == 0, result.output
    assert f"pack        {pack}" in result.output
    assert {path.name for path in pack.iterdir()} == _FILES
    assert (pack / "draws.txt").read_bytes() == draws.read_bytes()
    answer, fixed = _read(pack, "recovery.json"), _read(pack, "hypotheses.json")
    assert answer["verdict"] == "recovered"
    assert answer["files"]["evidence_pack"] == str(pack)
    assert _read(pack, "controls.json")["controls"] == answer["controls"] != []
    assert (tmp_path / answer["files"]["recovery"]).read_text() == (
        pack / "recovery.json"
    ).read_text()
    assert fixed["inputs"][0]["sha256"] == hashlib.sha256(draws.read_bytes()).hexdigest()
    assert fixed["run_id"] == answer["run_id"]
    assert [search["attack"] for search in fixed["searches"]] == [
        search["attack"] for search in answer["searched"] if search["attack"] != "none"
    ]
    checked = _check(pack)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == len(_FILES) - 1
    for name in _FILES - {"MANIFEST.sha256"}:
        content = (pack / name).read_bytes()
        (pack / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert f"{name}: FAILED" in _check(pack).stdout
        (pack / name).write_bytes(content)


@pytest.mark.runtime
@pytest.mark.slow
def test_the_programs_of_a_pack_draw_the_history(draws: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    assert _recover(draws, "--evidence-pack", str(pack)).exit_code == 0
    (best,) = _read(pack, "recovery.json")["candidates"]
    assert {member["language"] for member in best["members"]} == {"Java", "C"}
    for member in best["members"]:
        tool = member["command"].split()[0]
        if shutil.which(tool) is None and os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") != "1":
            pytest.skip(f"needs '{tool}' on PATH")
        (tmp_path / member["file"]).write_text(member["program"])
        told = subprocess.run(
            member["command"], shell=True, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert told.stdout == draws.read_text()


@pytest.mark.slow
def test_hypotheses_stand_before_the_search(
    draws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "pack"

    def interrupted(*_arguments: Any, **_named: Any) -> Any:
        assert {path.name for path in pack.iterdir()} == {"hypotheses.json", "draws.txt"}
        raise KeyboardInterrupt

    monkeypatch.setattr("seedfleet.cli.trace.recover.recovery_document", interrupted)
    assert _recover(draws, "--evidence-pack", str(pack)).exit_code == 3
    fixed = _read(pack, "hypotheses.json")
    assert fixed["options"]["skips"] == [0, 2]
    assert fixed["options"]["searched"] == ["java.util.Random"]
    assert len(fixed["catalogue"]) == len(CATALOGUE)
    assert {len(entry["definition_sha256"]) for entry in fixed["catalogue"]} == {64}
    assert len({entry["definition_sha256"] for entry in fixed["catalogue"]}) > len(CATALOGUE) // 2
    monkeypatch.undo()
    # What was fixed is not to be fixed anew after a look at the draws.
    again = _recover(draws, "--evidence-pack", str(pack))
    assert again.exit_code == 2
    assert "is not empty" in again.stderr
    assert _read(pack, "hypotheses.json") == fixed


@pytest.mark.slow
def test_a_resumed_run_ends_the_pack_that_it_began(draws: Path, tmp_path: Path) -> None:
    pack, folder = tmp_path / "pack", tmp_path / "out" / "run"
    history = load(draws)
    options = Options(skips=range(3), searched=frozenset({"java.util.Random"}))
    context = RunContext("run", ("seedfleet",), "2026-11-21T00:00:00+00:00", str(folder))
    context = replace(context, evidence_pack=str(pack))
    begin_pack(pack, history, options, context, draws)
    fixed = (pack / "hypotheses.json").read_bytes()
    write_record(folder, history, options, context)
    words = ["trace", "recover", "--resume", "run", "--output-dir", str(tmp_path / "out")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert (pack / "hypotheses.json").read_bytes() == fixed
    assert _check(pack).returncode == 0
    (pack / "hypotheses.json").unlink()
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 2
    assert "was changed or removed" in refused.stderr


def test_a_full_folder_is_refused_before_anything_is_written(draws: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "mine.txt").write_text("mine")
    result = _recover(draws, "--evidence-pack", str(pack))
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [path.name for path in pack.iterdir()] == ["mine.txt"]
    assert not (tmp_path / "out").exists()


def test_draws_from_standard_input_are_kept_as_they_were_understood(
    draws: Path, tmp_path: Path
) -> None:
    history = load(draws)
    context = RunContext("run", ("seedfleet",), "2026-11-21T00:00:00+00:00", "out/run")
    begin_pack(tmp_path / "pack", history, Options(), context, None)
    assert (load(tmp_path / "pack" / "draws.json").values == history.values).all()
    fixed = _read(tmp_path / "pack", "hypotheses.json")
    assert fixed["inputs"][0]["as_read"] is False
    assert fixed["history"]["sha256"] == history.sha256


def test_what_is_planned_is_said_without_a_search(draws: Path) -> None:
    history = load(draws)
    options = Options(searched=frozenset({"java.util.Random"}))
    coverages = planned(history, options)
    assert "lane split" in {coverage.attack for coverage in coverages}
    assert coverages[0].cost_s < 0.1 < max(each.cost_s for each in coverages)
