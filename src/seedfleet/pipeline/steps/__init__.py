"""The six steps from a history of draws to predictions, and what they share."""
