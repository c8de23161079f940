"""A head and some nodes, each node behind a real OpenSSH server and unlike the others.

Nodes write down what happened on them, in a ledger of their own: every script appends a line when
it starts and one when it ends. What the head tells is judged by these ledgers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seedfleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedfleet.fleet.testing.sshd import SshNetwork, SshServer

# All that a node has on its PATH, beside its own python3 and what a test adds.
_NODE_TOOLS = ("sh", "bash", "dash", "cat", "env", "ls", "mkdir", "rm", "sleep", "touch", "true")

# Runs on any Python from 3.8 on. `note` is one write of one line, which the kernel keeps whole.
_PROLOGUE = """\
import hashlib, json, os, signal, subprocess, sys, time
me = os.environ["SEEDFLEET_JOB_ID"]
out = sys.argv[sys.argv.index("-o") + 1] if "-o" in sys.argv else None
def note(what, **more):
    more.update(what=what, job=me, attempt=os.environ["SEEDFLEET_ATTEMPT"], pid=os.getpid())
    more.update(gpus=os.environ["SEEDFLEET_GPU_IDS"], run=os.environ["SEEDFLEET_RUN_ID"])
    more.update(at=time.time(), python=sys.version_info[:2], script=__file__)
    ledger = os.open("ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(ledger, (json.dumps(more) + "\\n").encode())
    os.close(ledger)
def wait_for(name):
    while not os.path.exists(name): time.sleep(0.02)
note("start")
"""
_EPILOGUE = 'note("end")\n'

GOOD = "json.dump({'job': me}, open(out, 'w'))"
# Runs until the test opens the gate of its node.
GATED = "wait_for('go'); " + GOOD


@dataclass
class House:
    """Everything of one test: the head's folder, the network, and the nodes by name.

    `ssh_words` are more options for the head's ssh command. By `shared_disks` the head is told
    whether it may notice that all these machines are one; else files go over the connections.
    """

    folder: Path
    network: SshNetwork
    nodes: dict[str, Node] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    ssh_words: list[str] = field(default_factory=list)
    shared_disks: str = "no"

    @property
    def root(self) -> Path:
        """The folder where the head runs."""
        return self.folder / "root"

    @property
    def environment(self) -> dict[str, str]:
        """The head's environment."""
        source = str(Path(seedfleet.__file__).parents[1])
        home = self.folder / "head_home"
        return os.environ | {
            "PYTHONPATH": source,
            "HOME": str(home),
            "SEEDFLEET_HOME": str(home / "seedfleet"),
        }

    def node(
        self,
        name: str,
        *,
        python: str | None = sys.executable,
        tools: Sequence[str] = (),
        login_command: str | None = None,
        jump: str | None = None,
        root_name: str = "scripts",
        **config: Any,
    ) -> Node:
        """Make a machine: a home, a script folder, the programs on its PATH, a server before it.

        `config` goes into the cluster file; without any the node has two GPUs. `root_name` is its
        script_path, in its home unless it is absolute.
        """
        home = self.folder / "machines" / name
        node = Node(name, home, {"gpu_count": 2, "platform": "cuda"} | config, root_name)
        for folder in (home, node.root, node.programs):
            folder.mkdir(parents=True, exist_ok=True)
        for tool in (*_NODE_TOOLS, *tools):
            (node.programs / tool).symlink_to(_program(tool))
        if python is not None:
            (node.programs / "python3").symlink_to(Path(_program(python)).resolve())
        node.server = self.network.start(
            name, environment=node.environment, login_command=login_command, jump=jump
        )
        self.nodes[name] = node
        return node

    def cluster(self, *entries: Mapping[str, Any]) -> Path:
        """Write the cluster file; without entries it names all nodes."""
        path = self.root / "cluster.json"
        nodes = entries or [node.entry() for node in self.nodes.values()]
        path.write_text(json.dumps({"nodes": list(nodes)}))
        return path

    def script(self, body: str, name: str = "work.py") -> str:
        """Put a script on every node, none on the head."""
        for node in self.nodes.values():
            node.script(body, name)
        return name

    def job(self, body: str, job_id: str, **changes: Any) -> dict[str, Any]:
        """Make a job of a script with this body that writes `<job_id>.json`."""
        script = changes.pop("script", None) or self.script(body, f"{job_id}.py")
        output = f"{job_id}.json"
        made = {
            "job_id": job_id,
            "script": script,
            "args": ["-o", output],
            "expected_output": output,
            "timeout": 60,
        }
        return made | changes

    def start(self, jobs: Sequence[Mapping[str, Any]], *words: str, name: str = "jobs") -> Head:
        """Start `seedfleet run` on these jobs as a process of its own."""
        path = self.root / f"{name}.json"
        path.write_text(json.dumps(list(jobs)))
        if not (self.root / "cluster.json").exists():
            self.cluster()
        return self._head(path.name, "--cluster", "cluster.json", *self.ssh_options, *words)

    def run(self, jobs: Sequence[Mapping[str, Any]], *words: str, name: str = "jobs") -> Told:
        """Run jobs to their end; without further words nothing is tried again."""
        return self.start(jobs, *(words or ("--retries", "0")), name=name).wait()

    def resume(self, run_id: str, *words: str) -> Head:
        """Start `seedfleet run --resume`."""
        return self._head("--resume", run_id, *words)

    @property
    def ssh_options(self) -> tuple[str, ...]:
        """The options that make the head use this network."""
        words = [*self.network.ssh_command, *self.ssh_words]
        ssh, disks = f"ssh={shlex.join(words)}", f"shared_disks={self.shared_disks}"
        return "--engine-option", ssh, "--engine-option", disks

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Start another command of `seedfleet` from another terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "seedfleet", *words, "--output-dir", "out"],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_folder(self) -> Path:
        """The folder of the only run."""
        runs = self.root / "out"
        (folder,) = (path for path in runs.iterdir() if path.name != ".seedfleet")
        return folder

    def ledger(self) -> list[dict[str, Any]]:
        """What happened on all nodes, in order of time; each line has its `node`."""
        lines = [line for node in self.nodes.values() for line in node.ledger()]
        return sorted(lines, key=lambda line: line["at"])

    def starts(self) -> Counter[str]:
        """How often each job's script really began."""
        return Counter(line["job"] for line in self.ledger() if line["what"] == "start")

    def living(self) -> dict[int, str]:
        """Find every process that was started behind one of the servers, with its arguments."""
        return dict(_processes(self.folder / "machines"))

    def wait_starts(self, number: int) -> None:
        """Wait until so many scripts have begun."""
        wait_until(lambda: self.starts().total() >= number, f"{number} scripts have begun")

    def close(self) -> None:
        """End all that is left of the test, failed or not."""
        for head in self.heads:
            head.kill()
        self.network.close()
        # More than once: what forks while it is being killed is found the next time.
        wait_until(lambda: not self._kill_living(), "nothing is left of the test")

    def _kill_living(self) -> bool:
        living = self.living()
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(living)

    def _head(self, *words: str) -> Head:
        command = [sys.executable, "-c", "from seedfleet.cli import main; main()", "run", *words]
        number = len(self.heads)
        out, err = (self.folder / f"{name}{number}" for name in ("stdout", "stderr"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*command, "--output-dir", "out"],
                cwd=self.root,
                env=self.environment,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,  # as from a terminal of its own
            )
        head = Head(process, self, number)
        self.heads.append(head)
        return head


