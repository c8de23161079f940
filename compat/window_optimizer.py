#!/usr/bin/env python3
"""Optimize the window of a history of draws, or run trials of such a study as one of its jobs."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.window", "window_optimizer", extra="trace")
