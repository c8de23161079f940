#!/usr/bin/env python3
"""Run one legacy sieve job, `sieve_filter.py --job-file FILE`, and print its result."""

from seedfleet.pipeline.legacy_sieve import main

if __name__ == "__main__":
    main()
