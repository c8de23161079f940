"""Where jobs of a search or a step run: this machine, the nodes of a cluster file, a scheduler."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seedfleet.fleet import BadInputError, RunControl, RunOptions
from seedfleet.fleet.cluster import read_cluster
from seedfleet.fleet.engines.choice import ENGINE_OPTIONS, make_engine, read_options
from seedfleet.fleet.engines.queued.folder import startable
from seedfleet.fleet.signals import run_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["place_options", "refuse_absent_engine"]

_PROBE_ID = "engine-check"  # of a run that is never made


def place_options(
    cluster: Path | None, engine: str | None, engine_options: Mapping[str, str]
) -> RunOptions:
    """Say how the fleet is to run jobs of this package, which ask for no GPU.

    Parameters
    ----------
    cluster
        The cluster file; None for none.
    engine
        As `RunOptions.engine`; None for the one that the cluster file needs.
    engine_options
        As they were given. A scheduler's tasks run in this interpreter, unless these name another.

    Raises
    ------
    BadInputError
        The cluster file or the engine cannot be used; the error lists every problem.
    """
    problems: list[str] = []
    engine = engine or ("local" if cluster is None else "ssh")
    options = RunOptions(
        engine=engine, engine_options={**_own_interpreter(engine), **engine_options}
    )
    try:
        if cluster is not None:
            options = dataclasses.replace(options, cluster=read_cluster(cluster))
    except BadInputError as error:
        problems += error.problems
    try:
        if problems and engine == "ssh":
            read_options(engine, options.engine_options)
        else:
            make_engine(options)  # refuses what it does not know
            options = _from_here(options)
    except BadInputError as error:
        problems += error.problems
    if problems:
        raise BadInputError(problems)
    return options


def refuse_absent_engine(options: RunOptions) -> None:
    """Open the engine and close it again, unless it is this machine; nothing is written.

    Whether a scheduler's disk is shared is left to the jobs that need it: that takes a task in its
    line.

    Raises
    ------
    BadInputError
        The engine cannot be reached, or knows nothing of what its options name.
    KeyboardInterrupt
        The user did not wait.
    """
    if options.engine == "local":
        return
    if "probe" in ENGINE_OPTIONS.get(options.engine, {}):
        options = dataclasses.replace(
            options, engine_options={**options.engine_options, "probe": "no"}
        )
    run_blocking(_opened_once(options), RunControl(), lambda _: None)


async def _opened_once(options: RunOptions) -> None:
    engine = make_engine(options)
    try:
        await engine.open(options.paths(_PROBE_ID), options.rules())
    finally:
        await engine.close()


def _from_here(options: RunOptions) -> RunOptions:
    """Let a relative path of the interpreter start here: runs have folders of their own."""
    given = options.engine_options
    if options.engine != "slurm" or "python" not in given:
        return options
    python = startable(given["python"], Path.cwd())
    return dataclasses.replace(options, engine_options={**given, "python": python})


def _own_interpreter(engine: str) -> dict[str, str]:
    if engine in {"local", "ssh"}:
        return {}
    wished = {"python": sys.executable, "default_gpus": "0"}
    return {name: value for name, value in wished.items() if name in ENGINE_OPTIONS.get(engine, {})}
