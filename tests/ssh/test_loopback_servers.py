"""The servers that the other tests stand on do what their names say."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from ssh.ssh_house import wait_until

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]


def ask(house: House, host: str, command: str) -> subprocess.CompletedProcess[str]:
    words = [*house.network.ssh_command, "-o", "BatchMode=yes", host, command]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=90)


def test_a_login_finds_the_home_and_the_path_of_its_machine(house: House) -> None:
    alpha, beta = house.node("alpha"), house.node("beta", python="pypy3")
    for node, version in ((alpha, "CPython"), (beta, "PyPy")):
        asked = ask(
            house,
            node.name,
            'echo "$HOME $PATH"; python3 -c "import platform; '
            'print(platform.python_implementation())"',
        )
        assert asked.stdout.split() == [str(node.home), str(node.programs), version]


def test_a_machine_behind_another_is_reached_through_it(house: House) -> None:
    house.node("gate")
    house.node("behind", jump="gate")
    assert ask(house, "behind", "echo here").stdout == "here\n"
    assert "Accepted publickey" in house.network.servers["gate"].log.read_text()


def test_a_dropped_connection_fails_its_client_and_leaves_what_it_started(house: House) -> None:
    alpha = house.node("alpha")
    words = [*house.network.ssh_command, "alpha", "trap '' HUP PIPE; touch up; sleep 60"]
    words[-1] = f"cd {alpha.home}; {words[-1]}"
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as client:
        wait_until((alpha.home / "up").exists, "the session is up")
        alpha.server.stop()
        assert client.poll() is None, "a stopped daemon leaves its connections alone"
        assert ask(house, "alpha", "true").returncode == 255
        alpha.server.drop_connections()
        assert client.wait(10) == 255
    assert any("sleep" in line for line in house.living().values())
    alpha.server.start()
    assert ask(house, "alpha", "true").returncode == 0


def test_a_frozen_connection_is_silent_until_it_thaws(house: House) -> None:
    alpha = house.node("alpha")
    words = [*house.network.ssh_command, "alpha", "cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"one\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"one\n"
        alpha.server.freeze()
        client.stdin.write(b"two\n")
        client.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            client.wait(0.3)
        alpha.server.thaw()
        assert client.stdout.read() == b"two\n"
        assert client.wait(10) == 0


def test_unknown_and_changed_host_keys_are_refused(house: House) -> None:
    alpha, _ = house.node("alpha"), house.node("beta")
    alpha.server.change_host_key()
    house.network.forget("beta")
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ask(house, "alpha", "true").stderr
    assert "Host key verification failed" in ask(house, "beta", "true").stderr
    house.network.forget("alpha")
    house.network.trust("alpha")
    assert ask(house, "alpha", "true").returncode == 0


def test_nothing_is_left_of_a_closed_house(house: House) -> None:
    alpha = house.node("alpha")
    words = [*house.network.ssh_command, "alpha", "sleep 60 & sleep 60"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL):
        wait_until(lambda: len(house.living()) >= 2, "the session is up")
        house.close()
    assert not house.living()
    assert ask(house, "alpha", "true").returncode == 255
    assert alpha.home.exists()
