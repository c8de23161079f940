#!/usr/bin/env python3
"""Derive how models are to be trained: `adaptive_meta_optimizer.py --mode full --apply`."""

from seedfleet.cli.established_tuning import adaptive_meta_optimizer

if __name__ == "__main__":
    adaptive_meta_optimizer()
