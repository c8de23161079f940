"""Recovery: by algebra where there is a way, by exhaustive scans where there is none."""

from seedfleet.recover.portfolio import (
    Options,
    OptionsError,
    Recovery,
    SearchRecord,
    Status,
    recover,
)

__all__ = ["Options", "OptionsError", "Recovery", "SearchRecord", "Status", "recover"]
