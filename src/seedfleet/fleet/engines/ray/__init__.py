"""The engine for a Ray cluster that is there already."""
