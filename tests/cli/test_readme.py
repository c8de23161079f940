"""What the README and the page on recovery say of draws is so: commands run, tables are true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.cli._search_scope import options_of
from seedfleet.cli.trace.recover import recover
from seedfleet.evidence.verdict import draws_in_principle
from seedfleet.generators import CATALOGUE, presets_of, streams
from seedfleet.recover.attacks import searches
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.sieve import local_backend

if TYPE_CHECKING:
    from seedfleet.recover import Options

HOUSE = Path(__file__).parents[2]
README = (HOUSE / "README.md").read_text("utf-8")
RECOVERY = (HOUSE / "docs" / "recovery.md").read_text("utf-8")
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
    "JavaScript's `Math.random()` to V8 14.3": {"v8_math_random", "v8_math_random_53"},
    "JavaScript's `Math.random()` from V8 14.4 on": {"v8_math_random_sum"},
    "classic `xorshift128`": {"xorshift128"},
    "`std::uniform_int_distribution`": {"cpp_mt19937_uniform"},
    "PHP to 7.0": {"php_mt_rand_521", "php_mt_rand_520"},
    "CPython's `int(random() * m)`": {"python_random"},
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
    changes = HOUSE / "CHANGELOG.md"
    assert f"- {len(CATALOGUE)} presets:" in changes.read_text("utf-8")


def asked(words: str) -> Options:
    """Return what `trace recover` takes these options for."""
    context = recover.make_context("recover", ["draws", *shlex.split(words)])
    return options_of(context.params)


def test_the_options_of_the_readme_are_options() -> None:
    rows = re.findall(r"^\| `(--[^|]+)` \|", section("Your own draws"), re.MULTILINE)
    words = " ".join(rows).replace("`, `", " ").replace("NAME", "java_next_int")
    given = asked(words.replace(" --evidence-pack DIR", ""))
    assert given.budget_s == 480.0
    assert given.skips == range(2001)
    assert given.sessions == {"evening"}
    (deep,) = re.findall(r"more of all that: `(.+)`", README)
    assert asked(deep) == asked("--deep")


def test_the_defaults_of_the_page_are_the_defaults() -> None:
    row = r"^\| .+ \| `(--\w[\w-]*)` \| (\S+) \| (\S+) \|$"
    table = re.findall(row, RECOVERY, re.MULTILINE)
    assert len(table) == 6
    plain = " ".join(f"{name} {value}" for name, value, _ in table)
    deep = " ".join(f"{name} {value}" for name, _, value in table)
    assert asked(plain) == asked("")
    assert asked(deep) == asked("--deep")


def test_the_draws_of_the_page_are_those_in_principle() -> None:
    rows = re.findall(r"^\| in principle, .*skips \S+((?: \| \d+){4}) \|$", RECOVERY, re.MULTILINE)
    constant, variable = ([int(each) for each in row.split(" | ")[1:]] for row in rows)
    moduli = (10, 49, 100, 1000)
    assert constant == [draws_in_principle(2**48, 501, m) for m in moduli]
    assert variable == [draws_in_principle(2**48, 1, m, 9) for m in moduli]


@pytest.mark.slow
def test_the_recovery_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands, lines = re.findall(r"```(?:sh)?\n(.*?)```", RECOVERY, re.DOTALL)[:2]
    run_and_compare(commands, lines, tmp_path, monkeypatch)


@pytest.mark.slow
def test_the_sieve_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = section("A range of seeds")
    (commands,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (lines,) = re.findall(r"```\n(verdict .*?)```", text, re.DOTALL)
    run_and_compare(commands, lines, tmp_path, monkeypatch)


def run_and_compare(
    commands: str, lines: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run a sample and a search, which says all of these lines."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    sample, search = (re.sub(r"^seedfleet ", "", line) for line in commands.splitlines())
    sample, _, name = sample.partition(" > ")
    done = CliRunner().invoke(main, shlex.split(sample))
    assert done.exit_code == 0, done.output
    Path(name).write_text(done.stdout, encoding="utf-8")
    said = CliRunner().invoke(main, shlex.split(search))
    assert said.exit_code == 0, said.output
    words = " ".join(said.stdout.split())
    for line in lines.splitlines():
        assert " ".join(line.split()) in words, said.stdout
