"""What a person sees while a run goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

from seedfleet.cli._picture import RunPicture
from seedfleet.cli._words import counted, place
from seedfleet.fleet._codec import kind_of
from seedfleet.fleet.manifest import distribution
from seedfleet.fleet.outcome import Cancelled, Superseded
from seedfleet.fleet.progress import (
    AttemptEnded,
    AttemptStarted,
    JobDone,
    NodeContact,
    Notice,
    Progress,
    RunStarted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seedfleet.cli._run_table import RunTable
    from seedfleet.cli.output import Output
    from seedfleet.fleet.engines.base import Allocation, Node

__all__ = ["LiveView", "PlainView", "View", "line_of", "parallel_lines", "view"]

_REFRESH_HZ: Final = 4


Timed = tuple[float, Progress]  # seconds since 1970, and what happened then


class PlainView:
    """A line for everything worth one."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def hear(self, event: Progress, at: float | None = None) -> None:
        """Say what happened."""
        del at
        # Every start would double the lines, and every end says where it was.
        if not isinstance(event, AttemptStarted):
            self._output.note(line_of(event))

    def catch_up(self, events: Sequence[Timed]) -> None:
        """Say where the run stands after what happened before anybody looked."""
        picture = RunPicture()
        for at, event in events:
            picture.hear(event, at)
        if picture.run_id:
            self._output.note(f"run {picture.run_id}: {picture.done} of {picture.total} jobs done")

    def note(self, text: str) -> None:
        """Say something that stays true until the next note."""
        if text:
            self._output.note(text)


class LiveView:
    """A table that follows a run; what deserves a line of its own scrolls by above it."""

    def __init__(self, table: RunTable, say: Callable[[str], None]) -> None:
        self._table = table
        self._say = say

    def hear(self, event: Progress, at: float | None = None) -> None:
        """Take an event in; `at` is its time in seconds since 1970, None is now."""
        self._table.picture.hear(event, time.time() if at is None else at)
        if not isinstance(event, AttemptStarted | JobDone):  # the table shows these
            self._say(line_of(event))

    def catch_up(self, events: Sequence[Timed]) -> None:
        """Take in what happened before anybody looked."""
        for at, event in events:
            self._table.picture.hear(event, at)

    def note(self, text: str) -> None:
        """Show a line below the table until the next note."""
        self._table.note = text


View = PlainView | LiveView


@contextmanager
def view(output: Output) -> Iterator[View]:
    """Give what shows progress as fits where `output` goes."""
    if not output.live:
        yield PlainView(output)
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that a plain run need not wait for
    from rich.live import Live  # noqa: PLC0415

    from seedfleet.cli._run_table import RunTable  # noqa: PLC0415

    table = RunTable(RunPicture(), time.time)
    with Live(
        table, console=Console(stderr=True), refresh_per_second=_REFRESH_HZ, transient=True
    ) as live:

        def say(line: str) -> None:
            live.console.print(line, markup=False, highlight=False)

        yield LiveView(table, say)


def parallel_lines(nodes: Sequence[Node], places: Sequence[Allocation]) -> list[str]:
    """Write a line for each node: its workers, its jobs, and how they are spread.

    A node with GPUs gets one more if jobs without a GPU were there as well, or that one alone.

    Parameters
    ----------
    nodes
        In the order of the lines.
    places
        Of each job. One on several GPUs counts once, and in the share of each GPU.
    """
    lines = []
    for node in nodes:
        here = [place for place in places if place.node == node.name]
        if node.queue:  # its places are all alike
            lines.append(f"🔀 QUEUE: {node.name} | {node.cpu_slots} at once | {len(here)} jobs")
            continue
        on_cpus = [place for place in here if not place.gpu_ids]
        if node.gpus and (len(on_cpus) < len(here) or not here):
            on_gpus = [place for place in here if place.gpu_ids]
            lines.append(_parallel_line(node, "GPU", on_gpus))
        if on_cpus or not node.gpus:
            lines.append(_parallel_line(replace(node, gpus=()), "CPU", on_cpus))
    return lines


def _parallel_line(node: Node, kind: str, places: Sequence[Allocation]) -> str:
    share = distribution([node], places)[node.name]
    return (
        f"🔀 PARALLEL: {node.name} | {len(share)} {kind} workers | "
        f"{len(places)} jobs | distribution: {dict(share)}"
    )


def line_of(event: Progress) -> str:
    """Say in one line what happened."""
    match event:
        case RunStarted():
            missing = ", ".join(node.name for node in event.nodes if not node.contact)
            late = f"; not in contact yet: {missing}" if missing else ""
            left = event.total - event.done
            return f"run {event.run_id}: {left} of {event.total} jobs to do{late}"
        case AttemptStarted():
            return f"{event.job_id}: attempt {event.attempt} on {place(event.allocation)}"
        case AttemptEnded():
            return _attempt_line(event)
        case JobDone():
            how = kind_of(event.outcome).replace("_", " ")
            return f"[{event.done}/{event.total}] {event.job_id}: {how} in {event.run_s:.1f} s"
        case NodeContact():
            return _contact_line(event)
        case Notice():
            return event.text
        case _ as never:
            assert_never(never)


def _attempt_line(event: AttemptEnded) -> str:
    ended = event.ended
    match ended.outcome:
        case Superseded(by):
            then = f"attempt {by} counts in its stead"
        case Cancelled():
            then = "as asked"
        case _:
            then = "trying again" if event.again else "giving up"
    why = ended.detail or kind_of(ended.outcome).replace("_", " ")
    where = place(ended.place(event.allocation))
    return f"{ended.job_id}: attempt {ended.attempt} on {where}: {why}; {then}"


def _contact_line(event: NodeContact) -> str:
    if event.node.contact:
        return f"node {event.node.name}: in contact"
    then = "given up" if event.for_good else "trying again"
    if event.attempts:
        then = f"{counted(event.attempts, 'attempt')} there may go on; {then}"
    return f"node {event.node.name}: out of contact: {event.problem}; {then}"
