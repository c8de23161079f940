"""Trials: settings asked of two studies, measured here or by jobs, and told as results arrive.

In this process each is told before the next is asked. Jobs are asked in rounds: a study hears of
each result when it arrives, and is asked again when the round has ended, not while jobs of it still
run. What it asks would else depend on which machine was the faster: one seed would give the same
draws other settings from run to run, and a step that was interrupted would not find its trials
measured. Besides, a run of the fleet has all its jobs from the start, on which its resuming rests.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedfleet.fleet import Job
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.fan_out import failed_jobs
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError
from seedfleet.pipeline.steps.trial_files import TrialFileError, read_trial_file
from seedfleet.pipeline.steps.tune_scorer.sample import SAMPLE_FILES, read_sample, write_sample
from seedfleet.scoring import ScoringSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import optuna

    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.tune_scorer.sample import Sample
    from seedfleet.pipeline.steps.tune_scorer.search_space import SearchSpace

__all__ = [
    "Studies",
    "Trial",
    "measure_file",
    "trials_by_jobs",
    "trials_here",
]

TRIALS_FORMAT = "seedfleet.scorer-trials/1"
RESULTS_FORMAT = "seedfleet.scorer-values/1"
_SCRIPT = "scorer_meta_optimizer.py"
_ROUNDS = 4  # later ones are asked when the values of earlier ones are known
_JOB_S = 15.0  # most of a job on one core; no slot stays empty for the sake of longer jobs


@dataclass(frozen=True)
class Trial:
    """Settings that were measured.

    Attributes
    ----------
    number
        In the order in which they were asked.
    guide
        The half whose labels guided the asking, 0 or 1.
    settings
        What was measured.
    values
        The measure on each half.
    """

    number: int
    guide: int
    settings: ScoringSettings
    values: tuple[float, float]


@dataclass
class Studies:
    """Two studies, each told of the values on its own half only.

    Attributes
    ----------
    space
        What may be asked.
    seed
        Of the samplers; the same seed and values ask for the same settings, in whatever order
        the values were told between two askings.
    trials
        Those told so far, in the order in which they were told.
    failed
        Sentences on the jobs whose trials were not told.
    """

    space: SearchSpace
    seed: int
    trials: list[Trial] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _open: dict[int, tuple[int, optuna.Trial, ScoringSettings]] = field(default_factory=dict)
    _asked: int = 0

    def __post_init__(self) -> None:
        """Begin both studies."""
        import optuna  # noqa: PLC0415 - half a second, which other steps need not wait

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._studies = [
            optuna.create_study(
                direction="maximize", sampler=optuna.samplers.TPESampler(seed=2 * self.seed + half)
            )
            for half in (0, 1)
        ]

    def ask(self) -> tuple[int, ScoringSettings]:
        """Return the number and the settings of a new trial, of each study in turn."""
        number, self._asked = self._asked, self._asked + 1
        trial = self._studies[number % 2].ask()
        settings = self.space.suggest(trial)
        self._open[number] = (number % 2, trial, settings)
        return number, settings

    def tell(self, number: int, values: tuple[float, float]) -> None:
        """Take in what a trial has measured."""
        guide, trial, settings = self._open.pop(number)
        self._studies[guide].tell(trial, values[guide])
        self.trials.append(Trial(number, guide, settings, values))

    def winner(self, guide: int) -> Trial | None:
        """Return the best trial of one half by that half's labels; of equal ones the first."""
        own = [trial for trial in self.trials if trial.guide == guide]
        return max(own, key=lambda trial: (trial.values[guide], -trial.number), default=None)


def trials_here(studies: Studies, sample: Sample, count: int, run: StepRun) -> None:
    """Measure so many trials in this process, one after another."""
    for done in range(count):
        number, settings = studies.ask()
        studies.tell(number, sample.values(settings))
        run.progress("settings of the score", (done + 1) / count)


def trials_by_jobs(
    studies: Studies, sample: Sample, count: int, run: StepRun, *, trial_s: float
) -> None:
    """Measure so many trials by jobs of the fleet, several trials a job, in rounds.

    Parameters
    ----------
    trial_s
        What one trial takes.

    Raises
    ------
    FanOutInterrupted
        The user stopped the jobs.
    """
    folder = run.files.scorer_trials
    write_sample(folder, sample)
    left = count
    for number in range(1, _ROUNDS + 1):
        asked = [studies.ask() for _ in range(math.ceil(left / (_ROUNDS - number + 1)))]
        left -= len(asked)
        if asked:
            shares = list(_split(asked, trial_s, run.fan_out.slots))
            _round(studies, folder, f"round-{number}", shares, run)
        run.progress("settings of the score", (count - left) / count)


def _split(
    asked: Sequence[tuple[int, ScoringSettings]], trial_s: float, slots: int
) -> Iterator[Sequence[tuple[int, ScoringSettings]]]:
    most = max(1, int(_JOB_S / max(trial_s, 1e-6)))
    size = min(most, math.ceil(len(asked) / slots))
    for start in range(0, len(asked), size):
        yield asked[start : start + size]


def _round(
    studies: Studies,
    folder: Path,
    name: str,
    shares: Sequence[Sequence[tuple[int, ScoringSettings]]],
    run: StepRun,
) -> None:
    """Run one round's jobs, and tell each result as it arrives; a job that fails has none."""
    jobs = []
    for place, asked in enumerate(shares, 1):
        stem = f"{name}-{place}"
        document = {
            "format": TRIALS_FORMAT,
            "trials": [
                {"number": number, "settings": settings.to_document()} for number, settings in asked
            ],
        }
        write_json(folder / f"{stem}.trials.json", document)
        jobs.append(_job(stem))

    def told(_job_id: str, output: Path) -> None:
        document = json.loads(output.read_text(encoding="utf-8"))
        for result in document["results"]:
            first, other = result["values"]
            studies.tell(int(result["number"]), (float(first), float(other)))

    studies.failed += failed_jobs(run.fan_out.run(jobs, folder / f"{name}.json", done=told))


def _job(stem: str) -> Job:
    trial_file, output = f"{stem}.trials.json", f"{stem}.values.json"
    return Job(
        job_id=f"scorer-{stem}",
        script=_SCRIPT,
        args=("--trial-file", trial_file, "--output-file", output),
        expected_output=output,
        inputs=(trial_file, *SAMPLE_FILES),
    )


def measure_file(trial_file: Path, output_file: Path) -> None:
    """Measure the trials of a job, whose sample stands beside them, and write their values.

    Raises
    ------
    TrialFileError
        A file cannot be read, or holds something else.
    """
    trials, sample = _asked_of(trial_file)
    started = time.perf_counter()
    results: list[dict[str, Any]] = [
        {
            "number": number,
            "values": sample.values(settings),
        }
        for number, settings in trials
    ]
    elapsed_s = time.perf_counter() - started
    write_json(output_file, {"format": RESULTS_FORMAT, "results": results, "elapsed_s": elapsed_s})


def _asked_of(trial_file: Path) -> tuple[list[tuple[int, ScoringSettings]], Sample]:
    try:
        document = read_trial_file(trial_file, TRIALS_FORMAT)
        trials = [
            (int(entry["number"]), ScoringSettings.from_document(entry["settings"]))
            for entry in document["trials"]
        ]
        return trials, read_sample(trial_file.parent)
    except (OSError, ValueError, KeyError, TypeError, SurvivorFileError) as error:
        raise TrialFileError([f"{trial_file}: cannot be measured: {error}"]) from error
