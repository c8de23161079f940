"""Whether the window optimizer has left anybody to rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from seedfleet.pipeline.steps.shortage import TOO_FEW_DRAWS

if TYPE_CHECKING:
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.run_files import RunFiles

__all__ = ["has_no_survivors"]


def has_no_survivors(files: RunFiles, record: ContextRecord) -> bool:
    """Tell whether the window optimizer, by its record, found nobody, or too few draws to look."""
    if TOO_FEW_DRAWS in record.parameters:
        return True
    path = files.survivors("bidirectional")
    return path.name in record.outputs and pq.read_metadata(path).num_rows == 0
