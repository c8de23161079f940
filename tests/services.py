"""Fixtures with real services that tests of several rooms ask, started once a module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet.testing import slurm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def need(service: str, missing: Sequence[str]) -> None:
    """Skip what follows where programs are missing; fail where they were to be installed."""
    if missing:
        reason = f"tests on {service} need {', '.join(missing)} on this machine"
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def shared_slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.SlurmCluster]:
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
