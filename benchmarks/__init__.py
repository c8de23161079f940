"""Speeds as ratios beside a peer or a bound in the same run: `python -m benchmarks [NAME ...]`."""
