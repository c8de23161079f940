#!/usr/bin/env python3
"""Write the jobs of a training: `generate_kfold_jobs.py --config FILE`."""

from seedfleet.cli.established_training import generate_kfold_jobs

if __name__ == "__main__":
    generate_kfold_jobs()
