"""Step 5: models are trained, compared, and let in or kept out by the gate."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from math import log2
from typing import TYPE_CHECKING, Final

import numpy as np

from seedfleet.evidence.prior import NULL_WEIGHT
from seedfleet.models import MODEL_TYPES, ModelError, installed
from seedfleet.models.gate import Gate, GateResult, Stakes
from seedfleet.pipeline.steps.context_record import Check, Decision, Metric
from seedfleet.pipeline.steps.engine_config import EngineConfig
from seedfleet.pipeline.steps.label_ranking import MEASURE
from seedfleet.pipeline.steps.learnable import features_file, scored_survivors
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.train.comparison import Compared, compare
from seedfleet.pipeline.steps.train.finding import Finding
from seedfleet.pipeline.steps.train.ground import Ground, lay_ground
from seedfleet.pipeline.steps.train.leakage import leakage_checks
from seedfleet.pipeline.steps.train.openings import count_openings
from seedfleet.pipeline.steps.train.trial_jobs import Candidate, TrialJobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.train.options import TrainOptions

__all__ = ["prepare_jobs", "run_train"]

_FOLDS: Final = 5  # where step 4 has not said
_SEEDS: Final = 2**31 - 1000


def run_train(history: History, options: TrainOptions, run: StepRun) -> ContextRecord:
    """Train every model asked for, choose one, judge it, and write checkpoint and sidecar.

    Parameters
    ----------
    history
        The whole cleaned one.

    Raises
    ------
    TrainingRefusedError
        There is nothing to learn, or a job did not succeed.
    ModelError
        A library is missing.
    SurvivorFileError, EngineConfigError
        An input is not what it should be.
    FanOutInterrupted
        The user stopped the jobs; asked again, it goes on.
    """
    files = run.files
    types = _types(options)
    table = _table(options, files)
    if options.survivors is not None:
        scored_survivors(table)  # a name mistyped is no reason to throw an earlier choice away
    # What an earlier training chose must not outlive the word that it was chosen by.
    files.sidecar.unlink(missing_ok=True)
    ground, jobs = _prepared(history, options, run, table)
    candidates = jobs.run(types, run)
    run.progress("models are compared", 0.9)
    compared = compare(candidates, ground, permutations=options.permutations, seed=options.run_seed)
    openings = count_openings(files.gate_openings, _test_digest(ground, candidates, options))
    result = replace(_gate(ground, candidates, options), openings=openings)
    chosen = compared[_chosen(compared, result)]
    checks = [
        Check("permutations of the gate", float(result.permutations), 999.0),
        *leakage_checks(ground, compared, table, files),
    ]
    outputs = Finding(ground, compared, chosen, result, table, checks).write(history, run)
    others = _existing(files.model_config, files.scorer_config, files.recovery)
    known = [table, files.history, *others]
    return run.record(
        known,
        [*outputs, files.training_jobs],
        parameters={**options.to_document(), "folds": jobs.data.n_folds, "types": list(types)},
        metrics=_metrics(chosen, result, ground),
        checks=checks,
        remarks=_remarks(chosen, result, types, ground),
    )


def prepare_jobs(history: History, options: TrainOptions, run: StepRun) -> TrialJobs:
    """Write what the jobs of a training read, and return them; raises what `run_train` raises."""
    _, jobs = _prepared(history, options, run, _table(options, run.files))
    jobs.data.write(jobs.inputs)
    return jobs


def _prepared(
    history: History, options: TrainOptions, run: StepRun, table: Path
) -> tuple[Ground, TrialJobs]:
    path = options.config
    if path is None and standing(run.files, "tune-model").decision is Decision.PROCEED:
        path = run.files.model_config
    config = EngineConfig(_FOLDS) if path is None else EngineConfig.read(path)
    ground = lay_ground(table, history, run.files.recovery, run.progress)
    seed = options.run_seed % _SEEDS
    data = ground.training_data(config.folds, seed)
    return ground, TrialJobs(run.files, table.name, data, config, seed)


def _types(options: TrainOptions) -> tuple[str, ...]:
    """Return the types to be trained; the one asked for has to be installed."""
    there = installed()
    if options.model_type is None and there:
        return there
    if options.model_type in there:
        return (options.model_type,)
    extra = "neural" if options.model_type == "neural_net" else "models"
    wanted = options.model_type or "training"
    raise ModelError([f"{wanted} needs a library: pip install 'seedfleet[{extra}]'"])


def _table(options: TrainOptions, files: RunFiles) -> Path:
    return features_file(options.survivors or files.scores)


def _gate(ground: Ground, candidates: Sequence[Candidate], options: TrainOptions) -> GateResult:
    """Open the gate slice for candidates that are frozen."""
    evidence, rows = ground.evidence, ground.rows
    prior = evidence.log2_prior[rows]

    def stakes(part: range) -> Stakes:
        speaking = np.where(evidence.ends[rows] > part.start, prior, -np.inf)
        before, after = (
            speaking + evidence.log2_mixed(range(stop))[rows] for stop in (part.start, part.stop)
        )
        return Stakes(before, after)

    tilting = np.stack([candidate.predicted for candidate in candidates])
    gate = Gate(prior, log2(NULL_WEIGHT), tilting, ground.groups)
    return gate.judge(
        stakes(ground.slices.tune),
        stakes(ground.slices.gate),
        permutations=options.permutations,
        seed=options.run_seed,
    )


def _test_digest(ground: Ground, candidates: Sequence[Candidate], options: TrainOptions) -> str:
    """Return what tells one test of the gate from another: all that its result depends on."""
    evidence = ground.evidence
    words = (options.permutations, options.run_seed, evidence.modulus, *evidence.table.presets)
    digest = hashlib.sha256("\n".join(map(str, words)).encode())
    predicted = [candidate.predicted for candidate in candidates]
    for array in (evidence.draws, evidence.table.rows, ground.rows, ground.groups, *predicted):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _chosen(compared: Sequence[Compared], result: GateResult) -> int:
    """Return the gate's candidate, or where it has none the one that ranks best."""
    if result.candidate is not None:
        return result.candidate
    return int(np.argmax([each.validation.spearman for each in compared]))


