"""How head and agent speak: frames of a JSON header and raw bytes, each with its length before it.

The frames begin after a line that no login shell prints by chance; what came before it on the same
channel is noise.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, List, Tuple

__all__ = ["BrokenFramesError", "Frame", "Unpacker", "pack"]

Frame = Tuple[Dict[str, Any], bytes]

_LENGTHS = struct.Struct(">II")  # of the header and of the body
_LONGEST = 256 << 20  # longer ones mean that something else writes to the channel


class BrokenFramesError(Exception):
    """What came is no frame: something else has written to the channel."""


def pack(header: Dict[str, Any], body: bytes = b"") -> bytes:
    """Make a frame of a JSON object and any bytes."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


class Unpacker:
    """Cuts a stream of bytes into frames, however it comes in pieces."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> List[Frame]:
        """Take more bytes and return the frames that they complete.

        Raises
        ------
        BrokenFramesError
            If the bytes cannot be frames.
        """
        self._pending += data
        frames = []
        start = 0
        while len(self._pending) - start >= _LENGTHS.size:
            header_bytes, body_bytes = _LENGTHS.unpack_from(self._pending, start)
            if max(header_bytes, body_bytes) > _LONGEST:
                raise BrokenFramesError("a frame of {} bytes".format(header_bytes + body_bytes))
            middle = start + _LENGTHS.size + header_bytes
            end = middle + body_bytes
            if len(self._pending) < end:
                break
            header = _header(bytes(self._pending[start + _LENGTHS.size : middle]))
            frames.append((header, bytes(self._pending[middle:end])))
            start = end
        del self._pending[:start]
        return frames


def _header(text: bytes) -> Dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenFramesError("a header that is not JSON: {!r}".format(text[:80])) from error
    if not isinstance(header, dict):
        raise BrokenFramesError("a header that is no object: {!r}".format(text[:80]))
    return header
