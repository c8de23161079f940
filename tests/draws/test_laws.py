"""Laws: one history in every format reads the same, and no bytes do more harm than an error."""

import contextlib
import datetime as dt
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.draws import DrawsError, History, load

pytestmark = pytest.mark.slow

_NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8
)
# Names that are numbers would be draws to somebody who guesses; that is tested elsewhere.
_SESSIONS = st.none() | st.sampled_from(["midday", "evening"]) | _NAMES
_DATES = st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 31))
_Row = tuple[dt.date, str | None, int]


def read(content: str | bytes, *, columns: tuple[str, ...] | None = None) -> History:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load(path, columns)


def as_json(rows: list[_Row]) -> str:
    return json.dumps([{"date": str(d), "session": s, "draw": v} for d, s, v in rows])


def as_table(rows: list[_Row], delimiter: str) -> str:
    def cell(text: object) -> str:
        return '"' + str("" if text is None else text).replace('"', '""') + '"'

    return "".join(delimiter.join(map(cell, row)) + "\n" for row in rows)


def content_of(history: History) -> tuple[object, ...]:
    return (history.values.tolist(), history.dates, history.sessions, history.modulus)


@given(
    st.lists(st.tuples(_DATES, _SESSIONS, st.integers(0, 999)), min_size=1, max_size=12),
    st.sampled_from(",;\t"),
)
def test_every_format_tells_the_same_history(rows: list[_Row], delimiter: str) -> None:
    expected = content_of(read(as_json(rows)))
    table = as_table(rows, delimiter)
    columns = ("date", "session", "draw")
    assert content_of(read(delimiter.join(columns) + "\n" + table)) == expected
    assert content_of(read(table, columns=columns)) == expected


@given(st.lists(st.integers(0, 10**9 - 1), min_size=1))
def test_flat_lists_tell_the_same_in_json_and_lines(draws: list[int]) -> None:
    lines = read("\n".join(map(str, draws)))
    assert lines.values.tolist() == draws
    assert content_of(lines) == content_of(read(json.dumps(draws)))


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=1))
def test_digits_are_a_number_in_base_ten(rows: list[tuple[int, ...]]) -> None:
    text = "".join(",".join(map(str, (*row, sum(row)))) + "\n" for row in rows)
    history = read(text, columns=("digit",) * 4 + ("sum",))
    assert history.values.tolist() == [int("".join(map(str, row))) for row in rows]
    assert history.modulus == 10_000


@given(st.lists(st.tuples(_DATES, _SESSIONS, st.integers(0, 9)), min_size=1, max_size=12))
def test_cleaning_orders_by_date_and_loses_only_repeats(rows: list[_Row]) -> None:
    history = read(as_json(rows))
    dates = [date for date in history.dates if date is not None]
    assert dates == sorted(dates)
    kept = list(zip(dates, history.sessions, history.values.tolist(), strict=True))
    several = any(note.startswith("Kept every record") for note in history.notes)
    assert len(kept) == (len(rows) if several else len(set(rows)))
    assert set(kept) == set(rows)


@given(st.lists(st.tuples(_DATES, _SESSIONS, st.integers(0, 9)), min_size=1, max_size=12))
def test_loading_a_session_is_selecting_it(rows: list[_Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        path.write_text(as_json(rows), encoding="utf-8")
        history = load(path)
        for session in history.session_names:
            loaded = load(path, sessions=(session,))
            assert content_of(loaded) == content_of(history.select(session))


_SPICE = st.sampled_from(
    [
        *(b"[", b"]", b"{", b'"draw":', b'"date":', b'"2015-01-01"', b",", b"1", b"-", b"/"),
        *(b"draw,digit1\n", b"NaN", b"1e9", b"\xef\xbb\xbf", b"\0", b"\\ud800", b"true"),
        *(b"\n", b"\r", b'"', b";", b"\t"),
    ]
)
_BYTES = st.binary() | st.lists(_SPICE | st.binary(max_size=3)).map(b"".join)


@settings(max_examples=500)
@given(_BYTES, st.none() | st.lists(st.sampled_from(["draw", "date", "digit", "sum", "x"])))
def test_no_bytes_raise_anything_but_the_error(content: bytes, columns: list[str] | None) -> None:
    with contextlib.suppress(DrawsError):
        history = read(content, columns=None if columns is None else tuple(columns))
        assert len(history) > 0


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["draw", "date", "session", "machine", "x"]), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=300)
@given(st.lists(_JSON, max_size=5))
def test_errors_can_always_be_shown(document: list[object]) -> None:
    problems: tuple[str, ...] = ("a stand-in for success",)
    try:
        read(json.dumps(document))
    except DrawsError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.encode()
        assert problem.isprintable()
