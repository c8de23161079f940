"""Histories of planted streams, and runs of the window optimizer on them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from plain_history import history

from seedfleet.generators import compiled, find_preset
from seedfleet.pipeline.run_context import RunContext
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.window import WindowOptions, run_window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.fleet import Job
    from seedfleet.pipeline.steps.context_record import ContextRecord

__all__ = ["FailingFleet", "optimized", "planted", "step_run", "uniform"]

MODULUS = 1000


@dataclass(frozen=True)
class FailingFleet(FanOut):
    """A fleet on which no job has a result."""

    def run(self, jobs: Sequence[Job], *_: Any, **__: Any) -> Any:
        ended = SimpleNamespace(succeeded=False, last=None, detail="exit status 9", word="failed")
        return SimpleNamespace(jobs={job.job_id: ended for job in jobs})


def planted(
    preset: str,
    seed: int,
    draws: int,
    skips: tuple[int, int],
    *,
    noise: float = 0.1,
    modulus: int = MODULUS,
) -> NDArray[np.int64]:
    """Return draws of a stream whose skips vary within `skips`, some of them recorded wrong."""
    rng = np.random.default_rng(seed)
    positions = np.cumsum(rng.integers(skips[0], skips[1] + 1, draws) + 1) - 1
    right, _ = compiled.at_positions(find_preset(preset).stream, seed, modulus, positions)
    wrong = (right + rng.integers(1, modulus, draws)) % modulus
    return np.where(rng.random(draws) < noise, wrong, right)


def uniform(draws: int) -> NDArray[np.int64]:
    return np.random.default_rng(11).integers(0, MODULUS, draws)


def step_run(folder: Path) -> StepRun:
    context = RunContext("run", (), "2026-01-01T00:00:00+00:00", str(folder))
    return StepRun("window", RunFiles(folder), context, FanOut())


def optimized(
    folder: Path, draws: NDArray[np.int64] | History, **asked: Any
) -> tuple[ContextRecord, RunFiles]:
    known = history(draws.tolist(), MODULUS) if isinstance(draws, np.ndarray) else draws
    run = step_run(folder)
    options = WindowOptions(**{"seeds": "400", "trials": 8, **asked})
    return run_window(known, options, run), run.files
