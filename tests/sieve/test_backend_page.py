"""The back end of docs/writing_a_backend.md keeps the contract, in numba's simulator of CUDA."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "writing_a_backend.md"
_FENCE = re.compile(r"```python cuda_backend\.py\n(.*?)```", re.DOTALL)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "cuda_backend.py").write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "ignore", "cuda_backend.py"],
        cwd=folder,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_back_end_of_the_page_keeps_the_contract_and_a_slip_breaks_it(tmp_path: Path) -> None:
    (code,) = _FENCE.findall(_PAGE.read_text("utf-8"))
    done = run(code, tmp_path)
    assert done.stdout == "the contract holds\n", done.stderr
    assert "position <= positions" in code
    slipped = run(code.replace("position <= positions", "position < positions"), tmp_path)
    assert "BrokenLawError: scan equals brute force" in slipped.stderr
