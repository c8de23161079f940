"""Documents of whole runs such as `seedfleet trace run` writes, one for each kind of outcome.

The figures of trials, labels and test draws are drawn by lot as each outcome has them; the streams,
predictions and their odds fit together.
"""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

from report_samples import HOSTILE_NAME, HOSTILE_TEXT, no_evidence, recovered_java

from seedfleet.pipeline.steps.workflow.coming_draws import coming_draws

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Document = dict[str, Any]

MODULUS = 1000
DRAWS = 5000
SEED = 1234
UNIFORM = -9.965784284662087  # log2(1/1000)
RUN = "daily3_20261121T061502Z_9f3a1c"
VERSIONS = {"seedfleet": "0.1.0", "python": "3.11.2", "numpy": "2.3.4", "numba": "0.62.1"}
LIMITS = {
    "recovered_fit_bits": 40.0,
    "recovered_predictive_bits": 20.0,
    "recovered_posterior": 0.999,
    "signal_bits": 20.0,
}
PRIOR = {"version": "3", "text": "1/2 null; else preset 1/64 x skip law x offset x wrong draws"}
SLICES = {"sieve": [0, 3000], "tune": [3000, 3750], "gate": [3750, 4250], "test": [4250, 5000]}
TYPES = ("xgboost", "lightgbm", "catboost", "neural_net")
FEATURES = ("residue_1000_match", "match_rate", "lane_agreement", "temporal_stability_mean")


def _java_lcg(seed: int, skip: int, count: int) -> list[int]:
    """Compute classic java_lcg: (s >> 16) mod 1000 of each (skip+1)-th state."""
    state = seed
    draws: list[int] = []
    while len(draws) < count:
        for _ in range(skip + 1):
            state = (0x5DEECE66D * state + 0xB) & (2**48 - 1)
        draws.append((state >> 16 & 0xFFFFFFFF) % MODULUS)
    return draws


def _check(name: str, value: float | None, limit: float, **fields: Any) -> Document:
    check = {"name": name, "value": value, "limit": limit, "at_least": True, "change": {}} | fields
    held = value is not None and (value >= limit if check["at_least"] else value <= limit)
    return {**check, "holds": held}


def _metric(name: str, value: float | None, chance: float | None) -> Document:
    return {"name": name, "value": value, "chance": chance}


def _engine(reliability: float) -> dict[str, Any]:
    reason = f"{reliability:.0%} of the labels' variance is no noise"
    return {"folds": 5, "label_reliability": reliability, "reason": reason}


def _record(step: str, metrics: list[Document], checks: list[Document], *remarks: str) -> Document:
    return {
        "format": "seedfleet.context/1",
        "step": step,
        "run_id": RUN,
        "parent_run_id": None,
        "attempt": 0,
        "elapsed_s": 4.2,
        "inputs": {"lottery_history.json": "5f" * 32},
        "outputs": {f"{step}.json": "a0" * 32},
        "parameters": {"run_seed": 0},
        "metrics": metrics,
        "checks": checks,
        "decision": "proceed" if checks and all(c["holds"] for c in checks) else "stop",
        "change": {},
        "remarks": list(remarks),
    }


def _step(number: str, record: Document, elapsed_s: float, **fields: Any) -> Document:
    ending = "done" if record["decision"] == "proceed" else "stopped"
    return {
        "number": number,
        "step": record["step"],
        "ending": ending,
        "reason": "",
        "again": "",
        "elapsed_s": elapsed_s,
        "fleet": [],
        "record": record,
        **fields,
    }


