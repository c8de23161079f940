"""The `seedfleet` command, also as `python -m seedfleet`.

Loading the command line takes a tenth of a second. Ctrl-C within it must end as cleanly as later,
and so must SIGTERM; so nothing else is imported before somebody is there to catch them.
"""

import sys

_EXIT_INTERRUPTED = 3  # as in `seedfleet.cli.output`, which may be what is being imported


def main() -> None:
    """Run the command that `sys.argv` names, and exit."""
    try:
        from seedfleet.termination import hear_termination  # noqa: PLC0415 - as said above

        hear_termination()
        from seedfleet.cli import main as command  # noqa: PLC0415 - as said above

        command(prog_name="seedfleet")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was started\n")
        sys.exit(_EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
