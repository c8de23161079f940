"""A node may say what it likes: the head writes only what it asked for, where it wanted it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from fleet_house import GOOD, House
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet import Job, run_sync
from seedfleet.fleet.engines._delivery import Arrival, Source, delivered
from seedfleet.fleet.engines._status import checked_status
from seedfleet.fleet.engines.base import Attempt
from seedfleet.fleet.node.layout import AttemptFolder
from seedfleet.fleet.outcome import OutputInvalid, Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = b'{"a": 1}'
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ATTEMPT = Attempt(Job(job_id="a", script="a.py", args=(), expected_output="a.json"), 1)
LOGS = [["stdout.log", 3], ["stderr.log", 0]]


def status(**changes: Any) -> dict[str, Any]:
    output = {"declared": "a.json", "size_bytes": len(CONTENT), "sha256": SHA256}
    return {"outcome": "succeeded", "exit_code": 0, "outputs": [output]} | changes


def header(**changes: Any) -> dict[str, Any]:
    files = [*LOGS, ["outputs/0", len(CONTENT)]]
    return {"op": "ended", "status": status(), "files": files, "complete": True} | changes


@pytest.fixture
def arrive(tmp_path: Path) -> Callable[..., Arrival]:
    def make(made: dict[str, Any], folder: AttemptFolder | None = None) -> Arrival:
        outputs = [] if folder is None else [folder.outputs / "0/a.json"]
        head = AttemptFolder(tmp_path / "head/attempts/a/1")
        return Arrival(made, ATTEMPT, head=head, source=Source(folder, outputs, None))

    return make


def test_what_was_asked_for_arrives(arrive: Callable[..., Arrival], tmp_path: Path) -> None:
    arrival = arrive(header())
    assert arrival.take(header(), b"abc" + CONTENT)
    assert isinstance(arrival.finish("n").outcome, Succeeded)
    head = AttemptFolder(tmp_path / "head/attempts/a/1")
    assert head.stdout.read_bytes() == b"abc"
    assert (head.outputs / "0").read_bytes() == CONTENT


def test_what_was_changed_on_its_way_is_no_output(arrive: Callable[..., Arrival]) -> None:
    arrival = arrive(header())
    arrival.take(header(), b"abc" + CONTENT.replace(b"1", b"2"))
    assert isinstance(arrival.finish("n").outcome, OutputInvalid)


def test_what_others_have_written_over_a_result_in_its_place_is_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedfleet.fleet.engines._delivery._LATE_S", (0.0,))
    place, head = tmp_path / "a.json", AttemptFolder(tmp_path / "head/attempts/a/1")
    ends = []
    for content in (CONTENT, b"theirs"):
        place.write_bytes(content)
        source = Source(None, [], [place])
        arrival = Arrival(header(files=LOGS), ATTEMPT, head=head, source=source)
        arrival.take(header(files=LOGS), b"abc")
        ends.append(type(arrival.finish("n").outcome))
    assert ends == [Succeeded, OutputInvalid]


def test_of_what_came_before_a_connection_broke_nothing_stays(
    arrive: Callable[..., Arrival], tmp_path: Path
) -> None:
    broken = arrive(header(complete=False))
    broken.take({"op": "file", "name": "stdout.log"}, b"ab")
    broken.take({"op": "file", "name": "outputs/0"}, CONTENT[:5])
    arrival = arrive(header())
    arrival.take(header(), b"abc" + CONTENT)
    assert isinstance(arrival.finish("n").outcome, Succeeded)
    assert AttemptFolder(tmp_path / "head/attempts/a/1").stdout.read_bytes() == b"abc"


@pytest.mark.parametrize(
    "files",
    [
        [["../../precious", 4]],
        [["{precious}", 4]],
        [*LOGS, ["outputs/0", len(CONTENT)], ["outputs/1", 1]],
        [*LOGS, ["outputs/0", len(CONTENT) + 1]],
        [["stdout.log", 10**10], ["stderr.log", 0], ["outputs/0", len(CONTENT)]],
        [["stdout.log", -1], ["stderr.log", 0], ["outputs/0", len(CONTENT)]],
        [["stdout.log", "3"], ["stderr.log", 0], ["outputs/0", len(CONTENT)]],
        [],
        None,
        "stdout.log",
    ],
)
def test_files_that_nobody_asked_for_are_refused_and_nothing_is_touched(
    arrive: Callable[..., Arrival], tmp_path: Path, files: Any
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    named = json.loads(json.dumps(files).replace("{precious}", str(precious)))
    with pytest.raises(ValueError, match=r"files|bytes|unpack"):
        arrive(header(files=named))
    assert precious.read_text() == "keep"
    assert not (tmp_path / "head").exists()


def test_more_than_was_announced_is_refused(arrive: Callable[..., Arrival]) -> None:
    arrival = arrive(header(complete=False))
    for name in ("outputs/0", "../../../precious"):
        with pytest.raises(ValueError, match="more of"):
            arrival.take({"op": "file", "name": name}, b"x" * 100)


def test_no_file_of_the_heads_own_is_moved_away(
    arrive: Callable[..., Arrival], tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(CONTENT)
    output = {"declared": "a.json", "path": str(precious), "size_bytes": 8, "sha256": SHA256}
    node = AttemptFolder(tmp_path / "node/attempts/a/1")
    arrival = arrive(header(files=[], status=status(outputs=[output])), node)
    arrival.take(header(files=[]), b"")
    assert isinstance(arrival.finish("n").outcome, OutputInvalid)
    assert precious.read_bytes() == CONTENT


def test_a_link_in_the_place_of_an_output_is_no_output(
    arrive: Callable[..., Arrival], tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(CONTENT)
    node = AttemptFolder(tmp_path / "node/attempts/a/1")
    (node.outputs / "0").mkdir(parents=True)
    (node.outputs / "0/a.json").symlink_to(precious)
    arrival = arrive(header(files=[]), node)
    arrival.take(header(files=[]), b"")
    assert isinstance(arrival.finish("n").outcome, OutputInvalid)


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": []},
        {"outputs": [{"declared": "b.json", "size_bytes": 8, "sha256": SHA256}]},
        {"outputs": [{"declared": "a.json", "size_bytes": 0, "sha256": SHA256}]},
        {"outputs": [{"declared": "a.json", "size_bytes": 8, "sha256": "x"}]},
        {"outputs": None},
        {"outcome": "superseded"},
        {"outcome": ["succeeded"]},
    ],
)
def test_a_success_is_one_only_with_every_declared_output(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no status|output"):
        checked_status(status(**changes), ATTEMPT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("outcome", "outputs", "problem", "paths", "exit_code", "signal", "run_s", "node_fault")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["failed", "succeeded"])))
def test_whatever_a_status_holds_it_is_taken_over_or_refused(document: dict[str, Any]) -> None:
    try:
        made = checked_status(document, ATTEMPT)
    except ValueError:
        return
    assert made["outcome"] == document["outcome"]
    json.dumps(made, allow_nan=False)


@pytest.mark.parametrize("torn", ["", "{", '{"outcome": "succ', "[]", "null"])
def test_a_status_torn_by_a_power_cut_is_no_status(tmp_path: Path, torn: str) -> None:
    head = AttemptFolder(tmp_path)
    head.status.write_text(torn)
    assert delivered(ATTEMPT, "n", head) is None
    assert not head.status.exists()


@pytest.mark.slow
@pytest.mark.parametrize("torn", ["", '{"outcome": "succ'])
def test_a_run_whose_last_status_was_torn_can_be_resumed(house: House, torn: str) -> None:
    body = f"open('ran', 'a').write('x'); {GOOD}"
    paths = house.options().paths("torn")
    head = paths.attempt("a", 1)
    head.path.mkdir(parents=True)
    head.status.write_text(torn)
    # The folder of the run exists only as far as an engine is concerned.
    (paths.folder / "attempts").rename(house.root / "attempts")
    paths.folder.rmdir()

    class Late(type(house.engine())):  # type: ignore[misc]
        async def start(self, attempt: Any, allocation: Any) -> None:
            if not (paths.folder / "attempts").exists():
                (house.root / "attempts").rename(paths.folder / "attempts")
            await super().start(attempt, allocation)

    engine = Late(slots=1, home=house.home, lock_folder=house.home / "locks")
    report = run_sync([house.job(body)], house.options(), engine=engine, run_id="torn")
    assert report.succeeded
    assert (house.root / "ran").read_text() == "x"
