"""Whatever a script on a node says and does, the manifest tells what happened."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GOOD, wait_until

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

# Script, outcome, exit code or signal.
ENDINGS = {
    "good": (GOOD, "succeeded", 0),
    "says_so": ("print(json.dumps({'success': True, 'result': 42}))", "output_missing", 0),
    "half": ("f = open(out, 'w'); f.write('{\"half\": '); f.flush(); os.kill(os.getpid(), 9)",
             "failed", -9),
    "half_calm": ("open(out, 'w').write('{\"half\": ')", "output_invalid", 0),
    "empty": ("open(out, 'w').close()", "output_empty", 0),
    "exit_3": (GOOD + "; note('end'); sys.exit(3)", "failed", 3),
    "folder": ("os.mkdir(out)", "output_invalid", 0),
    "link": ("open('other', 'w').write('{}'); os.symlink(os.path.abspath('other'), out)",
             "output_invalid", 0),
    "hangs": ("subprocess.Popen(['sh', '-c', 'sleep 300 & sleep 300']); os.fork(); time.sleep(300)",
              "timed_out", None),
}  # fmt: skip

HOSTILE = [
    "two words",
    "it's",
    'say "x"',
    "two\nlines",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "*",
    "~",
    "-",
    "",
    "ünïcode \N{SNOWMAN}",
    '{"json": {"brace": 1}}',
    "back\\slash \\n",
    "%h %p",
    "!! && false",
    "trailing ",
    "\t",
]


@pytest.mark.parametrize("shared_disks", ["no", "yes"])
def test_every_way_to_end_is_told_as_it_was(house: House, shared_disks: str) -> None:
    house.shared_disks = shared_disks
    house.node("alpha")
    house.node("beta", python="pypy3", gpu_count=4)
    jobs = []
    for node in ("alpha", "beta"):
        for name, (body, _, _) in ENDINGS.items():
            timeout = 5 if name == "hangs" else 60
            jobs.append(house.job(body, f"{node}.{name}", node=node, timeout=timeout))
    told = house.run(jobs, "--retries", "0", "--kill-grace", "0.3")
    assert told.code == 1
    for node in ("alpha", "beta"):
        for name, (_, outcome, code) in ENDINGS.items():
            job = told.jobs[f"{node}.{name}"]
            signal = -code if code is not None and code < 0 else None
            assert (job["outcome"], job["node"], job["signal"]) == (outcome, node, signal)
            if code is not None:
                assert job["exit_code"] == (None if signal else code)
    assert set(house.starts().values()) == {1}
    assert told.result("alpha.good") == {"job": "alpha.good"}
    results = {path.name for path in (house.run_folder() / "results").rglob("*")}
    good = {f"{node}.good.json{end}" for node in ("alpha", "beta") for end in ("", ".done")}
    assert results == good, "nothing but accepted results has a place among the results"
    attempt = house.run_folder() / "attempts/alpha.says_so/1"
    assert json.loads((attempt / "stdout.log").read_text())["success"] is True
    wait_until(lambda: not house.living(), "nothing is left on the nodes")


def test_arguments_and_variables_arrive_as_they_were_written(house: House) -> None:
    hostile = 'scripts of $(touch pwned) it\'s a "folder"'
    alpha = house.node("alpha", root_name=hostile)
    body = (
        "json.dump([sys.argv[3:], [os.environ['V%d' % n] for n in range(len(sys.argv) - 3)]],"
        " open(out, 'w'))"
    )
    job = house.job(body, "a")
    job["args"] = ["-o", "a.json", *HOSTILE]
    job["env"] = {f"V{number}": text for number, text in enumerate(HOSTILE)}
    told = house.run([job])
    assert told.outcomes == {"a": "succeeded"}, told.said
    assert told.result("a") == [HOSTILE, HOSTILE]
    assert not list(house.folder.rglob("pwned"))
    assert alpha.ledger()


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("shared_disks", ["no", "yes"])
def test_a_stale_result_and_its_marker_never_count_and_are_never_lost(
    house: House, shared_disks: str, *, writes: bool
) -> None:
    house.shared_disks = shared_disks
    # On a shared disk the node's script_path is the very folder where the head runs.
    alpha = house.node("alpha", root_name="scripts" if shared_disks == "no" else str(house.root))
    job = house.job("json.dump('new', open(out, 'w'))" if writes else "", "a")
    job |= {"args": ["-o", "deep/a.json"], "expected_output": "deep/a.json"}
    for root in {house.root, alpha.root}:
        (root / "deep").mkdir()
        (root / "deep/a.json").write_text('"old"')
        (root / "deep/a.json.done").write_text('{"job_id": "a", "run_id": "earlier"}')
    told = house.run([job], "--preserve-paths", "--retries", "0")
    assert told.outcomes == {"a": "succeeded" if writes else "output_missing"}, told.said
    on_head = house.root / "deep/a.json"
    marker = json.loads((house.root / "deep/a.json.done").read_text())
    assert json.loads(on_head.read_text()) == ("new" if writes else "old")
    assert marker["run_id"] == (told.manifest["run_id"] if writes else "earlier")
    if writes:
        assert marker["sha256"] == hashlib.sha256(on_head.read_bytes()).hexdigest()
    else:
        assert json.loads((alpha.root / "deep/a.json").read_text()) == "old"


@pytest.mark.parametrize("shared_disks", ["no", "yes"])
def test_large_outputs_come_whole(house: House, shared_disks: str) -> None:
    house.shared_disks = shared_disks
    house.node("alpha")
    house.node("beta", python="pypy3")
    body = (
        "data = os.urandom(30_000_000); open(out, 'wb').write(data)\n"
        "note('digest', sha256=hashlib.sha256(data).hexdigest())"
    )
    jobs = [
        house.job(body, node, node=node)
        | {"args": ["-o", f"{node}.bin"], "expected_output": f"{node}.bin"}
        for node in ("alpha", "beta")
    ]
    told = house.run(jobs)
    assert told.code == 0, told.said
    for line in house.ledger():
        if line["what"] == "digest":
            ((path, claimed),) = told.jobs[line["job"]]["outputs"].items()
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            assert digest == claimed["sha256"] == line["sha256"]
            assert os.path.getsize(path) == claimed["size_bytes"] == 30_000_000  # noqa: PTH202


def test_several_outputs_are_all_or_none(house: House) -> None:
    house.node("alpha")
    both = "open(sys.argv[3], 'w').write('b'); " + GOOD
    told = house.run(
        [
            house.job(body, name, outputs=[f"{name}.txt"])
            | {"args": ["-o", f"{name}.json", f"{name}.txt"]}
            for name, body in (("both", both), ("one", GOOD))
        ]
    )
    assert told.outcomes == {"both": "succeeded", "one": "output_missing"}, told.said
    assert len(told.jobs["both"]["outputs"]) == 2
    assert not list((house.run_folder() / "results").rglob("one*"))


def test_logs_of_every_attempt_come_to_the_head(house: House) -> None:
    house.node("alpha")
    body = "print('to stdout ' + os.environ['SEEDFLEET_ATTEMPT']); sys.exit('to stderr')"
    told = house.run([house.job(body, "a")], "--retries", "2")
    assert told.jobs["a"]["attempts"] == 3, told.said
    for number in (1, 2, 3):
        folder = house.run_folder() / f"attempts/a/{number}"
        assert (folder / "stdout.log").read_text() == f"to stdout {number}\n"
        assert (folder / "stderr.log").read_text() == "to stderr\n"
        assert json.loads((folder / "status.json").read_text())["outcome"] == "failed"


def test_a_link_on_the_node_leads_no_output_out_of_its_root(house: House) -> None:
    alpha = house.node("alpha")
    outside = alpha.home / "elsewhere"
    outside.mkdir()
    (alpha.root / "deep").symlink_to(outside)
    job = house.job(GOOD, "a") | {"args": ["-o", "deep/a.json"], "expected_output": "deep/a.json"}
    told = house.run([job], "--preserve-paths", "--retries", "0")
    assert told.outcomes == {"a": "failed_to_start"}, told.said
    assert "outside of every root" in told.jobs["a"]["detail"]
    assert not list(outside.iterdir())


def test_absolute_paths_under_any_root_mean_the_same_everywhere(house: House) -> None:
    roots = {name: house.node(name).root for name in ("alpha", "beta")}
    script = house.script("json.dump(os.getcwd(), open(out, 'w'))")
    jobs = [
        {
            "job_id": f"{named}-{node}",
            "script": f"{root}/{script}",
            "args": ["-o", f"{root}/out/{named}-{node}.json"],
            "expected_output": f"{root}/out/{named}-{node}.json",
            "node": node,
        }
        for named, root in (*roots.items(), ("head", house.root))
        for node in roots
    ]
    told = house.run(jobs, "--preserve-paths", "--retries", "0")
    assert told.code == 0, told.said
    for job in jobs:
        place = house.root / "out" / f"{job['job_id']}.json"
        assert json.loads(place.read_text()) == str(roots[str(job["node"])])
