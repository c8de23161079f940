"""What stands against the jobs of a search ends its command as it ends `seedfleet run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

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
