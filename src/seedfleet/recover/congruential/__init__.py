"""States of linear congruential generators from a window of draws: lanes and lattices."""
