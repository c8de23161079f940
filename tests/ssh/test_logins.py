"""Logins as they are found: shells that print and dawdle, and a Python that is old or missing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import GOOD, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

_NOISE = """\
#!/bin/sh
echo "Welcome to $HOME! You have new mail."
echo "on stderr too" >&2
printf '\\000\\001\\377 no text, and no newline at its end'
i=0
while [ $i -lt 2000 ]; do echo "line $i of a long message of the day"; i=$((i+1)); done
sleep 0.5
exec {shell} -c "$SSH_ORIGINAL_COMMAND"
"""


def shell_path(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(f"{shell} is missing on this machine")
        pytest.skip(f"{shell} is missing on this machine")
    return path


def noisy(folder: Path, shell: str) -> str:
    """Write a stand-in for a login shell; the server runs it in place of what is asked."""
    path = folder / f"login_{shell}"
    path.write_text(_NOISE.format(shell=shell_path(shell)))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("shell", ["sh", "bash", "tcsh", "fish"])
def test_noise_delay_and_other_shells_do_no_harm(house: House, tmp_path: Path, shell: str) -> None:
    house.node("alpha", login_command=noisy(tmp_path, shell))
    body = "json.dump(sys.argv[3:], open(out, 'w'))"
    job = house.job(body, "a") | {"args": ["-o", "a.json", "it's $(x) !! `y`", "two\nlines"]}
    told = house.run([job])
    assert told.code == 0, told.said
    assert told.result("a") == ["it's $(x) !! `y`", "two\nlines"]


def test_start_files_that_print_do_no_harm(house: House) -> None:
    alpha = house.node("alpha")
    # bash reads this one when a server started it, also for a command.
    (alpha.home / ".bashrc").write_text("echo noise from a start file; echo more >&2\n")
    (alpha.home / ".bash_logout").write_text("echo bye\n")
    told = house.run([house.job(GOOD, "a")])
    assert told.code == 0, told.said


def test_a_login_that_only_prints_is_told_with_its_words(house: House, tmp_path: Path) -> None:
    login = tmp_path / "closed"
    login.write_text("#!/bin/sh\necho 'This account is currently not available.'; exit 1\n")
    login.chmod(0o755)
    house.node("closed", login_command=str(login))
    house.node("alpha")
    told = house.run([house.job(GOOD, "a")])
    assert told.code == 0, told.said
    assert "This account is currently not available." in told.said


def test_unlike_pythons_run_the_same_jobs(house: House) -> None:
    pypy = shutil.which("pypy3")
    house.node("old", python="pypy3")
    venv = house.node("venv")
    (venv.home / "env/bin").mkdir(parents=True)
    (venv.home / "env/bin/python").symlink_to((house.nodes["old"].programs / "python3").resolve())
    house.node("direct", python_env=pypy)
    venv.config["python_env"] = "~/env"
    jobs = [house.job(GOOD, name, node=name) for name in ("old", "venv", "direct")]
    told = house.run(jobs)
    assert told.code == 0, told.said
    assert {tuple(line["python"]) < (3, 11) for line in house.ledger()} == {True}


def test_a_node_without_python_says_so_and_others_do_its_work(house: House) -> None:
    house.node("bare", python=None)
    house.node("alpha")
    told = house.run([house.job(GOOD, name) for name in ("a", "b", "c")])
    assert told.code == 0, told.said
    assert {job["node"] for job in told.jobs.values()} == {"alpha"}
    assert "python3" in told.said
    assert "bare" in told.said


def test_a_python_too_old_says_so(house: House) -> None:
    ancient = house.node("ancient", python=None)
    (ancient.programs / "python3").write_text(
        "#!/bin/sh\n"
        "echo '  File \"<string>\", line 1' >&2; echo 'SyntaxError: invalid syntax' >&2; exit 1\n"
    )
    (ancient.programs / "python3").chmod(0o755)
    house.node("alpha")
    told = house.run([house.job(GOOD, "a")])
    assert told.code == 0, told.said
    assert "ancient" in told.said
    assert "SyntaxError" in told.said, "its own words are the evidence"


def test_nothing_stays_on_a_node_after_a_good_run(house: House) -> None:
    alpha = house.node("alpha")
    told = house.run([house.job(GOOD, name) for name in ("a", "b", "c")])
    assert told.code == 0, told.said
    wait_until(lambda: not house.living(), "the agent has left")
    left = [path for path in alpha.state.rglob("*") if path.name in {"order.json", "stdout.log"}]
    assert left == [], "attempts are cleared away once their results have come"


def test_ctrl_c_while_a_login_hangs_starts_nothing_and_does_not_wait(
    house: House, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    house.node("alpha", login_command=f"touch {begun}; sleep 60")
    head = house.start([house.job(GOOD, "a")])
    wait_until(begun.exists, "the login has begun")
    head.interrupt()
    told = head.wait(30)
    assert told.code == 3, told.said
    assert "nothing was started" in told.stderr
    assert not (house.root / "out").exists()
