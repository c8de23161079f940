#!/usr/bin/env python3
"""Tune the scoring of survivors, or measure the trials of one job of that (`--trial-file`)."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.tuning", "scorer_meta_optimizer", extra="trace")
