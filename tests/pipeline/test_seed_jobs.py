"""The back end that gives blocks of seeds to the fleet: real jobs, with tiny blocks."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seedfleet.fleet import RunOptions
from seedfleet.fleet.cluster import Cluster, NodeConfig
from seedfleet.fleet.node.processes import TOKEN_VARIABLE
from seedfleet.generators import find_preset, reference
from seedfleet.pipeline import seed_jobs
from seedfleet.pipeline.seed_jobs import FleetBackend
from seedfleet.pipeline.seed_request import SeedRequest
from seedfleet.pipeline.seed_timing import expected_core_s
from seedfleet.sieve import CpuBackend, Hits, Leg, Rows, TooManyHitsError, Walk
from seedfleet.sieve.testing import check_scan, check_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAM = find_preset("minstd").stream
PLANTED = 70_000
SEEDS = range(1, 100_001)
BLOCK = 30_000
# Blocks of SEEDS begin at 1, 30001, 60001 and 90001.

# A launcher that does harm to the block whose first seed a file names, as long as it is there.
SABOTEUR = """
import os, pathlib, signal, sys
from seedfleet.pipeline import seed_block

place = pathlib.Path({place!r})
start = sys.argv[sys.argv.index("--start") + 1]
what = (place / start).read_text() if (place / start).exists() else ""
if what == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "foreign":
    sys.argv[sys.argv.index("--start") + 1] = str(int(start) + 1)
seed_block.main()
if what == "damaged":
    path = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
    path.write_bytes(path.read_bytes()[:-1] + b"\\0\\0")
"""


def question(modulus: int = 1000) -> Rows:
    """Ask for half of the planted seed's draws in a second leg, under two alignments."""
    draws = reference.at_positions(STREAM, PLANTED, modulus, [0, 1, 2, 3])
    positions = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    return Rows(positions, np.array([draws, draws]), modulus, (Leg(2, 1), Leg(2, 1)))


def everything(rows: int = 1) -> Rows:
    """Ask for nothing, so that every seed holds."""
    places = np.arange(rows).reshape(-1, 1)
    return Rows(places, np.zeros_like(places), 1000, (Leg(1, 0),))


def same(one: Hits, other: Hits) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("seeds", "rows", "matches")]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def living_jobs() -> list[int]:
    """Find the processes of jobs whose folders are this test's own."""
    home = f"SEEDFLEET_HOME={os.environ['SEEDFLEET_HOME']}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if home in variables and any(v.startswith(TOKEN_VARIABLE.encode()) for v in variables):
                found.append(int(entry.name))
    return found


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SEEDFLEET_HOME", str(tmp_path / "home"))
    yield tmp_path
    for pid in living_jobs():
        os.kill(pid, signal.SIGKILL)


def backend(
    house: Path,
    block: int | None = BLOCK,
    notice: Callable[[str], None] = lambda _: None,
    before_first: Callable[[], None] = lambda: None,
) -> FleetBackend:
    options = RunOptions(retries=0, kill_grace_s=0.3)
    return FleetBackend(
        house / "scans", before_first=before_first, notice=notice, options=options, block=block
    )


@pytest.mark.slow
def test_jobs_answer_what_one_process_answers(house: Path) -> None:
    begun: list[bool] = []
    shares: list[int] = []
    # This process comes first: it compiles the kernel once for all jobs.
    alone = CpuBackend().scan(STREAM, question(), SEEDS)
    fleet = backend(house, before_first=lambda: begun.append(True))
    found = fleet.scan(STREAM, question(), SEEDS, progress=shares.append)
    assert same(found, alone)
    assert (PLANTED, 0) in set(zip(found.seeds.tolist(), found.rows.tolist(), strict=True))
    assert found.tested == alone.tested == len(SEEDS)
    assert (shares, shares[-1]) == (sorted(shares), len(SEEDS))
    assert begun == [True]


@pytest.mark.slow
def test_jobs_walk_as_one_process_does(house: Path) -> None:
    draws = reference.at_positions(STREAM, PLANTED, 1000, [1, 2, 5, 7])
    walk = Walk(np.array([[0, 2], [9, 9]]), np.array(draws), 1000, 1, 3, (Leg(2, 2), Leg(2, 1)))
    seeds = range(PLANTED - 100, PLANTED + 100)
    alone = CpuBackend().walk(STREAM, walk, seeds)
    found = backend(house, block=100).walk(STREAM, walk, seeds)
    assert same(found, alone)
    assert (found.tested, PLANTED in found.seeds.tolist()) == (200, True)


@pytest.mark.slow
def test_jobs_keep_the_contract_of_back_ends(house: Path) -> None:
    # Ranges of 5,000 seeds and more become jobs: partition, progress, an exception from it. What
    # is asked of fewer seeds shows that short questions are answered in this process. Walks take
    # the same way as scans do.
    stream = find_preset("xorshift32").stream
    numbers = itertools.count()
    for check in (check_scan, check_together):
        check(lambda: backend(house / str(next(numbers)), block=2500), asked=[stream])
    results = list(house.glob("*/scans/*/*/results/*.hits"))
    assert len(results) >= 4 * 2 + 8


