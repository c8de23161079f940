"""What a command says, and how: as text, as exactly one JSON value, or not at all.

Every command takes `--output text|json|quiet` and speaks through the `Output` that it names.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_P = ParamSpec("_P")
_R = TypeVar("_R")

__all__ = [
    "EXIT_BAD_INPUT",
    "EXIT_INTERRUPTED",
    "EXIT_NOT_ALL_SUCCEEDED",
    "Output",
    "naming_missing_extra",
    "output_option",
]

EXIT_NOT_ALL_SUCCEEDED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 3
# What the extra `trace` installs; `seedfleet.fleet` does without.
_OF_TRACE = frozenset({"flint", "jinja2", "numba", "numpy", "optuna", "pyarrow"})
_MAX_LISTED = 100  # problems shown to a person; the JSON form lists all of them


class _MissingExtra(click.ClickException):
    """A command needs a package that its extra would install."""

    exit_code = EXIT_BAD_INPUT


@contextmanager
def naming_missing_extra() -> Iterator[None]:
    """Name the extra that installs a package which an import inside has not found."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _OF_TRACE:
            raise
        told = f"this needs {error.name}: pip install 'seedfleet[trace]'"
        raise _MissingExtra(told) from error


class Output(Protocol):
    """Where a command's words go. A command calls `result` or `refuse`, once, at its end.

    `live` is True where a person watches a terminal, so that a command may draw on standard error.
    `keeps` is True where nothing but the result is printed, so that it has to hold everything.
    """

    live: bool
    keeps: bool

    def note(self, line: str) -> None:
        """Say something worth knowing that is not the result."""

    def progress(self, line: str) -> None:
        """Say how far a long step has come; may be overwritten by the next such line."""

    def stream(self, data: bytes, *, err: bool) -> None:
        """Pass on what somebody else has printed, byte by byte; only for people."""

    def result(self, document: Mapping[str, Any], text: str) -> None:
        """Give the result, as the mapping or as the text that says the same; "" prints nothing."""

    def refuse(self, summary: str, problems: Sequence[str]) -> NoReturn:
        """Reject bad input with every problem found, and exit with code 2."""


def _say(line: str | bytes, *, err: bool, nl: bool = True) -> None:
    """Print a line; where nobody can read it any more (a closed pipe, a full disk), go on without.

    What a command does must not depend on who reads its words.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(line, nl=nl, err=err)
        stream.flush()
    except OSError:
        # What is left in the buffer would fail once more when the interpreter ends.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


class _Text:
    keeps = False

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self._open_line = False

    def note(self, line: str) -> None:
        self._end_line()
        _say(line, err=True)

    def progress(self, line: str) -> None:
        if self.live:
            _say(f"\r\x1b[2K{line}", nl=False, err=True)
            self._open_line = True
        else:
            _say(line, err=True)

    def result(self, document: Mapping[str, Any], text: str) -> None:
        del document
        self._end_line()
        if text:
            _say(text, err=False)

    def stream(self, data: bytes, *, err: bool) -> None:
        self._end_line()
        _say(data, err=err, nl=False)

    def refuse(self, summary: str, problems: Sequence[str]) -> NoReturn:
        self._end_line()
        _say(f"error: {summary}", err=True)
        for problem in problems[:_MAX_LISTED]:
            _say(f"  {problem}", err=True)
        if len(problems) > _MAX_LISTED:
            rest = len(problems) - _MAX_LISTED
            _say(f"  … and {rest} more (--output json lists them all)", err=True)
        sys.exit(EXIT_BAD_INPUT)

    def _end_line(self) -> None:
        if self._open_line:
            _say("\r\x1b[2K", nl=False, err=True)
            self._open_line = False


class _Json:
    live = False
    keeps = True

    def note(self, line: str) -> None:
        pass

    def progress(self, line: str) -> None:
        pass

    def stream(self, data: bytes, *, err: bool) -> None:
        pass

    def result(self, document: Mapping[str, Any], text: str) -> None:
        del text
        _say(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2), err=False)

    def refuse(self, summary: str, problems: Sequence[str]) -> NoReturn:
        document = {"error": summary, "problems": list(problems)}
        _say(json.dumps(document, ensure_ascii=False, indent=2), err=False)
        sys.exit(EXIT_BAD_INPUT)


class _Quiet(_Text):
    def __init__(self) -> None:
        super().__init__()
        self.live = False

    def note(self, line: str) -> None:
        pass

    def progress(self, line: str) -> None:
        pass

    def stream(self, data: bytes, *, err: bool) -> None:
        pass

    def result(self, document: Mapping[str, Any], text: str) -> None:
        pass


_FORMS: dict[str, Callable[[], Output]] = {"text": _Text, "json": _Json, "quiet": _Quiet}


def _choose(ctx: click.Context, param: click.Parameter, value: str) -> Output:
    del ctx, param
    return _FORMS[value]()


def output_option(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Add `--output text|json|quiet`; the command receives an `Output` named `output`."""
    return click.option(
        "--output",
        type=click.Choice(list(_FORMS)),
        default="text",
        show_default=True,
        callback=_choose,
        help="How to print the result: for a person, as one JSON value, or not at all.",
    )(command)
