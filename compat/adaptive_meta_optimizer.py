#!/usr/bin/env python3
"""Derive how models are to be trained: `adaptive_meta_optimizer.py --mode full --apply`."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.tuning", "adaptive_meta_optimizer", extra="trace,models")
