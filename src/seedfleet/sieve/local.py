"""The one place that chooses this machine's back end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.sieve.cpu import CpuBackend
from seedfleet.sieve.few_seeds import FewSeedsBackend

if TYPE_CHECKING:
    from seedfleet.sieve.backend import Backend

__all__ = ["few_seeds_backend", "local_backend"]


def local_backend(workers: int | None = None) -> Backend:
    """Return the best back end that this machine has: the processor's.

    Searches, their controls and the workers of jobs all ask here, so that controls run the kernels
    that the search runs.

    Parameters
    ----------
    workers
        Threads on the processor; default one for each core.
    """
    return CpuBackend(workers)


def few_seeds_backend(workers: int | None = None) -> Backend:
    """Return the one for questions of a few thousand seeds, of many streams or in many variants.

    It is ready sooner than `local_backend`, which it asks where there is more to do.

    Parameters
    ----------
    workers
        Threads on the processor; default one for each core.
    """
    return FewSeedsBackend(local_backend(workers), workers)