@dataclass
class Node:
    """One machine."""

    name: str
    home: Path
    config: dict[str, Any]
    root_name: str = "scripts"
    server: SshServer = field(init=False)

    @property
    def root(self) -> Path:
        """Its script_path."""
        return self.home / self.root_name

    @property
    def programs(self) -> Path:
        """Its PATH."""
        return self.home / "bin"

    @property
    def state(self) -> Path:
        """Where its running attempts live."""
        return self.home / "state"

    @property
    def environment(self) -> dict[str, str]:
        """What a login finds."""
        return {
            "HOME": str(self.home),
            "PATH": str(self.programs),
            "SEEDFLEET_HOME": str(self.state),
            "SEEDFLEET_LOCKS": str(self.home / "locks"),
        }

    def entry(self, **changes: Any) -> dict[str, Any]:
        """Its place in the cluster file."""
        return {"hostname": self.name, "script_path": str(self.root)} | self.config | changes

    def script(self, body: str, name: str) -> None:
        """Put a script into its script_path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{_PROLOGUE}{body}\n{_EPILOGUE}")

    def open_gate(self) -> None:
        """Let scripts that wait for `go` go on."""
        (self.root / "go").touch()

    def ledger(self) -> list[dict[str, Any]]:
        """What happened here."""
        path = self.root / "ledger"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) | {"node": self.name} for line in lines]

    def living_scripts(self) -> list[int]:
        """Find the processes that scripts here have started, and themselves."""
        return [
            pid
            for pid, _ in _processes(self.home)
            if any(entry.startswith(b"SEEDFLEET_ATTEMPT_TOKEN=") for entry in _environ(pid))
        ]

    def agents(self) -> list[int]:
        """Find the processes that this node's connections have started, shells left out."""
        living = dict(_processes(self.home))
        parents = {pid: parent_of(pid) for pid in living}
        found = [pid for pid in living if _name(parents[pid]).startswith("sshd")]
        for pid in found:
            if _name(pid) in _NODE_TOOLS:
                found += [child for child, parent in parents.items() if parent == pid]
        return [pid for pid in found if _name(pid) not in _NODE_TOOLS]


