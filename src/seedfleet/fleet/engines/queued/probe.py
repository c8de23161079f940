"""Whether the machines of a queue share the head's disk: asked of one of them, never assumed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.queued.folder import packed_task
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
    RefusedForNowError,
    Request,
    SchedulerDownError,
    TaskState,
)
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seedfleet.fleet.engines.queued.scheduler import Scheduler
    from seedfleet.fleet.paths import RunPaths

__all__ = ["DiskProbe"]

_POLL_S: Final = 0.5
_PAUSE_S: Final = 5.0  # between two tries to hand the task in
_SAY_S: Final = 10.0
_TIMEOUT_S: Final = 60.0


class DiskProbe:
    """Has a task read a nonce in every folder that the run needs, and answer there.

    Parameters
    ----------
    wait_s
        How long the task may wait in the queue and run.
    grace_s
        How late a shared disk may show the answer, once the task is over.
    say
        Hears, now and then, that the answer is still to come.
    """

    def __init__(self, *, wait_s: float, grace_s: float, say: Callable[[str], None]) -> None:
        self._wait_s = wait_s
        self._grace_s = grace_s
        self._say = say

    async def check(self, scheduler: Scheduler, paths: RunPaths, python: str) -> None:
        """Return when a machine of the queue has answered.

        Raises
        ------
        BadInputError
            If the machine does not see the folders, with what its task said, if the scheduler does
            not take or run such a task, or if a folder cannot be written.
        """
        folders: list[Path] = []
        try:
            for top in dict.fromkeys((_existing(paths.folder), paths.root)):
                folders.append(_make_folder(top))  # noqa: PERF401 - what was made is cleared away
            await self._ask(scheduler, folders, python)
        except OSError as error:
            raise BadInputError([f"cannot probe {paths.root}: {error}"]) from error
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)

    async def _ask(self, scheduler: Scheduler, folders: Sequence[Path], python: str) -> None:
        task = folders[0] / "task.pyz"
        task.write_bytes(packed_task())
        batch = Batch(
            f"{scheduler.name}-probe-{secrets.token_hex(4)}",
            (python, str(task), "probe", *map(str, folders)),
            range(1),
            Request(0, _TIMEOUT_S),
            folders[0] / "log",
        )
        handle = await self._hand_in(scheduler, batch)
        problem: str | None = "nobody has waited for it"
        try:
            problem = await self._wait(scheduler, handle, folders)
        finally:
            if problem is not None:
                with contextlib.suppress(SchedulerDownError):
                    await scheduler.cancel(handle, [0])
        if problem is not None:
            raise BadInputError([problem])

    async def _hand_in(self, scheduler: Scheduler, batch: Batch) -> str:
        began, said = time.monotonic(), ""
        while True:
            try:
                return await scheduler.submit(batch)
            except (RefusedBatchError, SchedulerDownError) as error:
                problem, passes = f"{scheduler.name} does not take a task: {error}", False
            except RefusedForNowError as error:
                problem, passes = f"{scheduler.name} takes no task now: {error}", True
            if not passes or time.monotonic() - began > self._wait_s:
                raise BadInputError([problem])
            if problem != said:
                said = problem
                self._say(f"{problem}; it is tried again for {self._wait_s:g} s")
            await asyncio.sleep(min(_PAUSE_S, self._wait_s))

    async def _wait(self, scheduler: Scheduler, handle: str, folders: Sequence[Path]) -> str | None:
        """Say what is wrong, or None when all folders have their answers."""
        began = said = time.monotonic()
        over_since = None
        while True:
            unseen = [folder.parent for folder in folders if not _answered(folder)]
            now = time.monotonic()
            if not unseen:
                return None
            if over_since is not None and now - over_since > self._grace_s:
                return _unseen(scheduler.name, unseen, folders[0])
            if now - began > self._wait_s:
                return (
                    f"{scheduler.name} has not run the task that looks for the shared disk within "
                    f"{self._wait_s:g} s; --engine-option probe_wait_s=SECONDS waits longer"
                )
            if now - said > _SAY_S:
                said = now
                self._say(f"{scheduler.name}: the task that looks for the shared disk still waits")
            with contextlib.suppress(SchedulerDownError):
                state = (await scheduler.look({handle: [0]})).get((handle, 0))
                if state not in {TaskState.ALIVE, TaskState.PAUSED} and over_since is None:
                    over_since = now
            await asyncio.sleep(_POLL_S)


def _existing(folder: Path) -> Path:
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _make_folder(top: Path) -> Path:
    folder = top / f".seedfleet-probe-{secrets.token_hex(6)}"
    folder.mkdir(0o700)
    (folder / "nonce").write_text(secrets.token_hex(16))
    return folder


def _answered(folder: Path) -> bool:
    try:
        answer: Any = json.loads((folder / "answer").read_bytes())
        return bool(answer["nonce"] == (folder / "nonce").read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _unseen(name: str, unseen: Sequence[Path], first: Path) -> str:
    said = ""
    with contextlib.suppress(OSError):
        said = " ".join((first / "log").read_text(errors="replace").split())[-300:]
    where = " and ".join(map(str, unseen))
    text = (
        f"the machines of {name} do not share {where} with this one: a task that ran there has "
        "not answered. The folder of the jobs and --output-dir have to be on a disk that all see"
    )
    return f"{text}. The task said: {said}" if said else text
