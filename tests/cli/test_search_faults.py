"""What stands against the jobs of a search ends its command as it ends `seedfleet run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.cli._search_request import refusing
from seedfleet.cli.output import output_option
from seedfleet.fleet import BadInputError, HeadLostError, RunHeldError

if TYPE_CHECKING:
    from seedfleet.cli.output import Output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HeadLostError("the disk is full"), 3),
        (BadInputError(["no node can be reached"]), 2),
        (RunHeldError(Path("runs/r"), 7, "elsewhere"), 2),
    ],
)
def test_a_head_that_has_lost_its_truth_can_be_followed_by_another(
    error: Exception, code: int
) -> None:
    @click.command()
    @output_option
    def search(output: Output) -> None:
        with refusing(output):
            raise error

    done = CliRunner().invoke(search, ["--output=json"])
    assert done.exit_code == code
    document = json.loads(done.stdout)
    assert str(error) in " ".join([document["error"], *document.get("problems", [])])


def test_everything_wrong_with_where_a_sieve_runs_is_told_with_the_rest(tmp_path: Path) -> None:
    (tmp_path / "draws.txt").write_text("1\n2\n3\n")
    words = ["sieve", str(tmp_path / "draws.txt"), "--engine", "slurm", "--output", "json"]
    words += ["--engine-option", "partition", "--engine-option", "slots=none"]
    words += ["--cluster", str(tmp_path / "none.json"), "--output-dir", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    told = "\n".join(json.loads(done.stdout)["problems"])
    for each in ("--generator", "partition: is not K=V", "slots=none", "none.json"):
        assert each in told
    assert not (tmp_path / "out").exists()
