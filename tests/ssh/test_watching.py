"""Another terminal looks at a run over ssh, and ends parts of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GATED, wait_until

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

SAYS = "print('first', flush=True); wait_for('go'); print('last'); json.dump(1, open(out, 'w'))"


def test_the_log_of_a_running_job_is_read_from_its_node_while_it_grows(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(SAYS, "a")])
    house.wait_starts(1)
    run_id = house.run_folder().name
    look = house.command("logs", run_id, "a", "--follow")
    assert look.stdout is not None
    assert "first" in look.stdout.readline()
    alpha.open_gate()
    assert "last" in look.communicate(timeout=90)[0]
    assert look.returncode == 0
    assert head.wait().code == 0


def test_one_job_is_cancelled_from_another_terminal_and_the_others_go_on(house: House) -> None:
    alpha = house.node("alpha")
    head = house.start([house.job(GATED, name) for name in ("a", "b", "c")])
    house.wait_starts(2)
    run_id = house.run_folder().name
    said, _ = house.command("cancel", run_id, "a", "c").communicate(timeout=90)
    alpha.open_gate()
    told = head.wait()
    assert told.outcomes == {"a": "cancelled", "b": "succeeded", "c": "cancelled"}, said + told.said
    assert house.starts() == {"a": 1, "b": 1}


def test_a_run_without_a_head_is_cancelled_on_its_nodes(house: House) -> None:
    house.node("alpha")
    head = house.start([house.job(GATED, name) for name in ("a", "b", "c")])
    house.wait_starts(2)
    run_id = house.run_folder().name
    head.kill()
    said, _ = house.command("cancel", run_id).communicate(timeout=90)
    wait_until(lambda: not house.living(), "nothing of the run is left on its node")
    status, _ = house.command("status", run_id, "--output", "json").communicate(timeout=90)
    document = json.loads(status)
    assert document["counts"]["cancelled"] >= 2, said + status
    assert house.starts().total() == 2
