"""The fixture that gives every test a head and a network of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet.testing.sshd import SshNetwork, missing_programs
from ssh.ssh_house import House

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    missing = missing_programs()
    if missing:
        reason = f"tests over ssh need {', '.join(missing)} on this machine"
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    for folder in ("root", "ssh", "machines", "head_home"):
        (tmp_path / folder).mkdir()
    made = House(tmp_path, SshNetwork(tmp_path / "ssh"))
    yield made
    made.close()
