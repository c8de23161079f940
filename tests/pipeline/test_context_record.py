"""What follows from a step's checks."""

import pytest

from seedfleet.pipeline.steps.context_record import MOST_RETRIES, Check, ContextRecord, Decision

_HOLDS = Check("enough draws", 10, 5)
_MENDED = Check("enough trials", 1, 5, change={"trials": 8})
_HOPELESS = Check("enough draws", 1, 5)
_UNKNOWN = Check("the gap", None, 5)


def record(*checks: Check, attempt: int = 0) -> ContextRecord:
    return ContextRecord("score", "run", None, {}, {}, {}, checks=checks, attempt=attempt)


@pytest.mark.parametrize(
    ("checks", "attempt", "decision", "change"),
    [
        ((_HOLDS,), 0, Decision.PROCEED, {}),
        ((_HOLDS, _MENDED), 0, Decision.RETRY, {"trials": 8}),
        ((_HOLDS, _MENDED), MOST_RETRIES - 1, Decision.RETRY, {"trials": 8}),
        ((_HOLDS, _MENDED), MOST_RETRIES, Decision.STOP, {}),
        ((_MENDED, _HOPELESS), 0, Decision.STOP, {}),
        ((_UNKNOWN,), 0, Decision.STOP, {}),
        ((), 0, Decision.STOP, {}),
    ],
)
def test_a_retry_takes_a_change_for_everything_that_failed(
    checks: tuple[Check, ...], attempt: int, decision: Decision, change: dict[str, int]
) -> None:
    assert record(*checks, attempt=attempt).decision is decision
    assert record(*checks, attempt=attempt).change == change
