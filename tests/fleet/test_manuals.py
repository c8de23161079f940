"""The pages for users say what is so: examples run, and tables list what there is."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import seedfleet
from seedfleet.cli import main
from seedfleet.fleet.cluster import cluster_schema, read_cluster
from seedfleet.fleet.engines.choice import ENGINE_OPTIONS
from seedfleet.fleet.spec import read_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet_house import House

SOURCE = Path(seedfleet.__file__).parents[1]
REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.glob("*.md")])
FLEET_PAGES = (
    "cluster",
    "engines",
    "fleet",
    "jobs",
    "nodes",
    "ssh",
    "watching",
    "writing_an_engine",
)


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def section(text: str, title: str) -> str:
    """Cut out what stands under a heading, up to the next one of its kind."""
    return re.split(r"^##+ ", text.split(f"# {title}\n")[1], flags=re.MULTILINE)[0]


def first_cells(text: str) -> set[str]:
    """List the words in backticks in the first column of all tables."""
    cells = [row.split("|")[1] for row in text.splitlines() if row.startswith("| ")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def run_example(code: str, folder: Path, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(SOURCE), "SEEDFLEET_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_example_in_the_manual_runs(house: House) -> None:
    code = re.findall(r"```python\n(.*?)```", page("fleet"), re.DOTALL)[0]
    house.script("open(sys.argv[-1], 'w').write(sys.argv[2])", "scan.py")
    said = run_example(code, house.root, house.home)
    results = house.root / "scan" / "scan-1" / "results"
    assert sorted(path.read_text() for path in results.glob("*.json")) == list("01234567")
    assert "8 of 8" in said


@pytest.mark.slow
def test_the_examples_of_engines_run_and_print_what_the_page_says(tmp_path: Path) -> None:
    wrapper, fake, _ = re.findall(r"```python\n(.*?)```", page("writing_an_engine"), re.DOTALL)
    assert "the contract holds" in run_example(wrapper, tmp_path, tmp_path / "home")
    printed = page("writing_an_engine").split("prints\n\n```\n")[1].split("```")[0]
    assert run_example(fake, tmp_path, tmp_path / "home") == printed


@pytest.mark.slow
def test_the_page_lists_every_variable_and_every_file(house: House) -> None:
    body = "json.dump(dict(os.environ), open(out, 'w'))"
    house.run(house.job(body, "good"), house.job("sys.exit(1)", "bad"))
    (folder,) = (house.root / "out").iterdir()
    seen = json.loads((folder / "results" / "good.json").read_text())
    ours = {name for name in seen if name.startswith("SEEDFLEET_")} - set(os.environ)
    text = page("fleet")
    listed = first_cells(section(text, "The environment of a script"))
    assert listed == ours | {"SEEDFLEET_HOME", "SEEDFLEET_LOCKS"}
    told = section(text, "Files of a run")
    left = {path.name for top in (folder, house.home) for path in top.rglob("*") if path.is_file()}
    # Named after the jobs, or after the number of an attempt.
    parts = {
        re.sub(r"^\d+", "N", name) for name in left if name.partition(".")[0] not in {"good", "bad"}
    }
    assert {"manifest.json", "attempt.json", "N.gone"} <= parts
    assert {name for name in parts if f"{name}`" not in told} == set()


def test_the_tables_of_keys_and_options_are_complete() -> None:
    assert first_cells(page("cluster")) == set(
        cluster_schema()["properties"]["nodes"]["items"]["properties"]
    )
    schema = json.loads((DOCS / "schemas" / "script-job-v1.1.schema.json").read_text())
    (keys,) = re.findall(r"## Script jobs\n(.*?)\n## ", page("jobs"), re.DOTALL)
    unmentioned = set(schema["items"]["properties"]) - first_cells(keys)
    assert unmentioned == {"chunk_file", "seed_count"}
    engines = section(page("fleet"), "Engines")
    listed = re.findall(r"^\| ([\w-]+) \| `(\w+)=", engines, re.MULTILINE)
    assert sorted(listed) == sorted((e, name) for e in ENGINE_OPTIONS for name in ENGINE_OPTIONS[e])


def test_the_messages_that_the_page_explains_are_said() -> None:
    table = section(page("ssh"), "When it does not work")
    # The last cell but one tells those that are not ours.
    rows = [row for row in table.splitlines() if row.startswith("| `") and "own words" not in row]
    messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(messages) > 12
    said = "\n".join(_words(REPOSITORY / "src" / "seedfleet" / "fleet" / "engines"))
    for message in messages:
        # What stands for a value in the page: an ellipsis, a number, the name of a program.
        for part in re.split(r"\(?\.\.\.\)?|[0-9.]+(?= |,|$)|python3", message):
            assert part.strip() in said, message


def test_every_option_that_the_pages_name_exists() -> None:
    known = set(_options(main)) | {"--jobs-file", "--config", "--max-retries"}
    # Of other programs, of scripts in examples, and of jobs.
    known |= {"--job-file", "--gpu-id", "--output-file", "--gres", "--gpus", "--time", "--jobs"}
    known |= {"--nodelist", "--constraint", "--partition", "--arg-file", "--wrap"}
    named = {
        (name, option)
        for name in FLEET_PAGES
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", page(name))
    }
    assert {(name, option) for name, option in named if option not in known} == {
        ("fleet", "--block")
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert anchor in anchors, target


def test_the_shipped_files_are_read_without_a_problem() -> None:
    names = [node.name for node in read_cluster(REPOSITORY / "examples" / "cluster.json").nodes]
    assert names == ["localhost", "192.0.2.10"]
    parsed = read_jobs(REPOSITORY / "examples" / "cluster_jobs.json", output_dir="runs")
    assert not parsed.problems
    assert {job.node for _, job in parsed.jobs} <= {None, *names}


def _words(folder: Path) -> Iterator[str]:
    """List all text in the code of a folder, values left out."""
    for path in folder.glob("*.py"):
        for entry in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(entry, ast.Constant) and isinstance(entry.value, str):
                yield entry.value


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for parameter in command.get_params(context):
        yield from parameter.opts
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _options(below)