@dataclass
class Head:
    """One `seedfleet run` at work."""

    process: subprocess.Popen[bytes]
    house: House
    number: int

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return (self.house.folder / f"stderr{self.number}").read_text()

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return (self.house.folder / f"stdout{self.number}").read_text()

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal tells every process of the session, ssh clients too."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, patience_s: float = 120.0) -> Told:
        """Wait for its end and read what it tells."""
        code = self.process.wait(patience_s)
        return Told(code, self.stdout, self.stderr)

    def kill(self) -> None:
        """End it as `kill -9` does: the head alone."""
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Told:
    """What a head told at its end."""

    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """Both streams."""
        return self.stdout + self.stderr

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest that it names."""
        (line,) = (line for line in self.stdout.splitlines() if line.startswith("manifest: "))
        document: dict[str, Any] = json.loads(Path(line.removeprefix("manifest: ")).read_text())
        return document

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Each job's part of the manifest."""
        jobs: dict[str, dict[str, Any]] = self.manifest["jobs"]
        return jobs

    @property
    def outcomes(self) -> dict[str, str]:
        """Each job's outcome."""
        return {job_id: job["outcome"] for job_id, job in self.jobs.items()}

    def result(self, job_id: str) -> Any:
        """Read a job's first output where the manifest says that it stands."""
        return json.loads(Path(next(iter(self.jobs[job_id]["outputs"]))).read_text())


def wait_until(condition: Callable[[], object], what: str, patience_s: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Tell whether a process is there and no zombie that nobody has buried yet."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text[text.rindex(")") + 2] not in "ZX"


def parent_of(pid: int) -> int:
    """Return the parent's process id, or 0 where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text[text.rindex(")") + 2 :].split()[1])


def overlaps(ledger: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """List pairs of scripts that ran at the same time on the same GPU of the same node."""
    running: dict[tuple[str, str], str] = {}
    found = []
    for line in sorted(ledger, key=lambda line: line["at"]):
        for gpu in filter(None, line["gpus"].split(",")):
            slot, who = (line["node"], gpu), f"{line['run']}/{line['job']}"
            if line["what"] == "start":
                if slot in running:
                    found.append((running[slot], who))
                running[slot] = who
            elif line["what"] == "end":
                running.pop(slot, None)
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _program(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is missing on this machine"
    return path


def _processes(home: Path) -> Iterator[tuple[int, str]]:
    marker = f"HOME={home}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and any(
            variable.startswith(marker) for variable in _environ(int(entry.name))
        ):
            with contextlib.suppress(OSError):  # it has ended since
                line = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                yield int(entry.name), line.replace("\0", " ").strip()


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
