"""Step 2.5: settings of the score, chosen by how it ranks survivors on draws that it never saw."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.draws.slices import Slices
from seedfleet.pipeline.document_parts import versions_part
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.context_record import Check
from seedfleet.pipeline.steps.kept_measure import kept_measure
from seedfleet.pipeline.steps.label_ranking import worths
from seedfleet.pipeline.steps.learnable import fitted_beyond, fitted_by
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_files import read_survivors
from seedfleet.pipeline.steps.survivor_sampling import drawn, most_matches
from seedfleet.pipeline.steps.survivor_table import LEAST_STREAMS, chosen_draws
from seedfleet.pipeline.steps.tune_scorer.choice import Choice, judged
from seedfleet.pipeline.steps.tune_scorer.sample import Sample
from seedfleet.pipeline.steps.tune_scorer.search_space import SearchSpace
from seedfleet.pipeline.steps.tune_scorer.studies import Studies, trials_by_jobs, trials_here
from seedfleet.scoring import ScoringSettings

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable
    from seedfleet.pipeline.steps.tune_scorer.options import TuneScorerOptions

__all__ = ["run_tune_scorer"]

FORMAT = "seedfleet.scorer/1"
_LOOKED_AT = 50_000  # rows whose later draws are looked at
_VARIABLE = 600  # survivors of a sample where skips vary
_SHORT_S = 20.0  # trials that take less, all together, stay in this process


def run_tune_scorer(history: History, options: TuneScorerOptions, run: StepRun) -> ContextRecord:
    """Choose the settings that step 3 obeys, and write them with what speaks for them.

    Parameters
    ----------
    history
        All draws of the run.

    Raises
    ------
    SurvivorFileError
        There is no table of survivors.
    FanOutInterrupted
        The user stopped the jobs; asking again goes on.
    """
    path = options.survivors or run.files.survivors("bidirectional")
    table = _learnable(path, history, run)
    slices = Slices.of(len(chosen_draws(history, table.sessions)))
    defaults = ScoringSettings.of_modulus(history.modulus)
    sample, streams = _sample(table, history, options, slices)
    if isinstance(sample, str):
        choice = Choice(defaults, sample)
    elif not options.trials:
        choice = Choice(defaults, "no trial was asked for, and the defaults stay")
    else:
        choice = _tuned(sample, defaults, options, run)
    inputs = [path, run.files.history, *fitted_by(run.files.recovery)]
    _write(choice, options, run, inputs)
    return run.record(
        inputs,
        [run.files.scorer_config],
        parameters=options.to_document(),
        metrics=choice.metrics(),
        checks=[
            Check("survivors of different streams, with later draws", streams, LEAST_STREAMS),
            *choice.checks(options.trials),
        ],
        remarks=[choice.reason, *choice.failed],
    )


def _learnable(path: Path, history: History, run: StepRun) -> SurvivorTable:
    """Read the survivors whose later draws are evidence: step 0 did not fit them to these."""
    table = read_survivors(path)
    table = table.take(np.flatnonzero(~fitted_beyond(table, history, run.files.recovery)))
    return table.take(most_matches(table, _LOOKED_AT))


def _sample(
    table: SurvivorTable, history: History, options: TuneScorerOptions, slices: Slices
) -> tuple[Sample | str, int | None]:
    """Return the survivors to measure on, or why there are none; and how many have a label."""
    if not slices.tune:
        return _too_few(len(table), 0), None
    if len(table) < LEAST_STREAMS:
        return _too_few(len(table), len(slices.tune)), len(table)
    rng = np.random.default_rng([options.seed, 1])
    evidence = SurvivorEvidence.of(table, history)
    # Under a variable skip a survivor's path has to be found first, at ten milliseconds each.
    size = min(options.sample, _VARIABLE) if evidence.variable.any() else options.sample
    chosen = drawn(evidence, slices.sieve, size, rng)
    labels = evidence.labels(slices.tune)[chosen]
    if len(chosen) < LEAST_STREAMS:
        return _too_few(len(chosen), len(slices.tune)), len(chosen)
    if not np.ptp(labels):
        reason = "all survivors fit the later draws equally well, and the defaults stay"
        return reason, len(chosen)
    values = evidence.draws[slices.sieve.start : slices.sieve.stop]
    half = rng.permutation(np.arange(len(chosen)) % 2).astype(np.bool_)
    sample = Sample(table.take(chosen), values, history.modulus, worths(labels), half)
    return sample, len(chosen)


def _too_few(survivors: int, draws: int) -> str:
    return (
        f"{survivors} survivors with {draws} later draws are too few to tell settings apart "
        f"(at least {LEAST_STREAMS} survivors and one draw), and the defaults stay"
    )


def _tuned(
    sample: Sample, defaults: ScoringSettings, options: TuneScorerOptions, run: StepRun
) -> Choice:
    base = sample.shares(defaults)
    trial_s = kept_measure(
        run.files.scorer_trials / "trial_s.json",
        sample.sha256,
        lambda: _timed(sample, defaults),
    )
    space = SearchSpace.of(sample.modulus, len(sample.draws))
    studies = Studies(space, options.seed)
    by_jobs = options.jobs
    if by_jobs is None:
        by_jobs = trial_s * options.trials > _SHORT_S
    if by_jobs:
        trials_by_jobs(studies, sample, options.trials, run, trial_s=trial_s)
    else:
        trials_here(studies, sample, options.trials, run)
    rng = np.random.default_rng([options.seed, 2])
    choice = judged(sample, studies, (defaults, base), options.shuffles, rng)
    return replace(choice, by_jobs=by_jobs, failed=tuple(studies.failed))


def _timed(sample: Sample, settings: ScoringSettings) -> float:
    """Return what a trial takes once everything is loaded."""
    started = time.perf_counter()
    sample.shares(settings)
    return time.perf_counter() - started


def _write(choice: Choice, options: TuneScorerOptions, run: StepRun, inputs: list[Path]) -> None:
    write_json(
        run.files.scorer_config,
        {
            "format": FORMAT,
            "run_id": run.context.run_id,
            "parent_run_id": run.parent_run_id,
            "inputs": {path.name: file_digest(path) for path in inputs},
            **choice.settings.to_document(),
            **choice.to_document(),
            "options": options.to_document(),
            "versions": versions_part(),
        },
    )
