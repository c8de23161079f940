"""A pool of threads that is left by Ctrl-C, by an error, or at its end."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from concurrent.futures import Future


def break_off_the_next_wait(future: Future[bool]) -> None:
    """Let Ctrl-C meet whoever waits for `future` just as the wait takes its lock back."""

    def interrupted(_state: object) -> None:
        raise KeyboardInterrupt

    future._condition._acquire_restore = interrupted  # type: ignore[attr-defined]


def wait_under_ctrl_c(pool: ThreadPool) -> None:
    going_on = Event()
    future = pool.submit(going_on.wait)
    break_off_the_next_wait(future)
    try:
        future.result(timeout=0.01)
    finally:
        going_on.set()


def test_ctrl_c_stays_ctrl_c_where_a_wait_turns_it_into_another_error() -> None:
    with ThreadPool(1) as pool, pytest.raises(RuntimeError, match="un-acquired"):
        wait_under_ctrl_c(pool)
    with pytest.raises(KeyboardInterrupt), ThreadPool(1) as pool:
        wait_under_ctrl_c(pool)


def test_an_error_of_the_work_itself_is_told_as_it_is() -> None:
    def fail() -> None:
        raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError, match="the work failed"), ThreadPool(1) as pool:
        pool.submit(fail).result()


def test_leaving_waits_for_what_runs_and_drops_what_has_not_begun() -> None:
    begun, going_on, done = Event(), Event(), Event()

    def work() -> None:
        begun.set()
        going_on.wait()
        done.set()

    with ThreadPool(1) as pool:
        running, queued = pool.submit(work), pool.submit(work)
        begun.wait()
        queued.add_done_callback(lambda _: going_on.set())
    assert running.done()
    assert done.is_set()
    assert queued.cancelled()
