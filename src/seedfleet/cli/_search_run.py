"""What the commands that search for seeds share: resuming, progress, and an orderly stop."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from click.core import ParameterSource

from seedfleet.cli.output import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import click

    from seedfleet.cli.output import Output

__all__ = ["SearchProgress", "problems_of_resume", "stop"]

_WITH_RESUME = ("run_id", "output_dir", "output", "cluster")  # may be given with --resume


def problems_of_resume(ctx: click.Context, draws: str | None, options: dict[str, Any]) -> list[str]:
    """List what is wrong with DRAWS, --resume and the options given beside it."""
    problems = []
    if (draws is None) == (options["run_id"] is None):
        problems.append("name a file of draws, or a run with --resume RUN_ID, and not both")
    if options["run_id"] is not None:
        given = [
            parameter.opts[0]
            for parameter in ctx.command.params
            if parameter.name not in _WITH_RESUME
            and ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        ]
        problems += [f"{name}: a resumed run keeps its own" for name in given]
    return problems


def stop(command: str, folder: Path, run_id: str, output: Output) -> NoReturn:
    """Say how to go on after an interruption, and exit."""
    if folder.exists():
        text = (
            f"interrupted; go on with: seedfleet {command} --resume {run_id} "
            f"--output-dir {shlex.quote(str(folder.parent))}"
        )
        document = {"interrupted": True, "run_id": run_id}
    else:
        text = "interrupted; nothing had been written"
        document = {"interrupted": True, "run_id": None}
    output.result(document, text)
    sys.exit(EXIT_INTERRUPTED)


class SearchProgress:
    """Says how far the searches are, a few times a second on a terminal, else now and then."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._interval_s = 0.2 if sys.stderr.isatty() else 10.0
        self._said_at = clock()

    def __call__(self, label: str, share: float) -> None:
        """Say it, unless something was said a moment ago."""
        now = self._clock()
        if now - self._said_at >= self._interval_s:
            self._said_at = now
            self._output.progress(f"{share:6.1%}  {label}")
