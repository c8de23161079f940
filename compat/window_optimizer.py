#!/usr/bin/env python3
"""Optimize the window of a history of draws, or run trials of such a study as one of its jobs."""

from seedfleet.cli.established_window import window_optimizer

if __name__ == "__main__":
    window_optimizer()
