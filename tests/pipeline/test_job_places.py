"""Where jobs of a search or a step run, by the flags that were given."""

from pathlib import Path

import pytest

from seedfleet.fleet import BadInputError
from seedfleet.pipeline.job_places import place_options


@pytest.mark.parametrize(
    ("engine", "given", "meant"),
    [
        ("slurm", "env/python", "{here}/env/python"),
        ("slurm", "~/env/python", "{home}/env/python"),
        ("slurm", "python3", "python3"),
        ("ray", "env/python", "env/python"),  # of a node
    ],
)
def test_an_interpreter_starts_where_the_command_does_and_not_in_a_runs_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, given: str, meant: str
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    options = place_options(None, engine, {"python": given})
    assert options.engine_options["python"] == meant.format(here=here, home=home)


def test_an_interpreter_of_nobody_is_refused() -> None:
    with pytest.raises(BadInputError, match="interpreter ~no-such-user/python: "):
        place_options(None, "slurm", {"python": "~no-such-user/python"})
