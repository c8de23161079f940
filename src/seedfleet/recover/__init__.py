"""Recovery: by algebra where there is a way, by exhaustive scans where there is none."""

from seedfleet.recover.portfolio import (
    MAX_SKIP,
    Options,
    OptionsError,
    Recovery,
    SearchRecord,
    Status,
    recover,
)
from seedfleet.recover.scoring import MAX_PREDICTIONS

__all__ = [
    "MAX_PREDICTIONS",
    "MAX_SKIP",
    "Options",
    "OptionsError",
    "Recovery",
    "SearchRecord",
    "Status",
    "recover",
]
