"""The cluster file: which machines there are, and what is particular about each."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet._fragments import KeyTable, kind
from seedfleet.fleet._keys import ENV, PATH
from seedfleet.fleet.documents import read_document
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.masks import problems_with_node_env

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from seedfleet.fleet._fragments import Fragment

__all__ = ["LOCALHOST", "Cluster", "NodeConfig", "cluster_schema", "parse_cluster", "read_cluster"]

LOCALHOST: Final = "localhost"

# These become arguments of ssh, which takes what begins with "-" for an option.
_SSH_NAME: Final[Fragment] = {
    "type": "string",
    "pattern": r"^[^\s\u0000-\u001f\u007f\-][^\s\u0000-\u001f\u007f]*$(?![\s\S])",
    "description": "a name without spaces and control characters that does not begin with '-'",
}
_COUNT_FROM_1: Final[Fragment] = {"type": "integer", "minimum": 1}
_NODE_KEYS: Final[Mapping[str, Fragment]] = {
    "hostname": _SSH_NAME,
    "username": _SSH_NAME,
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "ssh_config_host": _SSH_NAME,
    "gpu_count": {"type": "integer", "minimum": 0},
    "gpu_type": {"type": "string"},
    "platform": {"type": "string", "enum": ["cuda", "rocm", "cpu"]},
    "script_path": PATH,
    "python_env": PATH,
    "max_concurrent_script_jobs": {**_COUNT_FROM_1, "default": 12},
    "env": ENV,
    "start_stagger_s": {"type": "number", "minimum": 0, "default": 0},
    "max_starting": _COUNT_FROM_1,
    "start_window_s": {"type": "number", "exclusiveMinimum": 0, "default": 20},
}
_REQUIRED: Final = ("hostname",)
_NODE: Final = KeyTable(_NODE_KEYS, _REQUIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One machine of a cluster file.

    Parameters
    ----------
    name
        As jobs pin it: the hostname, or `hostname:port` where several nodes share the hostname.
    hostname, username, port
        As `ssh` takes them; None leaves the choice to the user's own ssh configuration.
    ssh_config_host
        A `Host` of the user's ssh configuration to connect to instead of `hostname`.
    gpu_count
        How many GPUs the node has; None is what a probe finds.
    gpu_type
        For people, and a hint at the platform.
    platform
        "cuda", "rocm" or "cpu"; None is what `gpu_type` and a probe say.
    script_path
        The root of relative paths and the scripts' working directory on the node, `~` allowed;
        None is the head's root on this machine, and the home folder elsewhere.
    python_env
        Interpreter or venv folder for `.py` scripts, `~` allowed; None is the head's own
        interpreter on this machine, and `python3` elsewhere.
    max_concurrent_script_jobs
        How many scripts run at once, at least 1; never more than there are slots.
    cpu_slots
        How many scripts without a GPU run at once, at least 1; None is one for each core. No key of
        the cluster file: engines set it.
    env
        Added to the environment of every script on the node.
    start_stagger_s
        Least seconds between two starts, at least 0.
    max_starting
        How many scripts may be within `start_window_s` of their start; None is no limit.
    start_window_s
        Seconds, more than 0.
    """

    name: str
    hostname: str
    username: str | None = None
    port: int | None = None
    ssh_config_host: str | None = None
    gpu_count: int | None = None
    gpu_type: str | None = None
    platform: str | None = None
    script_path: str | None = None
    python_env: str | None = None
    max_concurrent_script_jobs: int = 12
    cpu_slots: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    start_stagger_s: float = 0.0
    max_starting: int | None = None
    start_window_s: float = 20.0

    @property
    def is_local(self) -> bool:
        """True for this machine; `localhost` with a port is reached by ssh like any other."""
        return self.hostname == LOCALHOST and self.port is None and self.ssh_config_host is None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes of a cluster file, at least one, with different names."""

    nodes: tuple[NodeConfig, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """The absolute roots of its nodes, the longest first, so that the nearest one counts."""
        named = {node.script_path for node in self.nodes if node.script_path is not None}
        absolute = {os.path.normpath(path) for path in named if path.startswith(os.sep)}
        return tuple(sorted(absolute, key=len, reverse=True))


def read_cluster(path: Path) -> Cluster:
    """Read a cluster file.

    Raises
    ------
    BadInputError
        If it cannot be read, or with everything wrong with its nodes, each with its `$.path`.
    """
    document = read_document(path)
    try:
        return parse_cluster(document)
    except BadInputError as error:
        raise BadInputError([f"{path}: {problem}" for problem in error.problems]) from error


def parse_cluster(document: object) -> Cluster:
    """Turn the parsed content of a cluster file into its nodes.

    Parameters
    ----------
    document
        An object with `nodes`; its other keys belong to other programs.

    Raises
    ------
    BadInputError
        With everything that is wrong, each with its `$.path`.
    """
    if not isinstance(document, dict):
        raise BadInputError([f"$: a cluster is an object with nodes, this is {kind(document)}"])
    entries = document.get("nodes")
    if not isinstance(entries, list) or not entries:
        found = kind(entries) if "nodes" in document and entries != [] else "nothing"
        raise BadInputError([f"$.nodes: a list of at least one node is needed, here is {found}"])
    problems = [text for n, entry in enumerate(entries) for text in _problems_with_node(entry, n)]
    names = _names(entries)
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        earlier = number if name is None else first.setdefault(name.lower(), number)
        if earlier != number:
            problems.append(
                f"$.nodes[{number}]: {name!r} is also $.nodes[{earlier}]; "
                "several nodes on one host need a port each"
            )
    if problems:
        raise BadInputError(problems)
    return Cluster(
        tuple(
            NodeConfig(name=str(name), **entry) for name, entry in zip(names, entries, strict=True)
        )
    )


def cluster_schema() -> dict[str, Any]:
    """Build the JSON Schema of a cluster file.

    Returns
    -------
    dict
        A JSON Schema, draft 2020-12. It cannot say that nodes on one host need different ports.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Seedfleet cluster",
        "type": "object",
        "properties": {
            "nodes": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": dict(_NODE_KEYS),
                    "required": list(_REQUIRED),
                    "additionalProperties": False,
                },
            }
        },
        "required": ["nodes"],
    }


def _problems_with_node(entry: object, number: int) -> Iterator[str]:
    where = f"$.nodes[{number}]"
    if isinstance(entry, dict):
        yield from _NODE.problems(entry, where)
        yield from (f"{where}.env: {text}" for text in problems_with_node_env(entry.get("env")))
    else:
        yield f"{where}: a node is an object, this is {kind(entry)}"


def _names(entries: list[Any]) -> list[str | None]:
    """Name each node by its host, or by host and port where the host stands there twice."""
    sound = [(_NODE.sound_part(entry) if isinstance(entry, dict) else None) for entry in entries]
    hosts = Counter(entry["hostname"].lower() for entry in sound if entry is not None)
    names: list[str | None] = []
    for entry in sound:
        if entry is None:
            names.append(None)
        elif hosts[entry["hostname"].lower()] > 1 and "port" in entry:
            names.append(f"{entry['hostname']}:{entry['port']}")
        else:
            names.append(entry["hostname"])
    return names
