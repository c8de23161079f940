"""What is wrong with a node, and what to do about it: judges what its agent has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.node_offer import offer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.fleet.cluster import NodeConfig
    from seedfleet.fleet.engines.base import Node

__all__ = ["Clock", "Finding", "NodeCheck", "judge"]

_LEAST_FREE_BYTES: Final = 1 << 30
_LEAST_FREE_FILES: Final = 10_000
_MOST_SKEW_S: Final = 2.0
_LEAST_OPEN_FILES: Final = 256
_PROCESSES_PER_JOB: Final = 64  # numerical libraries start a thread for every core


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    problem: str
    advice: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A node's clock against the head's.

    Parameters
    ----------
    skew_s
        Seconds by which the node's clock is ahead.
    uncertain_s
        The true value is within so many seconds of it.
    """

    skew_s: float
    uncertain_s: float

    @classmethod
    def between(cls, asked_utc_s: float, answered_utc_s: float, seen: Mapping[str, Any]) -> Clock:
        """Compare four times as NTP does (RFC 5905, section 8).

        Parameters
        ----------
        asked_utc_s, answered_utc_s
            When the head sent its question and had the answer, by its own clock.
        seen
            The `clock` of a survey: when the node began and ended looking, by its clock.
        """
        to_node = seen["began_utc_s"] - asked_utc_s
        to_head = answered_utc_s - seen["ended_utc_s"]
        # The question and the answer may have taken the way in very different times.
        return cls((to_node - to_head) / 2, max(0.0, (to_node + to_head) / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCheck:
    """What was found of one node.

    Parameters
    ----------
    config
        What the cluster file says of it.
    host_key
        "known", "unknown", "changed", "none" for this machine, or "not seen".
    node
        What it offers; None if it cannot be reached.
    survey
        As `seedfleet.fleet.node.survey.survey` gives it; empty if it cannot be reached.
    clock
        Its clock; None if it cannot be reached.
    findings
        Everything that is wrong.
    """

    config: NodeConfig
    host_key: str
    node: Node | None = None
    survey: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock | None = None
    findings: tuple[Finding, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Write the check as one JSON object."""
        node, clock = self.node, self.clock
        return {
            "node": self.config.name,
            "reachable": node is not None,
            "host_key": self.host_key,
            "platform": node and node.platform,
            "gpus_found": node and len(node.gpus),
            "gpus_configured": self.config.gpu_count,
            "cpu_slots": node and node.cpu_slots,
            "max_jobs": node and node.max_jobs,
            "clock_skew_s": clock and clock.skew_s,
            "clock_uncertain_s": clock and clock.uncertain_s,
            "survey": dict(self.survey),
            "problems": [
                {"problem": finding.problem, "advice": finding.advice} for finding in self.findings
            ],
        }


def judge(
    config: NodeConfig, seen: Mapping[str, Any], clock: Clock
) -> tuple[Node, tuple[Finding, ...]]:
    """Combine what a node has with what is configured, and list everything that is wrong.

    Parameters
    ----------
    config
        The node's entry of the cluster file.
    seen
        Its survey.
    clock
        Its clock.

    Returns
    -------
    node : Node
        What it offers to jobs.
    findings : tuple of Finding
        In a fixed order; a part of the survey that is unknown is a finding as well.
    """
    found = {"platform": "cpu", "gpus": [], **(seen["gpus"] if _known(seen, "gpus") else {})}
    cores = (seen["cores"].get("usable") if _known(seen, "cores") else None) or 1
    node, remarks = offer(config, {"cores": cores, **found})
    findings = [
        *(Finding(f"cannot look at {name}: {part['unknown']}", "see the reason")
          for name, part in seen.items() if not _known(seen, name)),
        *(Finding(remark.removeprefix(f"{config.name}: "), _silent_tools(found) or
                  "correct gpu_count, gpu_type or platform, or mend the driver")
          for remark in remarks),
        *_python(seen),
        *_folders(config, seen),
        *_clock(clock),
        *_logout(seen),
        *_gpu_processes(seen),
        *_limits(seen, node),
    ]  # fmt: skip
    return node, tuple(findings)


def _known(seen: Mapping[str, Any], name: str) -> bool:
    return name in seen and "unknown" not in seen[name]


def _silent_tools(found: Mapping[str, Any]) -> str:
    silent = [
        f"{name}: {said}"
        for name, said in found.get("tools", {}).items()
        if isinstance(said, str) and said != "not installed"
    ]
    return f"the driver's tools say: {'; '.join(silent)}" if silent else ""


def _python(seen: Mapping[str, Any]) -> Iterator[Finding]:
    if _known(seen, "python") and seen["python"]["version"] is None:
        path = seen["python"]["path"] or "python_env"
        yield Finding(
            f"{path}: {seen['python']['problem']}",
            "python_env must name an interpreter, or a folder of an environment, on the node",
        )


def _folders(config: NodeConfig, seen: Mapping[str, Any]) -> Iterator[Finding]:
    if _known(seen, "root"):
        root = seen["root"]
        name = "script_path" if config.script_path else "the working folder"
        if not root["exists"]:
            yield Finding(f"{name} {root['path']} does not exist", "make it, or correct the path")
        elif not root["writable"]:
            yield Finding(
                f"{name} {root['path']} cannot be written: {root['problem']}",
                "give yourself the right to write there, or name another folder",
            )
    if _known(seen, "home"):
        home = seen["home"]
        advice = "SEEDFLEET_HOME, set on the node, names another folder"
        if not home["writable"]:
            yield Finding(f"{home['path']} cannot be written: {home['problem']}", advice)
        if home["locks"]:
            yield Finding(f"{home['path']}: its disk has no locks: {home['locks']}", advice)
    known = [seen[name] for name in ("root", "home") if _known(seen, name)]
    yield from _full_disks([place for place in known if place["writable"]])


def _full_disks(places: list[Mapping[str, Any]]) -> Iterator[Finding]:
    advice = "make room; `seedfleet nodes clean` removes what ended runs have left"
    for place in places:
        if place["free_bytes"] < _LEAST_FREE_BYTES:
            free_mib = place["free_bytes"] >> 20
            yield Finding(f"the disk of {place['path']} has {free_mib} MiB left", advice)
        if place["free_files"] is not None and place["free_files"] < _LEAST_FREE_FILES:
            text = f"the disk of {place['path']} has room for {place['free_files']} more files"
            yield Finding(text, advice)


def _clock(clock: Clock) -> Iterator[Finding]:
    if abs(clock.skew_s) - clock.uncertain_s > _MOST_SKEW_S:
        way = "ahead" if clock.skew_s > 0 else "behind"
        yield Finding(
            f"its clock is {abs(clock.skew_s):.1f} s {way} of this machine's",
            "let both follow a time server; durations are right all the same",
        )


def _logout(seen: Mapping[str, Any]) -> Iterator[Finding]:
    if _known(seen, "logout") and seen["logout"]["kills"] and not seen["logout"]["linger"]:
        yield Finding(
            "it ends a user's processes at logout (KillUserProcesses=yes), jobs among them",
            "run `loginctl enable-linger` on the node, or set KillUserProcesses=no in logind.conf",
        )


def _gpu_processes(seen: Mapping[str, Any]) -> Iterator[Finding]:
    if _known(seen, "gpu_processes"):
        for process in seen["gpu_processes"]["processes"]:
            if process["attempt"] is None:
                memory = f", {process['memory_mib']} MiB" if process["memory_mib"] else ""
                yield Finding(
                    f"process {process['pid']} ({process['name'] or 'no name'}, "
                    f"user {process['user'] or 'unknown'}{memory}) uses {process['where']}",
                    "no lock of ours keeps it away: let it end, or lower gpu_count",
                )


def _limits(seen: Mapping[str, Any], node: Node) -> Iterator[Finding]:
    if not _known(seen, "limits"):
        return
    files, processes = seen["limits"]["open_files"], seen["limits"]["processes"]
    if files is not None and files < _LEAST_OPEN_FILES:
        yield Finding(f"a process may open {files} files", "raise `ulimit -n` on the node")
    needed = _PROCESSES_PER_JOB * (node.max_jobs or 1)
    if processes is not None and processes < needed:
        yield Finding(
            f"the user may have {processes} processes and threads, "
            f"{node.max_jobs} jobs can need {needed}",
            "raise `ulimit -u` on the node, or lower max_concurrent_script_jobs",
        )
