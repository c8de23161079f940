#!/usr/bin/env python3
"""Tune the scoring of survivors, or measure the trials of one job of that (`--trial-file`)."""

from seedfleet.cli.established_tuning import scorer_meta_optimizer

if __name__ == "__main__":
    scorer_meta_optimizer()
