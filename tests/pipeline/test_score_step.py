"""Step 3: every survivor that goes out in a chunk comes back, described by its sieve slice."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from step_words import proceeded

from seedfleet.draws import History
from seedfleet.evidence.part_prior import Division
from seedfleet.fleet import FleetError, Job, RunReport
from seedfleet.generators import compiled, find_preset
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.score import (
    ScoredTableError,
    ScoreOptions,
    ScoringError,
    run_score,
    score_table,
    worker,
)
from seedfleet.pipeline.steps.score.chunks import chunk_rows, measured_rate, write_chunks
from seedfleet.pipeline.steps.score.scored_table import ScoredDraws, read_scored
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.survivor_files import read_survivors, write_survivors
from seedfleet.pipeline.steps.survivor_table import ROW, SurvivorTable
from seedfleet.recover import OptionsError
from seedfleet.scoring import FEATURES, ScoringSettings, SettingsError

_CONTEXT = RunContext("run_1", ("seedfleet",), "2026-01-01T00:00:00+00:00", "out")
_PLANTED = 7


def _history(changed_from: int = 500) -> History:
    values, _ = compiled.at_positions(
        find_preset("java_lcg").stream, _PLANTED, 1000, np.arange(500)
    )
    values[changed_from:] = 0
    none = (None,) * 500
    return History("draws", "draws.json", "ab" * 32, values, none, none, none, 1000, False, ())


def _table(rows: int = 20) -> SurvivorTable:
    table = np.zeros(rows, ROW)
    table["seed"] = np.arange(rows)
    table["end"] = -1
    table["bidirectional_count"] = rows
    table["origin"][5:6] = 300  # after the sieve slice
    return SurvivorTable(("java_lcg",), (), table, {3: (12345,)} if rows > 3 else {})


def _run(folder: Path, fan_out: FanOut | None = None) -> StepRun:
    return StepRun("score", RunFiles(folder), _CONTEXT, fan_out or FanOut())


@pytest.mark.slow
def test_every_survivor_comes_back_with_its_features(tmp_path: Path) -> None:
    write_survivors(RunFiles(tmp_path).survivors("bidirectional"), _table(), {})
    record = run_score(_history(), ScoreOptions(chunk_size=12), _run(tmp_path))
    assert record.decision is Decision.PROCEED
    assert record.parameters["jobs"] == 2
    telling = record.metrics[0]
    assert telling.name == "share of draws matched by the survivor with the best score"
    assert telling.value is not None
    assert telling.value > 0.99
    assert telling.chance == 0.001
    assert "bidirectional_survivors.parquet" in record.inputs
    files = RunFiles(tmp_path)
    scored = pq.read_table(files.scores)
    assert set(FEATURES) | {"score", "confidence"} <= set(scored.column_names)
    assert json.loads(scored.schema.metadata[b"versions"])["seedfleet"]
    for path in (files.scores, files.scores.with_suffix(".json")):
        again = read_survivors(path)
        assert (again.rows == _table().rows).all()
        assert again.states == {3: (12345,)}
    best = int(np.argmax(np.asarray(scored["score"])))
    assert best == _PLANTED == int(np.argmax(np.asarray(scored["confidence"])))
    assert scored["longest_match_run"][_PLANTED].as_py() == 300
    entries = json.loads(files.scores.with_suffix(".json").read_text(encoding="utf-8"))
    assert list(entries[0]["features"]) == list(FEATURES)
    for name in ("pred_mean", "global_entropy", "residue_125_match_z"):
        told = [entry["features"][name] for entry in entries]
        np.testing.assert_allclose(told, np.asarray(scored[name]), rtol=1e-8)


def test_workers_are_given_no_draw_after_the_sieve_slice(tmp_path: Path) -> None:
    given = []
    for name, history in (("as_it_was", _history()), ("changed", _history(changed_from=300))):
        folder = tmp_path / name
        write_survivors(RunFiles(folder).survivors("bidirectional"), _table(0), {})
        run_score(history, ScoreOptions(json=False), _run(folder))
        assert not RunFiles(folder).scores.with_suffix(".json").exists()
        given.append(RunFiles(folder).train_history.read_bytes())
        known = ScoredDraws(history.values[:300], 1000, Division(len(history)))
        files = RunFiles(folder)
        chunks = write_chunks(_table(), 12, known=known, files=files, settings=files.train_history)
        for chunk in chunks:
            assert {Path(each).name for each in chunk.job.inputs} == {
                f"{chunk.job.job_id}.parquet",
                "train_history.json",
            }
    assert given[0] == given[1]


@dataclasses.dataclass(frozen=True)
class _Spoiling(FanOut):
    """Hands on what jobs gave after something has happened to one of the files."""

    spoil: Callable[[Path], None] = lambda _: None

    def run(
        self,
        jobs: Sequence[Job],
        jobs_file: Path,
        *,
        preserve_paths: bool = False,
        done: Callable[[str, Path], None] = lambda _id, _path: None,
    ) -> RunReport:
        report = super().run(jobs, jobs_file, preserve_paths=preserve_paths, done=done)
        self.spoil(next(iter(report.jobs[jobs[1].job_id].outputs.values())))
        return report


@pytest.mark.slow
def test_a_truncated_chunk_is_named_and_made_again(tmp_path: Path) -> None:
    write_survivors(RunFiles(tmp_path).survivors("bidirectional"), _table(), {})
    options = ScoreOptions(chunk_size=12)

    def truncate(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(ScoringError, match=r"chunk 2 of 2 \(rows 12\.\.19\): .*cannot be read"):
        run_score(_history(), options, _run(tmp_path, _Spoiling(spoil=truncate)))
    assert not RunFiles(tmp_path).scores.exists()
    assert not RunFiles(tmp_path).context("score").exists()
    assert run_score(_history(), options, _run(tmp_path)).decision is Decision.PROCEED


@pytest.mark.slow
def test_a_worker_that_leaves_a_broken_table_is_asked_once_more(tmp_path: Path) -> None:
    write_survivors(RunFiles(tmp_path).survivors("bidirectional"), _table(), {})
    spoiled: list[Path] = []

    def spoil_once(path: Path) -> None:
        if not spoiled:
            path.write_bytes(path.read_bytes()[:-200])
            spoiled.append(path)

    run = _run(tmp_path, _Spoiling(spoil=spoil_once))
    assert run_score(_history(), ScoreOptions(chunk_size=12), run).decision is Decision.PROCEED
    (manifest,) = tmp_path.rglob("manifest.json")
    jobs = json.loads(manifest.read_text(encoding="utf-8"))["jobs"].values()
    assert sorted(job["attempts"] for job in jobs) == [1, 2]
    assert (read_survivors(RunFiles(tmp_path).scores).rows == _table().rows).all()


def test_a_busier_machine_cuts_the_same_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([10.0, 99.0, 77.0])
    monkeypatch.setattr("seedfleet.pipeline.steps.score.chunks._rate", lambda *_: next(measured))
    draws, settings = _history().values[:300], ScoringSettings.of_modulus(1000)

    def rate(table: SurvivorTable) -> float:
        files = RunFiles(tmp_path)
        return measured_rate(table, draws, modulus=1000, settings=settings, files=files)

    assert rate(_table()) == rate(_table()) == 10.0
    assert rate(_table(19)) == 99.0
    (tmp_path / "scoring_chunks" / "rate.json").write_text("[")
    assert rate(_table(19)) == 77.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a disk that is soon full")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("left_bytes", [16_384, 65_536])
def test_a_full_disk_stops_the_step_and_loses_nothing(small_disk: Path, left_bytes: int) -> None:
    files, filler = RunFiles(small_disk), small_disk / "filler"
    write_survivors(files.survivors("bidirectional"), _table(), {})
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(small_disk).free - left_bytes)
    options = ScoreOptions(json=False)
    with pytest.raises((OSError, FleetError, ScoringError), match=r"No space left|no result|ended"):
        run_score(_history(), options, _run(small_disk))
    assert not files.context("score").exists()
    assert not files.scores.exists()
    filler.unlink()
    assert run_score(_history(), options, _run(small_disk)).decision is Decision.PROCEED
    assert (read_survivors(files.scores).rows == _table().rows).all()


@pytest.mark.slow
def test_other_rows_are_told_from_those_that_went_out(tmp_path: Path) -> None:
    draws, settings = _history().values[:300], ScoringSettings.of_modulus(1000)
    known, path = ScoredDraws(draws, 1000, Division(300)), tmp_path / "chunk.parquet"
    scored = score_table(_table(), known, settings)
    for table, said in (
        (scored.slice(1), "19 rows, not 20"),
        (scored.take(list(reversed(range(20)))), "other survivors: seed"),
        (scored.drop_columns(["score"]), "no column 'score'"),
    ):
        pq.write_table(table, path)
        with pytest.raises(ScoredTableError, match=said):
            read_scored(path, _table())
    pq.write_table(scored, path)
    assert len(read_scored(path, _table())) == 20


def test_no_survivors_are_no_evidence(tmp_path: Path) -> None:
    write_survivors(RunFiles(tmp_path).survivors("bidirectional"), _table(0), {})
    record = run_score(_history(), ScoreOptions(), _run(tmp_path))
    assert record.decision is Decision.STOP
    assert len(pq.read_table(RunFiles(tmp_path).scores)) == 0
    text = RunFiles(tmp_path).scores.with_suffix(".json").read_text(encoding="utf-8")
    assert json.loads(text) == []


def test_settings_of_step_2_5_are_obeyed_or_refused(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    write_survivors(files.survivors("bidirectional"), _table(0), {})
    chosen = ScoringSettings((8, 100, 1000), max_offset=3, weights={"runs": 2.0})
    files.scorer_config.write_text(json.dumps(chosen.to_document()), encoding="utf-8")
    record = run_score(_history(), ScoreOptions(), _run(tmp_path))
    assert record.parameters["settings"] != chosen.to_document()  # no word of step 2.5's stands
    proceeded("tune-scorer", files.scorer_config, _run(tmp_path).context, files)
    record = run_score(_history(), ScoreOptions(), _run(tmp_path))
    assert record.parameters["settings"] == chosen.to_document()
    assert "optimal_scorer_config.json" in record.inputs
    files.scorer_config.write_text('{"residue_mods": [8]}', encoding="utf-8")
    proceeded("tune-scorer", files.scorer_config, _run(tmp_path).context, files)
    with pytest.raises(SettingsError):
        run_score(_history(), ScoreOptions(), _run(tmp_path))
    with pytest.raises(OptionsError, match="chunk size: 0"):
        ScoreOptions(chunk_size=0)


def test_draws_that_are_not_the_sieve_slice_are_refused(tmp_path: Path) -> None:
    write_survivors(RunFiles(tmp_path).survivors("bidirectional"), _table(0), {})
    other = tmp_path / "all.json"
    other.write_text(json.dumps(_history().values.tolist()), encoding="utf-8")
    with pytest.raises(ScoringError, match=r"not the run's sieve slice, its first 300 of 500"):
        run_score(_history(), ScoreOptions(train_history=other), _run(tmp_path))


@pytest.mark.parametrize(
    ("rows", "rate", "slots", "size"),
    [
        (100, 1e5, 12, 100),  # not worth a second process
        (395_211, 2e5, 2, 395_211),
        (395_211, 1e5, 2, 197_606),
        (1_000, 10, 4, 250),
        (10_000, 10, 4, 589),  # 17 jobs of a minute each
        (1, 1, 26, 1),
    ],
)
def test_chunks_are_worth_their_start(rows: int, rate: float, slots: int, size: int) -> None:
    assert chunk_rows(rows, rate, slots) == size


@pytest.mark.slow
def test_the_worker_alone_takes_bare_seeds(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "compat" / "full_scoring_worker.py"
    history = tmp_path / "train_history.json"
    history.write_text(json.dumps(_history().values[:300].tolist()), encoding="utf-8")
    (tmp_path / "seeds.json").write_text("[5, 7]", encoding="utf-8")
    command = [sys.executable, str(script), "--seeds-file", "seeds.json"]
    command += ["--train-history", history.name, "--output-file", "scored.json", "--mod", "1000"]
    done = subprocess.run(
        [*command, "--prng-type", "java_lcg"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "note: 2 of 2 survivors do not say their skip and are scored at skip 0" in done.stderr
    scored = json.loads((tmp_path / "scored.json").read_text(encoding="utf-8"))
    assert [entry["seed"] for entry in scored] == [5, 7]
    assert scored[1]["features"]["residue_1000_match_rate"] == 1
    assert scored[0]["score"] < 0 < scored[1]["score"]
    history.write_text("[1, 2, 5000]", encoding="utf-8")
    bad = subprocess.run(
        [*command, "--prng-type", "nonsense", "--skip", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bad.returncode == 2
    assert "5000" in bad.stderr
    assert "there is no generator 'nonsense'" in bad.stderr


def test_the_worker_tells_of_everything_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def told(*words: str) -> list[str]:
        files = ["--seeds-file", "seeds.json", "--train-history", "draws.json"]
        command = ["full_scoring_worker.py", *files, "--output-file", "scored.json", *words]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            worker.main()
        assert ended.value.code == 2
        return capsys.readouterr().err.splitlines()

    wrong = ["--mod", "1", "--prng-type", "nope", "--skip", "5..2", "--workers", "0"]
    lines = told(*wrong, "--settings-file", "settings.json")
    assert len(lines) == 7
    for part in (
        *("--mod: 1", "no generator 'nope'", "--skip: '5..2'", "--workers: 0"),
        *("draws.json", "seeds.json", "settings.json"),
    ):
        assert sum(part in line for line in lines) == 1, part

    (tmp_path / "seeds.json").write_text("[5, 7]", encoding="utf-8")
    (tmp_path / "draws.json").write_text(json.dumps([1, 2, *[5000] * 30]), encoding="utf-8")
    assert told("--prng-type", "nope", "--mod", "5001") == [
        "error: --prng-type: there is no generator 'nope'"
    ]
    lines = told("--prng-type", "nope", "--mod", "5000")
    assert len(lines) == 12
    assert "5000 is not in [0, 5000)" in lines[9]
    assert "20 more" in lines[10]
    assert "nope" in lines[11]
    assert not (tmp_path / "scored.json").exists()
