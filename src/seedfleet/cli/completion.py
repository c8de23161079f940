"""`seedfleet completion`: what a shell needs to complete commands, options, run ids and job ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import get_completion_class

from seedfleet.cli.output import output_option

if TYPE_CHECKING:
    from seedfleet.cli.output import Output

__all__ = ["completion"]

_PROGRAM: Final = "seedfleet"
_VARIABLE: Final = "_SEEDFLEET_COMPLETE"  # as click makes it of the program's name
_PLACES: Final = {
    "bash": "~/.local/share/bash-completion/completions/seedfleet",
    "zsh": "a file _seedfleet in a folder of $fpath",
    "fish": "~/.config/fish/completions/seedfleet.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_PLACES)))
@output_option
@click.pass_context
def completion(ctx: click.Context, /, output: Output, shell: str) -> None:
    """Print the completion script of SHELL.

    Put it where the shell looks, such as ~/.local/share/bash-completion/completions/seedfleet.
    """
    made = get_completion_class(shell)
    if made is None:
        raise RuntimeError(f"click knows no completion for {shell}")
    root = ctx.find_root().command
    script = made(root, {}, _PROGRAM, _VARIABLE).source()
    output.result({"shell": shell, "script": script, "place": _PLACES[shell]}, script.rstrip())