def _existing(*paths: Path) -> list[Path]:
    return [path for path in paths if path.exists()]


def _metrics(chosen: Compared, result: GateResult, ground: Ground) -> list[Metric]:
    validation, spread = chosen.validation, ground.spread
    return [
        Metric(f"{MEASURE} on rows held out", chosen.ranking, chosen.chance_ranking),
        Metric("bits won on the gate slice", result.bits, result.chance_bits),
        Metric("p-value of the gate", result.p_value, 0.5),
        Metric("rmse on rows held out", validation.rmse, validation.chance_rmse),
        Metric("R2 on rows held out", validation.r2, 0.0),
        Metric("rank correlation on rows held out", validation.spearman, 0.0),
        Metric("rank correlation on the test slice", chosen.test.spearman, 0.0),
        Metric("p-value of the rank correlation", chosen.p_value, 0.5),
        Metric("overfit ratio", chosen.overfit, 1.0),
        Metric("dispersion of the labels", spread.dispersion if spread else None, 1.0),
        Metric("survivors", float(len(ground.rows)), None),
    ]


def _remarks(
    chosen: Compared, result: GateResult, types: Sequence[str], ground: Ground
) -> list[str]:
    said = [f"{chosen.candidate.model_type}: {result.reason}"]
    if ground.fitted:
        said.append(
            f"{ground.fitted} survivors that step 0 found, and the sieve did not, take no part: "
            "they were fitted to the draws that labels and gate are of"
        )
    missing = [name for name in MODEL_TYPES if name not in installed()]
    if missing and len(types) > 1:
        said.append(f"not compared, since not installed: {', '.join(missing)}")
    return said
