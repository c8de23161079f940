"""The study of step 1: trials are asked of Optuna, run here or as jobs, and told as they end.

The study stands in a file of the run's folder, where an interrupted one goes on: trials that had
begun are tried again, those that had ended are not.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.steps.window.configuration import Configuration
from seedfleet.pipeline.steps.window.trial import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import optuna

    from seedfleet.pipeline.steps.window.sampling import Sampler

__all__ = ["Study", "Tried", "open_study"]

# What the study keeps beside the parameters of a trial.
_CONFIGURATION, _OUTCOME, _FAILED = "configuration", "outcome", "failed"
_STARTUP = 10  # trials before the sampler begins to learn


@dataclass(frozen=True)
class Tried:
    """A trial that has ended.

    Attributes
    ----------
    number
        Its own in the study.
    configuration, outcome
        What was tried, and what came of it.
    """

    number: int
    configuration: Configuration
    outcome: Outcome

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "number": self.number,
            _CONFIGURATION: self.configuration.to_document(),
            _OUTCOME: self.outcome.to_document(),
        }


@dataclass(frozen=True)
class Study:
    """A study that is open.

    Attributes
    ----------
    optuna_study
        Where its trials are kept.
    sampler
        Turns them into configurations.
    """

    optuna_study: optuna.Study
    sampler: Sampler
    _begun: dict[int, optuna.Trial] = field(default_factory=dict)

    @property
    def tried(self) -> list[Tried]:
        """The trials that have ended, in the order in which they were asked."""
        return [
            Tried(
                trial.number,
                Configuration.from_document(trial.user_attrs[_CONFIGURATION]),
                Outcome.from_document(trial.user_attrs[_OUTCOME]),
            )
            for trial in self.optuna_study.get_trials(deepcopy=False)
            if _OUTCOME in trial.user_attrs and trial.state.is_finished()
        ]

    @property
    def untried(self) -> list[str]:
        """What no trial that ended was of, in words."""
        return self.sampler.untried(each.configuration for each in self.tried)

    @property
    def ended(self) -> int:
        """How many have ended, those that failed among them."""
        return sum(
            _OUTCOME in trial.user_attrs or _FAILED in trial.user_attrs
            for trial in self.optuna_study.get_trials(deepcopy=False)
        )

    def ask(self) -> tuple[int, Configuration]:
        """Begin a trial; returns its number and what is to be tried."""
        trial = self.optuna_study.ask()
        configuration = self.sampler.sampled(trial)
        trial.set_user_attr(_CONFIGURATION, configuration.to_document())
        self._begun[trial.number] = trial
        return trial.number, configuration

    def tell(self, number: int, outcome: Outcome | None) -> None:
        """End a trial that was asked here; one without an outcome has failed."""
        import optuna  # noqa: PLC0415 - half a second, for this step alone

        states = optuna.trial.TrialState
        trial = self._begun.pop(number)
        if outcome is None:
            trial.set_user_attr(_FAILED, True)
            self.optuna_study.tell(trial, state=states.FAIL)
            return
        trial.set_user_attr(_OUTCOME, outcome.to_document())
        if outcome.objective is None:
            self.optuna_study.tell(trial, state=states.PRUNED)
        else:
            self.optuna_study.tell(trial, outcome.objective)

    def try_first(self, configuration: Configuration) -> None:
        """Try this one before any that is sampled."""
        self.optuna_study.enqueue_trial(self.sampler.parameters(configuration), skip_if_exists=True)


class _StudyLock:
    """Keeps two processes from writing one study; the system frees it where its owner dies.

    The locks of Optuna are files that an interruption may leave behind, on which the next process
    would wait for ever.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock, and take it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def open_study(
    path: Path,
    about: Mapping[str, Any],
    sampler: Sampler,
    run_seed: int,
    left: Mapping[int, tuple[Configuration, Outcome]] = MappingProxyType({}),
    *,
    most_set: int | None = None,
) -> Study:
    """Open the study of this question in a file, or begin it with the configurations that are set.

    Parameters
    ----------
    about
        All that the outcomes depend on, as JSON values: another question is another study.
    left
        What trials came to that an interrupted study has not been told of, by their numbers.
    most_set
        How many configurations are set at most, the others being sampled.
    """
    import optuna  # noqa: PLC0415 - half a second, for this step alone
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415 - as above

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    lock: Any = _StudyLock(path.with_name(f"{path.name}.lock"))
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    known = name in optuna.get_all_study_names(storage)
    kept = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True
    )
    kept.sampler = optuna.samplers.TPESampler(
        seed=run_seed + len(kept.get_trials(deepcopy=False)), n_startup_trials=_STARTUP
    )
    study = Study(kept, sampler)
    if not known:
        for configuration in sampler.set_ones(most_set):
            study.try_first(configuration)
    for trial in kept.get_trials(deepcopy=False):
        if trial.state is optuna.trial.TrialState.RUNNING:
            _take_up(study, trial, left)
    return study


def _take_up(
    study: Study,
    trial: optuna.trial.FrozenTrial,
    left: Mapping[int, tuple[Configuration, Outcome]],
) -> None:
    """Tell the study of a trial that ended unheard; else have it tried again."""
    import optuna  # noqa: PLC0415 - half a second, for this step alone

    kept, (configuration, outcome) = study.optuna_study, left.get(trial.number, (None, None))
    asked = trial.user_attrs.get(_CONFIGURATION)
    if outcome is not None and configuration is not None and asked == configuration.to_document():
        study._begun[trial.number] = optuna.Trial(kept, trial._trial_id)  # noqa: SLF001
        study.tell(trial.number, outcome)
        return
    kept.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    kept.enqueue_trial(trial.params)
