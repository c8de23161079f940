"""The `seedfleet` command: one module per noun, imported when the noun is asked for."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from typing import Any, ClassVar

import click

from seedfleet import __version__
from seedfleet.cli._lazy_group import LazyGroup
from seedfleet.cli.output import EXIT_INTERRUPTED

# command -> (module, attribute, the line shown by `seedfleet --help`)
_COMMANDS = {
    "run": ("seedfleet.cli.run", "run", "Run a file of script jobs on every slot you can reach."),
    "export": (
        "seedfleet.cli.export",
        "export_command",
        "Write the jobs for a scheduler that you hand them to.",
    ),
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


class _Seedfleet(LazyGroup):
    """The command itself."""

    lazy: ClassVar = _COMMANDS

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


@click.group(cls=_Seedfleet, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seedfleet")
def main() -> None:
    """Run script jobs on every GPU you can reach, and explain a list of draws."""
