"""What is refused before anything is written: paths, files, variables, places, options."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fleet_house import GOOD, House

from seedfleet.fleet import BadInputError, Job, RunExistsError, RunOptions, run_sync
from seedfleet.fleet.engines.base import Gpu, Node
from seedfleet.fleet.planning import PlannedRun, plan_run
from seedfleet.fleet.prepare import fingerprints, problems_with_jobs
from seedfleet.fleet.spec import parse_jobs
from seedfleet.fleet.testing import FakeEngine, FakeWorld

if TYPE_CHECKING:
    from pathlib import Path

GPUS = Node("gpus", "cuda", (Gpu(0, memory_gib=24.0), Gpu(1, memory_gib=80.0)), 4)


def plan(house: House, *jobs: Job, node: Node | None = None, **changes: object) -> PlannedRun:
    world = FakeWorld((node,)) if node else FakeWorld()
    options = house.options(**changes)
    return asyncio.run(plan_run(jobs, options, FakeEngine(world)))


def refused(house: House, *jobs: Job, node: Node | None = None, **changes: object) -> list[str]:
    with pytest.raises(BadInputError) as error:
        plan(house, *jobs, node=node, **changes)
    assert not (house.root / "out").exists(), "nothing is written"
    return list(error.value.problems)


def test_a_path_outside_the_root_is_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("")
    (house.root / "link.py").symlink_to(tmp_path / "outside.py")
    found = refused(
        house,
        house.job(script="../outside.py", job_id="a"),
        house.job(script="link.py", job_id="b"),
        house.job(script=str(tmp_path / "outside.py"), job_id="c"),
        house.job(GOOD, job_id="d", expected_output="../d.json"),
        house.job(GOOD, job_id="e", inputs=("/etc/hostname",)),
    )
    places = [text.split(":")[0] for text in found]
    assert places == [
        *("$[0].script", "$[1].script", "$[2].script"),
        *("$[3].expected_output", "$[4].inputs[0]"),
    ]
    assert "leads to" in found[1]


def test_more_roots_can_be_allowed(house: House, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("")
    job = house.job(script=str(tmp_path / "outside.py"))
    assert plan(house, job, allow_roots=(tmp_path,)).plan.jobs == (job,)


def test_missing_files_are_found_before_the_start(house: House) -> None:
    found = refused(
        house, house.job(script="none.py"), house.job(GOOD, job_id="b", inputs=("none.txt",))
    )
    assert ["there is no file" in text for text in found] == [True, True]


def test_an_output_that_no_argument_names_is_refused_with_the_way_out(house: House) -> None:
    (text,) = refused(house, house.job(GOOD, args=("--fast",)))
    assert "--preserve-paths" in text
    # Each of these is accepted, else `plan` raises.
    plan(house, house.job(GOOD, args=("--fast",)), preserve_paths=True)
    plan(house, house.job(GOOD, args=("{output}",)))
    plan(house, house.job(GOOD, args=(), env={"OUT": "{output}"}))
    plan(house, house.job(GOOD, args=("--o={job_id}.json",)))
    assert refused(house, house.job(GOOD, outputs=("second.json",)))


def test_outputs_that_collide_are_refused(house: House) -> None:
    def pair(first: str, second: str) -> list[str]:
        jobs = (
            house.job(GOOD, "a", expected_output=first),
            house.job(GOOD, "b", expected_output=second),
        )
        return refused(house, *jobs)

    assert "collides" in pair("x.json", "x.json")[0]
    assert "collides" in pair("x.json", "./sub/../X.json")[0]
    assert "collides" in pair("x.json", "out/x.json")[0], "a leading output dir is stripped"
    assert "collides" in pair("x", "x.done")[0]
    assert "folder of another output" in pair("x", "x/y.json")[0]


def test_each_colliding_pair_is_one_line(house: House) -> None:
    jobs = [house.job(GOOD, name, expected_output="x.json") for name in "abc"]
    found = refused(house, *jobs, house.job(GOOD, "d", expected_output="X.json.done"))
    assert found == [
        "$[1]: output 'x.json' collides with one of $[0]",
        "$[2]: output 'x.json' collides with one of $[0]",
        "$[3]: output 'X.json.done' collides with one of $[0]",
    ]


def test_a_folder_of_outputs_is_no_output_and_no_marker(house: House) -> None:
    for other in ("x/y.json", "x.done/y.json", "X/y/z/a.json"):
        jobs = [house.job(GOOD, "a", expected_output="x")]
        jobs.append(house.job(GOOD, "b", expected_output=other))
        (text,) = refused(house, *jobs)
        assert text == "$[0]: an output is the folder of another output, of $[1]"
    jobs = [house.job(GOOD, "a", expected_output="x.done")]
    jobs.append(house.job(GOOD, "b", expected_output="x/y.json"))
    assert plan(house, *jobs).plan.jobs == tuple(jobs), "x itself is nobody's output"


def test_scripts_may_be_on_the_nodes_alone_but_inputs_may_not(house: House) -> None:
    job = house.job(script="on_nodes.py", inputs=("here.txt",))
    paths = house.options().paths("r")
    (text,) = problems_with_jobs([("$[0]", job)], paths, scripts_on_head=False)
    assert text.startswith("$[0].inputs[0]: there is no file")
    assert len(list(problems_with_jobs([("$[0]", job)], paths))) == 2
    outside = house.job(script="../other.py")
    assert list(problems_with_jobs([("$[0]", outside)], paths, scripts_on_head=False))


def test_the_fingerprint_of_a_job_knows_its_script_or_that_it_is_elsewhere(house: House) -> None:
    job = house.job(script="late.py")
    paths = house.options().paths("r")
    elsewhere = fingerprints([job], paths)
    assert fingerprints([job], paths) == elsewhere
    (house.root / "late.py").write_text("")
    here = fingerprints([job], paths)
    assert here != elsewhere
    (house.root / "late.py").write_text("new")
    assert fingerprints([job], paths) not in (here, elsewhere)
    with pytest.raises(BadInputError, match=r"none\.txt"):
        fingerprints([house.job(script="late.py", inputs=("none.txt",))], paths)


def test_a_sieve_job_needs_no_argument_that_names_its_output(house: House) -> None:
    (house.root / "sieve_filter.py").write_text("")
    sieve = {"search_type": "residue_sieve", "job_id": "s", "seed_start": 0, "seed_end": 9}
    ((where, job),) = parse_jobs([sieve]).jobs
    assert not list(problems_with_jobs([(where, job)], house.options().paths("r")))


def test_own_files_and_own_variables_are_reserved(house: House) -> None:
    found = refused(
        house,
        house.job(GOOD, "a", expected_output="out/.seedfleet/x.json"),
        house.job(GOOD, "b", env={"CUDA_VISIBLE_DEVICES": "0", "SEEDFLEET_NODE": "x"}),
        house.job(GOOD, "c", expected_output="c.py"),
        preserve_paths=True,
    )
    assert len(found) == 4
    assert "also the script" in found[3]


def test_pins_that_nothing_here_satisfies_are_refused(house: House) -> None:
    wishes: list[dict[str, object]] = [
        {"node": "elsewhere"},
        {"gpu_id": 2},
        {"gpus": 3},
        {"platform": "rocm"},
        {"gpu_memory_gib": 100},
        {"gpu_memory_gib": 40, "gpus": 2},
        {"gpu_id": 0, "gpus": 2},
    ]
    jobs = [house.job(GOOD, f"j{n}", **each) for n, each in enumerate(wishes)]
    found = refused(house, *jobs, node=GPUS)
    assert [text.split(":")[0] for text in found] == [f"$[{n}]" for n in range(7)]
    assert "gpus (cuda) with 2 GPUs and 4 CPU slots" in found[0]
    assert refused(house, house.job(GOOD, gpus=1)), "the fake node has no GPU"
    good = [
        house.job(GOOD, "a", node="gpus", gpu_id=1),
        house.job(GOOD, "b", gpus=2, platform="cuda"),
        house.job(GOOD, "c", gpu_memory_gib=50),
        house.job(GOOD, "d", platform="cpu"),
    ]
    assert len(plan(house, *good, node=GPUS).plan.jobs) == 4


def test_options_out_of_range_and_patterns_without_a_match_are_listed_together(
    house: House,
) -> None:
    found = refused(
        house, house.job(GOOD), retries=-1, max_fails=0, kill_grace_s=-1.0, only=("b*",)
    )
    assert len(found) == 4


def test_only_matching_jobs_run(house: House) -> None:
    jobs = [house.job(GOOD, name) for name in ("fold-1", "fold-2", "final")]
    kept = plan(house, *jobs, only=("fold-*", "f?nal")).plan.jobs
    assert kept == tuple(jobs)
    assert plan(house, *jobs, only=("*-2",)).plan.jobs == (jobs[1],)


@pytest.mark.slow
def test_longer_jobs_start_first_once_their_scripts_are_known(house: House) -> None:
    house.run(house.job("time.sleep(0.2); " + GOOD, "long"), house.job(GOOD, "short"))
    made = plan(house, *(house.job(GOOD, name) for name in ("short", "long", "new")))
    assert made.order == (2, 1, 0), "the unknown one first, since it may be long"
    assert made.lower_bound_s is None
    urgent = house.job(GOOD, "short", priority=1)
    made = plan(house, urgent, house.job(GOOD, "long"))
    assert made.order == (0, 1)
    assert made.lower_bound_s is not None
    assert made.lower_bound_s >= 0.2


def test_a_run_id_is_used_once(house: House) -> None:
    engine = FakeEngine()
    report = run_sync([house.job(GOOD)], house.options(), engine=engine, run_id="mine")
    assert report.run_id == "mine"
    with pytest.raises(RunExistsError, match="run mine exists"):
        run_sync([house.job(GOOD)], house.options(), engine=FakeEngine(), run_id="mine")
    with pytest.raises(BadInputError, match="does not match"):
        run_sync([house.job(GOOD)], house.options(), engine=FakeEngine(), run_id="../up")


def test_recorded_options_read_back_the_same(house: House) -> None:
    options = house.options(only=("a", "b"), allow_roots=("x/../y",), max_fails=3).resolved()
    assert RunOptions.from_document(options.to_document()) == options
    assert options.allow_roots == (str(house.root / "y"),)
