"""The one owner of the file names of a trace run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["STEPS", "RunFiles"]

# In the order in which they run. Steps are named by their commands; the numbers are established.
STEPS = {
    "0": "recover",
    "1": "window",
    "2.5": "tune-scorer",
    "3": "score",
    "4": "tune-model",
    "5": "train",
    "6": "predict",
}


@dataclass(frozen=True)
class RunFiles:
    """Where the files of a run stand, by their established names where there are such.

    Attributes
    ----------
    folder
        The run's own.
    """

    folder: Path

    @property
    def request(self) -> Path:
        """What the run was asked."""
        return self.folder / "request.json"

    @property
    def summary(self) -> Path:
        """What the whole run came to, and the page's source."""
        return self.folder / "trace.json"

    @property
    def report(self) -> Path:
        """The page for a person."""
        return self.folder / "report.html"

    @property
    def history(self) -> Path:
        """All draws of the run, cleaned."""
        return self.folder / "lottery_history.json"

    @property
    def recovery(self) -> Path:
        """Step 0's answer."""
        return self.folder / "recovery.json"

    @property
    def window_config(self) -> Path:
        """Step 1's choice."""
        return self.folder / "optimal_window_config.json"

    @property
    def window_study(self) -> Path:
        """Step 1's trials, as Optuna keeps them."""
        return self.folder / "window_study.log"

    @property
    def train_history(self) -> Path:
        """The sieve slice: all that steps 1 and 3 may see."""
        return self.folder / "train_history.json"

    @property
    def holdout_history(self) -> Path:
        """The other draws, newest last."""
        return self.folder / "holdout_history.json"

    def survivors(self, which: str) -> Path:
        """Return the table of `forward`, `reverse` or `bidirectional` survivors."""
        return self.folder / f"{which}_survivors.parquet"

    @property
    def scorer_config(self) -> Path:
        """Step 2.5's choice."""
        return self.folder / "optimal_scorer_config.json"

    @property
    def scorer_trials(self) -> Path:
        """Step 2.5's folder of trials, where jobs measure them."""
        return self.folder / "scorer_trials"

    @property
    def scoring_jobs(self) -> Path:
        """Step 3's jobs."""
        return self.folder / "scoring_jobs.json"

    @property
    def scores(self) -> Path:
        """Step 3's table of survivors with their features."""
        return self.folder / "survivors_with_scores.parquet"

    @property
    def model_config(self) -> Path:
        """Step 4's choice."""
        return self.folder / "reinforcement_engine_config.json"

    @property
    def training_jobs(self) -> Path:
        """Step 5's jobs."""
        return self.folder / "anti_overfit_jobs.json"

    @property
    def models(self) -> Path:
        """Step 5's folder of checkpoints and sidecars."""
        return self.folder / "models"

    @property
    def sidecar(self) -> Path:
        """What is said of the model that step 5 chose."""
        return self.models / "best_model.meta.json"

    @property
    def gate_openings(self) -> Path:
        """How often step 5 has looked at the gate slice of this run."""
        return self.models / "gate_openings.json"

    @property
    def predictions(self) -> Path:
        """Step 6's answer."""
        return self.folder / "predictions.json"

    def context(self, step: str) -> Path:
        """Return the context record of a step, named by its command."""
        return self.folder / "context" / f"{step}.json"

    @property
    def notes(self) -> Path:
        """What the workflow noted of each step when it ran it."""
        return self.folder / "context" / "workflow-notes.json"
