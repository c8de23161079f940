"""Scripts and inputs on their way to nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GOOD

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

READS = "json.dump([open(path).read() for path in sys.argv[3:]], open(out, 'w'))"


def test_a_script_missing_on_a_node_is_told_and_tried_elsewhere(house: House) -> None:
    alpha, beta = house.node("alpha"), house.node("beta")
    jobs = [house.job(GOOD, "pinned", node="alpha"), house.job(GOOD, "free")]
    for job in jobs:
        (alpha.root / job["script"]).unlink()
    told = house.run(jobs, "--retries", "1")
    assert told.code == 1, told.said
    assert told.outcomes["free"] == "succeeded", told.said
    assert told.outcomes["pinned"] == "failed_to_start"
    assert "pinned.py" in told.jobs["pinned"]["detail"]
    assert not alpha.ledger()
    assert [line["job"] for line in beta.ledger()] == ["free", "free"]


@pytest.mark.parametrize("on_head", [True, False])
def test_differing_copies_of_a_script_are_a_warning(house: House, *, on_head: bool) -> None:
    alpha, beta = house.node("alpha"), house.node("beta")
    house.script(GOOD, "same.py")
    house.script(GOOD, "differs.py")
    if on_head:
        for script in ("same.py", "differs.py"):
            (house.root / script).write_bytes((alpha.root / script).read_bytes())
    beta.script(GOOD + "  # yesterday's", "differs.py")
    jobs = [
        house.job(GOOD, f"{script[0]}-{node}", script=script, node=node)
        for script in ("same.py", "differs.py")
        for node in ("alpha", "beta")
    ]
    told = house.run(jobs)
    assert told.code == 0, told.said
    assert [line for line in told.stderr.splitlines() if "differs.py" in line and "beta" in line]
    assert "same.py" not in told.stderr


def test_staged_scripts_are_those_of_the_head(house: House) -> None:
    for name in ("alpha", "beta", "gamma"):
        house.node(name)
    jobs = [house.job(GOOD, name, script="work.py", node=name) for name in house.nodes]
    for name, body in (("alpha", "sys.exit('yesterday')"), ("beta", "note('today')\n" + GOOD)):
        house.nodes[name].script(body, "work.py")
    todays = (house.nodes["beta"].root / "work.py").read_bytes()
    (house.root / "work.py").write_bytes(todays)
    told = house.run(jobs, "--stage", "--retries", "0")
    assert told.code == 0, told.said
    assert {line["node"] for line in house.ledger() if line["what"] == "today"} == {*house.nodes}


def test_inputs_come_from_the_head_whatever_the_node_has(house: House) -> None:
    alpha = house.node("alpha")
    house.node("beta", python="pypy3")
    (house.root / "data").mkdir()
    (house.root / "data/new.txt").write_text("only on the head")
    (house.root / "data/large.bin").write_text("x" * 5_000_000)
    (house.root / "data/old.txt").write_text("from the head")
    (alpha.root / "data").mkdir()
    (alpha.root / "data/old.txt").write_text("from yesterday")
    inputs = ["data/new.txt", "data/old.txt", "data/large.bin"]
    jobs = [
        house.job(READS, node, node=node, inputs=inputs) | {"args": ["-o", f"{node}.json", *inputs]}
        for node in ("alpha", "beta")
    ]
    told = house.run(jobs)
    assert told.code == 0, told.said
    for node in ("alpha", "beta"):
        assert told.result(node) == ["only on the head", "from the head", "x" * 5_000_000]


def test_an_input_missing_on_the_head_is_refused_before_anything_starts(house: House) -> None:
    alpha = house.node("alpha")
    told = house.run([house.job(GOOD, "a", inputs=["nowhere.txt"]), house.job(GOOD, "b")])
    assert told.code == 2, told.said
    assert "$[0].inputs[0]" in told.stderr
    assert not alpha.ledger()
    assert not alpha.state.exists()


def test_a_plan_touches_no_node(house: House) -> None:
    alpha = house.node("alpha")
    before = sorted(alpha.home.rglob("*"))
    told = house.run([house.job(GOOD, "a", script="a.py")], "--dry-run")
    assert told.code == 0, told.said
    assert "🔀 PARALLEL: alpha | 2 GPU workers | 1 jobs | distribution: {0: 1, 1: 0}" in told.stdout
    assert sorted(alpha.home.rglob("*")) == before
    assert not (house.root / "out").exists()
