"""`seedfleet compat`: the scripts with established names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seedfleet.cli.output import output_option
from seedfleet.established_scripts import established_scripts

if TYPE_CHECKING:
    from seedfleet.cli.output import Output

__all__ = ["compat"]


@click.group()
def compat() -> None:
    """Keep command lines that were written for older programs."""


@compat.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Replace files of these names that differ.")
@output_option
def install(output: Output, folder: Path, *, force: bool) -> None:
    """Copy the scripts with established names into the folder DIR.

    They need the Python that seedfleet is installed for. Exit codes: 0 copied, 2 a file is in the
    way and nothing was copied.
    """
    scripts = {each.name: each.read_bytes() for each in established_scripts()}
    problems = [
        f"{folder / name}: another file is there; --force replaces it"
        for name, content in scripts.items()
        if not force and (folder / name).exists() and (folder / name).read_bytes() != content
    ]
    if problems:
        output.refuse("nothing was copied", problems)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in scripts.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o755)
    except OSError as error:
        output.refuse("the scripts cannot be copied", [f"{folder}: {error.strerror}"])
    written = [str(folder / name) for name in scripts]
    output.result({"written": written}, "\n".join(written))
