"""Fixtures with real services that tests of several rooms ask, started once a module."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet.testing import ray, slurm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Need = Callable[[str, list[str]], None]


@pytest.fixture(scope="session")
def need() -> _Need:
    """Skip what follows where programs are missing; fail where they were to be installed."""

    def check(service: str, missing: list[str]) -> None:
        if not missing:
            return
        reason = f"tests on {service} need {', '.join(missing)} on this machine"
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    return check


@pytest.fixture
def gnu_parallel(need: _Need) -> None:
    need("GNU parallel", [] if shutil.which("parallel") else ["parallel"])


@pytest.fixture(scope="module")
def shared_slurm(
    tmp_path_factory: pytest.TempPathFactory, need: _Need
) -> Iterator[slurm.SlurmCluster]:
    need("Slurm", slurm.missing_programs())
    with slurm.SlurmCluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def slurm_cluster(
    shared_slurm: slurm.SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> slurm.SlurmCluster:
    """Two nodes with two GPUs each, to which this process's clients speak."""
    for name, value in shared_slurm.environment.items():
        monkeypatch.setenv(name, value)
    return shared_slurm


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory, need: _Need) -> Iterator[ray.RayCluster]:
    """Two nodes, alpha and beta, each with two GPUs as far as Ray knows, and homes of their own."""
    need("Ray", ray.missing_for_ray())
    folder = tmp_path_factory.mktemp("ray")
    with ray.RayCluster(folder) as cluster:
        for name in ("alpha", "beta"):
            home = folder / f"home-{name}"
            own = {"SEEDFLEET_HOME": str(home), "SEEDFLEET_LOCKS": str(home / "locks")}
            own |= {"OF_THE_NODE": name, "RAY_OF_THE_OWNER": "hidden"}
            cluster.start(name, gpus=2, cpus=2, environment=own)
        yield cluster


@pytest.fixture(scope="module")
def plain_ray(tmp_path_factory: pytest.TempPathFactory, need: _Need) -> Iterator[ray.RayCluster]:
    """Two nodes without GPUs."""
    need("Ray", ray.missing_for_ray())
    folder = tmp_path_factory.mktemp("ray")
    with ray.RayCluster(folder) as cluster:
        for name in ("alpha", "beta"):
            own = {"SEEDFLEET_HOME": str(folder / name), "SEEDFLEET_LOCKS": str(folder / "locks")}
            cluster.start(name, environment=own)
        yield cluster
