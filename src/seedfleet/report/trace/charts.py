"""The drawings of a run: survivors against chance, trials, models, reliability, log scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from seedfleet.report._drawing import circle, cross, drawing, line, rectangle, words
from seedfleet.report._figures import bits, number, percent, whole
from seedfleet.report.trace.survivors import DIRECTIONS, chance_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from seedfleet.report.trace.calibration import Bin
    from seedfleet.report.trace.survivors import Trial

__all__ = ["model_dots", "reliability_diagram", "score_bars", "survivor_dots", "trial_dots"]

_LEFT, _RIGHT, _TOP, _ROW = 92.0, 346.0, 10.0, 30.0
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LARGEST_PLAIN = 3  # decimal logarithm
_LEAST_COUNT = -2.0  # decimal logarithm of the left end of a scale of counts


def _across(value: float, least: float, most: float) -> float:
    share = (value - least) / (most - least)
    return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT)


# --- survivors against chance ---


def survivor_dots(counts: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Draw how many passed each part of the sieve beside what chance lets pass, on a log scale."""
    logs = [
        _log(value) for each in counts.values() for value in (each["observed"], each["expected"])
    ]
    most = max(1, math.ceil(max(logs)))
    bottom = _TOP + _ROW * len(counts)
    step = max(1, math.ceil((most - _LEAST_COUNT) / 6))
    parts = [
        part
        for tick in range(most, int(_LEAST_COUNT) - 1, -step)
        for x in [_across(tick, _LEAST_COUNT, most)]
        for part in (
            line("grid", (x, _TOP), (x, bottom)),
            words(_count(tick), x, bottom + 15, "middle"),
        )
    ]
    for place, (direction, each) in enumerate(counts.items()):
        parts += _survivor_row(direction, each, _TOP + _ROW * (place + 0.5), most)
    told = "; ".join(
        f"{DIRECTIONS[direction]}: {chance_text(each)}" for direction, each in counts.items()
    )
    return drawing("dots", int(bottom) + 22, f"Survivors: {told}", parts)


def _log(count: float) -> float:
    return math.log10(count) if count > 10**_LEAST_COUNT else _LEAST_COUNT


def _count(log10: int) -> str:
    """Name a power of ten; the left end of the scale stands for all that is less."""
    if log10 <= _LEAST_COUNT:
        return "0"
    if log10 > _LARGEST_PLAIN:
        return "10" + str(log10).translate(_RAISED)
    return f"{10.0**log10:,g}"


def _survivor_row(direction: str, each: Mapping[str, Any], y: float, most: float) -> list[Markup]:
    observed, expected = (
        _across(_log(each[name]), _LEAST_COUNT, most) for name in ("observed", "expected")
    )
    return [
        words(DIRECTIONS[direction], _LEFT - 10, y + 4, "end"),
        line("rail", (_LEFT, y), (_RIGHT, y)),
        line("gap", (observed, y), (expected, y)),
        circle("hit", observed, y, 5.5, f"{whole(each['observed'])} passed"),
        line("tick", (expected, y - 10), (expected, y + 10)),
    ]


# --- trials of the study ---

_PLOT_LEFT, _PLOT_BOTTOM = 46.0, 150.0
_PLOT_FLOOR = _PLOT_BOTTOM - 16  # above the pruned trials
_LETTER_HEIGHT = 14.0


def trial_dots(trials: Sequence[Trial]) -> Markup:
    """Draw the evidence in bits that each trial found, in their order; pruned ones at the foot."""
    judged = [trial.bits for trial in trials if trial.bits is not None]
    least, most = min([0.0, *judged]), max([1.0, *judged])

    def height(value: float) -> float:
        return _PLOT_FLOOR - (_PLOT_FLOOR - _TOP) * (value - least) / (most - least)

    parts = []
    for value in sorted({least, 0.0, most}):
        y = height(value)
        if value and abs(y - height(0)) < _LETTER_HEIGHT:
            continue  # its lettering would run into that of zero
        parts += [
            line("grid" if value else "zero", (_PLOT_LEFT, y), (_RIGHT, y)),
            words(_signed(round(value)), _PLOT_LEFT - 7, y + 3.5, "end"),
        ]
    slot = (_RIGHT - _PLOT_LEFT) / max(len(trials), 1)
    # The chosen one comes last, so that no other covers it.
    for place, trial in sorted(enumerate(trials), key=lambda each: each[1].chosen):
        y = _PLOT_BOTTOM - 4 if trial.bits is None else height(trial.bits)
        parts += _trial_marks(trial, _PLOT_LEFT + (place + 0.5) * slot, y)
    parts.append(words("trials in their order", _RIGHT, _PLOT_BOTTOM + 17, "end"))
    told = (
        f"{len(judged)} trials judged, best {bits(max(judged))} bits" if judged else "none judged"
    )
    told += "".join(f", chosen is trial {trial.number}" for trial in trials if trial.chosen)
    pruned = len(trials) - len(judged)
    return drawing("dots", int(_PLOT_BOTTOM) + 24, f"Trials: {told}, {pruned} pruned", parts)


