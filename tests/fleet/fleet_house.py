"""A house of its own for every test: root, output folder, node home and locks."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import seedfleet
from seedfleet.fleet import Job, LocalEngine, Progress, RunOptions, RunReport, run_sync
from seedfleet.fleet.node.processes import TOKEN_VARIABLE


@dataclass
class House:
    """Where a test's scripts, results and running attempts live."""

    root: Path
    home: Path
    events: list[Progress] = field(default_factory=list)
    heads: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def script(self, body: str, name: str = "work.py") -> str:
        """Write a script; `out` in its body is the path after `-o`."""
        head = "import json, os, signal, subprocess, sys, time\n"
        head += "out = sys.argv[sys.argv.index('-o') + 1] if '-o' in sys.argv else None\n"
        (self.root / name).write_text(head + body + "\n")
        return name

    def job(self, body: str = "", job_id: str = "a", **changes: Any) -> Job:
        """Make a job of a script with this body that writes `<job_id>.json`."""
        output = changes.pop("expected_output", f"{job_id}.json")
        script = changes.pop("script", None) or self.script(body, f"{job_id}.py")
        args = changes.pop("args", ("-o", output))
        return Job(job_id=job_id, script=script, args=args, expected_output=output, **changes)

    def engine(self, slots: int = 2) -> LocalEngine:
        """Make an engine whose files and locks stay in this house."""
        return LocalEngine(slots=slots, home=self.home, lock_folder=self.home / "locks")

    def options(self, **changes: Any) -> RunOptions:
        """Make options without retries and with a short grace."""
        defaults: dict[str, Any] = {"retries": 0, "kill_grace_s": 0.3, "root": self.root}
        return RunOptions(**({"output_dir": "out"} | defaults | changes))

    def run(self, *jobs: Job, slots: int = 2, **changes: Any) -> RunReport:
        """Run jobs to their end."""
        return run_sync(
            jobs, self.options(**changes), engine=self.engine(slots), on_event=self.events.append
        )

    def start_head(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `seedfleet run` as a process of its own."""
        command = [sys.executable, "-c", "from seedfleet.cli import main; main()", "run", *words]
        head = subprocess.Popen(
            [*command, "--output-dir", "out", "--engine-option", "slots=2"],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(Path(seedfleet.__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.heads.append(head)
        return head


GOOD = "json.dump({'good': True}, open(out, 'w'))"


def living_attempts(run_id: str) -> list[int]:
    """Find every process on this machine that belongs to a run."""
    found = []
    wanted = f"{TOKEN_VARIABLE}={run_id}/".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if any(
                    variable.startswith(wanted)
                    for variable in (entry / "environ").read_bytes().split(b"\0")
                ):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