def _fleet(jobs: int, busy_s: float) -> list[Document]:
    return [
        {
            "run_id": "scoring_jobs_20261121T061521Z_0b2f77",
            "counts": {"succeeded": jobs},
            "makespan_s": busy_s / 2 + 0.4,
            "lower_bound_s": busy_s / 2,
            "nodes": {
                "localhost": {"jobs": jobs - jobs // 3, "busy_s": round(busy_s * 0.6, 3)},
                "192.0.2.10": {"jobs": jobs // 3, "busy_s": round(busy_s * 0.4, 3)},
            },
        }
    ]


def _trial(number: int, lot: random.Random, *, best_bits: float) -> Document:
    size, threshold = lot.choice([64, 96, 128]), lot.choice([0.02, 0.05, 0.5])
    pruned = "half of all pairs would pass by chance" if number % 7 == 3 else None
    expected = 362.8 if threshold == 0.02 else 2.7 if threshold == 0.05 else 1.6e-112
    observed = round(lot.gauss(expected, expected**0.5)) + (best_bits > 0)
    bits = best_bits - lot.random() * 9 if best_bits > 0 else -3.6 - lot.random()
    return {
        "number": number,
        "configuration": {
            "sessions": [],
            "law": "constant",
            "window_start": 40 * number,
            "window_size": size,
            "skip_min": 0,
            "skip_max": 32,
            "forward_threshold": threshold,
            "reverse_threshold": threshold,
        },
        "outcome": {
            "objective": None if pruned else bits,
            "observed": None if pruned else max(observed, 0),
            "expected": expected,
            "is_bound": False,
            "pruned": pruned,
            "best": None,
            "elapsed_s": 0.62,
        },
    }


def _count(observed: int, expected: float) -> Document:
    return {
        "observed": observed,
        "expected": expected,
        "expected_is_bound": False,
        "kept": observed,
        "counted_with_more_matches_alone": False,
    }


def _window(best_bits: float) -> Document:
    lot = random.Random(7)
    trials = [_trial(number, lot, best_bits=best_bits) for number in range(30)]
    chosen = max(trials, key=lambda trial: trial["outcome"]["objective"] or -99)
    configuration = dict(chosen["configuration"])
    law = configuration.pop("law")
    return {
        "format": "seedfleet.window/1",
        "run_id": RUN,
        "generator": "java_lcg",
        "generators": ["java_lcg"],
        "seeds": [0, 4999],
        "modulus": MODULUS,
        "skip_law": law,
        **configuration,
        "evidence_bits": chosen["outcome"]["objective"],
        "judged_draws": 64,
        "paid_bits": 4.906890595608519,
        "chosen_trial": chosen["number"],
        "survivors": {
            "forward": _count(7623, 7736.7),
            "reverse": _count(7698, 7736.7),
            "bidirectional": _count(353, 362.8),
        },
        "known_streams": [],
        "controls": [
            {
                "kind": "negative",
                "expected": 502.5,
                "observed": 516,
                "least": 368,
                "most": 637,
                "passed": True,
                "text": "16 times 159 seeds against 6 of the draws, shuffled",
            },
            {
                "kind": "positive",
                "expected": 4.0,
                "observed": 4,
                "least": 4,
                "most": 4,
                "passed": True,
                "text": "4 seeds of java_lcg planted at alignments of the family",
            },
        ],
        "trials": trials,
    }


def _figures(spearman: float, rmse: float) -> Document:
    return {
        "rmse": {"value": rmse, "chance": 0.0012},
        "r2": {"value": 1 - (rmse / 0.0012) ** 2, "chance": 0.0},
        "spearman": {"value": spearman, "chance": 0.0},
    }


def _compared(model_type: str, lot: random.Random, skill: float) -> Document:
    held_out = skill + lot.uniform(-0.05, 0.05)
    names = lot.sample(FEATURES, len(FEATURES))
    return {
        "model_type": model_type,
        "settings": {"depth": 3},
        "rounds": 41,
        "metrics": {
            "train": _figures(min(0.97, skill + 0.3), 0.0008),
            "validation": _figures(held_out, 0.0012 * (1 - skill**2) ** 0.5 + 2e-5),
            "test": _figures(skill / 2 + lot.uniform(-0.05, 0.05), 0.00121),
            "overfit_ratio": {"value": 1.4 - skill, "chance": 1.0},
            "p_value": {"value": 0.001 if skill > 0.2 else lot.uniform(0.1, 0.9), "chance": 0.5},
            "folds": [],
        },
        "importance": {name: round(0.5 / (1 + place), 4) for place, name in enumerate(names)},
    }


def _sidecar(*, accepted: bool) -> Document:
    lot = random.Random(11)
    compared = [_compared(name, lot, 0.45 if accepted else 0.0) for name in TYPES]
    bits, p_value = (3.412, 0.001) if accepted else (-0.213, 0.684)
    return {
        "format": "seedfleet.model/1",
        "model_type": "xgboost",
        "checkpoint": "best_model.ubj",
        "features": list(FEATURES),
        "label": "hits a draw on the tune slice at a constant skip; bits earned a draw there",
        "checks": [{"name": "draws of features beyond the sieve slice", "holds": True}],
        "gate": {
            "accepted": accepted,
            "reason": f"{'accepted' if accepted else 'rejected'}: {bits:+.3f} bits on the gate "
            f"slice against the likelihood, p = {p_value:.3g}"
            + ("" if accepted else ", where more than 0 bits is needed"),
            "bits": bits,
            "chance_bits": 0.871,
            "tune_bits": 0.4,
            "p_value": p_value,
            "permutations": 999,
            "tau": 0.5,
        },
        "comparison": compared,
    }


def _prediction(step: int, value: int | None, probability: float, second: int) -> Document:
    top = [] if value is None else [{"value": value, "probability": probability}]
    if value is not None and probability < 0.99:
        top.append({"value": second, "probability": (1 - probability) / 9})
    return {
        "step": step,
        "value": value,
        "probability": probability,
        "highest_probability": probability,
        "chance": 1 / MODULUS,
        "null_probability": 1.3e-13 if value is not None else 1.0,
        "top": top,
        "elsewhere": 7.2e-7 if value is not None else 1 / MODULUS,
    }


def _test(bits: float, bins: Sequence[tuple[int, float, float]]) -> Document:
    return {
        "draws": 750,
        "bits": bits,
        "log2_score": UNIFORM + bits / 750,
        "uniform_log2_score": UNIFORM,
        "reliability": [
            {"draws": draws, "stated": stated, "observed": observed}
            for draws, stated, observed in bins
        ],
    }


def _predicted(**fields: Any) -> Document:
    return {
        "format": "seedfleet.predictions/1",
        "run_id": RUN,
        "modulus": MODULUS,
        "sessions": [],
        "draws": DRAWS,
        "class_posterior": 1.0,
        "model_used": "likelihood",
        "model_reason": "the gate did not accept the model",
        "slices": SLICES,
        "prior": PRIOR,
        "thresholds": LIMITS,
        **fields,
    }


def _survivor(seed: int, posterior: float, matches: int) -> Document:
    return {
        "generator": "java_lcg",
        "generator_name": "java_lcg",
        "preset": "java_lcg % m",
        "seed": seed,
        "offset": 0,
        "skip_min": 2,
        "skip_max": 2,
        "origin": 0,
        "posterior": posterior,
        "matches": matches,
        "draws": DRAWS,
        "from_step_0": False,
        "matches_by_chance": 1 / MODULUS,
    }


def _planted_steps(recovery: Document) -> list[Document]:
    past = "draws that were looked at end before the gate slice"
    in_time = _check(past, 3750, 3750, at_least=False)
    return [
        _step(
            "0",
            _record(
                "recover",
                [_metric("evidence in bits", recovery["evidence_bits"], 0.0)],
                [_check("searches completed", 12, 1)],
                recovery["verdict_reason"],
            ),
            14.9,
        ),
        _step(
            "1",
            _record(
                "window",
                [
                    _metric("evidence in bits on draws not looked at", 519.29, -4.9069),
                    _metric("bidirectional survivors", 353, 362.767),
                ],
                [_check("survivors to hand on", 353, 1, change={"trials": 60})],
                "All trials ran in this process.",
            ),
            11.6,
        ),
        _step(
            "2.5",
            _record(
                "tune-scorer",
                [_metric("worth-weighted AUC of the score, cross-fitted", 0.981, 0.502)],
                [in_time],
            ),
            6.3,
        ),
        _step(
            "3",
            _record("score", [_metric("rows", 353, None)], [_check("survivors to score", 353, 1)]),
            5.1,
            fleet=_fleet(6, 8.2),
        ),
        _step(
            "4",
            _record("tune-model", [_metric("worth-weighted AUC of xgboost", 0.97, 0.5)], [in_time]),
            9.7,
            ending="unchanged",
        ),
        _step(
            "5",
            _record(
                "train",
                [_metric("gain on the gate slice in bits", 3.412, 0.0)],
                [
                    _check("permutations of the gate", 999, 999),
                    _check("R2 on rows that were held out", 0.21, 0.99, at_least=False),
                ],
            ),
            13.2,
            fleet=_fleet(4, 19.4),
        ),
        _step(
            "6",
            _record(
                "predict",
                [_metric("probability of the most probable next draw", 0.9993, 0.001)],
                [_check("bits on the test slice, beside uniform draws", 7400.0, -20.0)],
                "recovered: one stream explains the fitted draws and predicts those held out",
            ),
            3.4,
        ),
    ]


def _trace(
    steps: list[Document],
    documents: Document,
    *,
    leaders: Sequence[str] = ("predict", "recover"),
    **fields: Any,
) -> Document:
    nodes: Document = {}
    for run in (run for step in steps for run in step["fleet"]):
        for name, node in run["nodes"].items():
            sums = nodes.setdefault(name, {"jobs": 0, "busy_s": 0.0})
            sums["jobs"] += node["jobs"]
            sums["busy_s"] = round(sums["busy_s"] + node["busy_s"], 3)
    leading = next((step for step in leaders if documents[step] is not None), None)
    answer = {} if leading is None else documents[leading]
    predicting = next(
        (step for step in leaders if documents[step] and not documents[step]["abstained"]), None
    )
    return {
        "format": "seedfleet.trace/1",
        "run_id": RUN,
        "state": "finished",
        "started_utc": "2026-11-21T06:15:02Z",
        "elapsed_s": sum(step["elapsed_s"] for step in steps),
        "command": ["seedfleet", "trace", "run", "daily3.json", "--seeds", "5000"],
        "versions": VERSIONS,
        "request": {
            "generators": ["java_lcg"],
            "seeds": "5000",
            "sessions": [],
            "steps": ["0", "1", "2.5", "3", "4", "5", "6"],
            "trials": None,
            "model_type": None,
            "predictions": 5,
            "recover_budget_s": 15.0,
            "run_seed": 0,
            "cluster": None,
            "engine": None,
            "engine_options": {},
        },
        "history": {
            "name": "daily3.json",
            "source": "daily3.json",
            "sha256": "5f0c2f7a9b1e4d3c8a6b7e5d4f3c2b1a0f9e8d7c6b5a493827160f5e4d3c2b1a",
            "draws": DRAWS,
            "modulus": MODULUS,
            "modulus_inferred": True,
            "sessions": ["evening"],
            "first_date": "2013-03-11",
            "last_date": "2026-11-17",
            "notes": ["1 day without a draw: 2015-12-25."],
            "slices": SLICES,
        },
        "answered_by": leading,
        "verdict": answer.get("verdict"),
        "verdict_reason": answer.get("verdict_reason"),
        "null_probability": answer.get("null_probability"),
        "abstained": answer.get("abstained"),
        "predicted_by": predicting,
        "predictions": coming_draws(documents, predicting),
        "steps": steps,
        "nodes": nodes,
        "documents": documents,
        "files": {
            "history": "lottery_history.json",
            "recovery": "recovery.json",
            "window_config": "optimal_window_config.json",
            "predictions": "predictions.json",
            "trace": "trace.json",
            "report": "report.html",
        },
        **fields,
    }


def planted() -> Document:
    """java_lcg with two outputs dropped before each draw, one draw in eleven wrong."""
    recovery = no_evidence()
    recovery["controls"] = [{**each, "passed": True} for each in recovery["controls"]]
    recovery |= {"structure": None, "verdict_reason": "Nothing that was searched explains it."}
    coming = _java_lcg(SEED, 2, DRAWS + 5)[DRAWS:]
    predictions = [
        _prediction(step, value, 0.9012, (value + 517) % MODULUS)
        for step, value in enumerate(coming, start=1)
    ]
    documents = {
        "recover": recovery,
        "window": _window(519.3),
        "tune-scorer": {"chosen": "defaults", "reason": "no settings rank survivors better"},
        "tune-model": _engine(0.12),
        "train": _sidecar(accepted=True),
        "predict": _predicted(
            verdict="recovered",
            verdict_reason="one stream explains the fitted draws and predicts those held out",
            evidence_bits=40311.4,
            predictive_bits=398.6,
            null_probability=0.0,
            abstained=False,
            predictions=predictions,
            survivors=[_survivor(SEED, 1 - 1.3e-13, 4551), _survivor(77, 2e-6, 9)],
            test=_test(6514.2, [(750, 0.9012, 0.9107)]),
            model_used="xgboost",
            model_reason="the gate accepted the model",
        ),
    }
    return _trace(_planted_steps(recovery), documents)


def at_random() -> Document:
    """Draws that no generator made: no step finds anything, and no model is let in."""
    recovery = no_evidence()
    recovery["controls"] = [{**each, "passed": True} for each in recovery["controls"]]
    recovery |= {"structure": None}
    steps = _planted_steps(recovery)
    steps[1]["record"]["metrics"][0] |= {"value": -3.62}
    steps[5]["record"]["metrics"][0] |= {"value": -0.213}
    steps[6]["record"]["metrics"][0] |= {"value": 0.001}
    steps[6]["record"]["remarks"] = ["no_evidence: no survivor explains the draws"]
    documents = {
        "recover": recovery,
        "window": _window(0.0),
        "tune-scorer": {"chosen": "defaults", "reason": "no settings rank survivors better"},
        "tune-model": _engine(0.0),
        "train": _sidecar(accepted=False),
        "predict": _predicted(
            verdict="no_evidence",
            verdict_reason="no survivor explains the draws better than chance",
            evidence_bits=-1.0,
            predictive_bits=-79.94,
            class_posterior=1e-233,
            null_probability=1.0,
            abstained=True,
            predictions=[_prediction(step, None, 0.001, 0) for step in range(1, 6)],
            survivors=[_survivor(77, 2e-6, 9)],
            test=_test(0.0, [(750, 0.001, 0.0013)]),
        ),
    }
    return _trace(steps, documents)


def _declined(step: str, reason: str) -> Document:
    record = _record(step, [], [_check("what it stands on", None, 1)], reason)
    return {**record, "parameters": {"declined": reason}}


def _untrained(steps: list[Document], reason: str) -> list[Document]:
    """Return steps of which 4 and 5 found nothing to learn from."""
    for step in steps:
        if step["step"] in {"tune-model", "train"}:
            declined = _declined(step["step"], reason)
            step |= {"ending": "stopped", "reason": reason, "record": declined, "fleet": []}
    return steps


def without_model() -> Document:
    """A planted stream at high thresholds: one survivor, from which no model can learn."""
    document = planted()
    documents = document["documents"]
    reason = "1 survivor is fewer than 50 streams: there is nothing to rank"
    steps = _untrained(document["steps"], reason)
    documents |= {"train": None, "tune-model": None, "tune-scorer": None}
    documents["window"]["survivors"]["bidirectional"] = _count(1, 1.6e-112)
    documents["predict"]["model_used"] = "likelihood"
    return _trace(steps, documents)


def only_recovered() -> Document:
    """Step 0 recovers what the window optimizer, which tested too few seeds, has missed."""
    document = at_random()
    document["documents"]["recover"] = recovered_java()
    return _trace(document["steps"], document["documents"], leaders=["recover"])


def interrupted() -> Document:
    """Stopped by the user within step 1 of a run without step 0."""
    documents = dict.fromkeys(
        ("recover", "window", "tune-scorer", "tune-model", "train", "predict")
    )
    return _trace([], documents, state="interrupted")


def stopped() -> Document:
    """Step 1 has a control that fails, so that nothing that needs it runs."""
    document = at_random()
    window = document["documents"]["window"]
    window["controls"][0] |= {"passed": False, "observed": 1733}
    name = "control: shuffled draws pass as often as chance says (share of controls passed)"
    record = _record("window", [], [_check(name, 0.5, 1.0)])
    steps = [document["steps"][0], _step("1", record, 10.0)]
    for step in document["steps"][2:]:
        reason = "window has stopped"
        declined = _declined(step["step"], reason)
        steps.append(
            {**step, "ending": "not_run", "reason": reason, "record": declined, "fleet": []}
        )
    documents = dict.fromkeys(document["documents"])
    documents |= {"recover": document["documents"]["recover"], "window": window}
    return _trace(steps, documents, state="incomplete")


def hostile() -> Document:
    """A planted run whose texts are attacks."""
    document = copy.deepcopy(planted())
    document["history"] |= {"name": HOSTILE_NAME, "source": HOSTILE_NAME, "notes": [HOSTILE_TEXT]}
    document |= {"run_id": HOSTILE_TEXT, "command": [HOSTILE_NAME], "verdict_reason": HOSTILE_TEXT}
    document["nodes"] = {HOSTILE_NAME: {"jobs": 1, "busy_s": 2.0}}
    for step in document["steps"]:
        step["record"]["remarks"] = [HOSTILE_TEXT]
        step["record"]["metrics"][0]["name"] = HOSTILE_NAME
        step["record"]["checks"][0]["name"] = HOSTILE_NAME
    documents = document["documents"]
    documents["train"]["gate"]["reason"] = documents["train"]["label"] = HOSTILE_TEXT
    documents["train"]["comparison"][0]["importance"] = {HOSTILE_NAME: 0.5}
    documents["train"]["comparison"][0]["model_type"] = HOSTILE_TEXT
    documents["window"]["generators"] = [HOSTILE_NAME]
    documents["window"]["controls"][0]["text"] = HOSTILE_TEXT
    documents["window"]["trials"][3]["outcome"]["pruned"] = HOSTILE_TEXT
    documents["predict"]["survivors"][0]["generator"] = HOSTILE_NAME
    document["files"]["report"] = HOSTILE_NAME
    return document


TRACES: dict[str, Callable[[], Document]] = {
    "planted": planted,
    "at_random": at_random,
    "without_model": without_model,
    "only_recovered": only_recovered,
    "interrupted": interrupted,
    "stopped": stopped,
    "hostile": hostile,
}
