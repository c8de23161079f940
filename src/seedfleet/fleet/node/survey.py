"""What a person wants to know of a node before trusting it with jobs.

Every part is looked at by itself: what cannot be found out is `{"unknown": reason}` in its place,
and never stops the rest. Nothing is left behind on the node.
"""

from __future__ import annotations

import fcntl
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple

from .commands import Answer, ask
from .disks import disk_type, is_network_disk
from .gpus import probe_gpus
from .processes_on_gpus import GPU_PROCESS_TOOLS, gpu_processes

__all__ = ["read_logind", "survey"]

_TIMEOUT_S = 10.0
_LOGIND_PLACES = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
_LOGIND_TOOLS = {
    "kills": (
        *("busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1"),
        *("org.freedesktop.login1.Manager", "KillUserProcesses"),
    ),
    "linger": ("loginctl", "show-user", str(os.getuid()), "--property=Linger"),
}

# What `seedfleet[trace]` installs, as it is imported; jobs of the pipeline's steps need it all.
_TRACE_MODULES = ("seedfleet", "numpy", "numba", "flint", "jinja2", "optuna", "pyarrow")
_TRACE = (
    "import importlib.util as u; "
    f"gone = [name for name in {_TRACE_MODULES!r} if u.find_spec(name) is None]; "
    "version = 'none' if 'seedfleet' in gone else __import__('seedfleet').__version__; "
    "print('\\n' + ' '.join([version, *gone]))"
)


