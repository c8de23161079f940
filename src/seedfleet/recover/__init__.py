"""Recovery: by algebra where there is a way, by exhaustive scans where there is none."""

from seedfleet.recover.answer import Recovery, SearchRecord, Status
from seedfleet.recover.options import (
    DEEP,
    MAX_OFFSET,
    MAX_PREDICTIONS,
    MAX_SKIP,
    Options,
    OptionsError,
)
from seedfleet.recover.portfolio import planned, recover

__all__ = [
    "DEEP",
    "MAX_OFFSET",
    "MAX_PREDICTIONS",
    "MAX_SKIP",
    "Options",
    "OptionsError",
    "Recovery",
    "SearchRecord",
    "Status",
    "planned",
    "recover",
]
