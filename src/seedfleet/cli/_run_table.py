"""The live table of a run, for `run`, `watch` and `status`; drawn by rich."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from seedfleet.cli._picture import NodePicture, RunPicture, slots_of
from seedfleet.cli._words import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["RunTable"]

_MOST_ROWS: Final = 30
_MOST_NODES: Final = 16
_OTHER_LINES: Final = 8  # headings, the summary, and a line that the terminal keeps
_NARROW: Final = 60  # columns; below it only what matters most is shown


class RunTable:
    """Draws a picture as it is at the moment of drawing, within the terminal's height.

    Parameters
    ----------
    picture
        Of the run.
    clock
        Gives the time in seconds since 1970.
    note
        A line below the table; empty for none.
    """

    def __init__(self, picture: RunPicture, clock: Callable[[], float], note: str = "") -> None:
        self.picture = picture
        self._clock = clock
        self.note = note

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw nodes, running jobs and totals."""
        picture, now = self.picture, self._clock()
        picture.look(now)
        narrow = options.max_width < _NARROW
        if picture.nodes:
            yield self._nodes(now, narrow=narrow)
        shown = min(len(picture.nodes), _MOST_NODES)
        room = max(1, min(_MOST_ROWS, console.height - shown - _OTHER_LINES))
        if picture.running:
            yield self._running(now, room, narrow=narrow)
        hidden = len(picture.running) - room
        yield Text("\n".join(_filled(self._parts(now, hidden), options.max_width)), style="bold")
        if self.note:
            yield Text(self.note, style="yellow")

    def _nodes(self, now: float, *, narrow: bool) -> Table:
        table = _table("node", "slots", "done", "failed", "contact")
        # Nodes with something to tell come first, if not all can be shown.
        nodes = list(self.picture.nodes.values())
        if len(nodes) > _MOST_NODES:
            nodes.sort(key=lambda each: (each.node.contact, each.busy + each.beside == 0))
        for each in nodes[:_MOST_NODES]:
            table.add_row(
                _cut(each.node.name),
                f"{each.busy}/{slots_of(each.node)}" + (f" +{each.beside}" if each.beside else ""),
                str(each.succeeded),
                Text(str(each.failed), style="red" if each.failed else ""),
                _contact(each, now, narrow=narrow),
            )
        if len(nodes) > _MOST_NODES:
            table.add_row(_cut(f"… {len(nodes) - _MOST_NODES} more", style="dim"))
        return table

    def _running(self, now: float, room: int, *, narrow: bool) -> Table:
        headings = ("job", "place", "elapsed") if narrow else ("job", "place", "attempt", "elapsed")
        table = _table(*headings)
        for each in islice(self.picture.running.values(), room):
            attempt = () if narrow else (str(each.attempt),)
            elapsed = duration(max(0.0, now - each.since))
            table.add_row(_cut(each.job_id), _cut(self.picture.where(each)), *attempt, elapsed)
        return table

    def _parts(self, now: float, hidden: int) -> list[str]:
        picture = self.picture
        parts = [f"{picture.done} of {picture.total} jobs done"]
        if picture.failed:
            parts.append(f"{picture.failed} without success")
        parts.append(f"{picture.total - picture.done} left")
        if waiting := len(picture.waiting & picture.running.keys()):
            parts.append(f"{waiting} of those waiting in the queue")
        if hidden > 0:
            parts.append(f"{hidden} more running")
        left_s = picture.left_s(now)
        if left_s is not None:
            parts.append(f"about {duration(left_s)} to go")
        return parts


def _filled(parts: Sequence[str], width: int) -> list[str]:
    """Join parts into lines that break between them, never within."""
    lines = [parts[0]]
    for part in parts[1:]:
        lines[-1] += ","
        if len(lines[-1]) + len(part) + 2 > width:  # a blank before it, and a comma after it
            lines.append(part)
        else:
            lines[-1] += f" {part}"
    return lines


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in headings:
        # Where it is narrow, rich makes only such columns smaller as may wrap: never the numbers.
        number = heading in {"slots", "done", "failed", "attempt", "elapsed"}
        table.add_column(heading, justify="right" if number else "left", no_wrap=number)
    return table


def _cut(text: str, style: str = "") -> Text:
    """Make a text that is cut where it does not fit, on one line."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _contact(each: NodePicture, now: float, *, narrow: bool) -> Text:
    if each.node.contact:
        return _cut("yes", "green")
    since = f" for {duration(max(0.0, now - each.changed))}" if each.changed else ""
    why = f": {each.problem}" if each.problem and not narrow else ""
    return _cut(f"none{since}{why}", "red")
