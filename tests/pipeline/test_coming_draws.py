"""Whose coming draws a run tells, where sessions have streams of their own."""

from typing import Any

import pytest

from seedfleet.pipeline.steps.workflow.coming_draws import coming_draws


def _recovered(*told: tuple[str | None, int | None]) -> dict[str, Any]:
    """Return what step 0 says of sessions: the next value of each."""
    whose = {"probability": 0.75, "ahead": 1, "date": None, "machine": None}
    predictions = [{**whose, "session": session, "draw": value} for session, value in told]
    return {"abstained": False, "predictions": predictions}


def _predicted(value: int | None, *sessions: str) -> dict[str, Any]:
    prediction: dict[str, Any] = {"step": 1, "value": value, "probability": 0.5, "top": []}
    return {"abstained": False, "predictions": [prediction], "sessions": list(sessions)}


@pytest.mark.parametrize(
    ("leading", "recovered", "predicted", "told"),
    [
        ("predict", _recovered(("midday", 7), ("evening", 8)), _predicted(5, "midday"), [5, 8]),
        ("predict", _recovered(("evening", 8)), _predicted(5, "midday"), [5, 8]),
        ("recover", _recovered(("evening", 8)), _predicted(5, "midday"), [8, 5]),
        ("recover", _recovered(("evening", 8), ("midday", None)), _predicted(5, "midday"), [8, 5]),
        ("predict", _recovered(("evening", None)), _predicted(5, "midday"), [5]),
        ("predict", _recovered(("midday", 7), ("evening", 8)), _predicted(5), [5]),
        ("predict", _recovered((None, 7)), _predicted(5, "midday"), [5]),
        ("recover", _recovered((None, 7)), _predicted(5, "midday"), [7]),
        ("predict", None, _predicted(5, "midday"), [5]),
        ("recover", _recovered(("midday", 7)), None, [7]),
    ],
)
def test_each_session_is_told_once_by_the_leading_step_where_it_knows(
    leading: str,
    recovered: dict[str, Any] | None,
    predicted: dict[str, Any] | None,
    told: list[int],
) -> None:
    documents = {"recover": recovered, "predict": predicted}
    coming = coming_draws(documents, leading)
    assert [each["value"] for each in coming] == told
    by = {None: None} | {each["value"]: each["by"] for each in coming}
    assert all(by[value] == ("recover" if value in (7, 8) else "predict") for value in told)


def test_a_step_that_abstains_tells_nothing_and_nobody_is_nobody() -> None:
    silent = _recovered(("evening", 8)) | {"abstained": True}
    documents = {"recover": silent, "predict": _predicted(5, "midday")}
    (only,) = coming_draws(documents, "predict")
    assert (only["sessions"], only["by"]) == (["midday"], "predict")
    assert coming_draws(documents, None) == []
