"""What kind of disk holds a path, as the kernel lists what is mounted."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["disk_type", "is_network_disk"]

_NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gfs2", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs"),
    )
)


def disk_type(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Name the type of the file system that holds `path`, "" where the system does not say.

    Parameters
    ----------
    path
        Need not exist; the nearest folder above it counts.
    mounts
        The kernel's list of mounted file systems.
    """
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    real, best, found = os.path.realpath(path), -1, ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescape(fields[1])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # of two mounts at one point the later one is seen
            best, found = len(point), fields[2]
    return found


def is_network_disk(path: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Tell whether other machines may see the disk that holds `path`."""
    kind = disk_type(path, mounts)
    return kind in _NETWORK or kind.startswith("fuse.")  # of those, most reach over a network


def _unescape(text: str) -> str:
    for code, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        text = text.replace("\\" + code, character)
    return text
