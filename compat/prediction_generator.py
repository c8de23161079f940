#!/usr/bin/env python3
"""Predict coming draws: --models-dir, --survivors-forward, and --lottery-history if others."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.prediction", "prediction_generator", extra="trace,models")
