"""Which engine a run uses, by name, so that a resume finds the same one again."""

from __future__ import annotations

import dataclasses
import difflib
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from seedfleet.fleet.engines.link import Timeouts
from seedfleet.fleet.engines.local import LocalEngine
from seedfleet.fleet.engines.queued.by_hand import BY_HAND, ByHandEngine
from seedfleet.fleet.engines.queued.engine import QueuePace
from seedfleet.fleet.engines.queued.folder import TaskRules
from seedfleet.fleet.engines.ray.engine import RayEngine, RaySettings
from seedfleet.fleet.engines.slurm import DEFAULT_BATCH, DEFAULT_WAIT_S, SlurmEngine, SlurmWishes
from seedfleet.fleet.engines.ssh import SshEngine
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedfleet.fleet.engines.base import Engine
    from seedfleet.fleet.options import RunOptions

_T = TypeVar("_T")

__all__ = ["ENGINE_OPTIONS", "make_engine", "read_options"]

# Of every engine that hands tasks to a scheduler.
_QUEUE_OPTIONS: Final[Mapping[str, str]] = {
    "slots": "N, attempts handed in at once",
    "python": "NAME on PATH or PATH, the interpreter on the machines, of tasks and .py scripts",
    "default_gpus": "N, GPUs of a job that does not say",
    "platform": "cuda or rocm, where neither a job nor the machine tells",
    "poll_s": "SECONDS, between two questions to the scheduler",
    "grace_s": "SECONDS, how late the shared disk may show what a task wrote",
    "probe": "yes or no; no: take it for granted that the disk is shared",
    "probe_wait_s": "SECONDS, how long the task may wait that looks for the shared disk",
}

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
    "slurm": {
        "partition": "NAME",
        "account": "NAME",
        "qos": "NAME",
        "constraint": "FEATURES, of every task",
        "cuda": "FEATURES, of tasks whose job says platform cuda",
        "rocm": "FEATURES, of tasks whose job says platform rocm",
        "gres_type": "TYPE, as in --gres=gpu:TYPE:N",
        "gpus_flag": "gres or gpus: ask with --gres=gpu:N or --gpus=N",
        "extra": "WORDS, more for sbatch",
        "batch": "N, tasks of one array, less than MaxArraySize",
        **_QUEUE_OPTIONS,
    },
    BY_HAND: {
        **{name: _QUEUE_OPTIONS[name] for name in ("slots", "python", "default_gpus")},
        "masks_only": "yes or no; yes: Slurm's own word on a task's GPUs does not count",
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
        known = ", ".join(name for name in ENGINE_OPTIONS if name != BY_HAND)  # that is `export`
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
    if options.engine == "slurm":
        return _slurm(settings)
    if options.engine == BY_HAND:
        return _by_hand(settings)
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


def _slurm(settings: Mapping[str, Any]) -> SlurmEngine:
    wait_s = settings.get("probe_wait_s", DEFAULT_WAIT_S)
    return SlurmEngine(
        _picked(SlurmWishes, settings),
        task_rules=_picked(TaskRules, settings),
        pace=_picked(QueuePace, settings),
        most_in_batch=settings.get("batch", DEFAULT_BATCH),
        probe_wait_s=wait_s if settings.get("probe", True) else None,
    )


def _by_hand(settings: Mapping[str, Any]) -> ByHandEngine:
    # Nobody says when a task is over, so there is no lateness of the disk after that to wait for.
    pace = QueuePace(slots=settings["slots"], grace_s=0) if "slots" in settings else None
    return ByHandEngine(task_rules=_picked(TaskRules, settings), pace=pace)


def _picked(kind: Callable[..., _T], settings: Mapping[str, Any]) -> _T:
    """Make a dataclass of those settings that it has, and its own defaults."""
    names = {entry.name for entry in dataclasses.fields(cast("Any", kind))}
    return kind(**{name: value for name, value in settings.items() if name in names})


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
        By name, for those given: numbers as integers or seconds, `python` of this machine as a
        path, words as tuples, yes and no as booleans.

    Raises
    ------
    BadInputError
        With every name and value that is not known.
    """
    known = ENGINE_OPTIONS[engine]
    values = {
        name: _VALUES[engine, name](text) if name in known else None for name, text in texts.items()
    }
    wrong = [name for name, value in values.items() if value is None]
    if wrong:
        raise BadInputError([_explained(engine, name, texts[name]) for name in wrong])
    return values


def _explained(engine: str, name: str, text: str) -> str:
    known = ENGINE_OPTIONS[engine]
    if name in known:
        kind = _NUMBERS.get(_VALUES[engine, name])
        exactly = f" ({kind})" if kind else ""
        return f"engine option {name}={text}: it takes {known[name]}{exactly}"
    near = difflib.get_close_matches(name, known)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"engine option {name}={text}: {meant}{engine} knows {', '.join(known)}"


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
    # ssh believes the first value of an option, and no host key is ever accepted silently.
    return None if "stricthostkeychecking" in text.casefold() else _any_words(text)


def _yes_or_no(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _from_zero_s(text: str) -> float | None:
    return 0.0 if text == "0" else _positive(text)


def _any_words(text: str) -> tuple[str, ...] | None:
    try:
        return tuple(shlex.split(text)) or None
    except ValueError:
        return None


# What a number has to be, for messages.
_NUMBERS: Final[Mapping[Callable[[str], Any], str]] = {
    _count: "a whole number > 0",
    _number: "a whole number >= 0",
    _positive: "a number > 0",
    _from_zero_s: "a number >= 0",
}


def _one_of(*texts: str) -> Callable[[str], str | None]:
    return lambda text: text if text in texts else None


def _queue_values(engine: str) -> dict[tuple[str, str], Callable[[str], Any]]:
    """Say how the options of a queue are read."""
    return {
        (engine, "slots"): _count,
        (engine, "python"): _text,
        (engine, "default_gpus"): _number,
        (engine, "platform"): _one_of("cuda", "rocm"),
        (engine, "poll_s"): _positive,
        (engine, "grace_s"): _from_zero_s,
        (engine, "probe"): _yes_or_no,
        (engine, "probe_wait_s"): _positive,
    }


def _text(text: str) -> str | None:
    return text.strip() or None


def _address(text: str) -> str | None:
    # Ray would start a cluster of its own for "local".
    return None if text.strip().casefold() in {"", "local"} else text.strip()


_VALUES: Final[Mapping[tuple[str, str], Callable[[str], Any]]] = {
    ("local", "slots"): _count,
    ("local", "python"): _interpreter,
    ("ssh", "ssh"): _words,
    ("ssh", "connect_s"): _positive,
    ("ssh", "shared_disks"): _yes_or_no,
    ("slurm", "batch"): _count,
    ("slurm", "gpus_flag"): _one_of("gres", "gpus"),
    ("slurm", "extra"): _any_words,
    **{
        ("slurm", name): _text
        for name in ("partition", "account", "qos", "constraint", "cuda", "rocm", "gres_type")
    },
    **_queue_values("slurm"),
    **_queue_values(BY_HAND),
    (BY_HAND, "masks_only"): _yes_or_no,
    ("ray", "address"): _address,
    ("ray", "python"): _text,
    ("ray", "root"): _text,
    ("ray", "platform"): _one_of("cuda", "rocm"),
    ("ray", "num_cpus"): _positive,
    ("ray", "connect_s"): _positive,
    ("ray", "shared_disks"): _yes_or_no,
}
