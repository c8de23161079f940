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

from seedfleet import __version__

# command -> (module, attribute, the line shown by `seedfleet --help`)
_COMMANDS = {
    "run": ("seedfleet.cli.run", "run", "Run a file of script jobs on every slot of this machine."),
    "nodes": ("seedfleet.cli.nodes", "nodes", "Look at the machines of a cluster, or clean them."),
    "compat": ("seedfleet.cli.compat", "compat", "Keep command lines of older programs."),
    "trace": ("seedfleet.cli.trace", "trace", "Explain a history of draws."),
}


def _asks_for_json(words: list[str]) -> bool:
    return "--output=json" in words or ("--output", "json") in pairwise(words)


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
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no click command")
        return command

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run; a command line that click refuses is told as JSON where JSON was asked for."""
        if not extra.get("standalone_mode", True) or not _asks_for_json(sys.argv[1:]):
            return super().main(*args, **extra)
        try:
            return super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            click.echo(json.dumps({"error": error.format_message(), "problems": []}, indent=2))
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seedfleet")
def main() -> None:
    """Run script jobs on every GPU you can reach, and explain a list of draws."""
