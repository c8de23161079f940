"""What every queueing engine does, over a scheduler of local processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from queue_house import Line

from seedfleet.fleet.testing import Outage, check_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.end_all()


@pytest.mark.slow
def test_a_queueing_engine_keeps_the_contract(line: Line, tmp_path: Path) -> None:
    def set_down(down: bool) -> None:
        line.down = down

    outage = Outage(cut=lambda: set_down(True), mend=lambda: set_down(False))
    asyncio.run(check_engine(line.engine, tmp_path, outage))
