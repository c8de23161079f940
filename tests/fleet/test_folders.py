"""Folders say what the disk says, also once they have been asked so often that they are listed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seedfleet.fleet._folders import Folders


@pytest.mark.parametrize("times", [1, 200])
def test_folders_say_what_the_disk_says(tmp_path: Path, times: int) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "real" / "file").write_text("")
    (tmp_path / "real" / "to_file").symlink_to("file")
    (tmp_path / "real" / "to_folder").symlink_to("sub")
    (tmp_path / "real" / "dangling").symlink_to("nowhere/at/all")
    (tmp_path / "link").symlink_to("real")
    names = ("file", "sub", "to_file", "to_folder", "dangling", "none")
    paths = [f"{tmp_path}/{top}/{name}" for top in ("real", "link", "absent") for name in names]
    folders = Folders()
    for path in paths * times:
        assert folders.real(path) == os.path.realpath(path)
        assert folders.is_folder(path) == Path(path).is_dir()


def test_the_top_folder_is_a_folder() -> None:
    assert Folders().real("/") == "/"
    assert Folders().is_folder("/")
    assert Folders().real("/none") == "/none"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_asked_name_by_name(tmp_path: Path) -> None:
    (tmp_path / "closed" / "sub").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o100)
    folders = Folders()
    try:
        assert all(folders.is_folder(f"{tmp_path}/closed/sub") for _ in range(200))
    finally:
        (tmp_path / "closed").chmod(0o700)
