#!/usr/bin/env python3
"""Predict coming draws: --models-dir, --survivors-forward, and --lottery-history if others."""

import sys

try:
    from seedfleet.cli.established_prediction import prediction_generator
except ModuleNotFoundError as error:
    if error.name not in {"click", "numpy", "seedfleet"}:
        raise
    sys.exit(f"error: {error.name} is not installed: pip install 'seedfleet[trace,models]'")

if __name__ == "__main__":
    prediction_generator()
