"""While kernels are compiled, that is what the progress says, and the document how long it took."""

from __future__ import annotations

import time
from typing import Any

import numba.core.event
import pytest
from plain_history import history

from seedfleet.generators import find_preset, reference
from seedfleet.pipeline import RunContext, recovery_document
from seedfleet.recover import Options
from seedfleet.sieve import local_backend

_EVENTS: Any = numba.core.event


@pytest.mark.slow
def test_progress_names_the_compiler_and_the_document_its_time() -> None:
    draws = reference.at_positions(find_preset("java_next_int").stream, 7, 1000, list(range(60)))
    told: list[tuple[str, float]] = []

    def progress(label: str, share: float) -> None:
        told.append((label, share))
        if not label.startswith("compiling"):  # as if the search went on in a new kernel
            _EVENTS.start_event("numba:compile")
            time.sleep(0.01)
            _EVENTS.end_event("numba:compile")

    document = recovery_document(
        history(draws),
        Options(searched=frozenset({"java_next_int"}), skips=range(2), variable_skip=None),
        RunContext("run", ("seedfleet",), "2020-01-01T00:00:00+00:00", "out"),
        progress=progress,
        backend=local_backend(),
    )
    searched = [place for place, (label, _) in enumerate(told) if label.startswith("lane split")]
    assert searched
    for place in searched:
        assert told[place + 1] == ("compiling kernels, on first use only", told[place][1])
    assert 0.01 * len(searched) <= document["compiled_s"] < document["elapsed_s"]
