"""What a person sees while a run goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

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
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from seedfleet.cli.output import Output
    from seedfleet.fleet.engines.base import Allocation, Node

__all__ = ["parallel_lines", "view"]

_MOST_ROWS: Final = 30
_REFRESH_HZ: Final = 8


@contextmanager
def view(output: Output) -> Iterator[Callable[[Progress], None]]:
    """Give a listener that shows progress as fits where `output` goes."""
    if not output.live:
        yield lambda event: _print_line(output, event)
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that a plain run need not wait for
    from rich.live import Live  # noqa: PLC0415

    table = _Table()
    with Live(
        table, console=Console(stderr=True), refresh_per_second=_REFRESH_HZ, transient=True
    ) as live:

        def hear(event: Progress) -> None:
            if table.hear(event):
                live.console.print(_line(event), markup=False, highlight=False)

        yield hear


def parallel_lines(nodes: Sequence[Node], shares: Mapping[str, Mapping[int, int]]) -> list[str]:
    """Write one line for each node: its workers, its jobs, and how they are spread."""
    lines = []
    for node in nodes:
        share = shares[node.name]
        kind = "GPU" if node.gpus else "CPU"
        lines.append(
            f"🔀 PARALLEL: {node.name} | {len(share)} {kind} workers | "
            f"{sum(share.values())} jobs | distribution: {dict(share)}"
        )
    return lines


class _Table:
    """The running attempts and how far the run is; drawn by rich."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[AttemptStarted, float]] = {}
        self._done = 0
        self._total = 0
        self._failed = 0

    def hear(self, event: Progress) -> bool:
        """Take an event in and say whether it also deserves a line of its own."""
        match event:
            case RunStarted():
                self._done, self._total = event.done, event.total
                return True
            case AttemptStarted():
                self._running[event.job_id] = (event, time.monotonic())
                return False
            case AttemptEnded():
                self._running.pop(event.ended.job_id, None)
                return True
            case JobDone():
                self._running.pop(event.job_id, None)
                self._done = event.done
                self._failed += not event.outputs
                return False
            case NodeContact() | Notice():
                return True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table as it is at this moment."""
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
        from rich.text import Text  # noqa: PLC0415

        del console, options
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        now = time.monotonic()
        for started, since in list(self._running.values())[:_MOST_ROWS]:
            tries = f"attempt {started.attempt}" if started.attempt > 1 else ""
            place = _place(started.allocation)
            table.add_row(Text(started.job_id), place, f"{now - since:.0f} s", tries)
        yield table
        hidden = len(self._running) - _MOST_ROWS
        more = f", {hidden} more running" if hidden > 0 else ""
        failed = f", {self._failed} without success" if self._failed else ""
        yield Text(f"{self._done} of {self._total} jobs done{failed}{more}", style="bold")


def _print_line(output: Output, event: Progress) -> None:
    if not isinstance(event, AttemptStarted):
        output.note(_line(event))


def _line(event: Progress) -> str:
    match event:
        case RunStarted():
            return f"run {event.run_id}: {event.total - event.done} of {event.total} jobs to do"
        case AttemptStarted():
            return f"{event.job_id}: attempt {event.attempt} on {_place(event.allocation)}"
        case AttemptEnded():
            then = "trying again" if event.again else "giving up"
            why = event.ended.detail or type(event.ended.outcome).__name__
            return f"{event.ended.job_id}: attempt {event.ended.attempt}: {why}; {then}"
        case JobDone():
            how = "succeeded" if event.outputs else type(event.outcome).__name__
            return f"[{event.done}/{event.total}] {event.job_id}: {how} in {event.run_s:.1f} s"
        case NodeContact(node, problem):
            return f"{node.name}: " + ("in contact" if node.contact else f"no contact: {problem}")
        case Notice():
            return event.text


def _place(allocation: Allocation) -> str:
    if allocation.gpu_ids:
        return f"{allocation.node} GPU {','.join(map(str, allocation.gpu_ids))}"
    return f"{allocation.node} slot {allocation.cpu_slot}"
