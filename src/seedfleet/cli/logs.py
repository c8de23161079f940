"""`seedfleet logs`: what a job's script has printed, also while it runs."""

from __future__ import annotations

import asyncio
import shlex
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from seedfleet.cli._run_choice import chosen_run, complete_job_id, output_dir_option, run_argument
from seedfleet.cli.output import output_option
from seedfleet.fleet.errors import BadInputError, JournalDamagedError
from seedfleet.fleet.log_reading import AttemptLogs, FolderLogs, NodeLogs
from seedfleet.fleet.node.layout import AttemptFolder
from seedfleet.fleet.observing import RunObserver
from seedfleet.fleet.paths import node_home
from seedfleet.fleet.state import Running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from seedfleet.cli.output import Output
    from seedfleet.fleet.log_reading import LogReader, Stream
    from seedfleet.fleet.resuming import Recorded

__all__ = ["logs"]

_POLL_S: Final = 0.5
_EXIT_LEFT: Final = 130
_STREAMS: Final[Mapping[str, tuple[Stream, ...]]] = {
    "both": ("stdout", "stderr"),
    "stdout": ("stdout",),
    "stderr": ("stderr",),
}


@click.command()
@run_argument()
@click.argument("job_id", metavar="JOB", shell_complete=complete_job_id)
@output_dir_option
@click.option("--attempt", type=click.IntRange(1), help="Which attempt. [the newest]")
@click.option("--stdout", "wanted", flag_value="stdout", help="Only its standard output.")
@click.option("--stderr", "wanted", flag_value="stderr", help="Only its standard error.")
@click.option("--both", "wanted", flag_value="both", default=True, help="Both; the default.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the attempt has ended.")
@output_option
def logs(output: Output, run_id: str, output_dir: str, **flags: Any) -> None:
    """Show what JOB of RUN_ID has printed, from the run's folder or, while it runs, from its node.

    Its standard output goes to standard output and its standard error to standard error, byte by
    byte. With --output json both are in one value, with --follow when the attempt has ended. The
    exit code is 0, 2 if there is no such log, 130 if you left.
    """
    observer = RunObserver(chosen_run(output, run_id, output_dir))
    wanted = _STREAMS[flags["wanted"]]
    show = _Show(output)
    try:
        observer.poll()
        which = _which(observer, flags["job_id"], flags["attempt"])
        ended = asyncio.run(_read(which, wanted, show, follow=flags["follow"]))
    except BadInputError as error:
        output.refuse("there is no such log", error.problems)
    except (JournalDamagedError, OSError) as error:
        output.refuse(str(error), [])
    except KeyboardInterrupt:
        output.result({"run_id": run_id, "left": True}, "")
        sys.exit(_EXIT_LEFT)
    texts: dict[str, str] = {name: show.texts[name].decode("utf-8", "replace") for name in wanted}
    names = {"run_id": run_id, "job_id": which.job_id, "attempt": which.attempt}
    output.result({**names, "ended": ended, **texts}, "")


@dataclass(frozen=True, slots=True)
class _Which:
    """One attempt of a run; `node` is where it runs, None when it has ended."""

    recorded: Recorded
    job_id: str
    attempt: int
    node: str | None


class _Show:
    """Passes logs on to a person, and keeps them where one value is to be printed at the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.texts: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def take(self, stream: Stream, data: bytes) -> None:
        self._output.stream(data, err=stream == "stderr")
        if self._output.keeps:
            self.texts[stream] += data


def _which(observer: RunObserver, job_id: str, attempt: int | None) -> _Which:
    recorded, state = observer.recorded, observer.state
    if job_id not in state.indices:
        raise BadInputError([f"run {recorded.paths.run_id} has no job {job_id!r}"])
    job = state.jobs[state.indices[job_id]]
    if job.attempts == 0:
        raise BadInputError([f"job {job_id} has not been started"])
    number = attempt or job.attempts
    if number > job.attempts:
        raise BadInputError([f"job {job_id} has had {job.attempts} attempts, not {number}"])
    runs = isinstance(job.phase, Running) and job.phase.attempt == number
    node = job.phase.allocation.node if isinstance(job.phase, Running) and runs else None
    return _Which(recorded, job_id, number, node)


async def _read(which: _Which, wanted: tuple[Stream, ...], show: _Show, *, follow: bool) -> bool:
    """Show the logs as far as they go, or until the attempt ends; say whether it has ended."""
    head = which.recorded.paths.attempt(which.job_id, which.attempt)
    offsets = dict.fromkeys(wanted, 0)
    async with _live(which) as live:
        reader = AttemptLogs(head, live)
        while True:
            ended = True
            for stream in wanted:
                part = await reader.read(stream, offsets[stream])
                while part.data:
                    show.take(stream, part.data)
                    offsets[stream] += len(part.data)
                    part = await reader.read(stream, offsets[stream])
                ended = ended and part.ended
            if ended or not follow:
                return ended
            await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def _live(which: _Which) -> AsyncIterator[LogReader]:
    """Give what reads the logs of an attempt that has not come to the head."""
    paths, cluster = which.recorded.paths, which.recorded.options.cluster
    if paths.queue.is_dir():
        attempts = paths.queue / "attempts"
        yield FolderLogs(AttemptFolder(attempts / which.job_id / str(which.attempt)))
        return
    configs = {config.name: config for config in cluster.nodes} if cluster else {}
    config = configs.get(which.node or "")
    if config is None or config.is_local:
        runs = node_home() / "runs" / paths.run_id / "attempts"
        yield FolderLogs(AttemptFolder(runs / which.job_id / str(which.attempt)))
        return
    # Connecting pulls in the engines, which no other way to a log needs.
    from seedfleet.fleet.engines.link import NodeContactError, NodeLink  # noqa: PLC0415

    ssh_command = shlex.split(which.recorded.options.engine_options.get("ssh", "ssh"))
    try:
        link = await NodeLink.connect(config, ssh_command=ssh_command)
        try:
            yield NodeLogs(link, paths.run_id, which.job_id, attempt=which.attempt)
        finally:
            await link.close()
    except NodeContactError as error:
        raise BadInputError([f"node {config.name}: {error.problem}"]) from error
