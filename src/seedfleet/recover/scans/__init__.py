"""Scans of seeds and of small state spaces, and the relations that betray a generator."""
