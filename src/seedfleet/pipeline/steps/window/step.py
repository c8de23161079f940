"""Step 1, `trace window`: which window, skips and thresholds tell most, and what survives them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, log2
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.draws.slices import Slices
from seedfleet.pipeline.document_parts import versions_part
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.sieve_controls import controls_of
from seedfleet.pipeline.steps.context_record import Check, Metric
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.shortage import ShortageError
from seedfleet.pipeline.steps.survivor_files import write_survivors
from seedfleet.pipeline.steps.survivor_legs import begun_inside
from seedfleet.pipeline.steps.window.choice import choose, most_rows, used_configuration
from seedfleet.pipeline.steps.window.final import final_sieve
from seedfleet.pipeline.steps.window.ground import Ground, Part
from seedfleet.pipeline.steps.window.jobs import outcomes_left
from seedfleet.pipeline.steps.window.look import Look, first_look
from seedfleet.pipeline.steps.window.options import families_of
from seedfleet.pipeline.steps.window.recovered import Recovered, joined
from seedfleet.pipeline.steps.window.reseeds import SURE_BITS, streams_in_turn
from seedfleet.pipeline.steps.window.sampling import Sampler
from seedfleet.pipeline.steps.window.sessions import (
    left_out,
    session_choices,
    shortage,
    with_recovered_sessions,
)
from seedfleet.pipeline.steps.window.study import open_study
from seedfleet.pipeline.steps.window.trials import TrialRunner
from seedfleet.recover import OptionsError
from seedfleet.sieve import Direction, few_seeds_backend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable
    from seedfleet.pipeline.steps.window.configuration import Configuration
    from seedfleet.pipeline.steps.window.final import Passed
    from seedfleet.pipeline.steps.window.ground import Family
    from seedfleet.pipeline.steps.window.options import WindowOptions
    from seedfleet.pipeline.steps.window.recovered import KnownStream
    from seedfleet.pipeline.steps.window.study import Tried
    from seedfleet.recover.controls import Control

__all__ = ["run_window"]

_FORMAT = "seedfleet.window/1"
_LEAST_OUTCOMES = 0.5  # of trials; with fewer the jobs are at fault, and trials are made without
_SET_SHARE = 0.5  # of trials, at most: the others are sampled


@dataclass(frozen=True, eq=False)
class _Result:
    """All that came of it."""

    ground: Ground
    look: Look | None
    tried: Sequence[Tried]
    chosen: Tried | None
    configuration: Configuration
    passed: Mapping[Direction, Passed]
    streams: Sequence[KnownStream]
    controls: Sequence[Control]
    how: Sequence[str]
    ended: int
    most: int

    @cached_property
    def tables(self) -> Mapping[Direction, SurvivorTable]:
        """What later steps rank, by direction: known streams first, each once.

        The reverse part alone decides about nobody, and is as the sieve left it.
        """
        return {
            direction: passed.table
            if direction is Direction.REVERSE
            else joined(passed, self.streams, self.most)
            for direction, passed in self.passed.items()
        }

    @property
    def objective(self) -> float | None:
        return None if self.chosen is None else self.chosen.outcome.objective


def run_window(history: History, options: WindowOptions, run: StepRun) -> ContextRecord:
    """Optimize the window, sieve with it, and write everything.

    Parameters
    ----------
    history
        All known draws, cleaned. Only the sieve slice of the chosen sessions is looked at.

    Raises
    ------
    OptionsError
        The options do not fit these draws; the error lists everything.
    ShortageError
        There are too few draws to sieve.
    RecoveryError
        Step 0's answer cannot be read.
    """
    problems = options.problems(history)
    if problems:
        raise OptionsError(problems)
    too_few = shortage(history, options)
    if too_few:
        raise ShortageError(too_few)
    files = run.files
    if not files.history.exists():
        write_history(files.history, history, range(len(history)))
    recovered = Recovered.read(files.recovery, history)
    asked = with_recovered_sessions(history, options, recovered.streams)
    result = _optimized(history, asked, run, recovered.streams)
    outputs = _written(history, result, run)
    inputs = [files.history, *([files.recovery] if files.recovery.exists() else [])]
    return run.record(
        inputs,
        outputs,
        parameters=options.to_document(),
        metrics=_metrics(result),
        checks=_checks(result, options),
        remarks=[*_remarks(result, recovered), *left_out(history, options)],
    )


def _optimized(
    history: History, options: WindowOptions, run: StepRun, recovered: Sequence[KnownStream]
) -> _Result:
    parts = tuple(Part.of(history, choice) for choice in session_choices(history, options))
    first = [stream.preset for stream in recovered]
    families = families_of(options, history.modulus, first)
    judged = Ground.judged_of(parts)
    # A retry never makes fewer trials than the attempts before it.
    configurations = options.trials * (run.attempt + 1)
    ground = Ground(history.modulus, parts, families, judged, log2(configurations))
    look = None
    if options.auto:
        look = _gone_on_with(first, families) or _looked(ground, options, run)
        kept = tuple(family for family in families if family.preset in look.kept)
        configurations += len(look.looked_at) * len(parts)
        ground = replace(ground, families=kept, paid_bits=log2(configurations))
    sampler = Sampler(ground, options.study_bounds)
    about = {
        "ground": ground.to_document(),
        "bounds": options.study_bounds.to_document(),
        "run_seed": options.run_seed,
    }
    jobs = run.files.folder / "window_jobs"
    left = outcomes_left(jobs, ground)
    file, most_set = run.files.window_study, ceil(options.trials * _SET_SHARE)
    study = open_study(file, about, sampler, options.run_seed, left, most_set=most_set)
    runner = TrialRunner(
        study,
        jobs,
        run.fan_out,
        options.jobs,
        lambda share: run.progress("trials of the window", share),
    )
    how = (*runner.run(options.trials), *study.untried)
    draws = {part.sessions: len(part.draws) for part in ground.parts}
    chosen = choose(study.tried, options.max_survivors, draws)
    configuration = used_configuration(chosen, sampler)
    run.progress("the chosen window", 0.0)
    most = most_rows(configuration.law, options.max_survivors)
    passed = final_sieve(ground, configuration, most, np.random.default_rng(options.run_seed))
    streams = [
        stream
        for stream in recovered
        if _same_sessions(stream.sessions, configuration.sessions, history)
    ]
    if chosen is not None and (chosen.outcome.objective or 0) > SURE_BITS and chosen.outcome.best:
        streams += streams_in_turn(ground, configuration, chosen.outcome.best)
    controls = _controls(ground, configuration, options.run_seed)
    return _Result(
        ground,
        look,
        study.tried,
        chosen,
        configuration,
        passed,
        streams,
        controls,
        how,
        study.ended,
        most,
    )


def _gone_on_with(first: Sequence[str], families: Sequence[Family]) -> Look | None:
    """Go on with what step 0 found, if anything: nothing else has to be looked at."""
    kept = tuple(family.preset for family in families if family.preset in first)
    return Look(kept, (), ()) if kept else None


def _looked(ground: Ground, options: WindowOptions, run: StepRun) -> Look:
    """Look at the catalogue, or read what an earlier look at the same found."""
    path = run.files.folder / "window_look.json"
    asked = [ground.to_document(), options.study_bounds.to_document(), options.look_s]
    about = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["about"] == about:
            return Look.from_document(kept["look"])
    look = first_look(
        Sampler(ground, options.study_bounds),
        options.look_s,
        lambda share: run.progress("a first look at the generators", share),
    )
    write_json(path, {"about": about, "look": look.to_document()})
    return look


def _same_sessions(one: Sequence[str], other: Sequence[str], history: History) -> bool:
    every = set(history.session_names)
    return (set(one) or every) == (set(other) or every)


def _controls(ground: Ground, configuration: Configuration, run_seed: int) -> list[Control]:
    rng = np.random.default_rng(run_seed)
    asked = [family for family in ground.families if configuration.law in family.laws]
    searches, backend = [ground.planned(each, configuration) for each in asked], few_seeds_backend()
    return [control for search in searches for control in controls_of(search, rng, backend)]


def _written(history: History, result: _Result, run: StepRun) -> list[Path]:
    """Write all files; returns their paths."""
    files, sessions = run.files, result.configuration.sessions
    lineage = {
        "run_id": run.context.run_id,
        "parent_run_id": run.parent_run_id or "",
        "history_sha256": file_digest(files.history),
        "versions": json.dumps(versions_part()),
    }
    chosen = [
        index for index, name in enumerate(history.sessions) if not sessions or name in sessions
    ]
    cut = Slices.of(len(chosen)).sieve.stop
    write_history(files.train_history, history, chosen[:cut])
    write_history(files.holdout_history, history, chosen[cut:])
    outputs = [files.train_history, files.holdout_history]
    for direction, table in result.tables.items():
        path = files.survivors(direction.value)
        write_survivors(path, table, lineage)
        outputs += [path, path.with_suffix(".json")]
    write_json(files.window_config, _config(history, result, run))
    return [files.window_config, *outputs]


def _config(history: History, result: _Result, run: StepRun) -> dict[str, Any]:
    """Return the document of the choice."""
    configuration, outcome = result.configuration, result.chosen and result.chosen.outcome
    best = outcome.best if outcome else None
    families = {family.preset: family for family in result.ground.families}
    leading = families[best["generator"]] if best else next(iter(families.values()))
    return {
        "format": _FORMAT,
        "run_id": run.context.run_id,
        "parent_run_id": run.parent_run_id,
        "inputs": {run.files.history.name: file_digest(run.files.history)},
        "versions": versions_part(),
        "generator": leading.preset,
        "generators": list(families),
        "seeds": [leading.seeds.start, leading.seeds.stop - 1],
        "sessions": list(configuration.sessions),
        "modulus": history.modulus,
        "offset": 0,
        "skip_law": configuration.law.value,
        "window_start": configuration.window_start,
        "window_size": configuration.window_size,
        "skip_min": configuration.skip_min,
        "skip_max": configuration.skip_max,
        "forward_threshold": configuration.forward_threshold,
        "reverse_threshold": configuration.reverse_threshold,
        "evidence_bits": result.objective,
        "judged_draws": result.ground.judged,
        "paid_bits": result.ground.paid_bits,
        "best": None if best is None else dict(best),
        "chosen_trial": None if result.chosen is None else result.chosen.number,
        "survivors": {
            direction.value: passed.to_document() for direction, passed in result.passed.items()
        },
        "known_streams": [_stream_part(stream) for stream in result.streams],
        "controls": [vars(control) for control in result.controls],
        "look": None if result.look is None else result.look.to_document(),
        "trials": [tried.to_document() for tried in result.tried],
    }


def _stream_part(stream: KnownStream) -> dict[str, Any]:
    seed = stream.start if isinstance(stream.start, int) else None
    told = {key: value for key, value in vars(stream).items() if key != "start"}
    return {**told, "seed": seed, "sessions": list(stream.sessions)}


def _metrics(result: _Result) -> list[Metric]:
    counts = [
        Metric(f"{direction.value} survivors", passed.observed, passed.expected)
        for direction, passed in result.passed.items()
    ]
    bits = Metric(
        "evidence in bits on draws that the sieve did not look at, net of all trials",
        result.objective,
        -result.ground.paid_bits,
    )
    controls = [
        Metric(f"control: {control.text}", control.observed, control.expected)
        for control in result.controls
    ]
    return [bits, *counts, *controls]


def _checks(result: _Result, options: WindowOptions) -> list[Check]:
    judged = sum(tried.outcome.objective is not None for tried in result.tried)
    kept = len(result.tables[Direction.BIDIRECTIONAL])
    here = {"jobs": False}
    more = {"trials": 2 * options.trials} if result.tried else here
    checks = [
        Check("trials that were not pruned", judged, 1, change=more),
        Check("survivors to hand on", kept, 1, change=more),
        Check(
            "trials with an outcome (share)",
            len(result.tried) / result.ended,
            _LEAST_OUTCOMES,
            change=here,
        ),
    ]
    for kind, name in (
        ("negative", "control: shuffled draws pass as often as chance says"),
        ("positive", "control: planted seeds come back"),
    ):
        passed = [control.passed for control in result.controls if control.kind == kind]
        share = sum(passed) / len(passed) if passed else None
        checks.append(Check(f"{name} (share of controls passed)", share, 1.0))
    return checks


def _remarks(result: _Result, recovered: Recovered) -> list[str]:
    both = result.passed[Direction.BIDIRECTIONAL]
    bound = "at most " if both.is_bound else ""
    remarks = [
        *result.how,
        (
            f"{both.observed:,} pairs of seed and alignment pass both parts of the window; chance "
            f"passes {bound}{both.expected:,.3g}. Their number is not what was optimized."
        ),
        (
            f"Every objective is judged on the {result.ground.judged} draws after its window and "
            f"has {result.ground.paid_bits:.2f} bits taken off for all that was tried "
            "on them."
        ),
    ]
    chosen, used = result.chosen, result.configuration
    if chosen is not None and chosen.configuration.law is not used.law:
        remarks.append(
            f"A variable skip tells most, of a survivor whose skip is constant: skips of "
            f"{used.skip_min} to {used.skip_max} are sieved for in its window, each alone."
        )
    elif chosen is not None and chosen.configuration != used:
        remarks.append(
            f"Its thresholds were lowered to {used.forward_threshold:.3g} and "
            f"{used.reverse_threshold:.3g}, so that wrong seeds too are left to rank."
        )
    if (result.objective or 0) <= 0:
        remarks.append(
            "No configuration found evidence; survivors are what chance lets through. Streams used "
            "before the first draw were not looked for."
        )
    if result.look is not None and result.look.left_out:
        left_out = ", ".join(result.look.left_out)
        late = "The first look had no more time (a longer --look, or --generator NAME, asks more)"
        why = f"{result.look.kept[0]} leaves no doubt" if result.look.sure else late
        remarks.append(f"{why}: not looked at are {left_out}.")
    if result.look is not None and not result.look.looked_at:
        kept = ", ".join(result.look.kept)
        remarks.append(f"Step 0 found {kept}; no other generator was looked at.")
    remarks += begun_inside(result.tables[Direction.BIDIRECTIONAL])
    if recovered.remark:
        remarks.append(recovered.remark)
    streams = recovered.streams
    if streams and not any(stream in result.streams for stream in streams):
        remarks.append("What step 0 found is of other sessions and is left out.")
    return remarks
