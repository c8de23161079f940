"""Programs for the people who work on seedfleet; nothing here is installed with it."""
