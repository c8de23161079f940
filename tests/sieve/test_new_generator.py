"""The page on adding a generator does what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "new_generator.md"


def blocks() -> dict[str, str]:
    """Return the page's blocks by what stands behind their three backticks."""
    found = re.findall(r"^```(.+?)\n(.*?)^```$", _PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return dict(found)


def run(*words: str, folder: Path) -> str:
    environment = {**os.environ, "SEEDFLEET_GENERATORS": "my_generators"}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_adds_a_generator_samples_it_and_finds_its_seed(tmp_path: Path) -> None:
    page = blocks()
    (tmp_path / "my_generators").mkdir()
    (tmp_path / "my_generators" / "ansi_c.py").write_text(page["python ansi_c.py"])
    seedfleet = f'set -e\nseedfleet() {{ "{sys.executable}" -m seedfleet "$@"; }}\n'
    said = run("bash", "-c", seedfleet + page["sh"], folder=tmp_path)
    assert "code         srand(42); rand() % 1000" in re.sub(r" {2,}", " " * 9, said)
    assert said.endswith(page["text expected"])
    listed = run(sys.executable, "-m", "seedfleet", "generators", "list", folder=tmp_path)
    assert "ansi_c_rand" in listed
    (tmp_path / "scan.py").write_text(page["python scan.py"])
    run(sys.executable, "scan.py", folder=tmp_path)
    wrong = page["python scan.py"].replace("[20_000_229]", "[20_000_230]")
    with pytest.raises(AssertionError, match="AssertionError"):
        run(sys.executable, "-c", wrong, folder=tmp_path)


def test_the_module_of_the_page_is_short() -> None:
    lines = [line for line in blocks()["python ansi_c.py"].splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.slow
def test_the_expected_words_are_those_of_the_standards_code(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    # The function of the standard's example, in our own words.
    (tmp_path / "rand.c").write_text(
        "#include <stdio.h>\n"
        "static unsigned long next = 1;\n"
        "static int draw(void)\n"
        "{ next = next * 1103515245UL + 12345UL; return (unsigned)(next / 65536) % 32768; }\n"
        'int main(void) { for (int i = 0; i < 5; i++) printf("%d\\n", draw()); return 0; }\n'
    )
    run("gcc", "-o", "rand", "rand.c", folder=tmp_path)
    assert run("./rand", folder=tmp_path) == blocks()["text expected"]
