"""What is known of a history before any search: its repeats, its unevenness, the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence.part_prior import Division
from seedfleet.recover.calendar import calendar_of, rule_problems
from seedfleet.recover.options import OptionsError
from seedfleet.recover.repeats import find_repeats
from seedfleet.recover.scans.seed_scan import scan_problems
from seedfleet.recover.scopes import scopes_of
from seedfleet.recover.search import Question
from seedfleet.recover.unevenness import find_unevenness

if TYPE_CHECKING:
    from seedfleet.draws import History
    from seedfleet.recover.options import Options
    from seedfleet.recover.repeats import Repeats
    from seedfleet.recover.unevenness import Unevenness

__all__ = ["Analysis", "analysis_of"]


@dataclass(frozen=True)
class Analysis:
    """What is asked of a history, and what was seen of it before any search.

    Attributes
    ----------
    question
        About the draws that are free of repeats.
    division
        Of these into sessions and machines; all share the stake, also those too rare to be a scope.
    uneven, repeats
        What is said of the history before any generator.
    ends
        Whether those draws go on to the last known one.
    """

    question: Question
    division: Division
    uneven: Unevenness | None
    repeats: Repeats | None
    ends: bool


def analysis_of(history: History, options: Options) -> Analysis:
    """Look at a history before it is searched.

    Raises
    ------
    OptionsError
        It cannot be searched so; the error lists everything.
    """
    repeats = find_repeats(history.values, history.modulus)
    start, stop = repeats.analysed if repeats else (0, len(history))
    return Analysis(
        _question(history, range(start, stop), options),
        Division.of(history.sessions[start:stop], history.machines[start:stop]),
        find_unevenness(history.values[start:stop], history.modulus),
        repeats,
        ends=stop == len(history),
    )


def _question(history: History, analysed: range, options: Options) -> Question:
    """Return what is asked of the searches; raise OptionsError where it cannot be."""
    problems = [*options.problems(), *rule_problems(history, options, analysed)]
    if problems:
        raise OptionsError(problems)
    part = slice(analysed.start, analysed.stop)
    question = Question(
        modulus=history.modulus,
        scopes=scopes_of(
            history.values[part], history.sessions[part], history.machines[part], options.sessions
        ),
        skips=options.skips,
        scan_skips=options.scan_skips,
        variable_skip=options.variable_skip,
        offsets=options.offsets,
        noise=options.noise,
        calendar=calendar_of(history, options, analysed),
    )
    problems = scan_problems(question)
    if problems:
        raise OptionsError(problems)
    return question