def survey(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Look at this node.

    Parameters
    ----------
    settings
        `home` (the state folder) and `root` (the scripts' working directory), absolute; `python`,
        the interpreter of `.py` scripts, or None where none was found; `found`, what `probe_gpus`
        gave if that was asked a moment ago.

    Returns
    -------
    dict
        `agent`, `python`, `trace`, `system`, `cores`, `memory`, `gpus`, `gpu_processes`, `home`,
        `root`, `logout`, `limits` and `clock`; each part is `{"unknown": reason}` if it failed.
        Sizes are in bytes. `clock` has the time when this began and ended, in seconds since 1970,
        the second by a clock that nobody sets meanwhile.
    """
    began_utc_s, began = time.time(), time.monotonic()
    python = settings.get("python")
    commands: Dict[str, Any] = {**GPU_PROCESS_TOOLS, **_LOGIND_TOOLS}
    if python is not None:
        commands["python"] = (python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])")
        commands["trace"] = (python, "-c", _TRACE)
    answers = ask(commands, _TIMEOUT_S)
    parts: Dict[str, Callable[[], Any]] = {
        "agent": lambda: {"path": sys.executable, "version": platform.python_version()},
        "python": lambda: _python(python, answers.get("python")),
        "trace": lambda: _trace(answers.get("trace")),
        "system": _system,
        "cores": _cores,
        "memory": _memory,
        "gpus": lambda: settings.get("found") or probe_gpus(),
        "gpu_processes": lambda: gpu_processes(answers),
        "home": lambda: _folder(Path(settings["home"])),
        "root": lambda: _folder(Path(settings["root"])),
        "logout": lambda: _logout(answers),
        "limits": _limits,
    }
    found = {name: _guarded(look) for name, look in parts.items()}
    ended_utc_s = began_utc_s + (time.monotonic() - began)
    found["clock"] = {"began_utc_s": began_utc_s, "ended_utc_s": ended_utc_s}
    return found


def _guarded(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - one odd machine must not hide all the rest
        return {"unknown": "{}: {}".format(type(error).__name__, error)}


def _python(path: Optional[str], answer: Optional[Answer]) -> Dict[str, Any]:
    if path is None or answer is None:
        return {"path": None, "version": None, "problem": "there is no such interpreter"}
    if not answer.good:
        return {"path": path, "version": None, "problem": answer.problem}
    return {"path": path, "version": answer.text.strip()[-20:], "problem": ""}


def _trace(answer: Optional[Answer]) -> Dict[str, Any]:
    """Tell whether the interpreter of scripts can run jobs of the pipeline's steps."""
    if answer is None or not answer.good:
        problem = "there is no such interpreter" if answer is None else answer.problem
        return {"version": None, "missing": [], "problem": problem}
    version, *missing = answer.text.strip().splitlines()[-1].split()
    return {"version": None if version == "none" else version, "missing": missing, "problem": ""}


def _system() -> Dict[str, str]:
    named = ""
    for place in ("/etc/os-release", "/usr/lib/os-release"):
        if os.path.exists(place):
            lines = Path(place).read_text(errors="replace").splitlines()
            names = [line.partition("=")[2].strip("\"'") for line in lines if "PRETTY_NAME" in line]
            named = names[0] if names else ""
            break
    kernel = os.uname()
    return {
        "os": named or kernel.sysname,
        "kernel": kernel.release,
        "machine": kernel.machine,
        "host": kernel.nodename,
    }


def _cores() -> Dict[str, Optional[int]]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"usable": usable, "there": os.cpu_count()}


def _memory() -> Dict[str, Optional[int]]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
    available = kib.get("MemAvailable")
    return {
        "total_bytes": kib["MemTotal"] * 1024,
        "available_bytes": None if available is None else available * 1024,
    }


def _folder(path: Path) -> Dict[str, Any]:
    """Look at a folder, or where it is missing at the nearest one above it."""
    there = next(place for place in (path, *path.parents) if place.exists())
    usage = shutil.disk_usage(there)
    names = os.statvfs(there)
    problem, locks = _try_to_write(there)
    return {
        "path": str(path),
        "exists": path.is_dir(),
        "writable": not problem,
        "problem": problem,
        "locks": locks,
        "free_bytes": usage.free,
        "total_bytes": usage.total,
        "free_files": names.f_favail if names.f_files else None,  # some disks do not count them
        "disk": disk_type(there),
        "network_disk": is_network_disk(there),
    }


def _try_to_write(folder: Path) -> Tuple[str, str]:
    """Write a byte and lock it; returns what is wrong with either, "" if nothing is."""
    if not folder.is_dir():
        return "a file stands in its place", ""
    try:
        with tempfile.TemporaryFile(dir=str(folder)) as stream:
            stream.write(b"1")
            stream.flush()
            try:
                fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                return "", str(error.strerror)
    except OSError as error:
        return str(error.strerror), ""
    return "", ""


def _logout(answers: Mapping[str, Answer]) -> Dict[str, Any]:
    """Tell whether the system ends a user's processes when the last session is over."""
    linger = answers["linger"].text.strip().partition("=")[2] == "yes"
    if not os.path.isdir("/run/systemd/system"):
        return {"kills": False, "linger": linger, "source": "this system has no systemd"}
    asked = answers["kills"]
    if asked.good and asked.text.split()[:1] == ["b"]:
        return {"kills": "true" in asked.text, "linger": linger, "source": "logind"}
    kills = read_logind([Path(place) for place in _LOGIND_PLACES])
    return {"kills": kills, "linger": linger, "source": "logind.conf"}


def read_logind(places: Iterable[Path]) -> Optional[bool]:
    """Read KillUserProcesses as logind does.

    Parameters
    ----------
    places
        Folders that may hold `logind.conf` and `logind.conf.d`, the most important one last.

    Returns
    -------
    bool or None
        None if no file says it, not even in the comment that documents the default.
    """
    whole: Dict[str, Path] = {}
    pieces: Dict[str, Path] = {}
    for place in places:
        if (place / "logind.conf").is_file():
            whole["logind.conf"] = place / "logind.conf"
        for piece in sorted((place / "logind.conf.d").glob("*.conf")):
            pieces[piece.name] = piece  # one name hides the same name in a place before
    default: Optional[bool] = None
    value: Optional[bool] = None
    for path in [*whole.values(), *(pieces[name] for name in sorted(pieces))]:
        for line in path.read_text(errors="replace").splitlines():
            name, equals, text = line.partition("=")
            meant = text.strip().lower() in {"1", "yes", "y", "true", "t", "on"}
            if equals and name.strip() == "KillUserProcesses":
                value = meant
            elif equals and name.strip().lstrip("#; ") == "KillUserProcesses":
                default = meant
    return default if value is None else value


def _limits() -> Dict[str, Optional[int]]:
    """Give the soft limits of this process, which scripts inherit; None is no limit."""
    limits = {
        "processes": getattr(resource, "RLIMIT_NPROC", None),
        "open_files": resource.RLIMIT_NOFILE,
    }
    found: Dict[str, Optional[int]] = {}
    for name, limit in limits.items():
        soft = resource.RLIM_INFINITY if limit is None else resource.getrlimit(limit)[0]
        found[name] = None if soft == resource.RLIM_INFINITY else soft
    return found
