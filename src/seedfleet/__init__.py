"""Seedfleet: run script jobs on every GPU you can reach, and explain a list of draws."""

__version__ = "0.1.0"
__all__ = ["__version__"]
