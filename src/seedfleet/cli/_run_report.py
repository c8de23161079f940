"""What a run came to, for people: counts, nodes, and last what went wrong and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seedfleet.cli._run_view import parallel_lines
from seedfleet.cli._words import command, counted, duration, in_folder, outcomes, place
from seedfleet.fleet.outcome import Cancelled, Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seedfleet.fleet import JobReport, RunReport

__all__ = ["failure_lines", "out_of_reach_lines", "report_text", "resume_command"]

_MOST_LISTED: Final = 20  # unsuccessful jobs shown to a person; the manifest has all of them
_MOST_NAMED: Final = 20  # jobs that a command line for a new run still names one by one
_LOG_LINES: Final = 5


def report_text(report: RunReport, output_dir: str, new_run: Sequence[str] = ()) -> str:
    """Tell how a run ended.

    Parameters
    ----------
    report
        Of the run.
    output_dir
        As the user named it.
    new_run
        The words of the command that made this run, without those that choose jobs; none if they
        are not known.
    """
    lines = [
        f"{report.run_id}: {outcomes(report.counts)}",
        *parallel_lines(report.nodes, report.last_places),
        _taken(report),
        f"manifest: {report.folder / 'manifest.json'}",
        *failure_lines(report),
        *out_of_reach_lines(report.out_of_reach, report.run_id, output_dir),
    ]
    unsuccessful = [job_id for job_id, job in report.jobs.items() if job.may_run_again]
    if unsuccessful or report.interrupted:
        why = "go on with" if report.interrupted else "run just these again"
        lines.append(f"{why}: {resume_command(report.run_id, output_dir)}")
    if new_run and 0 < len(unsuccessful) <= _MOST_NAMED and not report.interrupted:
        only = [word for job_id in unsuccessful for word in ("--only", job_id)]
        lines.append(f"or as a new run: {command(*new_run, *only)}")
    return "\n".join(lines)


def out_of_reach_lines(
    jobs: Mapping[str, Sequence[str]], run_id: str, output_dir: str
) -> Iterator[str]:
    """Name what may be running on nodes out of contact, and how to end it.

    Parameters
    ----------
    jobs
        Job ids by node.
    run_id, output_dir
        Of the run, as the user named them.
    """
    for node, job_ids in jobs.items():
        named = ", ".join(job_ids[:_MOST_NAMED])
        more = f" and {len(job_ids) - _MOST_NAMED} more" if len(job_ids) > _MOST_NAMED else ""
        yield f"{node} is out of reach; on it may still run: {named}{more}"
    if jobs:
        again = command("cancel", run_id, *in_folder(output_dir))
        yield f"to end that when it can be reached: {again}"


def resume_command(run_id: str, output_dir: str) -> str:
    """Write the command that goes on with a run."""
    return command("run", "--resume", run_id, *in_folder(output_dir))


def failure_lines(report: RunReport) -> Iterator[str]:
    """List what ended without success, with evidence; jobs without an outcome are only counted."""
    ended = [job for job in report.jobs.values() if not job.succeeded and job.outcome is not None]
    # What somebody ended on purpose needs no explanation, so it comes after the rest.
    ended.sort(key=lambda job: isinstance(job.outcome, Cancelled))
    if ended:
        yield f"{counted(len(ended), 'job')} ended without success:"
    for job in ended[:_MOST_LISTED]:
        yield f"  {job.job.job_id}: {_how(job)}"
        yield from (f"      {line}" for line in _last_words(job))
        if job.last is not None:
            logs = report.folder / "attempts" / job.job.job_id / str(job.last.attempt)
            yield f"    logs: {logs}"
    if len(ended) > _MOST_LISTED:
        yield f"  … and {len(ended) - _MOST_LISTED} more; the manifest lists all"


def _taken(report: RunReport) -> str:
    if report.makespan_s:
        least = duration(report.lower_bound_s)
        took = duration(report.makespan_s)
        return f"took {took}; no schedule of these attempts takes less than {least}"
    if any(job.running for job in report.jobs.values()):
        return "no script has ended yet"
    return "no script was run"


def _how(job: JobReport) -> str:
    parts = [job.word.replace("_", " ")]
    if job.place is not None:
        parts[0] += f" on {place(job.place)}"
    exit_code = None if job.last is None else job.last.exit_code
    if exit_code is not None and not isinstance(job.outcome, Failed):
        parts.append(f"exit code {exit_code}")
    if job.detail:
        parts.append(job.detail)
    if job.attempts > 1:
        parts.append(f"{job.attempts} attempts")
    return ", ".join(parts)


def _last_words(job: JobReport) -> list[str]:
    if job.last is None or isinstance(job.outcome, Cancelled):
        return []
    # Control characters of a script's own must not move the cursor of who reads this.
    lines = job.last.stderr_tail.rstrip().splitlines()[-_LOG_LINES:]
    return ["".join(c if c.isprintable() or c == "\t" else "�" for c in line) for line in lines]
