"""Files that hand tasks to a scheduler which people use themselves; text only, nothing is run.

Each form takes the same tasks, numbered from 1, each of which is started by the same words and its
number. A task that is started twice does no harm, so that files may be handed in again.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines.slurm import SlurmWishes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from seedfleet.fleet.engines.queued.scheduler import Request

__all__ = ["FORMS", "Submission", "TaskList"]

_MOST_IN_ARRAY: Final = 1000  # Slurm's default for the largest index is one more
_HQ_GPUS: Final[Mapping[str, str]] = {"cuda": "gpus/nvidia", "rocm": "gpus/amd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList:
    """Tasks that somebody is to start.

    Parameters
    ----------
    run_id
        Names them all.
    words
        The command that runs a task, but for its number.
    folder
        Where the files will stand, absolute.
    logs
        An existing folder for what tasks print, absolute.
    requests
        What task i + 1 asks, by i.
    wishes
        What every task asks of Slurm beside that.
    """

    run_id: str
    words: tuple[str, ...]
    folder: str
    logs: str
    requests: Sequence[Request]
    wishes: SlurmWishes = field(default_factory=SlurmWishes)

    def numbered(self) -> Iterator[tuple[int, Request]]:
        """Go through the tasks with their numbers."""
        return enumerate(self.requests, 1)

    def command(self, *number: str) -> str:
        """Write a task's command for a shell, `number` as it stands."""
        return " ".join([shlex.join(self.words), *number])


@dataclass(frozen=True, slots=True)
class Submission:
    """What is to be written, and what a person then types.

    Parameters
    ----------
    files
        Text by name.
    commands
        Lines for a shell, in any order.
    notes
        What else has to be known, one line each.
    """

    files: Mapping[str, str]
    commands: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _slurm(tasks: TaskList) -> Submission:
    """Write an array script for each kind of request, and for each thousand tasks of it."""
    files: dict[str, str] = {}
    commands, notes = [], []
    for request, numbers in _alike(tasks).items():
        for start in range(0, len(numbers), _MOST_IN_ARRAY):
            name = f"array-{len(files) + 1}.sh"
            files[name] = _array_script(tasks, request, numbers[start : start + _MOST_IN_ARRAY])
            commands.append(f"sbatch {shlex.quote(f'{tasks.folder}/{name}')}")
            if request.platform in _HQ_GPUS and not tasks.wishes.finds(request.platform):
                notes.append(
                    f"{name} asks for {request.platform}: say to sbatch which nodes have that, "
                    "with --constraint or --partition, or to export with --engine-option "
                    f"{request.platform}=FEATURES"
                )
    return Submission(files, tuple(commands), tuple(notes))


def _alike(tasks: TaskList) -> dict[Request, list[int]]:
    groups: dict[Request, list[int]] = {}
    for number, request in tasks.numbered():
        groups.setdefault(request, []).append(number)
    return groups


def _array_script(tasks: TaskList, request: Request, numbers: Sequence[int]) -> str:
    asked = [f"--job-name={tasks.run_id}", f"--array=0-{len(numbers) - 1}"]
    # As the engine says it: a job that must not run twice is not queued again.
    asked.append("--requeue" if request.requeue else "--no-requeue")
    asked += ["--output=/dev/null", *tasks.wishes.words(request)]
    log = f'{shlex.quote(tasks.logs)}/"slurm-$SLURM_ARRAY_JOB_ID.log"'
    lines = [
        "#!/bin/sh",
        *(f"#SBATCH {shlex.quote(option)}" for option in asked),
        "# These tasks, one for each index of the array.",
        f"set -- {' '.join(map(str, numbers))}",
        'shift "$SLURM_ARRAY_TASK_ID"',
        f"""exec {tasks.command('"$1"')} >>{log} 2>&1""",
    ]
    return "\n".join(lines) + "\n"


def _parallel(tasks: TaskList) -> Submission:
    """Write one command a line; a task with a GPU takes the one that its slot has the number of."""
    name = "tasks.txt"
    lines = []
    for number, request in tasks.numbered():
        own = "CUDA_VISIBLE_DEVICES=$((PARALLEL_JOBSLOT-1)) " if request.gpus else ""
        lines.append(f"{own}{tasks.command(str(number))}")
    where = shlex.quote(f"{tasks.folder}/{name}")
    note = "JOBS: at least 1; the number of this machine's cores"
    if any(request.gpus for request in tasks.requests):
        note = (
            "JOBS: at least 1; the number of this machine's GPUs (slot 1 takes GPU 0, and so on), "
            "or of its cores for jobs that ask for none, as with --default-gpus 0"
        )
    command = f"parallel --jobs JOBS --arg-file {where}"
    return Submission({name: "\n".join(lines) + "\n"}, (command,), (note,))


def _hq(tasks: TaskList) -> Submission:
    """Write a job definition file of HyperQueue, which is TOML."""
    name = "job.toml"
    blocks = [f"name = {_toml(tasks.run_id)}\n"]
    blocks += [_hq_task(tasks, number, request) for number, request in tasks.numbered()]
    where = shlex.quote(f"{tasks.folder}/{name}")
    return Submission({name: "\n".join(blocks)}, (f"hq job submit-file {where}",))


def _hq_task(tasks: TaskList, number: int, request: Request) -> str:
    log = _toml(f"{tasks.logs}/hq-{number}.log")
    lines = [
        "[[task]]",
        f"id = {number}",
        f"command = [{', '.join(map(_toml, [*tasks.words, str(number)]))}]",
        'stdout = "none"',
        f'stderr = {{ path = {log}, mode = "rm-if-finished" }}',
    ]
    # Whoever asks for a GPU of no kind may have one of either.
    kinds = [kind for platform, kind in _HQ_GPUS.items() if request.platform in {None, platform}]
    for kind in kinds if request.gpus else [""]:
        gpus = f', "{kind}" = {request.gpus}' if kind else ""
        lines += ["", "[[task.request]]", f'resources = {{ "cpus" = 1{gpus} }}']
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    # What JSON escapes TOML escapes alike, and one character more.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _nothing(request: Request) -> Iterator[str]:
    del request
    yield from ()


def _beyond_parallel(request: Request) -> Iterator[str]:
    yield from _pinned(request)
    if request.gpus > 1:
        yield f"it takes {request.gpus} GPUs, a slot of GNU parallel has one"


def _pinned(request: Request) -> Iterator[str]:
    if request.node is not None:
        yield f"it pins the node {request.node}, which only --to slurm can pass on"


@dataclass(frozen=True, slots=True)
class Form:
    """One scheduler's files.

    Parameters
    ----------
    write
        Makes the files.
    problems
        Why a task cannot be had so.
    masks_only
        True: it shares out an allocation of Slurm's, if there is one around it, by masks.
    """

    write: Callable[[TaskList], Submission]
    problems: Callable[[Request], Iterable[str]]
    masks_only: bool


FORMS: Final[Mapping[str, Form]] = {
    "slurm": Form(_slurm, _nothing, masks_only=False),
    "parallel": Form(_parallel, _beyond_parallel, masks_only=True),
    "hq": Form(_hq, _pinned, masks_only=True),
}
