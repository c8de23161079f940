"""The predictions of a run in words, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["prediction_lines"]

_MOST_DRAWS, _MOST_VALUES = 10, 5  # on a terminal; predictions.json has all


def prediction_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what predictions.json says."""
    yield f"verdict: {document['verdict']}: {document['verdict_reason']}"
    yield f"  ranked by: {document['model_used']} ({document['model_reason']})"
    yield f"  no stream goes on with probability {document['null_probability']:.4g}"
    chance = 1 / document["modulus"]
    predictions = document["predictions"]
    for told in predictions[:_MOST_DRAWS]:
        yield _draw_line(told, chance)
    if len(predictions) > _MOST_DRAWS:
        yield f"  … and {len(predictions) - _MOST_DRAWS} more in predictions.json"
    yield _test_line(document["test"])


def _draw_line(told: Mapping[str, Any], chance: float) -> str:
    begin = f"  draw +{told['step']}: "
    if told["value"] is None:
        highest = told["highest_probability"]
        return (
            f"{begin}no value is named: none has more than {highest:.4%} (by chance {chance:.4%})"
        )
    values = (f"{each['value']} ({each['probability']:.2%})" for each in told["top"][:_MOST_VALUES])
    return f"{begin}{', '.join(values)} (by chance {chance:.2%})"


def _test_line(test: Mapping[str, Any]) -> str:
    if not test["draws"]:
        return "  test slice: no draws"
    return (
        f"  test slice, {test['draws']} draws: log2 score {test['log2_score']:.4f} a draw "
        f"(uniform {test['uniform_log2_score']:.4f})"
    )