def _trial_marks(trial: Trial, x: float, y: float) -> list[Markup]:
    if trial.bits is None:
        return [cross("miss", x, y, f"trial {trial.number}: pruned: {trial.pruned}")]
    told = f"trial {trial.number}: {bits(trial.bits)} bits"
    if not trial.chosen:
        return [circle("observed", x, y, 3.4, told)]
    return [
        line("chosen", (x, _TOP), (x, _PLOT_BOTTOM)),
        circle("hit", x, y, 6.5, f"{told}, chosen"),
    ]


def _signed(value: float) -> str:
    return number(value).replace("-", "−")


# --- models ---

_PART_NAMES = {"train": "learned from", "validation": "held out", "test": "test slice"}


def model_dots(comparison: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw how well each type of model ranks survivors, from -1 to 1; by chance 0."""
    bottom = _TOP + _ROW * len(comparison)
    parts = []
    for tick in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = _across(tick, -1, 1)
        parts += [
            line("grid" if tick else "zero", (x, _TOP), (x, bottom)),
            words(_signed(tick) if tick else "0 chance", x, bottom + 15, "middle"),
        ]
    told = []
    for place, each in enumerate(comparison):
        values = {part: each["metrics"][part]["spearman"]["value"] for part in _PART_NAMES}
        said = ", ".join(f"{name} {number(values[part])}" for part, name in _PART_NAMES.items())
        told.append(f"{each['model_type']}: {said}")
        parts += _model_row(each["model_type"], values, _TOP + _ROW * (place + 0.5))
    name = f"Rank correlation with the labels, 0 by chance: {'; '.join(told)}"
    return drawing("dots", int(bottom) + 22, name, parts)


def _model_row(name: str, values: Mapping[str, float], y: float) -> list[Markup]:
    x = {part: _across(value, -1, 1) for part, value in values.items()}
    titles = {part: f"{said}: {number(values[part])}" for part, said in _PART_NAMES.items()}
    return [
        words(name, _LEFT - 10, y + 4, "end"),
        line("rail", (_LEFT, y), (_RIGHT, y)),
        circle("observed", x["train"], y, 4.5, titles["train"]),
        circle("hit", x["validation"], y, 4.5, titles["validation"]),
        cross("chance", x["test"], y, titles["test"]),
    ]


# --- calibration ---


def reliability_diagram(bins: Sequence[Bin]) -> Markup:
    """Draw stated probabilities against what came true; on the diagonal the two are the same."""
    left, right, top, bottom = _PLOT_LEFT, _RIGHT, _TOP, 180.0

    def place(stated: float, observed: float) -> tuple[float, float]:
        return left + stated * (right - left), bottom - observed * (bottom - top)

    parts = [line("diagonal", place(0, 0), place(1, 1))]
    for tick in (0.0, 0.5, 1.0):
        parts += [
            line("grid", place(0, tick), place(1, tick)),
            words(percent(tick), left - 7, place(0, tick)[1] + 3.5, "end"),
            words(percent(tick), place(tick, 0)[0], bottom + 15, "middle"),
        ]
    for each in bins:
        low, high = (min(max(each.stated + sign * 2 * each.spread, 0), 1) for sign in (-1, 1))
        title = f"stated {percent(each.stated)}, came true {percent(each.observed)}"
        parts += [
            line("whisker", place(each.stated, low), place(each.stated, high)),
            circle("hit", *place(each.stated, each.observed), 5, f"{title}, {each.draws} draws"),
        ]
    told = "; ".join(
        f"stated {percent(each.stated)}, came true {percent(each.observed)} of {each.draws}"
        for each in bins
    )
    return drawing("dots", 200, f"Reliability: {told}", parts)


def score_bars(test: Mapping[str, Any]) -> Markup:
    """Draw what a draw costs in bits: uniformly told, and as predicted; 0 is certainty."""
    uniform, own = -test["uniform_log2_score"], -test["log2_score"]
    most = max(uniform, own)
    rows = [("uniform", uniform, "track"), ("predicted", own, "bar")]
    parts = []
    for place, (name, value, kind) in enumerate(rows):
        y = _TOP + 28 * place
        parts += [
            words(name, _LEFT - 34, y + 13, "end"),
            rectangle(kind, _LEFT - 26, y, max(200 * value / most, 1.5), 18),
            words(f"{bits(value)} bits", _LEFT - 20 + 200 * value / most, y + 13),
        ]
    name = (
        f"A draw of the test slice: {bits(own)} bits as predicted, {bits(uniform)} bits uniformly"
    )
    return drawing("scores", 68, name, parts)
