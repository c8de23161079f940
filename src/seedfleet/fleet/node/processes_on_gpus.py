"""Who uses the GPUs of this machine: what the drivers' tools say, and who has the devices open."""

from __future__ import annotations

import json
import os
import pwd
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from .processes import TOKEN_VARIABLE

if TYPE_CHECKING:
    from .commands import Answer

__all__ = ["GPU_PROCESS_TOOLS", "gpu_processes"]

GPU_PROCESS_TOOLS: Mapping[str, Tuple[str, ...]] = {
    "nvidia processes": (
        "nvidia-smi",
        "--query-compute-apps=pid,gpu_uuid,used_memory,process_name",
        "--format=csv,noheader,nounits",
    ),
    "rocm processes": ("rocm-smi", "--showpids", "--json"),
}
_PROC = Path("/proc")
_DEVICE = re.compile(r"/dev/(nvidia\d+|kfd)")
# They belong to the drivers and compute nothing; the kernel cuts names after 15 letters.
_CARETAKERS = frozenset(("nvidia-persiste", "nv-hostengine", "nvidia-smi", "rocm-smi", "amd-smi"))

Users = Dict[int, Dict[str, Any]]


def gpu_processes(answers: Mapping[str, Answer], proc: Path = _PROC) -> Dict[str, Any]:
    """List the processes that use GPUs.

    Parameters
    ----------
    answers
        Of `GPU_PROCESS_TOOLS`.
    proc
        Where the kernel shows processes.

    Returns
    -------
    dict
        `processes`: for each `pid`, `name`, `user`, `where` (a card or a device), `memory_mib`, and
        `attempt`, the token of the attempt of ours that it belongs to; None where unknown, as for
        the attempts of other users. `complete`: False if the devices that other users' processes
        have open could not be seen.
    """
    users: Users = {}
    _from_nvidia(answers["nvidia processes"], users)
    _from_rocm(answers["rocm processes"], users)
    complete = _from_devices(proc, users)
    shown = []
    for pid in sorted(users):
        user = users[pid]
        user["name"] = user["name"] or _name(proc, pid)
        if user["name"] not in _CARETAKERS:
            shown.append(dict(user, pid=pid, user=_owner(proc, pid), attempt=_attempt(proc, pid)))
    return {"processes": shown, "complete": complete}


def _from_nvidia(answer: Answer, users: Users) -> None:
    for line in answer.text.splitlines() if answer.good else ():
        fields = [part.strip() for part in line.split(",", 3)]
        if len(fields) == 4 and _is_number(fields[0]):
            memory_mib = int(fields[2]) if _is_number(fields[2]) else None
            _add(users, int(fields[0]), fields[1], os.path.basename(fields[3]), memory_mib)


def _from_rocm(answer: Answer, users: Users) -> None:
    """Read `{"system": {"PID123": "name, GPUs, bytes of VRAM, ..."}}`."""
    start = answer.text.find("{")
    try:
        system = json.JSONDecoder().raw_decode(answer.text, max(0, start))[0]["system"]
        entries = [(str(key), str(value).split(",")) for key, value in system.items()]
    except (ValueError, KeyError, TypeError, AttributeError):  # no process, or no such tool
        return
    for key, fields in entries:
        if key.startswith("PID") and _is_number(key[3:]):
            vram = fields[2].strip() if len(fields) > 2 else ""
            memory_mib = int(vram) // 2**20 if _is_number(vram) else None
            _add(users, int(key[3:]), "rocm", fields[0].strip(), memory_mib)


def _from_devices(proc: Path, users: Users) -> bool:
    complete = True
    for entry in proc.iterdir():
        if not _is_number(entry.name) or int(entry.name) == os.getpid():
            continue
        try:
            devices = {_device(link) for link in (entry / "fd").iterdir()} - {None}
        except PermissionError:
            complete = False
        except OSError:  # it has just ended
            continue
        else:
            if devices and int(entry.name) not in users:
                _add(users, int(entry.name), " ".join(sorted(filter(None, devices))), "", None)
    return complete


def _device(link: Path) -> Optional[str]:
    try:
        target = os.readlink(link)
    except OSError:
        return None
    return target if _DEVICE.fullmatch(target) else None


def _add(users: Users, pid: int, where: str, name: str, memory_mib: Optional[int]) -> None:
    known = users.setdefault(pid, {"name": name, "where": where, "memory_mib": memory_mib})
    if where not in known["where"].split(" "):
        known["where"] += " " + where
        known["memory_mib"] = (known["memory_mib"] or 0) + (memory_mib or 0)


def _name(proc: Path, pid: int) -> str:
    try:
        return (proc / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _owner(proc: Path, pid: int) -> Optional[str]:
    try:
        uid = (proc / str(pid)).stat().st_uid
    except OSError:  # in a container a tool may tell the machine's process ids
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _attempt(proc: Path, pid: int) -> Optional[str]:
    wanted = (TOKEN_VARIABLE + "=").encode()
    try:
        variables: List[bytes] = (proc / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = (each for each in variables if each.startswith(wanted))
    token = next(found, None)
    return None if token is None else token[len(wanted) :].decode("utf-8", "replace")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
