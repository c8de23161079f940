"""Test vectors of generators, made by the real language runtimes."""
