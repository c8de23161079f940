"""The command line: a skin over the packages, one module per noun."""

from seedfleet.cli._main import main

__all__ = ["main"]
