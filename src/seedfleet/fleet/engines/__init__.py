"""Where attempts run: the seam, and the engines behind it."""
