"""What runs on a node: standard library only, and Python 3.8 or newer.

Nothing here imports the rest of seedfleet, because this folder alone is what a node receives.
"""
