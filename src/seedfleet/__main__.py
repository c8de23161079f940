"""`python -m seedfleet` is the `seedfleet` command."""

from seedfleet.cli import main

main(prog_name="seedfleet")
