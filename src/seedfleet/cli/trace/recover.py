"""`seedfleet trace recover`, step 0: the generator, seed and alignment behind a history."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._changed_draws import refuse_changed_draws
from seedfleet.cli._search_request import (
    begin_run,
    draws_options,
    load_draws,
    problems_of,
    refusing,
    run_options,
)
from seedfleet.cli._search_run import SearchCommand, SearchProgress, stop
from seedfleet.cli._search_scope import options_of, scope_options
from seedfleet.cli.output import output_option
from seedfleet.pipeline import recovery_document
from seedfleet.pipeline.evidence_pack import (
    EvidencePackError,
    begin_pack,
    finish_pack,
    pack_problem,
)
from seedfleet.pipeline.recorded import read_record, write_record
from seedfleet.pipeline.recorded_scans import RecordedBackend
from seedfleet.pipeline.run_folder import printable, unwritable, write_json, write_text
from seedfleet.report import render_html, render_text
from seedfleet.sieve import local_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline import RunContext
    from seedfleet.recover import Options


__all__ = ["recover"]


@click.command(cls=SearchCommand)
@draws_options
@scope_options
@run_options("trace_results")
@click.option(
    "--evidence-pack",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also write all that somebody else needs to check the answer into DIR, which must be new "
    "or empty: the draws, what was fixed before the search, the answer, and a manifest for "
    "sha256sum.",
)
@output_option
@click.pass_context
def recover(ctx: click.Context, /, draws: str | None, output: Output, **options: Any) -> None:
    """Find the generator, seed and alignment behind DRAWS, a file (or - for standard input).

    Reads JSON (a list of {"date", "session", "draw"} or of numbers), CSV, or one number per line,
    oldest draw first. Writes recovery.json and report.html into a new folder. Exit codes: 0 an
    answer, whatever the verdict; 2 bad input; 3 interrupted (go on with --resume).
    """
    problems = problems_of(ctx, draws, options) + _problems_of_pack(options["evidence_pack"])
    if problems:
        output.refuse("this cannot be searched", problems)
    with refusing(output), _refusing_pack(output):
        request = _resumed(options, output) if draws is None else _new(draws, options)
        for note in request.history.notes:
            output.note(f"note: {note}")
        document = _answer(request, output)
    output.result(document, render_text(document))


@dataclass(frozen=True)
class _Request:
    """A run that is to be answered, new or resumed."""

    history: History
    options: Options
    context: RunContext
    folder: Path


def _new(draws: str, options: dict[str, Any]) -> _Request:
    history = load_draws(draws, options)
    asked = options_of(options)
    for session in sorted(asked.sessions):
        history.select(session)  # refuses a session that there is not
    context, folder = begin_run(history, options["output_dir"])
    pack: Path | None = options["evidence_pack"]
    if pack is not None:
        context = replace(context, evidence_pack=printable(str(pack.absolute())))
        source = None if draws == "-" else Path(draws)
        begin_pack(pack, history, asked, context, source)
    return _Request(history, asked, context, folder)


def _problems_of_pack(pack: Path | None) -> list[str]:
    if pack is None:
        return []
    return [problem for problem in (pack_problem(pack), unwritable(pack)) if problem is not None]


@contextmanager
def _refusing_pack(output: Output) -> Iterator[None]:
    try:
        yield
    except EvidencePackError as error:
        output.refuse("no evidence pack can be written", [str(error)])


def _resumed(options: dict[str, Any], output: Output) -> _Request:
    folder = options["output_dir"] / options["run_id"]
    history, asked, context = read_record(folder)
    refuse_changed_draws(history, options, output)
    return _Request(history, asked, context, folder)


def _answer(request: _Request, output: Output) -> dict[str, Any]:
    """Recover, write the files, and return the document."""
    folder = request.folder

    def record() -> None:
        write_record(folder, request.history, request.options, request.context)

    if request.context.evidence_pack is not None:
        record()  # a pack that is begun must be one that can be ended
    backend = RecordedBackend(local_backend(), folder / "scans", before_first=record)
    progress = SearchProgress(output)
    try:
        document = recovery_document(
            request.history, request.options, request.context, progress=progress, backend=backend
        )
    except KeyboardInterrupt:
        stop("trace recover", folder, request.context.run_id, output)
    write_json(folder / "recovery.json", document)
    page = render_html(document)
    write_text(folder / "report.html", page)
    if request.context.evidence_pack is not None:
        finish_pack(Path(request.context.evidence_pack), document, page)
    return document
