#!/usr/bin/env python3
"""Run jobs of any dialect, or bring an old result file into one form, under established flags."""

from seedfleet.cli.established import coordinator_adapter

if __name__ == "__main__":
    coordinator_adapter()
