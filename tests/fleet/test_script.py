"""What a script gets: arguments exactly as written, tokens, its own output path, its variables."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet.node.script import arguments, environment

if TYPE_CHECKING:
    from fleet_house import House

HOSTILE = (
    "",
    " ",
    "two words",
    "it's",
    'say "hi"',
    "line\nfeed\r\n",
    "$(touch hacked)",
    "`touch hacked`",
    "; touch hacked #",
    "*",
    "~",
    "--",
    "-",
    "\\",
    "%s",
    "ünïcödé 🔀",
    '{"json": {"nested": [1, 2]}}',
    "{unknown} {} {{output}}",
)


def order(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "run_id": "r",
        "job_id": "j",
        "attempt": 3,
        "token": "r/j/3",
        "node": "n",
        "root": "/root",
        "interpreter": ["python"],
        "script": "/root/s.py",
        "args": [],
        "env": {},
        "mask_set": {},
        "mask_unset": [],
        "gpu_ids": [],
        "outputs": [
            {"declared": "res/x.json", "path": "/own/x.json", "spellings": ["/root/res/x.json"]}
        ],
        "preserve_paths": False,
    }
    return made | changes


@pytest.mark.slow
def test_hostile_arguments_arrive_byte_for_byte(house: House) -> None:
    body = "json.dump({'argv': sys.argv[3:], 'env': os.environ['MINE']}, open(out, 'w'))"
    job = house.job(body, args=("-o", "a.json", *HOSTILE), env={"MINE": "".join(HOSTILE)})
    report = house.run(job)
    got = json.loads(report.jobs["a"].output.read_text())
    own = str(house.home / "runs" / report.run_id / "attempts/a/1/outputs/0/a.json")
    assert got["argv"] == [*HOSTILE[:-1], "{unknown} {} {" + own + "}"]
    assert got["env"] == "".join(HOSTILE[:-1]) + "{unknown} {} {" + own + "}"
    assert not (house.root / "hacked").exists()


@given(st.text(st.characters(exclude_characters="{\0", exclude_categories=["Cs"])))
def test_an_argument_without_a_token_is_left_alone(text: str) -> None:
    assert arguments(order(args=["--x", text], outputs=order()["outputs"]))[3] == text


@pytest.mark.parametrize(
    ("argument", "becomes"),
    [
        ("res/x.json", "/own/x.json"),
        ("./res//x.json", "/own/x.json"),
        ("/root/res/../res/x.json", "/own/x.json"),
        ("--out=res/x.json", "--out=/own/x.json"),
        ("-o=res/x.json", "-o=/own/x.json"),
        ("--out=res/{job_id}.json", "--out=res/j.json"),
        ("out=res/x.json", "out=res/x.json"),
        ("--out=", "--out="),
        ("res/x.json.bak", "res/x.json.bak"),
        ("{output}", "/own/x.json"),
        ("{job_id}/{run_id}/{attempt}/{gpu_id}/{device}", "j/r/3/-1/-1"),
        ("{{job_id}}", "{j}"),
        ("{Output}", "{Output}"),
    ],
)
def test_tokens_and_outputs_are_replaced(argument: str, becomes: str) -> None:
    assert arguments(order(args=[argument]))[2:] == [becomes]


def test_replaced_text_is_not_looked_at_again() -> None:
    sly = order(job_id="{run_id}", args=["{job_id}"])
    assert arguments(sly)[2:] == ["{run_id}"]


def test_preserved_paths_are_left_as_the_job_says() -> None:
    output = {"declared": "res/x.json", "path": "/own/x.json", "spellings": ["/head/res/x.json"]}
    made = order(args=["res/x.json", "{output}", "/head/res/x.json"], outputs=[output])
    assert arguments(made)[2:] == ["res/x.json", "/own/x.json", "/own/x.json"]


def test_gpu_tokens_are_the_physical_index_and_the_index_inside_the_mask() -> None:
    assert arguments(order(args=["{gpu_id}", "{device}"], gpu_ids=[7, 2]))[2:] == ["7", "0"]


def test_the_environment_is_layered_and_names_the_attempt() -> None:
    inherited = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "5", "SEEDFLEET_NODE": "other", "A": "1"}
    made = environment(
        order(
            env={"A": "{job_id}", "B": "2"},
            mask_set={"ROCR_VISIBLE_DEVICES": "GPU-1"},
            mask_unset=["CUDA_VISIBLE_DEVICES"],
            gpu_ids=[1],
        ),
        inherited,
    )
    assert made == {
        "PATH": "/bin",
        "A": "j",
        "B": "2",
        "ROCR_VISIBLE_DEVICES": "GPU-1",
        "PWD": "/root",
        "SEEDFLEET_RUN_ID": "r",
        "SEEDFLEET_JOB_ID": "j",
        "SEEDFLEET_ATTEMPT": "3",
        "SEEDFLEET_NODE": "n",
        "SEEDFLEET_GPU_IDS": "1",
        "SEEDFLEET_OUTPUT": "/own/x.json",
        "SEEDFLEET_ATTEMPT_TOKEN": "r/j/3",
    }


@pytest.mark.slow
def test_a_script_runs_in_the_root_with_nothing_on_its_input(house: House) -> None:
    body = "json.dump([os.getcwd(), sys.stdin.read(), sys.executable], open(out, 'w'))"
    got = json.loads(house.run(house.job(body)).jobs["a"].output.read_text())
    assert got == [os.path.realpath(house.root), "", sys.executable]
