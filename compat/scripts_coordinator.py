#!/usr/bin/env python3
"""Run a file of script jobs, under the established name and flags of `seedfleet run`."""

from seedfleet.cli.established import scripts_coordinator

if __name__ == "__main__":
    scripts_coordinator()
