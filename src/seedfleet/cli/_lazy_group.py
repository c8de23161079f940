"""Groups of commands whose modules are imported when they are asked for, and never before.

Importing numba takes longer than many commands run, and the fleet must work where it is not
installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, ClassVar

import click
from click.shell_completion import CompletionItem

from seedfleet.cli.output import EXIT_BAD_INPUT, naming_missing_extra
from seedfleet.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LazyGroup"]


class _BadCatalogue(click.ClickException):
    """A module of the user's own generators is at fault."""

    exit_code = EXIT_BAD_INPUT


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used.

    Attributes
    ----------
    lazy
        By a command's name: its module, its attribute there, and the line that the group's help
        shows.
    """

    lazy: ClassVar[Mapping[str, tuple[str, str, str]]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they are declared."""
        del ctx
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in self.lazy:
            return None
        module, attribute, _ = self.lazy[cmd_name]
        try:
            with naming_missing_extra():
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
            for name, (_, _, line) in self.lazy.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self.lazy.items()])
