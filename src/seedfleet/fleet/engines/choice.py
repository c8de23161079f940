"""Which engine a run uses, by name, so that a resume finds the same one again."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.link import Timeouts
from seedfleet.fleet.engines.local import LocalEngine
from seedfleet.fleet.engines.ray.engine import RayEngine, RaySettings
from seedfleet.fleet.engines.ssh import SshEngine
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedfleet.fleet.engines.base import Engine
    from seedfleet.fleet.options import RunOptions

__all__ = ["ENGINE_OPTIONS", "make_engine", "read_options"]

# By engine: each option with what it takes, for messages and for `--help`.
ENGINE_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "local": {
        "slots": "N, scripts at once on a machine without GPUs",
        "python": "PATH, the interpreter of .py scripts",
    },
    "ssh": {
        "ssh": "COMMAND, the OpenSSH client with options of your own (not StrictHostKeyChecking)",
        "connect_s": "SECONDS, for one connection",
        "shared_disks": "yes or no; no: always copy",
    },
    "ray": {
        "address": "HOST:PORT of a cluster to join, or auto, the one that this machine belongs to",
        "python": "PATH, the interpreter of .py scripts on the nodes, or its venv",
        "root": "PATH, where relative paths start on the nodes; else where they start here",
        "platform": "cuda or rocm, where no probe can tell",
        "num_cpus": "NUMBER of CPUs that Ray holds for a script without GPUs",
        "connect_s": "SECONDS, to join the cluster",
        "shared_disks": "yes or no; no: always copy",
    },
}


def make_engine(options: RunOptions) -> Engine:
    """Make the engine that the options name; see `ENGINE_OPTIONS`.

    Raises
    ------
    BadInputError
        With every name and value that is not known.
    """
    if options.engine not in ENGINE_OPTIONS:
        known = ", ".join(ENGINE_OPTIONS)
        raise BadInputError([f"engine {options.engine!r}: known are {known}"])
    problems: list[str] = []
    settings: Mapping[str, Any] = {}
    try:
        settings = read_options(options.engine, options.engine_options)
    except BadInputError as error:
        problems += error.problems
    if (options.engine == "ssh") != (options.cluster is not None):
        problems.append("the ssh engine needs a cluster file, and only it takes one (--cluster)")
    if problems:
        raise BadInputError(problems)
    if options.engine == "ray":
        return RayEngine(RaySettings(**settings))
    if options.cluster is None:
        return LocalEngine(**settings)
    return SshEngine(
        options.cluster,
        ssh_command=settings.get("ssh", ("ssh",)),
        timeouts=Timeouts(connect_s=settings.get("connect_s", Timeouts().connect_s)),
        shared_disks=settings.get("shared_disks", True),
    )


def read_options(engine: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Read the options of an engine.

    Parameters
    ----------
    engine
        One of `ENGINE_OPTIONS`.
    texts
        By name, as they were given.

    Returns
    -------
    dict
        By name, for those given: `slots` an integer from 1, `python` a path, `ssh` a tuple of
        words, `connect_s` and `num_cpus` more than 0, `shared_disks` a boolean, others texts.

    Raises
    ------
    BadInputError
        With every name and value that is not known.
    """
    values = {name: _VALUES.get((engine, name), _unknown)(text) for name, text in texts.items()}
    wrong = [name for name, value in values.items() if value is None]
    if wrong:
        raise BadInputError([_explained(engine, name, texts[name]) for name in wrong])
    return values


def _explained(engine: str, name: str, text: str) -> str:
    known = "; ".join(f"{name}={what}" for name, what in ENGINE_OPTIONS[engine].items())
    return f"engine option {name}={text}: {engine} knows {known}"


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _interpreter(text: str) -> str | None:
    return (text and (shutil.which(text) or str(Path(text).expanduser().absolute()))) or None


def _words(text: str) -> tuple[str, ...] | None:
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        return None
    # ssh believes the first value of an option, and no host key is ever accepted silently.
    return None if "stricthostkeychecking" in text.casefold() else words or None


def _yes_or_no(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)


def _text(text: str) -> str | None:
    return text.strip() or None


def _address(text: str) -> str | None:
    # Ray would start a cluster of its own for "local".
    return None if text.strip().casefold() in {"", "local"} else text.strip()


def _gpu_platform(text: str) -> str | None:
    return text if text in {"cuda", "rocm"} else None


def _unknown(text: str) -> None:
    del text


_VALUES: Final[Mapping[tuple[str, str], Callable[[str], Any]]] = {
    ("local", "slots"): _count,
    ("local", "python"): _interpreter,
    ("ssh", "ssh"): _words,
    ("ssh", "connect_s"): _positive,
    ("ssh", "shared_disks"): _yes_or_no,
    ("ray", "address"): _address,
    ("ray", "python"): _text,
    ("ray", "root"): _text,
    ("ray", "platform"): _gpu_platform,
    ("ray", "num_cpus"): _positive,
    ("ray", "connect_s"): _positive,
    ("ray", "shared_disks"): _yes_or_no,
}