@pytest.mark.slow
def test_failed_blocks_are_missing_and_tested_when_asked_again(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harm = {"1": "killed", "30001": "foreign", "60001": "damaged"}
    for start, what in harm.items():
        (house / start).write_text(what)
    monkeypatch.setattr(seed_jobs, "_LAUNCHER", SABOTEUR.format(place=str(house)))
    notices: list[str] = []
    fleet = backend(house, notice=notices.append)
    found = fleet.scan(STREAM, question(), SEEDS)
    assert found.tested == 10_000
    assert same(found, CpuBackend().scan(STREAM, question(), range(90_001, 100_001)))
    assert any("seeds-1: failed" in text for text in notices)
    for start in ("30001", "60001"):
        assert any(f"was no result of seeds-{start}" in text for text in notices)
    (good,) = house.glob("scans/*/*/results/*.hits")
    written = good.stat().st_mtime_ns
    for start in harm:
        (house / start).unlink()
    again = fleet.scan(STREAM, question(), SEEDS)
    assert again.tested == len(SEEDS)
    assert same(again, CpuBackend().scan(STREAM, question(), SEEDS))
    assert good.stat().st_mtime_ns == written, "a block that was done was tested again"
    good.write_bytes(good.read_bytes().replace(b'"tested": 10000', b'"tested": 10001'))
    assert fleet.scan(STREAM, question(), SEEDS).tested == len(SEEDS)
    assert good.stat().st_mtime_ns != written, "a changed result was believed"


@pytest.mark.slow
def test_room_is_kept_across_blocks(house: Path) -> None:
    fleet, seeds = backend(house, block=20), range(2**63, 2**63 + 40)
    whole = fleet.scan(STREAM, everything(), seeds, room=40)
    assert (whole.seeds.tolist(), whole.tested) == (list(seeds), 40)
    for room in (39, 10):  # more than fits in all, and in any one block
        for _ in range(2):  # asked again, it is known
            with pytest.raises(TooManyHitsError, match=f"more than {room} pairs"):
                fleet.scan(STREAM, everything(), seeds, room=room)


@pytest.mark.slow
def test_an_exception_of_progress_ends_the_jobs_and_is_passed_on(house: Path) -> None:
    fleet = backend(house)

    def fail(tested: int) -> None:
        if tested > 0:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fleet.scan(STREAM, question(), SEEDS, progress=fail)
    assert living_jobs() == []
    assert fleet.scan(STREAM, question(), SEEDS).tested == len(SEEDS)


@pytest.mark.slow
def test_threads_may_ask_the_same_question_at_once(house: Path) -> None:
    fleet, seeds = backend(house, block=20), range(40)
    answers: list[Hits] = []

    def ask() -> None:
        answers.append(fleet.scan(STREAM, everything(), seeds))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.tested for each in answers] == [40] * 2
    assert same(*answers)


@pytest.mark.slow
def test_a_head_that_died_before_its_jobs_were_written_is_no_obstacle(house: Path) -> None:
    fleet = backend(house, block=20)
    fleet.scan(STREAM, everything(), range(40))
    (jobs,) = house.glob("scans/*/blocks-*-1/jobs.json")
    jobs.unlink()
    assert fleet.scan(STREAM, everything(), range(40)).tested == 40
    (_,) = house.glob("scans/*/blocks-*-2/jobs.json")


@pytest.mark.slow
def test_blocks_run_on_other_nodes_with_all_they_need(house: Path) -> None:
    node = NodeConfig(
        name="localhost",
        hostname="localhost",
        script_path=str(house / "node"),
        python_env=sys.executable,
        max_concurrent_script_jobs=2,
    )
    (house / "node").mkdir()
    options = RunOptions(engine="ssh", cluster=Cluster((node,)), retries=0)
    fleet = FleetBackend(house / "scans", options=options, block=20)
    found = fleet.scan(STREAM, everything(), range(40))
    assert found.seeds.tolist() == list(range(40))
    assert sorted(path.name[:8] for path in (house / "node").iterdir()) == ["request-", "seed_blo"]


def test_short_questions_and_foreign_streams_stay_in_this_process(house: Path) -> None:
    alone = CpuBackend().scan(STREAM, question(), SEEDS)
    assert same(backend(house, block=50_001).scan(STREAM, question(), SEEDS), alone)
    assert same(backend(house, block=None).scan(STREAM, question(), SEEDS), alone)
    assert not (house / "scans").exists()


@pytest.mark.parametrize("seeds", [range(0, 10, 2), range(-1, 5), range(2**64 - 1, 2**64 + 1)])
def test_ranges_with_gaps_or_beyond_64_bits_are_refused(house: Path, seeds: range) -> None:
    with pytest.raises(ValueError, match="contiguous range"):
        backend(house, block=1).scan(STREAM, question(), seeds)


@pytest.mark.parametrize(
    ("expected_s", "jobs"),
    [(9.9, None), (10.0, 16), (400.0, 20), (80_000.0, 4000), (1e12, 4096)],
)
@pytest.mark.parametrize("seeds", [range(2**36), range(5, 2**64)])
def test_blocks_are_sized_by_time_and_share_out_the_range(
    house: Path, monkeypatch: pytest.MonkeyPatch, expected_s: float, jobs: int | None, seeds: range
) -> None:
    monkeypatch.setattr(seed_jobs, "expected_core_s", lambda _: expected_s)
    request = SeedRequest(STREAM, question(), seeds, 1)
    plan = backend(house, block=None)._new_plan(request)
    if jobs is None:
        assert plan is None
        return
    assert plan is not None
    blocks = list(seed_jobs._blocks(seeds, plan.block).values())
    assert len(blocks) == jobs
    edges = [seeds.start, *(block.stop for block in blocks)]
    assert [block.start for block in blocks] == edges[:-1]
    assert edges[-1] == seeds.stop
    assert plan.timeout_s >= max(7200.0, 10 * expected_s / jobs)


def test_the_time_of_a_long_question_is_foreseen() -> None:
    seeds = range(2**40)
    expected_s = expected_core_s(SeedRequest(STREAM, question(), seeds, 10**7))
    assert 2**40 / 1e10 < expected_s < 2**40 / 1e5, "a core tests 10^5 to 10^10 seeds a second"
