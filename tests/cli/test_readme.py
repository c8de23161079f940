"""What the README says of draws is so: its commands run, its table lists what is searched."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.generators import CATALOGUE, presets_of, streams
from seedfleet.recover.attacks import searches
from seedfleet.recover.search import Question, Scope
from seedfleet.sieve import local_backend

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
# What the table calls the presets that `trace recover` searches for three-digit draws.
SEARCHED = {
    "`nextInt(m)`": {"java_next_int"},
    "`nextInt(10)` digit by digit": {"java_next_int_digits"},
    "C `lrand48() % m`": {"c_lrand48"},
    "Visual C++ `rand() % m`": {"msvc_rand"},
    "glibc's `rand() % m` with 8 bytes of state": {"glibc_rand_type0"},
    "classic `java_lcg`": {"java_lcg"},
    "`nextDouble() * m`": {"java_next_double"},
    "`Math.random() * m`": {"java_math_random"},
    "C `drand48() * m`": {"c_drand48"},
    "Perl `int(rand m)`": {"perl_rand"},
    "`std::minstd_rand % m`": {"cpp_minstd_rand"},
    "`std::minstd_rand0 % m`": {"cpp_minstd_rand0"},
    "classic `minstd`, `lcg32`, `xorshift32`": {"minstd", "lcg32", "xorshift32"},
    "glibc's `rand() % m`, Go's `Intn(m)`, .NET's `Next(m)`": {
        "glibc_rand",
        "go_intn",
        "dotnet_next",
    },
    "`std::mt19937 % m`": {"cpp_mt19937"},
    "PHP 7.1 and later `mt_rand(0, m-1)` and `rand(0, m-1)`": {"php_mt_rand", "php_rand"},
    "classic `mt19937`, numpy's `RandomState.randint`, Ruby's `rand(m)`": {
        "mt19937",
        "numpy_randint",
        "ruby_rand",
    },
    "every other call that `seedfleet generators list` names": set[str](),
}


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def searched(modulus: int) -> set[str]:
    """Return the presets that some search of `trace recover` covers by default."""
    scope = Scope(np.arange(200) % modulus, 180)
    question = Question(modulus, (scope,), skips=range(501), scan_skips=range(9))
    every = searches(streams(), question, local_backend())
    covered = {stream for search in every for stream in search.coverage.streams}
    return {preset.slug for stream in covered for preset in presets_of(stream)}


def test_the_table_lists_what_is_searched() -> None:
    rows = [row for row in section("Your own draws").splitlines() if row.startswith("| ")]
    table = "\n".join(row.split("|")[1] for row in rows)
    assert [words for words in SEARCHED if words not in table] == []
    every = {preset.slug for preset in CATALOGUE}
    assert searched(1000) == every
    assert every > set().union(*SEARCHED.values())


def test_the_number_of_presets_is_true() -> None:
    assert f"names {len(CATALOGUE)} calls" in section("A range of seeds")
    changes = Path(__file__).parents[2] / "CHANGELOG.md"
    assert f"- {len(CATALOGUE)} presets:" in changes.read_text("utf-8")


@pytest.mark.slow
def test_the_sieve_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    text = section("A range of seeds")
    (commands,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    sample, sieve = (re.sub(r"^seedfleet ", "", line) for line in commands.splitlines())
    sample, _, name = sample.partition(" > ")
    done = CliRunner().invoke(main, shlex.split(sample))
    assert done.exit_code == 0, done.output
    Path(name).write_text(done.stdout, encoding="utf-8")
    said = CliRunner().invoke(main, shlex.split(sieve))
    assert said.exit_code == 0, said.output
    (lines,) = re.findall(r"```\n(verdict .*?)```", text, re.DOTALL)
    words = " ".join(said.stdout.split())
    for line in lines.splitlines():
        assert " ".join(line.split()) in words, said.stdout
