"""Step 0 inside a run: `seedfleet.recover` with a small budget, before anything is optimised."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.evidence import Verdict
from seedfleet.generators import generators
from seedfleet.generators.searches import parse_search
from seedfleet.pipeline.recorded_scans import RecordedBackend
from seedfleet.pipeline.recovery import recovery_document
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.context_record import Check, Metric
from seedfleet.recover import Options, OptionsError, Status
from seedfleet.sieve import local_backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["RecoverOptions", "run_recover"]

_COMPLETED = Status.COMPLETED.value
_BEGINNINGS = {
    _COMPLETED: "Searched to the end",
    Status.INCOMPLETE.value: "Begun, and stopped when time was up",
    Status.OVER_BUDGET.value: "Not begun, for want of time",
    Status.UNDER_POWERED.value: "Not begun, since these draws are too few for it",
}
_LONG_S = 1.0


@dataclass(frozen=True)
class RecoverOptions:
    """How far step 0 goes.

    Attributes
    ----------
    budget_s
        Seconds for all its searches.
    generators
        Names of generators, presets or searches; empty for the whole catalogue.
    variable_skip, predictions, run_seed
        As `seedfleet.recover.Options` takes them.

    Raises
    ------
    OptionsError
        With every option that is out of range.
    """

    budget_s: float = 15.0
    generators: tuple[str, ...] = ()
    variable_skip: tuple[int, int] = (0, 8)
    predictions: int = 1
    run_seed: int = 0

    def __post_init__(self) -> None:
        problems, searched = [], []
        for name in self.generators:
            try:
                searched.append(_searched(name))
            except ValueError as error:
                problems.append(f"generator: {error}")
        problems += self._of(searched).problems()
        if problems:
            raise OptionsError(problems)

    def asked(self) -> Options:
        """Return the options of the recovery."""
        return self._of(map(_searched, self.generators))

    def _of(self, searched: Iterable[str]) -> Options:
        return Options(
            searched=frozenset(searched),
            budget_s=self.budget_s,
            variable_skip=self.variable_skip,
            predictions=self.predictions,
            run_seed=self.run_seed,
        )


def _searched(name: str) -> str:
    """Return what a recovery calls the generator of a search."""
    return name if name in generators() else parse_search(name).preset.slug


def run_recover(history: History, options: RecoverOptions, run: StepRun) -> ContextRecord:
    """Recover, and write recovery.json.

    Long scans are kept in the run's folder, so that a run that was interrupted does not repeat
    them.
    """
    document = recovery_document(
        history,
        options.asked(),
        run.context,
        progress=run.progress,
        backend=RecordedBackend(local_backend(), run.files.folder / "scans"),
    )
    write_json(run.files.recovery, document)
    completed = sum(search["status"] == _COMPLETED for search in document["searched"])
    return run.record(
        [run.files.history],
        [run.files.recovery],
        parameters=asdict(options),
        metrics=[
            Metric("evidence in bits", document["evidence_bits"], 0.0),
            Metric("searches completed", completed, None),
            Metric("seconds taken", document["elapsed_s"], None),
            Metric("seconds of it spent compiling kernels", document["compiled_s"], None),
        ],
        checks=list(_checks(document, completed)),
        remarks=list(_remarks(document, options)),
    )


def _checks(document: Mapping[str, Any], completed: int) -> Iterator[Check]:
    """Yield what makes the answer one: what was found stands, whichever search came to its end."""
    found = Verdict(document["verdict"]).found
    if found:
        limit = document["thresholds"]["signal_bits"]
        yield Check("evidence in bits", document["evidence_bits"], limit)
    else:
        yield Check("searches completed", completed, 1)
    failed = [control["passed"] for control in document["controls"]].count(False)
    # Where no search was completed and nothing found, there is no control to fail.
    known = bool(document["controls"]) or not (completed or found)
    yield Check("controls that failed", failed if known else None, 0, at_least=False)


def _remarks(document: Mapping[str, Any], options: RecoverOptions) -> Iterator[str]:
    """Say what was searched and what was not; the verdict only where it rests on a search."""
    by_status: dict[str, list[str]] = {}
    for search in document["searched"]:
        by_status.setdefault(search["status"], []).append(_named(search))
    if _COMPLETED in by_status or Verdict(document["verdict"]).found:
        yield document["verdict_reason"]
    else:
        yield (
            f"No search was completed within {options.budget_s:g} s, so that step 0 says nothing "
            "of these draws; the other steps do without it."
        )
    for status, begin in _BEGINNINGS.items():
        if status in by_status:
            yield f"{begin}: {', '.join(dict.fromkeys(by_status[status]))}."
    if document["compiled_s"] > _LONG_S:
        yield (
            f"{document['compiled_s']:.0f} s went into compiling kernels, which is done once on a "
            "machine and is not stopped when time is up."
        )


def _named(search: Mapping[str, Any]) -> str:
    return f"{search['generator']} ({search['attack']})"
