"""The fleet over real OpenSSH servers on loopback: no-op rates, makespans, and a large plan.

The peer is GNU parallel over the same servers in the same run. "With files" it is given
`--transferfile`, `--return` and `--cleanup`, and so does as much as a fleet job, apart from
verifying what it fetched; "bare" it only runs the command. Through a ControlMaster it saves the
handshakes, at fewer jobs at once: a server allows 10 sessions a connection.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.environment import environment
from benchmarks.table import Row
from seedfleet.fleet import Job, RunOptions, RunReport, run_sync
from seedfleet.fleet.cluster import Cluster, NodeConfig
from seedfleet.fleet.testing.sshd import SshNetwork, missing_programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["rows"]

_SLOTS: Final = {"small": 2, "wide": 12, "other": 12}
_NO_OP: Final = "printf '{\"ok\": true}' >"
_OUR_JOBS: Final = 2000
_PLANNED_JOBS: Final = 100_000
_PLANNED_SCRIPTS: Final = 30
# (jobs, mean length in s, makespan over its bound that is asked for)
_MAKESPANS: Final = ((36, 3.0, 1.2), (1000, 1.0, 1.05))
_LENGTHS: Final = 40  # different scripts, since lengths are remembered by script
# (name, through a ControlMaster, files there and back, jobs, jobs at once on each node at most)
_PEERS: Final = (
    ("parallel --sshlogin, with files", False, True, 50, 12),
    ("parallel --sshlogin, bare", False, False, 200, 12),
    ("parallel over ControlMaster, with files", True, True, 200, 4),
    ("parallel over ControlMaster, bare", True, False, 400, 4),
)


def rows() -> Iterator[Row]:
    """Measure everything on one set of servers.

    Raises
    ------
    RuntimeError
        If the machine lacks a program, or if a result is missing or wrong.
    """
    missing = missing_programs() + [n for n in ("parallel", "rsync") if shutil.which(n) is None]
    if missing:
        raise RuntimeError(f"this benchmark needs {', '.join(missing)}")
    with TemporaryDirectory() as folder, SshNetwork(_made(folder, "ssh")) as network:
        house = _House(Path(folder), network)
        with environment(SEEDFLEET_HOME=str(house.folder / "head")):
            for name in _SLOTS:
                network.start(name, environment=house.machine(name))
            yield from _no_op_rows(house)
            for jobs, mean_s, asked in _MAKESPANS:
                yield from _makespan_rows(house, jobs, mean_s, asked)
            yield from _planning_rows(house)


@dataclass(frozen=True)
class _House:
    """Folders of the head and of the machines behind the servers."""

    folder: Path
    network: SshNetwork

    @property
    def scripts(self) -> Path:
        return self.folder / "scripts"

    def machine(self, name: str) -> dict[str, str]:
        home = _made(self.folder, "machines", name)
        return {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).resolve().parent}:{os.environ['PATH']}",
            "SEEDFLEET_HOME": str(home / "state"),
            "SEEDFLEET_LOCKS": str(home / "locks"),
        }

    def script(self, name: str, body: str) -> str:
        self.scripts.mkdir(exist_ok=True)
        path = self.scripts / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return name

    def run(self, jobs: Sequence[Job], run_id: str) -> RunReport:
        nodes = tuple(
            NodeConfig(
                name=name,
                hostname=name,
                gpu_count=slots,
                platform="cuda",
                script_path=str(self.scripts),
            )
            for name, slots in _SLOTS.items()
        )
        options = RunOptions(
            root=_made(self.folder, "root"),
            output_dir="out",
            engine="ssh",
            engine_options={
                "ssh": shlex.join(self.network.ssh_command),
                "shared_disks": "no",  # else files would not travel at all
            },
            cluster=Cluster(nodes),
        )
        report = run_sync(jobs, options, run_id=run_id)
        if not report.succeeded:
            raise RuntimeError(f"{run_id}: {dict(report.counts)}, see {report.folder}")
        return report


@dataclass(frozen=True)
class _Cost:
    """What some jobs cost: jobs a second, and CPU time of head and clients in ms a job."""

    rate: float
    own_ms: float
    clients_ms: float


def _no_op_rows(house: _House) -> Iterator[Row]:
    script = house.script("noop.sh", f'{_NO_OP} "$1"')
    jobs = [
        Job(job_id=f"n{n}", script=script, args=("{output}",), expected_output=f"n{n}.json")
        for n in range(_OUR_JOBS)
    ]
    house.run(jobs[:50], "warm")
    with _measured(_OUR_JOBS) as costs:
        report = house.run(jobs, "noop")
    for job in report.jobs.values():
        if json.loads(job.output.read_bytes()) != {"ok": True}:
            raise RuntimeError(f"{job.output} is wrong")
    ours = costs[0]
    yield Row(
        "no-op jobs over ssh, head CPU", ours.own_ms, 0.5, "ms/job", "asked for", 0.5 / ours.own_ms
    )
    for name, shared, files, count, at_once in _PEERS:
        theirs = _parallel(house, shared=shared, files=files, jobs=count, at_once=at_once)
        what = f"{_OUR_JOBS} no-op jobs over ssh, fetched and verified"
        yield Row(what, ours.rate, theirs.rate, "jobs/s", name, ours.rate / theirs.rate)
        if not shared:
            both = ours.own_ms + ours.clients_ms
            ratio = theirs.clients_ms / both
            yield Row("CPU of head and clients", both, theirs.clients_ms, "ms/job", name, ratio)


def _parallel(house: _House, *, shared: bool, files: bool, jobs: int, at_once: int) -> _Cost:
    """Let GNU parallel do no-op jobs; results land in its working folder on the head."""
    here = _made(house.folder, f"parallel{shared:d}{files:d}")
    there = _made(house.folder, f"remote{shared:d}{files:d}")
    names = [f"n{number}" for number in range(jobs)]
    for name in names:
        (here / name).touch()
    ssh = list(house.network.ssh_command)
    if shared:
        ssh += [
            "-oControlMaster=auto",
            f"-oControlPath={house.folder}/cm-%n",
            "-oControlPersist=30",
        ]
        for host in _SLOTS:  # neither side pays for the first handshake
            subprocess.run([*ssh, host, "true"], check=True, stdin=subprocess.DEVNULL)
    logins = ",".join(f"{min(slots, at_once)}/{name}" for name, slots in _SLOTS.items())
    command = ["parallel", "--will-cite", "--ssh", shlex.join(ssh), "--sshlogin", logins]
    command += ["--workdir", str(there)]
    if files:
        command += ["--transferfile", "{}", "--return", "{}.json", "--cleanup"]
    with _measured(jobs) as costs:
        subprocess.run(
            [*command, f"{_NO_OP} {{}}.json", ":::", *names],
            cwd=here,
            check=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"RSYNC_RSH": shlex.join(ssh)},
        )
    for name in names:
        if json.loads(((here if files else there) / f"{name}.json").read_bytes()) != {"ok": True}:
            raise RuntimeError(f"parallel left no good {name}.json")
    if shared:
        for host in _SLOTS:
            subprocess.run([*ssh, "-q", "-O", "exit", host], check=True)
    return costs[0]


def _makespan_rows(house: _House, count: int, mean_s: float, asked: float) -> Iterator[Row]:
    chance = random.Random(count)  # noqa: S311 - lengths, no secrets
    # No job so long that it alone is the bound: then any order would do.
    lengths = [chance.uniform(0.2, 1.8) for _ in range(min(count, _LENGTHS))]
    lengths = [mean_s * length / (sum(lengths) / len(lengths)) for length in lengths]
    jobs, total = [], []
    for number in range(count):
        kind = number % len(lengths)
        script = house.script(
            f"sleep{count}-{kind}.sh", f'sleep {lengths[kind]:.3f}; {_NO_OP} "$1"'
        )
        name = f"s{number}"
        jobs.append(
            Job(job_id=name, script=script, args=("{output}",), expected_output=f"{name}.json")
        )
        total.append(lengths[kind])
    chance.shuffle(jobs)
    bound_s = _lower_bound_s(total, sum(_SLOTS.values()))
    for number, how in enumerate(("first run, in file order", "second run, lengths known")):
        report = house.run(jobs, f"makespan-{count}-{number}")
        over = report.makespan_s / bound_s
        peer = f"lower bound; {over:.3f} x, {asked:g} x asked for once known"
        yield Row(
            f"makespan of {count} jobs on 2+12+12 slots, {how}",
            report.makespan_s,
            bound_s,
            "s",
            peer,
            1 / over,
        )


def _lower_bound_s(lengths: Sequence[float], slots: int) -> float:
    """Return what no schedule can beat.

    Of the q * slots + 1 longest jobs some slot has to take q + 1, at best the shortest of them.
    """
    longest_first = sorted(lengths, reverse=True)
    bounds = [longest_first[0], sum(lengths) / slots]
    for q in range(1, (len(lengths) - 1) // slots + 1):
        last = q * slots + 1
        bounds.append(sum(longest_first[last - q - 1 : last]))
    return max(bounds)


def _planning_rows(house: _House) -> Iterator[Row]:
    root = _made(house.folder, "planning")
    for number in range(_PLANNED_SCRIPTS):
        (root / f"work{number}.py").touch()
    jobs = [
        {
            "job_id": f"job-{number}",
            "script": f"work{number % _PLANNED_SCRIPTS}.py",
            "args": ["--seed", str(number), "--output", f"out/job-{number}.json"],
            "expected_output": f"out/job-{number}.json",
            "timeout": 600,
        }
        for number in range(_PLANNED_JOBS)
    ]
    (root / "jobs.json").write_text(json.dumps(jobs))
    command = [sys.executable, "-m", "seedfleet", "run", "jobs.json", "--dry-run"]
    began = time.perf_counter()
    with (root / "plan.txt").open("wb") as plan:
        process = subprocess.Popen(command, cwd=root, stdout=plan)
        _, status, usage = os.wait4(process.pid, 0)  # which tells the memory of this one child
    process.returncode = os.waitstatus_to_exitcode(status)
    took_s = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError("the large plan was refused")
    megabytes = usage.ru_maxrss * 1024 / 1e6
    what = f"{_PLANNED_JOBS} jobs planned (run --dry-run)"
    yield Row(what, took_s, 5.0, "s", "asked for", 5.0 / took_s)
    yield Row(f"{what}, peak memory", megabytes, 500.0, "MB", "asked for", 500.0 / megabytes)


@contextmanager
def _measured(jobs: int) -> Iterator[list[_Cost]]:
    """Measure time and CPU time of what runs inside; the list holds the cost afterwards."""
    costs: list[_Cost] = []
    before = _cpu_s()
    began = time.perf_counter()
    yield costs
    took_s = time.perf_counter() - began
    own_ms, clients_ms = (
        1000 * (later - earlier) / jobs for earlier, later in zip(before, _cpu_s(), strict=True)
    )
    costs.append(_Cost(jobs / took_s, own_ms, clients_ms))


def _cpu_s() -> tuple[float, float]:
    """Return the CPU time of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own_s, children_s = (usage.ru_utime + usage.ru_stime for usage in usages)
    return own_s, children_s


def _made(*parts: str | Path) -> Path:
    folder = Path(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
