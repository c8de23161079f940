"""What the scripts in `compat/` share: established flags, said to `seedfleet run` in its own words.

A run through them is a run of `seedfleet run` and reports as that does. Beside that each result
gets its marker once more under the established name, `<output-dir>/<job_id>.json.done`.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from seedfleet.cli.run import run
from seedfleet.fleet import BadInputError
from seedfleet.fleet.documents import read_document
from seedfleet.fleet.node.layout import marker_path, write_atomically
from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR
from seedfleet.fleet.results_documents import is_results, results_document
from seedfleet.fleet.spec import parse_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedfleet.cli.output import Output

__all__ = ["coordinator_adapter", "scripts_coordinator"]

_DEFAULT_CONFIG: Final = "distributed_config.json"


def _established_flags(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.option("--jobs-file", required=True, help="The file of jobs."),
            click.option("--output-dir", default=DEFAULT_OUTPUT_DIR, show_default=True),
            click.option("--preserve-paths", is_flag=True, help="Scripts write where they say."),
            click.option("--dry-run", is_flag=True, help="Show the plan and write nothing."),
            click.option(
                "--config",
                help=f"The cluster file. [{_DEFAULT_CONFIG} where there is one, else this machine]",
            ),
            click.option("--max-retries", type=click.IntRange(0), help="After a failure. [1]"),
            click.option("-v", "--verbose", is_flag=True, help="Say what is run in which words."),
        )
    ):
        command = option(command)
    return command


@click.command()
@_established_flags
def scripts_coordinator(**flags: Any) -> None:
    """Run a file of script jobs as `seedfleet run` does, with the same exit codes."""
    _run(flags)


@click.command()
@_established_flags
def coordinator_adapter(**flags: Any) -> None:
    """Run jobs of any dialect, or bring the results of an older coordinator into one form.

    A file of jobs is run as scripts_coordinator.py does. A file of results becomes
    OUTPUT_DIR/NAME.results.json, and is printed.
    """
    path = Path(flags["jobs_file"])
    try:
        document = read_document(path)
        if is_results(document):
            _write_results(results_document(document), path, flags)
            return
    except BadInputError as error:
        click.echo("error: nothing was started", err=True)
        for problem in error.problems:
            click.echo(f"  {problem}", err=True)
        sys.exit(2)
    dialects = parse_jobs(document, output_dir=flags["output_dir"]).dialects
    for name, count in dialects.items():
        click.echo(f"{path}: {count} {name}", err=True)
    _run(flags)


def _run(flags: Mapping[str, Any]) -> NoReturn:
    words = _own_words(flags)
    if flags["verbose"]:
        click.echo(f"as: seedfleet run {shlex.join(words)}", err=True)
    try:
        with run.make_context(Path(sys.argv[0]).name, words) as context:
            output = context.params["output"]
            context.params["output"] = _WithEstablishedMarkers(output, Path(flags["output_dir"]))
            run.invoke(context)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    sys.exit(0)


def _own_words(flags: Mapping[str, Any]) -> list[str]:
    words = ["--output-dir", flags["output_dir"]]
    words += [
        f"--{name}" for name in ("preserve-paths", "dry-run") if flags[name.replace("-", "_")]
    ]
    if flags["max_retries"] is not None:
        words += ["--retries", str(flags["max_retries"])]
    config = flags["config"] or (_DEFAULT_CONFIG if Path(_DEFAULT_CONFIG).is_file() else None)
    if config is not None:
        words += ["--cluster", config]
    return [*words, "--", flags["jobs_file"]]


def _write_results(document: Mapping[str, Any], source: Path, flags: Mapping[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    if not flags["dry_run"]:
        folder = Path(flags["output_dir"])
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{source.stem}.results.json"
        write_atomically(target, f"{text}\n".encode())
        click.echo(f"results: {target}", err=True)
    click.echo(text)


class _WithEstablishedMarkers:
    """An `Output` that sets the markers before it tells the result."""

    def __init__(self, output: Output, output_dir: Path) -> None:
        self._output = output
        self._output_dir = output_dir
        self.live = output.live

    def note(self, line: str) -> None:
        self._output.note(line)

    def progress(self, line: str) -> None:
        self._output.progress(line)

    def result(self, document: Mapping[str, Any], text: str) -> None:
        jobs = document.get("jobs")
        if isinstance(jobs, dict):  # a plan, or an error, has none
            for job_id, job in jobs.items():
                try:
                    self._mark(job_id, job)
                except OSError as error:  # the result is good, and its own marker stands beside it
                    self.note(f"{job_id}: no marker in {self._output_dir}: {error.strerror}")
        self._output.result(document, text)

    def refuse(self, summary: str, problems: Sequence[str]) -> NoReturn:
        self._output.refuse(summary, problems)

    def _mark(self, job_id: str, job: Mapping[str, Any]) -> None:
        result = self._output_dir / f"{job_id}.json"
        marker = marker_path(result)
        if job["outcome"] == "succeeded":
            own = marker_path(Path(next(iter(job["outputs"]))))
            if own.resolve() != marker.resolve():
                write_atomically(marker, own.read_bytes())
        elif not result.exists():
            # One of an earlier run would say that this job is done. Where the earlier result
            # itself stands beside it, both stay.
            marker.unlink(missing_ok=True)
