"""`seedfleet nodes`: look at the machines of a cluster, and clear away what runs left on them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from seedfleet import __version__
from seedfleet.cli._engine_words import options_in_words, pairs_of
from seedfleet.cli.output import output_option
from seedfleet.fleet import BadInputError
from seedfleet.fleet.cluster import LOCALHOST, Cluster, NodeConfig, read_cluster
from seedfleet.fleet.engines.choice import read_options
from seedfleet.fleet.engines.link import Timeouts
from seedfleet.fleet.visits import Reach, check_nodes, clean_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedfleet.cli.output import Output
    from seedfleet.fleet.checking import NodeCheck

__all__ = ["nodes"]

EXIT_SOMETHING_IS_WRONG: Final = 1

_DAY_S: Final = 86_400.0
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_HEADINGS: Final = (
    *("node", "reachable", "host key", "python", "trace", "GPUs", "cores", "free disk", "clock"),
    *("script_path", "kills at logout", "foreign on GPUs"),
)
_UNKNOWN: Final = "?"
_MOST_NAMED: Final = 3  # attempts kept for one reason; the JSON form has all of them


def _cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--engine-option",
            multiple=True,
            metavar="K=V",
            help=f"As for a run over ssh: {options_in_words('ssh')}.",
        ),
        click.option(
            "--cluster",
            "cluster_file",
            type=click.Path(path_type=Path),
            help="The cluster file; without one it is this machine alone.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def nodes() -> None:
    """Look at the machines of a cluster, or clear away what runs left on them."""


@nodes.command()
@_cluster_options
@output_option
def check(output: Output, **flags: Any) -> None:
    """Look at every node and say what to do about each problem.

    Exit codes: 0 all is well, 1 something is wrong, 2 bad input.
    """
    cluster, reach = _read_flags(output, flags)
    output.progress(f"looking at {len(cluster.nodes)} nodes")
    checks = asyncio.run(check_nodes(cluster, reach))
    well = not any(each.findings for each in checks)
    document = {"well": well, "nodes": [each.to_document() for each in checks]}
    output.result(document, _check_text(checks))
    sys.exit(0 if well else EXIT_SOMETHING_IS_WRONG)


@nodes.command()
@_cluster_options
@click.option("--run", "run_id", metavar="RUN_ID", help="Only this run, and all that has ended.")
@click.option(
    "--older-than",
    "older_than_days",
    type=click.FloatRange(0, max=36_500),
    metavar="DAYS",
    help="Only what ended so long ago. [1, with --run 0]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@output_option
def clean(output: Output, **flags: Any) -> None:
    """Remove what ended attempts have left on the nodes; never one that lives.

    Results that may not have been fetched stay unless their run is named with --run.
    Exit codes: 0 done, 1 a node could not be reached or cleaned, 2 bad input.
    """
    cluster, reach = _read_flags(output, flags)
    days = flags["older_than_days"]
    if days is None:
        days = 0.0 if flags["run_id"] is not None else 1.0
    reports = asyncio.run(
        clean_nodes(
            cluster,
            reach,
            run_id=flags["run_id"],
            older_than_s=days * _DAY_S,
            dry_run=flags["dry_run"],
        )
    )
    freed_bytes = sum(report["freed_bytes"] for report in reports)
    document = {"dry_run": flags["dry_run"], "freed_bytes": freed_bytes, "nodes": list(reports)}
    output.result(document, _clean_text(reports, dry_run=flags["dry_run"]))
    sys.exit(EXIT_SOMETHING_IS_WRONG if any(report["problems"] for report in reports) else 0)


# --- what was asked for ---


def _read_flags(output: Output, flags: Mapping[str, Any]) -> tuple[Cluster, Reach]:
    problems: list[str] = []
    cluster = Cluster((NodeConfig(name=LOCALHOST, hostname=LOCALHOST),))
    if flags["cluster_file"] is not None:
        try:
            cluster = read_cluster(flags["cluster_file"])
        except BadInputError as error:
            problems += error.problems
    reach = Reach()
    try:
        given = read_options("ssh", pairs_of(flags["engine_option"], problems))
        reach = Reach(
            ssh_command=given.get("ssh", reach.ssh_command),
            timeouts=Timeouts(connect_s=given.get("connect_s", reach.timeouts.connect_s)),
        )
    except BadInputError as error:
        problems += error.problems
    run_id = flags.get("run_id")
    if run_id is not None and ("/" in run_id or run_id in {"", ".", ".."}):
        problems.append(f"--run {run_id!r}: is no run id")
    if problems:
        output.refuse("no node was visited", problems)
    return cluster, reach


# --- for a person ---


def _check_text(checks: Sequence[NodeCheck]) -> str:
    rows = [_HEADINGS, *(_row(each) for each in checks)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for each in checks:
        for finding in each.findings:
            lines += [f"{each.config.name}: {finding.problem}", f"    {finding.advice}"]
    if not any(each.findings for each in checks):
        lines.append("all is well")
    return "\n".join(lines)


def _row(each: NodeCheck) -> tuple[str, ...]:
    if each.node is None or each.clock is None:
        empty = ("",) * (len(_HEADINGS) - 3)
        return (each.config.name, "no", each.host_key, *empty)
    seen = each.survey
    return (
        each.config.name,
        "yes",
        each.host_key,
        _known(seen, "python", lambda part: part["version"] or "none"),
        _known(seen, "trace", _trace),
        _gpus(each),
        str(each.node.cpu_slots),
        _known(seen, "root", lambda part: _size(part["free_bytes"])),
        f"{each.clock.skew_s:+.1f} s",
        _known(seen, "root", _writable),
        _known(seen, "logout", _logout),
        _known(seen, "gpu_processes", _foreign),
    )


def _known(seen: Mapping[str, Any], name: str, show: Callable[[Any], str]) -> str:
    part = seen.get(name)
    return _UNKNOWN if part is None or "unknown" in part else show(part)


def _trace(part: Mapping[str, Any]) -> str:
    """Show whether jobs of `seedfleet trace` could run; nothing is wrong where none are to."""
    if part["version"] is None:
        return "not installed"
    if part["missing"]:
        return f"lacks {', '.join(part['missing'])}"
    return part["version"] if part["version"] == __version__ else f"other: {part['version']}"


def _gpus(each: NodeCheck) -> str:
    """Show what tools found against what is configured, and of which platform it is."""
    configured = each.config.gpu_count
    found = _known(each.survey, "gpus", lambda part: str(len(part["gpus"])))
    shown = found if configured is None else f"{found} of {configured}"
    return shown if each.node is None or not each.node.gpus else f"{shown} {each.node.platform}"


def _writable(part: Mapping[str, Any]) -> str:
    if not part["exists"]:
        return "missing"
    return "writable" if part["writable"] else "read-only"


def _logout(part: Mapping[str, Any]) -> str:
    if part["kills"] is None:
        return _UNKNOWN
    return "yes" if part["kills"] and not part["linger"] else "no"


def _foreign(part: Mapping[str, Any]) -> str:
    count = sum(process["attempt"] is None for process in part["processes"])
    # Without root's rights the devices that other users have open cannot be seen.
    return str(count) if part["complete"] or count else "none seen"


def _clean_text(reports: Sequence[Mapping[str, Any]], *, dry_run: bool) -> str:
    lines = []
    for report in reports:
        done = "would free" if dry_run else "freed"
        count, size = len(report["removed"]), _size(report["freed_bytes"])
        lines.append(f"{report['node']}: {done} {size} in {count} folders and files")
        lines += [f"    {each['what']} ({_size(each['size_bytes'])})" for each in report["removed"]]
        lines += _kept_lines(report["kept"])
        lines += [f"    problem: {problem}" for problem in report["problems"]]
    return "\n".join(lines)


def _kept_lines(kept: Sequence[Mapping[str, str]]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for each in kept:
        by_reason.setdefault(each["why"], []).append(each["what"])
    return [
        f"    kept {', '.join(names[:_MOST_NAMED])}"
        + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
        + f": {why}"
        for why, names in by_reason.items()
    ]


def _size(size_bytes: float) -> str:
    for unit in _UNITS[:-1]:
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} {_UNITS[-1]}"
