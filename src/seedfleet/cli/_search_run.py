"""What the commands that search for seeds share: resuming, progress, and an orderly stop."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource, iter_params_for_processing

from seedfleet.cli.output import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedfleet.cli.output import Output

__all__ = [
    "SearchCommand",
    "SearchProgress",
    "going_on",
    "problems_of_resume",
    "problems_of_source",
    "stop",
]

_UNREADABLE = "this command line cannot be read"
# May be given with --resume.
_WITH_RESUME = (
    *("run_id", "accept_changes", "output_dir", "output"),
    *("cluster", "engine", "engine_words"),
)


class SearchCommand(click.Command):
    """A command that tells everything that is wrong with its options at once, as --output says.

    Ctrl-C that it does not handle itself came before it had begun anything that could go on.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            output: Output = ctx.params["output"]
            text = "interrupted; the same command begins anew"
            output.result({"interrupted": True, "run_id": None}, text)
            sys.exit(EXIT_INTERRUPTED)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; a parameter that cannot be read does not hide the next one."""
        if any(word in ctx.help_option_names for word in args):
            return super().parse_args(ctx, args)
        problems = self._problems(ctx, list(args))
        output: Output = ctx.params["output"]
        ctx.params.clear()
        if problems:
            output.refuse(_UNREADABLE, problems)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            output.refuse(_UNREADABLE, [error.format_message()])

    def _problems(self, ctx: click.Context, args: list[str]) -> list[str]:
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True  # the second reading tells of these
        read, _, order = parser.parse_args(args=args)
        problems = []
        for parameter in iter_params_for_processing(order, self.get_params(ctx)):
            try:
                parameter.handle_parse_result(ctx, read, [])
            except click.BadParameter as error:
                if parameter.name == "output":
                    raise
                problems.append(error.format_message())
        return problems


def problems_of_source(draws: str | None, options: dict[str, Any]) -> list[str]:
    """List what is wrong with DRAWS beside --resume."""
    problems = []
    if (draws is None) == (options["run_id"] is None):
        problems.append("name a file of draws, or a run with --resume RUN_ID, and not both")
    if options["accept_changes"] and options["run_id"] is None:
        problems.append("--accept-changes: a new run reads its draws as they are")
    return problems


def problems_of_resume(ctx: click.Context, draws: str | None, options: dict[str, Any]) -> list[str]:
    """List what is wrong with DRAWS, --resume and the options given beside it."""
    problems = problems_of_source(draws, options)
    if options["run_id"] is not None:
        given = [
            _as_given(parameter, options)
            for parameter in ctx.command.params
            if parameter.name not in _WITH_RESUME
            and ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        ]
        problems += [f"{name}: a resumed run keeps its own" for name in given]
    return problems


def _as_given(parameter: click.Parameter, options: dict[str, Any]) -> str:
    """Return the name of an option; of a switch that is off, the one that switches it off."""
    off = options.get(str(parameter.name)) is False and parameter.secondary_opts
    return off[0] if off else parameter.opts[0]


def going_on(command: str, folder: Path, run_id: str) -> str:
    """Say with which command a run goes on."""
    where = shlex.quote(str(folder.parent))
    return f"go on with: seedfleet {command} --resume {run_id} --output-dir {where}"


def stop(command: str, folder: Path, run_id: str, output: Output) -> NoReturn:
    """Say how to go on after an interruption, and exit."""
    if folder.exists():
        text = f"interrupted; {going_on(command, folder, run_id)}"
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
