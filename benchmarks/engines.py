"""What an engine costs a job: the same no-op jobs here, over SSH, on Slurm and on Ray, on loopback.

All have four slots. The peer of the engine on this machine is a loop of the shell over the same
script, one after the other; Slurm's own is one array of the script, handed in by hand; of the
others it is the engine on this machine. Daemons and scripts share this machine's cores, which those
of a real cluster do not.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.environment import environment
from benchmarks.table import Row
from seedfleet.fleet import Job, RunOptions, run_sync
from seedfleet.fleet.cluster import Cluster, NodeConfig
from seedfleet.fleet.testing import ray, slurm, sshd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["rows"]

_JOBS: Final = 200
_SLOTS: Final = 4
_SCRIPT: Final = '#!/bin/sh\nprintf \'{"ok": true}\' > "$1"\n'


def rows() -> Iterator[Row]:
    """Measure every engine; one whose programs are missing is left out with a line that says so."""
    with TemporaryDirectory() as folder, environment(SEEDFLEET_HOME=f"{folder}/home"):
        house = Path(folder)
        script = house / "noop.sh"
        script.write_text(_SCRIPT)
        script.chmod(0o755)
        local_s = _job_s(house, "local", {"slots": str(_SLOTS)})
        yield _row("local", local_s, _loop_s(script), "the script alone, in a loop")
        yield from _ssh_rows(house, local_s)
        yield from _slurm_rows(house, script)
        yield from _ray_rows(house, local_s)


def _ssh_rows(house: Path, local_s: float) -> Iterator[Row]:
    if missing := sshd.missing_programs():
        print(f"ssh: left out, this machine has no {', '.join(missing)}")
        return
    (house / "ssh").mkdir()
    with sshd.SshNetwork(house / "ssh") as network:
        network.start("alpha", environment={"SEEDFLEET_HOME": str(house / "alpha")})
        node = NodeConfig(
            name="alpha",
            hostname="alpha",
            gpu_count=_SLOTS,
            platform="cuda",
            script_path=str(house),
        )
        settings = {"ssh": shlex.join(network.ssh_command)}
        ours_s = _job_s(house, "ssh", settings, Cluster((node,)))
    yield _row("ssh", ours_s, local_s, "local")


def _slurm_rows(house: Path, script: Path) -> Iterator[Row]:
    if missing := slurm.missing_programs():
        print(f"slurm: left out, this machine has no {', '.join(missing)}")
        return
    (house / "slurm").mkdir()
    with (
        slurm.SlurmCluster(house / "slurm", cpus=_SLOTS // 2) as cluster,
        environment(**cluster.environment),
    ):
        settings = {"default_gpus": "0", "poll_s": "1"}
        ours_s = _job_s(house, "slurm", settings)
        begun = time.monotonic()
        array = ["--wait", f"--array=1-{_JOBS}", "--output=/dev/null", str(script), "/dev/null"]
        cluster.run("sbatch", *array)
        bare_s = (time.monotonic() - begun) / _JOBS
    yield _row("slurm", ours_s, bare_s, "one array by hand")


def _ray_rows(house: Path, local_s: float) -> Iterator[Row]:
    if missing := ray.missing_for_ray():
        print(f"ray: left out, this machine has no {', '.join(missing)}")
        return
    (house / "ray").mkdir()
    with ray.RayCluster(house / "ray") as cluster:
        for node in ("alpha", "beta"):
            cluster.start(node, cpus=_SLOTS // 2)
        ours_s = _job_s(house, "ray", {"address": cluster.address})
    yield _row("ray", ours_s, local_s, "local")


def _job_s(
    house: Path, engine: str, settings: Mapping[str, str], cluster: Cluster | None = None
) -> float:
    """Run the jobs, outputs checked and in their places, and return seconds a job."""
    jobs = [
        Job(job_id=f"j{n}", script="noop.sh", args=("{output}",), expected_output=f"{n}.json")
        for n in range(_JOBS)
    ]
    options = RunOptions(
        root=house, output_dir="out", engine=engine, engine_options=settings, cluster=cluster
    )
    begun = time.monotonic()
    report = run_sync(jobs, options)
    spent_s = time.monotonic() - begun
    if not report.succeeded:
        raise RuntimeError(f"{engine}: {dict(report.counts)}, see {report.folder}")
    return spent_s / _JOBS


def _loop_s(script: Path) -> float:
    begun = time.monotonic()
    for _ in range(_JOBS):
        subprocess.run([script, "/dev/null"], check=True)
    return (time.monotonic() - begun) / _JOBS


def _row(engine: str, ours_s: float, peer_s: float, peer: str) -> Row:
    what = f"{engine}: {_JOBS} no-op jobs, {_SLOTS} slots"
    return Row(what, ours_s * 1e3, peer_s * 1e3, "ms/job", peer, peer_s / ours_s)
