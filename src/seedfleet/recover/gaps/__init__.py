"""Streams under variable skips: from any state by lattices, and from seeds by walks."""
