"""Engines over schedulers that keep a line: one task for each attempt; files tell the truth."""
