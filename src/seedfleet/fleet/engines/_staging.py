"""Making sure that a node has the scripts and inputs of a job, by content and never by name."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.link import RefusedError
from seedfleet.fleet.node.outputs import digest

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.fleet.engines._orders import Site
    from seedfleet.fleet.engines.base import Rules
    from seedfleet.fleet.engines.link import NodeLink
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["ScriptCopies", "Staging"]

_PIECE_BYTES: Final = 1 << 20


class ScriptCopies:
    """Which copy of each script the nodes of a run have, to notice those that differ."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}

    def differs(self, path: str, where: str, sha256: str) -> str | None:
        """Say what is odd about a copy, if another one was seen with other content.

        Parameters
        ----------
        path
            As the job names it.
        where
            The copy, for a person.
        sha256
            Of its content.
        """
        seen, first = self._first.setdefault(path, (sha256, where))
        return None if seen == sha256 else f"{where} is not what {first} is; --stage copies it"


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a file cannot be where a job needs it, and whether the node is to blame."""

    text: str
    of_node: bool = True


class Staging:
    """What is known of the files on one node during one connection.

    Parameters
    ----------
    link
        To the node.
    site
        Where things are there.
    paths, rules
        Of the run.
    copies
        Of scripts, as all nodes of the run have them.
    """

    def __init__(
        self,
        link: NodeLink,
        site: Site,
        *,
        paths: RunPaths,
        rules: Rules,
        copies: ScriptCopies,
    ) -> None:
        self._copies = copies
        self._link = link
        self._site = site
        self._paths = paths
        self._rules = rules
        self._ready: set[str] = set()
        self._problems: dict[str, _Problem] = {}
        self._remarks: list[str] = []

    def has_work(self, job: Job) -> bool:
        """Tell whether `prepare` would have to ask the node."""
        if self._site.sees_root:  # the files are the same ones
            return False
        return any(path not in self._ready for path in (job.script, *job.inputs))

    async def prepare(self, job: Job) -> dict[str, Any] | None:
        """Bring what a job needs to the node.

        Returns
        -------
        dict or None
            The status of an attempt that cannot start, or None.

        Raises
        ------
        NodeContactError
            If the connection ends.
        """
        if not self.has_work(job):
            return None
        needed = [job.script, *job.inputs]
        new = [path for path in needed if path not in self._ready and path not in self._problems]
        if new:
            there = await self._digests_there(new)
            for path in new:
                problem = await self._bring(path, there[path], is_script=path == job.script)
                if problem is None:
                    self._ready.add(path)
                else:
                    self._problems[path] = problem
        problems = [self._problems[path] for path in needed if path in self._problems]
        if problems:
            texts = "; ".join(problem.text for problem in problems)
            fault = all(problem.of_node for problem in problems)
            return {"outcome": "failed_to_start", "problem": texts, "node_fault": fault}
        return None

    def remarks(self) -> list[str]:
        """Return what a person should know and has not been told."""
        told, self._remarks = self._remarks, []
        return told

    async def _digests_there(self, paths: list[str]) -> dict[str, str | None]:
        places = {path: self._paths.under(self._site.root, path) for path in paths}
        reply = await self._link.ask("digests", paths=list(places.values()))
        return {path: reply["answer"][place] for path, place in places.items()}

    async def _bring(self, path: str, there: str | None, *, is_script: bool) -> _Problem | None:
        """Bring one file if it has to come from here; return why it cannot, or None."""
        source = self._paths.on_head(path)
        here = await asyncio.to_thread(_digest, source)
        place, name = self._paths.under(self._site.root, path), self._site.node.name
        if is_script and not self._rules.stage:
            if there is None:
                return _Problem(f"there is no {place} on {name}; --stage copies scripts")
            self._compare(path, (str(source), here), (f"{name}: {place}", there))
            return None
        if there is not None and here in {None, there}:
            return None
        problem = None
        if here is None:
            problem = _Problem(f"there is no {source} to copy to {name}", of_node=False)
        elif self._copies.differs(path, str(source), here):
            problem = _Problem(f"{source} has changed since the run copied it", of_node=False)
        else:
            try:
                await self._copy(source, place, here)
            except RefusedError as error:
                problem = _Problem(f"{name} does not take {place}: {error.problem}")
            except OSError as error:
                problem = _Problem(f"cannot read {source}: {error}", of_node=False)
        return problem

    def _compare(self, path: str, *copies: tuple[str, str | None]) -> None:
        for where, sha256 in copies:
            odd = sha256 and self._copies.differs(path, where, sha256)
            if odd:
                self._remarks.append(odd)

    async def _copy(self, source: Path, place: str, sha256: str) -> None:
        size_bytes = source.stat().st_size
        # The same for every try of this run, so that what is cut short leaves one file at most.
        transfer = hashlib.sha256(f"{self._paths.run_id}/{sha256}".encode()).hexdigest()[:8]
        with source.open("rb") as stream:
            sent = 0
            while True:
                piece = await asyncio.to_thread(stream.read, _PIECE_BYTES)
                sent += len(piece)
                last = sent >= size_bytes or not piece
                await self._link.ask(
                    "put",
                    piece,
                    path=place,
                    transfer=transfer,
                    first=sent == len(piece),
                    last=last,
                    sha256=sha256,
                    mode=source.stat().st_mode & 0o777,
                    tops=[str(top) for top in self._paths.allow_roots],
                )
                if last:
                    return


def _digest(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None
