"""Trials of models as jobs of the fleet: how they are cut, written, run and read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.fleet import Job
from seedfleet.models import MODEL_TYPES
from seedfleet.models.fold_training import RESULT_FORMAT, Trial
from seedfleet.models.types import model_suffix
from seedfleet.pipeline.run_folder import write_text
from seedfleet.pipeline.steps.fan_out import why_failed
from seedfleet.pipeline.steps.train.options import TrainingRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.models.training_data import TrainingData
    from seedfleet.pipeline.steps.engine_config import EngineConfig
    from seedfleet.pipeline.steps.run_files import RunFiles
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["TRAINING_DATA", "Candidate", "TrialJobs"]

TRAINING_DATA: Final = "training_data.npz"

_LOGS: Final = "attempts"
_SCRIPT: Final = "meta_prediction_optimizer_anti_overfit.py"
# Rows times folds that one job fits one after the other: up to there the start of a process and
# of its library costs more than the second core would save.
_ROWS_OF_A_JOB: Final = 250_000
_TIMEOUT_S: Final = 7200.0
_LIBRARIES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ONE_THREAD: Final = dict.fromkeys(_LIBRARIES, "1")


@dataclass(frozen=True, eq=False)
class Candidate:
    """What came of one type of model.

    Attributes
    ----------
    model_type, settings, library
        What it is.
    predicted
        float64 array, shape (n,): what is said of each row by a model that did not know it.
    folds
        For each: `rounds`, `train` and `validation` figures.
    rounds, importance
        Of the model of all rows; the contribution of each feature.
    checkpoint
        That model's.
    """

    model_type: str
    settings: Mapping[str, Any]
    library: Mapping[str, str]
    predicted: NDArray[np.float64]
    folds: tuple[Mapping[str, Any], ...]
    rounds: int
    importance: tuple[float, ...]
    checkpoint: Path


@dataclass(frozen=True, eq=False)
class TrialJobs:
    """The jobs of one training.

    Attributes
    ----------
    files
        Of the run.
    survivors
        The table that features come from, as jobs name it.
    data
        What they all read.
    config
        How models are trained.
    seed
        Of the models.
    """

    files: RunFiles
    survivors: str
    data: TrainingData
    config: EngineConfig
    seed: int

    @property
    def inputs(self) -> Path:
        """Where the arrays stand."""
        return self.files.models / TRAINING_DATA

    def jobs(self, model_types: Sequence[str]) -> list[Job]:
        """Return one job a type that does it all, or where there are many rows one a fold."""
        every = tuple(range(self.data.n_folds))
        whole = [Trial(name, self._settings(name), every, self.seed, 0) for name in model_types]
        if len(self.data.labels) * self.data.n_folds <= _ROWS_OF_A_JOB:
            return [self._job(trial, trial.model_type) for trial in whole]
        return [
            self._job(
                replace(trial, folds=(fold,), refit_rounds=None), f"{trial.model_type}_fold_{fold}"
            )
            for trial in whole
            for fold in every
        ]

    def run(self, model_types: Sequence[str], run: StepRun) -> list[Candidate]:
        """Run the jobs, each in a process of its own, and read what they wrote.

        Raises
        ------
        TrainingRefusedError
            A job did not succeed; the error names each, with where its words stand.
        FanOutInterrupted
            The user stopped them; asked again, those that are left run.
        """
        self.data.write(self.inputs)
        jobs = self.jobs(model_types)
        self._done(jobs, self.files.training_jobs, run, (0.0, 0.8))
        results = [self._result(job) for job in jobs]
        if any(result["refit"] is None for result in results):
            refits = [self._refit(name, results) for name in model_types]
            last = self.files.folder / "anti_overfit_refit_jobs.json"
            self._done(refits, last, run, (0.8, 1.0))
            results += [self._result(job) for job in refits]
        return [self._candidate(name, results) for name in model_types]

    def _settings(self, model_type: str) -> Mapping[str, Any]:
        return self.config.settings.get(model_type, {})

    def _job(self, trial: Trial, name: str) -> Job:
        folder = self.files.models.name
        output = f"{folder}/trials/{name}.json"
        args = [
            *("--survivors", self.survivors, "--lottery-data", self.files.history.name),
            *("--model-type", trial.model_type, "--settings", json.dumps(dict(trial.settings))),
            *("--training-data", f"{folder}/{self.inputs.name}"),
            *("--training-data-sha256", self.data.sha256, "--seed", str(trial.seed)),
            *("--output-file", output),
        ]
        for fold in trial.folds:
            args += ["--fold", str(fold)]
        outputs: tuple[str, ...] = ()
        if trial.refit_rounds is not None:
            outputs = (f"{folder}/trials/{name}{model_suffix(trial.model_type)}",)
            args += ["--checkpoint", outputs[0], "--refit-rounds", str(trial.refit_rounds)]
        return Job(
            job_id=name,
            script=_SCRIPT,
            args=tuple(args),
            expected_output=output,
            outputs=outputs,
            timeout_s=_TIMEOUT_S,
            platform="cpu",
            env=_ONE_THREAD,
            inputs=(f"{folder}/{self.inputs.name}",),
        )

    def _refit(self, model_type: str, results: Sequence[Mapping[str, Any]]) -> Job:
        rounds = [
            fold["rounds"]
            for result in results
            if result["model_type"] == model_type
            for fold in result["folds"]
        ]
        most = max(1, int(np.median(rounds)))
        return self._job(
            Trial(model_type, self._settings(model_type), (), self.seed, most), model_type
        )

    def _done(self, jobs: list[Job], path: Path, run: StepRun, span: tuple[float, float]) -> None:
        ended: list[str] = []

        def done(job_id: str, _: Path) -> None:
            ended.append(job_id)
            run.progress(f"{job_id} is trained", span[0] + span[1] * len(ended) / len(jobs))

        whole = json.dumps([job.to_document() for job in jobs], indent=2) + "\n"
        write_text(path, whole)
        # A run that was begun is gone on with as a whole: jobs of it may still be at work.
        begun = run.fan_out.has_begun(jobs, path, preserve_paths=True)
        left = jobs if begun else [job for job in jobs if not self._stands(job)]
        ended += [job.job_id for job in jobs if job not in left]
        problems = []
        if left:
            report = run.fan_out.run(left, path, preserve_paths=True, done=done)
            problems = [
                f"{job_id}: {why_failed(job)}; its words stand in {report.folder / _LOGS / job_id}"
                for job_id, job in report.jobs.items()
                if not job.succeeded
            ]
        if len(left) < len(jobs):
            write_text(path, whole)  # the run's own file names those that were left
        if problems:
            raise TrainingRefusedError(problems)

    def _stands(self, job: Job) -> bool:
        """Whether a job's results are there already, such as from a coordinator started by hand."""
        try:
            result = self._result(job)
            refit = result["refit"]
            return result["asked"] == list(job.args) and (
                not job.outputs
                or file_digest(self.files.folder / job.outputs[0]) == refit["checkpoint_sha256"]
            )
        except (OSError, ValueError, KeyError, TypeError, TrainingRefusedError):
            return False

    def _result(self, job: Job) -> dict[str, Any]:
        path = self.files.folder / job.expected_output
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if result.get("format") != RESULT_FORMAT or result["data_sha256"] != self.data.sha256:
            raise TrainingRefusedError([f"{path}: is not of this training data"])
        return result

    def _candidate(self, model_type: str, results: Sequence[Mapping[str, Any]]) -> Candidate:
        mine = [result for result in results if result["model_type"] == model_type]
        predicted = np.full(len(self.data.labels), np.nan)
        folds = []
        for fold in (fold for result in mine for fold in result["folds"]):
            predicted[self.data.folds == fold["fold"]] = fold["predicted"]
            folds.append({key: value for key, value in fold.items() if key != "predicted"})
        if not np.isfinite(predicted).all() or model_type not in MODEL_TYPES:
            raise TrainingRefusedError([f"{model_type}: a row has no prediction"])
        refit = next(result["refit"] for result in mine if result["refit"] is not None)
        suffix = model_suffix(model_type)
        return Candidate(
            model_type=model_type,
            settings=self._settings(model_type),
            library=mine[0]["library"],
            predicted=predicted,
            folds=tuple(folds),
            rounds=refit["rounds"],
            importance=tuple(refit["importance"]),
            checkpoint=self.files.models / "trials" / f"{model_type}{suffix}",
        )
