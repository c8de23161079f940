"""`seedfleet trace explain`: each step's decision, and what it followed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli.output import output_option
from seedfleet.cli.trace._record_words import record_lines
from seedfleet.cli.trace._step_command import refusing_steps
from seedfleet.cli.trace._step_options import chosen_folder, run_argument
from seedfleet.pipeline.steps.request import open_run
from seedfleet.pipeline.steps.run_files import STEPS, RunFiles
from seedfleet.pipeline.steps.standing import changed_files, standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.cli.output import Output


__all__ = ["explain"]

_FORMAT = "seedfleet.explanation/1"


@click.command()
@run_argument
@output_option
def explain(output: Output, **given: Any) -> None:
    """Say of each step of RUN, a folder, what it decided and why.

    Shows its checks with value and limit, its figures beside chance, the changes with which it was
    or would be tried again, and which of its files have changed since, so that its word does not
    count any more.
    """
    folder = chosen_folder(given, output)
    with refusing_steps(output):
        _, request = open_run(folder)
    files = RunFiles(folder)
    steps = [_explained(files, number, step) for number, step in STEPS.items()]
    document = {"format": _FORMAT, "run_id": request.context.run_id, "steps": steps}
    output.result(document, "\n".join(line for step in steps for line in _lines(step)))


def _explained(files: RunFiles, number: str, step: str) -> dict[str, Any]:
    now = standing(files, step)
    return {
        "number": number,
        "step": step,
        "counts": now.decision is not None,
        "reason": now.reason,
        "changed": [] if now.record is None else list(changed_files(files, now.record)),
        "record": None if now.record is None else now.record.to_document(),
    }


def _lines(step: Mapping[str, Any]) -> Iterator[str]:
    if step["record"] is None:
        yield f"{step['number']} {step['step']}: {step['reason']}"
        return
    first, *rest = record_lines(step["record"])
    yield f"{step['number']} {first}"
    yield from rest
    if not step["counts"]:
        yield "  this does not count any more:"
    for changed in step["changed"]:
        yield f"    {changed}"
