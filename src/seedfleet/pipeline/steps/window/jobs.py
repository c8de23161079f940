"""Trials as jobs of the fleet: files that one worker reads and writes, and the worker itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.fleet import Job
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.fan_out import failed_jobs
from seedfleet.pipeline.steps.trial_files import TrialFileError, read_trial_file
from seedfleet.pipeline.steps.window.configuration import Configuration
from seedfleet.pipeline.steps.window.ground import Ground
from seedfleet.pipeline.steps.window.trial import Outcome, run_trial
from seedfleet.sieve import few_seeds_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seedfleet.pipeline.steps.fan_out import FanOut

__all__ = ["TrialJobs", "outcomes_left", "serve"]

_TRIALS, _OUTCOMES = "seedfleet.window-trials/1", "seedfleet.window-outcomes/1"
_SCRIPT = "window_optimizer.py"
_GROUND = "ground.json"
_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class TrialJobs:
    """Runs trials of one study as jobs.

    Attributes
    ----------
    ground
        What they share; written once.
    folder
        Where their files stand.
    fan_out
        Runs them.
    """

    ground: Ground
    folder: Path
    fan_out: FanOut

    def run(
        self,
        trials: Sequence[tuple[int, Configuration]],
        each: int,
        told: Callable[[int, Outcome], None],
    ) -> tuple[str, ...]:
        """Run trials, so many to a job, and tell each outcome; says which jobs failed."""
        write_json(self.folder / _GROUND, self.ground.to_document())
        jobs = [self._job(trials[at : at + each]) for at in range(0, len(trials), each)]

        def done(_job_id: str, path: Path) -> None:
            for entry in json.loads(path.read_text(encoding="utf-8"))["outcomes"]:
                told(entry["number"], Outcome.from_document(entry["outcome"]))

        jobs_file = self.folder / f"window_jobs_{trials[0][0]}.json"
        return failed_jobs(self.fan_out.run(jobs, jobs_file, done=done))

    def _job(self, trials: Sequence[tuple[int, Configuration]]) -> Job:
        stem = f"trials_{trials[0][0]}_{trials[-1][0]}"
        write_json(
            self.folder / f"{stem}.json",
            {
                "format": _TRIALS,
                "trials": [
                    {"number": number, "configuration": configuration.to_document()}
                    for number, configuration in trials
                ],
            },
        )
        output = f"{stem}_outcomes.json"
        arguments = ("--trial-file", f"{stem}.json", "--ground-file", _GROUND)
        return Job(
            job_id=f"window-{stem}",
            script=_SCRIPT,
            args=(*arguments, "--output-file", output),
            expected_output=output,
            timeout_s=_TIMEOUT_S,
            inputs=(f"{stem}.json", _GROUND),
        )


def serve(trial_file: Path, ground_file: Path, output: Path) -> None:
    """Run the trials of a file, as a job does, on one core.

    Raises
    ------
    TrialFileError
        One of the files is none of ours.
    """
    document, shared = read_trial_file(trial_file, _TRIALS), read_trial_file(ground_file)
    try:
        ground = Ground.from_document(shared)
        trials = [
            (each["number"], Configuration.from_document(each["configuration"]))
            for each in document["trials"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise TrialFileError([f"{trial_file}, {ground_file}: {error!r}"]) from error
    backend = few_seeds_backend(workers=1)
    outcomes = [
        {"number": number, "outcome": run_trial(ground, asked, backend=backend).to_document()}
        for number, asked in trials
    ]
    write_json(output, {"format": _OUTCOMES, "outcomes": outcomes})


def outcomes_left(folder: Path, ground: Ground) -> dict[int, tuple[Configuration, Outcome]]:
    """Return what jobs came to whose study was interrupted before it heard of it.

    By number of trial, with the configuration that it had. Nothing where the jobs in the folder
    were of another ground; files that cannot be read are passed over.
    """
    try:
        if read_trial_file(folder / _GROUND) != ground.to_document():
            return {}
    except TrialFileError:
        return {}
    left: dict[int, tuple[Configuration, Outcome]] = {}
    for path in sorted(folder.rglob("trials_*_outcomes.json")):
        try:
            left |= _ended(
                read_trial_file(path), read_trial_file(folder / path.name.replace("_outcomes", ""))
            )
        except (TrialFileError, KeyError, TypeError, ValueError):
            continue
    return left


def _ended(
    document: dict[str, Any], asked: dict[str, Any]
) -> dict[int, tuple[Configuration, Outcome]]:
    configurations = {
        each["number"]: Configuration.from_document(each["configuration"])
        for each in asked["trials"]
    }
    return {
        each["number"]: (configurations[each["number"]], Outcome.from_document(each["outcome"]))
        for each in document["outcomes"]
    }
