"""Load histories of draws from JSON, CSV or plain lists, and clean them by stated rules.

`load` is the way in; docs/draws.md shows each format and every rule. Nothing here writes a file.
"""

from seedfleet.draws._load import load
from seedfleet.draws.history import DrawsError, History

__all__ = ["DrawsError", "History", "load"]
