"""How commands name a run and its jobs, with completion from the folder of runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedfleet.cli.output import Output
    from seedfleet.fleet.resuming import Recorded

__all__ = ["chosen_run", "complete_job_id", "complete_run_id", "output_dir_option", "run_argument"]

_C = TypeVar("_C", bound="Callable[..., Any]")


def complete_run_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the runs in the folder that the command line names so far."""
    del param
    return sorted(name for name in _folders(ctx) if name.startswith(incomplete))


def complete_job_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the jobs of the run that the command line names."""
    del param
    folder = _folders(ctx).get(ctx.params.get("run_id") or "")
    if folder is None:
        return []
    try:
        jobs = [str(job["job_id"]) for job in json.loads((folder / "jobs.json").read_bytes())]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [job_id for job_id in jobs if job_id.startswith(incomplete)]


def output_dir_option(command: _C) -> _C:
    """Add `--output-dir`, as `output_dir`."""
    return click.option(
        "--output-dir",
        default=DEFAULT_OUTPUT_DIR,
        show_default=True,
        type=click.Path(),  # for completion; a run says itself what is wrong with a folder
        help="The folder of all runs.",
    )(command)


def run_argument(*, required: bool = True) -> Callable[[_C], _C]:
    """Add the argument RUN_ID, as `run_id`."""
    return click.argument("run_id", required=required, shell_complete=complete_run_id)


def chosen_run(output: Output, run_id: str, output_dir: str) -> Recorded:
    """Find the run that the user named, or refuse with what there is."""
    from seedfleet.fleet.errors import BadInputError  # noqa: PLC0415 - completion needs none of it
    from seedfleet.fleet.resuming import find_run  # noqa: PLC0415

    try:
        return find_run(run_id, output_dir)
    except BadInputError as error:
        output.refuse("seedfleet status lists the runs of a folder", error.problems)


def _folders(ctx: click.Context) -> dict[str, Path]:
    from seedfleet.fleet.observing import run_folders  # noqa: PLC0415 - as above

    folders = run_folders(ctx.params.get("output_dir") or DEFAULT_OUTPUT_DIR)
    return {folder.name: folder for folder in folders}
