"""GPU slots over several unlike nodes: who gets what, and that the accounts agree."""

from __future__ import annotations

import random
import sys
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from ssh.ssh_house import GOOD, overlaps

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

_CARDS = (("GPU-aaaa", "00000000:01:00.0"), ("GPU-bbbb", "00000000:02:00.0"))
_MASKS = (
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
)
SHOWS = f"json.dump({{n: os.environ.get(n) for n in {_MASKS}}}, open(out, 'w')); time.sleep(0.3)"


def test_the_account_of_200_jobs_on_26_slots_is_what_happened(house: House) -> None:
    for name, count in (("small", 2), ("wide", 12), ("other", 12)):
        house.node(name, gpu_count=count, python="pypy3" if name == "small" else sys.executable)
    chance = random.Random(7)
    jobs, expected = [], {}
    house.script(f"time.sleep(float(sys.argv[3])); {GOOD}", "good.py")
    house.script("time.sleep(float(sys.argv[3])); note('end'); sys.exit(5)", "bad.py")
    for number in range(200):
        name, kind = f"job-{number:03}", chance.choice(["good", "good", "good", "bad"])
        job: dict[str, Any] = house.job("", name, script=f"{kind}.py")
        job["args"] = ["-o", f"{name}.json", f"{chance.random() * 0.2:.3f}"]
        if number % 10 == 0:
            job["node"] = chance.choice(["small", "wide", "other"])
        if number % 17 == 0:
            job["gpus"] = 2
        jobs.append(job)
        expected[name] = "succeeded" if kind == "good" else "failed"
    told = house.run(jobs, "--retries", "1")
    assert told.code == 1
    assert told.outcomes == expected
    ledger = house.ledger()
    assert overlaps(ledger) == []
    starts: dict[str, list[dict[str, Any]]] = {name: [] for name in expected}
    for line in ledger:
        if line["what"] == "start":
            starts[line["job"]].append(line)
    for name, job in told.jobs.items():
        ran = starts[name]
        assert job["attempts"] == len(ran) == (1 if expected[name] == "succeeded" else 2)
        assert [line["attempt"] for line in ran] == [str(n + 1) for n in range(len(ran))]
        assert job["node"] == ran[-1]["node"]
        assert ",".join(map(str, job["gpu_ids"])) == ran[-1]["gpus"]
        assert job["exit_code"] == (0 if expected[name] == "succeeded" else 5)
    pins = {job["job_id"]: job["node"] for job in jobs if "node" in job}
    assert {name: starts[name][0]["node"] for name in pins} == pins
    by_node = Counter(line["node"] for line in ledger if line["what"] == "start")
    nodes = told.manifest["nodes"]
    assert by_node == {name: node["attempts"] for name, node in nodes.items()}
    last = Counter(ran[-1]["node"] for ran in starts.values())
    assert last == {name: node["jobs"] for name, node in nodes.items()}
    assert told.manifest["counts"] == Counter(expected.values())


def test_found_cards_are_masked_by_their_names(house: House) -> None:
    alpha = house.node("alpha", gpu_count=None)
    del alpha.config["gpu_count"], alpha.config["platform"]
    lines = "".join(f"echo '{n}, {u}, {p}, 24576'\n" for n, (u, p) in enumerate(_CARDS))
    tool = alpha.programs / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\ncase "$*" in *query-gpu*) {lines};; esac\n')
    tool.chmod(0o755)
    jobs = [house.job(SHOWS, f"one{n}") for n in range(2)]
    jobs += [house.job(SHOWS, "two", gpus=2), house.job(SHOWS, "none", gpus=0)]
    told = house.run(jobs)
    assert told.code == 0, told.said
    seen = {name: told.result(name) for name in told.jobs}
    for name, value in seen.items():
        assert value["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID" or name == "none"
        assert value["ROCR_VISIBLE_DEVICES"] in {None, "-1"}
    ones = {seen[f"one{n}"]["CUDA_VISIBLE_DEVICES"] for n in range(2)}
    assert ones == {"GPU-aaaa", "GPU-bbbb"}
    assert seen["two"]["CUDA_VISIBLE_DEVICES"] == "GPU-aaaa,GPU-bbbb"
    assert seen["none"]["CUDA_VISIBLE_DEVICES"] == "-1"


def test_a_rocm_node_is_masked_once(house: House) -> None:
    house.node("alpha", gpu_count=3, platform="rocm", env={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"})
    shows = SHOWS + "; note('hsa', value=os.environ['HSA_OVERRIDE_GFX_VERSION'])"
    told = house.run([house.job(shows, "last", gpu_id=2), house.job(shows, "two", gpus=2)])
    assert told.code == 0, told.said
    last, two = told.result("last"), told.result("two")
    assert (last["ROCR_VISIBLE_DEVICES"], last["HIP_VISIBLE_DEVICES"]) == ("2", "0")
    assert (two["ROCR_VISIBLE_DEVICES"], two["HIP_VISIBLE_DEVICES"]) == ("0,1", "0,1")
    assert last["CUDA_VISIBLE_DEVICES"] is two["GPU_DEVICE_ORDINAL"] is None
    assert {line["value"] for line in house.ledger() if line["what"] == "hsa"} == {"10.3.0"}


def test_a_node_runs_no_more_scripts_than_it_is_said_to(house: House) -> None:
    house.node("alpha", gpu_count=6, max_concurrent_script_jobs=2)
    told = house.run([house.job("time.sleep(0.2); " + GOOD, f"a{n}") for n in range(6)])
    assert told.code == 0, told.said
    running, most = 0, 0
    for line in house.ledger():
        running += {"start": 1, "end": -1}.get(line["what"], 0)
        most = max(most, running)
    assert most == 2


def test_scripts_start_one_after_another_where_the_node_asks_for_it(house: House) -> None:
    house.node("alpha", gpu_count=4, start_stagger_s=2.4)
    house.node("beta", gpu_count=4, max_starting=1, start_window_s=3.2)
    jobs = [
        house.job("time.sleep(3.0); " + GOOD, f"{node}{n}", node=node)
        for node in ("alpha", "beta")
        for n in range(3)
    ]
    told = house.run(jobs)
    assert told.code == 0, told.said
    for node, least_s in (("alpha", 1.0), ("beta", 1.8)):  # interpreters start unevenly
        starts = [line["at"] for line in house.nodes[node].ledger() if line["what"] == "start"]
        assert all(after - before > least_s for before, after in pairwise(starts)), (node, starts)


def test_a_failure_is_tried_again_on_another_node(house: House) -> None:
    for name in ("alpha", "beta"):
        house.node(name, gpu_count=1)
    body = "if 'alpha' in os.getcwd(): note('end'); sys.exit(1)\n" + GOOD
    told = house.run([house.job(body, "a")], "--retries", "1")
    assert told.code == 0, told.said
    assert [line["node"] for line in house.ledger()] == ["alpha", "alpha", "beta", "beta"]


def test_a_node_costs_one_connection_whatever_its_number_of_gpus(house: House) -> None:
    alpha = house.node("alpha", gpu_count=12)
    told = house.run([house.job(GOOD, f"a{number}") for number in range(24)])
    assert told.code == 0, told.said
    logins = alpha.server.log.read_text().count("Starting session")
    assert logins == 1
    assert told.manifest["counts"] == {"succeeded": 24}
