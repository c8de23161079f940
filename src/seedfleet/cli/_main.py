"""The `seedfleet` command: finds a noun's module only when that noun is asked for.

Importing numba takes longer than many commands run, and the fleet must work where it is not
installed, so nothing is imported before it is needed.
"""

from __future__ import annotations

import importlib
import json
import sys
from itertools import pairwise
from typing import Any

import click
from click.shell_completion import CompletionItem

from seedfleet import __version__
from seedfleet.cli.output import EXIT_BAD_INPUT, EXIT_INTERRUPTED
from seedfleet.errors import CatalogueError

# command -> (module, attribute, the line shown by `seedfleet --help`)
_COMMANDS = {
    "run": ("seedfleet.cli.run", "run", "Run a file of script jobs on every slot you can reach."),
    "status": ("seedfleet.cli.status", "status", "List runs, or tell how one of them stands."),
    "watch": ("seedfleet.cli.watch", "watch", "Follow a run from another terminal."),
    "logs": ("seedfleet.cli.logs", "logs", "Show what a job's script printed."),
    "cancel": ("seedfleet.cli.cancel", "cancel", "End a run, or some of its jobs."),
    "completion": ("seedfleet.cli.completion", "completion", "Print a shell's completion script."),
    "nodes": ("seedfleet.cli.nodes", "nodes", "Look at the machines of a cluster, or clean them."),
    "compat": ("seedfleet.cli.compat", "compat", "Keep command lines of older programs."),
    "sieve": ("seedfleet.cli.sieve", "sieve", "Test ranges of seeds against a history of draws."),
    "trace": ("seedfleet.cli.trace", "trace", "Explain a history of draws."),
    "generators": ("seedfleet.cli.generators", "generators", "List and sample known generators."),
}


def _asks_for_json(words: list[str]) -> bool:
    return "--output=json" in words or ("--output", "json") in pairwise(words)


def _tell_as_json(error: str) -> None:
    click.echo(json.dumps({"error": error, "problems": []}, indent=2))


class _BadCatalogue(click.ClickException):
    """A module of the user's own generators is at fault."""

    exit_code = EXIT_BAD_INPUT


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        try:
            command = getattr(importlib.import_module(module), attribute)
        except CatalogueError as error:
            raise _BadCatalogue(str(error)) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no click command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """List the commands by their names alone: some need a package that may be missing."""
        named = [
            CompletionItem(name, help=line)
            for name, (_, _, line) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run; a command line that click refuses is told as JSON where JSON was asked for.

        Ctrl-C that comes this far came before anything was begun: a command that begins something
        handles it.
        """
        if not extra.get("standalone_mode", True):
            return super().main(*args, **extra)
        as_json = _asks_for_json(sys.argv[1:])
        try:
            sys.exit(super().main(*args, **{**extra, "standalone_mode": False}))
        except click.ClickException as error:
            if as_json:
                _tell_as_json(error.format_message())
            else:
                error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            said = "interrupted; nothing was started"
            if as_json:
                _tell_as_json(said)
            else:
                click.echo(said, err=True)
            sys.exit(EXIT_INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seedfleet")
def main() -> None:
    """Run script jobs on every GPU you can reach, and explain a list of draws."""
