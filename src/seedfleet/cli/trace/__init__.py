"""`seedfleet trace`: from a history of draws to what made it, and to predictions."""

from __future__ import annotations

from typing import ClassVar

import click

from seedfleet.cli._lazy_group import LazyGroup

__all__ = ["trace"]


class _Trace(LazyGroup):
    """The steps, each in a module of its own."""

    lazy: ClassVar = {
        "recover": (
            "seedfleet.cli.trace.recover",
            "recover",
            "Step 0: find the generator, seed and alignment behind a history.",
        ),
        "window": (
            "seedfleet.cli.trace.window",
            "window",
            "Step 1: find the window that tells most, and what survives it.",
        ),
        "tune-scorer": (
            "seedfleet.cli.trace.tune_scorer",
            "tune_scorer",
            "Step 2.5: choose the settings by which survivors are scored.",
        ),
        "score": (
            "seedfleet.cli.trace.score",
            "score",
            "Step 3: describe every survivor by 62 features.",
        ),
        "tune-model": (
            "seedfleet.cli.trace.tune_model",
            "tune_model",
            "Step 4: derive how models are to be trained.",
        ),
        "train": (
            "seedfleet.cli.trace.train",
            "train",
            "Step 5: train models, compare them, and let the gate decide.",
        ),
        "predict": (
            "seedfleet.cli.trace.predict",
            "predict",
            "Step 6: the draws to come, with calibrated probabilities.",
        ),
        "run": (
            "seedfleet.cli.trace.run",
            "run",
            "All steps: from a history of draws to calibrated predictions.",
        ),
        "explain": (
            "seedfleet.cli.trace.explain",
            "explain",
            "Why each step of a run went as it did.",
        ),
    }


@click.group(cls=_Trace, context_settings={"help_option_names": ["-h", "--help"]})
def trace() -> None:
    """Explain a history of draws."""
