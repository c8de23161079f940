"""Recovery documents such as the pipeline writes, one for each kind of outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]

HOSTILE_NAME = '<script>alert("draws")</script>\x1b[2J\u202egpj.json'
HOSTILE_TEXT = "</title></svg><img src=x onerror='alert(1)'> & \ud800"
RATES = ("0", "0.01", "0.05", "0.1", "0.25")
MODULUS = 1000


def _java_draws(*, seed: int, skip: int, count: int) -> list[int]:
    """Compute java.util.Random(seed).nextInt(1000), every (skip+1)-th call after the first skip."""
    state = (seed ^ 0x5DEECE66D) & (2**48 - 1)
    draws: list[int] = []
    while len(draws) < count:
        for _ in range(skip + 1):
            state = (0x5DEECE66D * state + 0xB) & (2**48 - 1)
        draws.append((state >> 17) % MODULUS)
    return draws


def _power(*chances: float) -> dict[str, float]:
    return dict(zip(RATES, chances, strict=True))


def _part(
    session: str | None = None, machine: str | None = None, segment: list[int] | None = None
) -> Document:
    return {"session": session, "machine": machine, "segment": segment}


def _alignment(
    skips: tuple[int, int], *, offset: int = 0, origin: int = 0, **part: Any
) -> Document:
    return {
        "offset": offset,
        "skip_min": skips[0],
        "skip_max": skips[1],
        **_part(**part),
        "origin": origin,
        "jumps": [],
    }


def _search(attack: str, generator: str, **fields: Any) -> Document:
    return {
        "attack": attack,
        "generator": generator,
        "presets": [],
        "bounding": "nextInt",
        "scopes": [_part()],
        "skips": [0, 500],
        "variable_skip": None,
        "offsets": [0, 0],
        "from_states": False,
        "windows": 1,
        "seed_space": 2**48,
        "seeds_tested": 2**48,
        "alignments": 501,
        "status": "completed",
        "reason": None,
        "budget_needed_s": None,
        "draws_used": 20,
        "expected_pairs": 1.41e-43,
        "expected_seeds": 1.41e-43,
        "observed": 0,
        "remark": None,
        "draws_needed_in_principle": 12,
        "draws_needed_for_recovered": 20,
        "power": _power(1.0, 0.9993, 0.94, 0.61, 0.03),
        "elapsed_s": 0.034,
        **fields,
    }


def _not_run(status: str, reason: str, generator: str, **fields: Any) -> Document:
    return _search(
        fields.pop("attack", "seed scan"),
        generator,
        status=status,
        reason=reason,
        seeds_tested=0,
        alignments=0,
        draws_used=0,
        expected_pairs=0,
        expected_seeds=0,
        elapsed_s=0,
        power=_power(0, 0, 0, 0, 0),
        **{"seed_space": 2**32, "skips": [0, 20], "offsets": [0, 226], **fields},
    )


def _control(kind: str, generator: str, expected: float, observed: int, text: str) -> Document:
    return {
        "attack": "lane split" if "java" in generator else "seed scan",
        "generator": generator,
        "kind": kind,
        "expected": expected,
        "observed": observed,
        "least": 4 if kind == "positive" else round(0.73 * expected),
        "most": 4 if kind == "positive" else round(1.27 * expected),
        "passed": True,
        "text": text,
    }


def _whose(session: str | None = None, machine: str | None = None) -> Document:
    return {"session": session, "machine": machine}


def _predictions(draws: list[Any], probability: float) -> list[Document]:
    return [
        {"draw": draw, "probability": probability, **_whose(), "ahead": ahead, "date": None}
        for ahead, draw in enumerate(draws, start=1)
    ]


def _member(preset: str, seed: int | None, code: str, program: str | None = None) -> Document:
    told = program is not None
    return {
        "preset": preset,
        "holds_for": "every version",
        "seed": seed,
        "offset": 0,
        "skip_min": 4,
        "skip_max": 4,
        "reproduce": code,
        "language": "Java" if told else None,
        "file": "Draws.java" if told else None,
        "command": "java Draws.java" if told else None,
        "program": program,
    }


def _dated_member(preset: str, program: str | None) -> Document:
    member = _member(preset, None, "std::mt19937 r(20160514); r() % 1000", program)
    for field in ("seed", "offset", "skip_min", "skip_max"):
        del member[field]
    return member


def _finding(first: int, last: int, **fields: Any) -> Document:
    return {
        **_part(),
        "first": first,
        "last": last,
        "dates": ["2015-01-01", "2016-05-14"],
        "candidate": 0,
        "generator": "java.util.Random",
        "bounding": "nextInt(m)",
        "seed": 20150101,
        "matches": last - first + 1,
        "n": last - first + 1,
        "evidence_bits": 4423.9,
        "posterior": 1.0,
        **fields,
    }


def _java_candidate(**fields: Any) -> Document:
    return {
        "generator": "java.util.Random",
        "presets": ["java.util.Random.nextInt(m), Java 1.2 to 24", "lrand48() % m, same state"],
        "bounding": "nextInt(m): top 31 bits, remainder, with rejection",
        "seed": 20150101,
        "seed_rule": "every seed that is 20150101 modulo 2^48",
        "equivalent_seeds": [],
        "nearby_seeds": [],
        "start_state": None,
        "without_seed": None,
        "state": ["0x9328e2a7b5ad"],
        "alignment": _alignment((4, 4)),
        "path": None,
        "noise": 0.0,
        "matches": 500,
        "n": 500,
        "matches_by_chance": 0.001,
        "held_out_matches": 50,
        "held_out_n": 50,
        "evidence_bits": 4423.9,
        "posterior": 1.0,
        "reproduce": "Random r = new Random(20150101L); "
        "for (;;) { r.ints(4).count(); System.out.println(r.nextInt(1000)); }",
        "members": [
            _member(
                "java.util.Random.nextInt(m)",
                20150101,
                "Random r = new Random(20150101L)",
                "public class Draws {\n    java.util.Random r = new Random(20150101L);\n}\n",
            ),
            _member("lrand48() % m", 3110279718, "srand48(3110279718); lrand48() % 1000"),
        ],
        **fields,
    }


def recovered_java() -> Document:
    """A daily game drawn by java.util.Random with four calls between two draws."""
    draws = _java_draws(seed=20150101, skip=4, count=510)
    return {
        "format": "seedfleet.recovery/2",
        "run_id": "java_daily3_20261121T061502Z_9f3a1c",
        "started_utc": "2026-11-21T06:15:02Z",
        "elapsed_s": 3.812,
        "compiled_s": 0.0,
        "command": [
            "seedfleet",
            "trace",
            "recover",
            "examples/java_daily3.json",
            "--predict",
            "10",
        ],
        "run_seed": 8_141_792_004_431_337_021,
        "versions": {"seedfleet": "0.1.0", "python": "3.11.2", "numpy": "2.3.4", "numba": "0.62.1"},
        "verdict": "recovered",
        "verdict_reason": "One seed explains all 450 fitted draws, and it went on to name all 50 "
        "draws that had been held out.",
        "evidence_bits": 4423.9,
        "predictive_bits": 498.2,
        "expected_false": 0.0,
        "log10_expected_false": -1332.85,
        "thresholds": {
            "recovered_fit_bits": 40,
            "recovered_predictive_bits": 20,
            "recovered_posterior": 0.999,
            "signal_bits": 20,
        },
        "history": {
            "name": "java_daily3.json",
            "source": "examples/java_daily3.json",
            "sha256": "5f0c2f7a9b1e4d3c8a6b7e5d4f3c2b1a0f9e8d7c6b5a493827160f5e4d3c2b1a",
            "draws": 500,
            "modulus": MODULUS,
            "modulus_inferred": True,
            "sessions": ["evening"],
            "first_date": "2015-01-01",
            "last_date": "2016-05-14",
            "fitted": 450,
            "held_out": 50,
            "notes": ["1 day without a draw: 2015-12-25."],
        },
        "structure": None,
        "candidates": [_java_candidate()],
        "findings": [_finding(0, 499)],
        "rule": None,
        "dated": [],
        "leads": [],
        "predictions": _predictions(draws[500:], 0.99999),
        "abstained": False,
        "null_probability": 0.0,
        "searched": [
            _search(
                "lane split",
                "java.util.Random",
                presets=["java.util.Random.nextInt(m)", "lrand48() % m"],
                observed=1,
            ),
            _not_run("not_needed", "the history was already explained", "mt19937"),
            _not_run("not_needed", "the history was already explained", "xorshift32"),
            _not_run(
                "not_applicable", "needs 6,900 draws, 450 were fitted", "mt19937", attack="GF(2)"
            ),
        ],
        "only_through_seeds": [
            {
                "generator": "xoshiro256pp",
                "presets": ["xoshiro256pp % m"],
                "bounding": "word % m",
                "seed_space": 2**64,
                "seeds_tested": 2**32,
                "text": "not recoverable here except through its seeds: 2^32 of its 2^64 seeds "
                "were tested",
            }
        ],
        "controls": [
            _control(
                "negative",
                "java.util.Random",
                241.3,
                229,
                "Shuffled draws, cut to 16 so that chance matches exist.",
            ),
            _control(
                "positive", "java.util.Random", 1, 1, "A planted seed with skip 17 was found."
            ),
        ],
        "comparison": {
            "start": 440,
            "observed": draws[440:500],
            "predicted": draws[440:500],
            "held_out_from": 450,
        },
        "prior": {
            "version": "2026.1",
            "text": "Weights over 31 presets, skips 0 to 500, offsets 0 to 1,023, five rates of "
            "wrong draws and two ways of sessions; they sum to 0.98.",
        },
        "files": {
            "recovery": "trace_results/java_daily3_20261121T061502Z_9f3a1c/recovery.json",
            "report": "trace_results/java_daily3_20261121T061502Z_9f3a1c/report.html",
            "evidence_pack": None,
        },
    }


def recovered_noisy() -> Document:
    """The same stream typed in by hand: about one draw in eleven is wrong."""
    document = recovered_java()
    document["verdict_reason"] = (
        "One seed explains 409 of 450 fitted draws, and it went on to name 46 of the 50 draws "
        "that had been held out."
    )
    document |= {
        "evidence_bits": 3612.4,
        "predictive_bits": 411.7,
        "log10_expected_false": -1043.2,
    }
    document["candidates"] = [
        _java_candidate(
            noise=0.0911,
            matches=455,
            held_out_matches=46,
            evidence_bits=3612.4,
            seed_rule="3 seeds give this stream",
            equivalent_seeds=[281_474_996_860_757, -281_474_956_560_555],
        ),
        _java_candidate(
            seed=77_120_931_004_411,
            state=["0x20000000000001"],
            alignment=_alignment((4, 4), offset=3, origin=12, session="evening"),
            matches=3,
            held_out_matches=0,
            noise=0.25,
            evidence_bits=-0.04,
            posterior=1.2e-300,
        ),
    ]
    for prediction in document["predictions"]:
        prediction["probability"] = 0.9081
    comparison = document["comparison"]
    comparison["predicted"] = list(comparison["predicted"])
    comparison["observed"] = [
        (draw * 7 + 13) % MODULUS if place % 11 == 5 else draw
        for place, draw in enumerate(comparison["observed"])
    ]
    comparison["predicted"][27] = None
    document["structure"] = {
        "kind": "repeated_blocks",
        "period": None,
        "blocks": [{"first": 41, "copy": 203, "length": 12}],
        "analysed": [0, 500],
        "text": "Draws 203 to 214 repeat draws 41 to 52; the copy was left out.",
    }
    document["history"]["notes"] = [
        "12 repeated draws were left out.",
        "2 records with a draw of 1000 or more were dropped.",
        "1 day without a draw: 2015-12-25.",
    ]
    return document


def no_evidence() -> Document:
    """Physical draws in two sessions, searched as far as the built-in searches go."""
    document = recovered_java()
    document["verdict"] = "no_evidence"
    document["verdict_reason"] = (
        "Nothing that was searched explains the draws better than chance does; the coverage and "
        "the power below say how much that means."
    )
    document |= {
        "evidence_bits": -0.94,
        "predictive_bits": -0.02,
        "expected_false": 0.73,
        "log10_expected_false": -0.1367,
        "candidates": [
            _java_candidate(
                generator="mt19937",
                presets=["std::mt19937 % m", "PHP 7.1 mt_rand(0, m-1)"],
                bounding="remainder",
                seed=3_405_691_582,
                state=None,
                alignment=_alignment((11, 11), offset=107, session="midday"),
                matches=7,
                held_out_matches=0,
                noise=0.25,
                evidence_bits=-0.98,
                posterior=0.0132,
                reproduce="std::mt19937 g(3405691582u);",
            )
        ],
        "findings": [],
        "predictions": _predictions([None] * 10, 0.001),
        "abstained": True,
        "null_probability": 0.9868,
        "command": ["seedfleet", "trace", "recover", "draws/state pick 3.csv", "--predict", "10"],
        "elapsed_s": 211.4,
    }
    document["history"] |= {
        "name": "state pick 3.csv",
        "source": "draws/state pick 3.csv",
        "sessions": ["midday", "evening"],
        "modulus_inferred": False,
        "notes": [],
    }
    both = [_part(), _part("midday"), _part("evening")]
    document["searched"] = [
        _search("lane split", "java.util.Random", scopes=both, alignments=1503),
        _search(
            "top bits",
            "drand48",
            scopes=both,
            bounding="floor(u*m)",
            alignments=1503,
            expected_pairs=3.2e-9,
            expected_seeds=3.2e-9,
            power=_power(1, 0.92, 0.66, 0.43, 0.1),
        ),
        _search(
            "seed scan",
            "mt19937",
            scopes=both,
            presets=["std::mt19937 % m", "PHP 7.1 mt_rand(0, m-1)", "PHP rand(0, m-1)"],
            bounding="remainder",
            skips=[0, 20],
            offsets=[0, 226],
            seed_space=2**32,
            seeds_tested=4_294_967_296,
            alignments=14_301,
            expected_pairs=0.73,
            expected_seeds=0.7299,
            observed=1,
            power=_power(1, 0.98, 0.9, 0.81, 0.52),
            elapsed_s=164.9,
        ),
        _search(
            "seed scan",
            "pcg32",
            scopes=both,
            bounding="remainder",
            skips=[0, 4],
            offsets=[0, 15],
            seed_space=2**64,
            seeds_tested=2**36,
            alignments=240,
            expected_pairs=16_492.7,
            expected_seeds=16_490.1,
            observed=16_551,
            power=_power(3.7e-9, 3.7e-9, 3.6e-9, 3.4e-9, 2.8e-9),
            elapsed_s=38.2,
        ),
        _search(
            "GF(2)",
            "xorshift128",
            status="under_powered",
            reason="needs 43 consecutive draws of one session",
            bounding="remainder",
            seed_space=2**128,
            seeds_tested=0,
            skips=[0, 0],
            alignments=0,
            draws_used=0,
            expected_pairs=0,
            expected_seeds=0,
            draws_needed_in_principle=19,
            draws_needed_for_recovered=48,
            power=_power(0, 0, 0, 0, 0),
        ),
        _not_run("not_applicable", "its states are not linear over GF(2)", "xorshift64"),
        _not_run("not_selected", "add --slow", "philox4x32"),
        _not_run("not_selected", "add --slow", "sfc64"),
    ]
    document["controls"][0] |= {"observed": 330, "passed": False}
    document["comparison"] = None
    return document


def under_powered() -> Document:
    """Six draws, which many seeds match by chance."""
    document = recovered_java()
    document["verdict"] = "under_powered"
    document["verdict_reason"] = (
        "Six draws of 1,000 values cannot tell one of 2^48 seeds from another; 20 draws would do."
    )
    document |= {
        "evidence_bits": -0.0,
        "predictive_bits": None,
        "expected_false": 141_018_964_000.0,
        "log10_expected_false": 11.149,
        "candidates": [],
        "findings": [],
        "predictions": [],
        "abstained": True,
        "null_probability": 0.5,
        "comparison": None,
        "elapsed_s": 0.0104,
    }
    document["history"] |= {
        "draws": 6,
        "fitted": 6,
        "held_out": 0,
        "sessions": [],
        "first_date": None,
        "last_date": None,
        "notes": ["Lines without dates: the order of the file was taken as the order of time."],
    }
    document["searched"] = [
        _search(
            "lane split",
            "java.util.Random",
            status="under_powered",
            reason="6 draws leave about 281 seeds for each skip by chance",
            seeds_tested=0,
            draws_used=6,
            expected_pairs=141_018.96,
            expected_seeds=141_018.96,
            power=_power(0, 0, 0, 0, 0),
        )
    ]
    document["controls"] = []
    return document


def constant() -> Document:
    """A column that was not the draws: it is the same everywhere."""
    document = under_powered()
    document["verdict_reason"] = "Nothing is left to search once the repeats are removed."
    document["structure"] = {
        "kind": "constant",
        "period": 1,
        "blocks": [],
        "analysed": [0, 0],
        "text": "All 500 draws are 7: a wrong column, or a default that was never filled in.",
    }
    document["history"] |= {"draws": 500, "fitted": 0, "notes": []}
    document["searched"] = []
    document["expected_false"], document["log10_expected_false"] = 0, None
    return document


def hostile() -> Document:
    """A recovered history whose every text tries to become part of the page."""
    document = recovered_noisy()
    document["verdict_reason"] = HOSTILE_TEXT
    document["run_id"] = HOSTILE_NAME
    document["command"] = ["seedfleet", "trace", "recover", HOSTILE_NAME, "a b'c"]
    document["history"] |= {
        "name": HOSTILE_NAME,
        "source": HOSTILE_NAME,
        "sessions": [HOSTILE_NAME],
        "first_date": HOSTILE_TEXT,
        "last_date": HOSTILE_TEXT,
        "notes": [HOSTILE_TEXT] * 3,
    }
    document["structure"]["text"] = HOSTILE_TEXT
    document["rule"] = HOSTILE_TEXT
    document["dated"] = [
        _dated(
            generator=HOSTILE_NAME,
            presets=[HOSTILE_TEXT],
            bounding=HOSTILE_TEXT,
            session=HOSTILE_NAME,
            reproduce=HOSTILE_TEXT,
            members=[_dated_member(HOSTILE_TEXT, HOSTILE_TEXT)],
            posterior=0.0,
            seeds=[{"date": HOSTILE_TEXT, "seed": 1, "posterior": 1.0, "matches": 1, "n": 1}],
        )
    ]
    document["findings"] = [
        _finding(0, 499, session=HOSTILE_NAME, generator=HOSTILE_TEXT, dates=[HOSTILE_TEXT] * 2)
    ]
    document["leads"] = [_lead(HOSTILE_NAME, HOSTILE_TEXT)]
    document["prior"] = {"version": HOSTILE_TEXT, "text": HOSTILE_TEXT}
    document["files"] = dict.fromkeys(document["files"], HOSTILE_NAME)
    for candidate in document["candidates"]:
        candidate |= {
            "generator": HOSTILE_NAME,
            "presets": [HOSTILE_TEXT],
            "bounding": HOSTILE_TEXT,
            "reproduce": HOSTILE_TEXT,
            "seed_rule": HOSTILE_TEXT,
            "start_state": [HOSTILE_TEXT],
            "without_seed": HOSTILE_TEXT,
            "state": [HOSTILE_TEXT],
            "members": [
                _member(HOSTILE_NAME, 1, HOSTILE_TEXT),
                _member(HOSTILE_NAME, 1, HOSTILE_TEXT, HOSTILE_TEXT),
            ],
        }
        candidate["alignment"]["session"] = HOSTILE_NAME
    for search in document["searched"]:
        search |= {"attack": HOSTILE_TEXT, "generator": HOSTILE_NAME}
        search |= {"scopes": [_part(HOSTILE_NAME, HOSTILE_TEXT)]}
        search |= {"presets": [HOSTILE_TEXT], "bounding": HOSTILE_TEXT, "reason": HOSTILE_TEXT}
        search["remark"] = HOSTILE_TEXT
    for control in document["controls"]:
        control |= {"attack": HOSTILE_TEXT, "generator": HOSTILE_NAME, "text": HOSTILE_TEXT}
    return document


def _lead(generator: str, text: str) -> Document:
    return {
        "attack": "lag relation",
        "generator": generator,
        "presets": [generator],
        "bounding": "word % m",
        "text": text,
    }


def variable_skip() -> Document:
    """A stream from which another player took up to eight outputs between two draws."""
    document = recovered_java()
    skips = [(3 * place * place + place) % 9 for place in range(500)]
    document["candidates"] = [
        _java_candidate(
            alignment=_alignment((0, 8)),
            path={"skips": skips, "certain": [place % 37 != 5 for place in range(500)]},
            state=None,
        )
    ]
    document["searched"][0] |= {"skips": [], "variable_skip": [0, 8], "from_states": True}
    return document


def several_streams() -> Document:
    """Two machines, one of which was started anew; one stream has a state and no seed."""
    document = recovered_java()
    words = [f"0x{(2654435761 * place) % 2**32:x}" for place in range(1, 626)]
    document["candidates"] = [
        _java_candidate(
            generator="mt19937",
            bounding="word % m",
            seed=None,
            seed_rule=None,
            start_state=words,
            without_seed="none of the 2^32 seeds leads to this state within 65,536 outputs",
            state=words,
            alignment=_alignment((0, 0), machine="A"),
            members=[_member("std::mt19937 % m", None, "with its state as given; r() % 1000")],
        ),
        _java_candidate(alignment=_alignment((0, 0), machine="B", segment=[0, 120])),
        _java_candidate(
            seed=20150502,
            state=["0xc0ffee"],
            reproduce="new Random(20150502L)",
            alignment=_alignment((0, 0), machine="B", segment=[120, 250], origin=241),
        ),
    ]
    document["findings"] = [
        _finding(0, 498, machine="A", generator="mt19937", seed=None),
        _finding(1, 239, machine="B", segment=[0, 120], candidate=1),
        _finding(241, 499, machine="B", segment=[120, 250], candidate=2, seed=20150502),
    ]
    document["leads"] = [
        _lead(
            "glibc random TYPE_3",
            "the draws follow the lag relation of rand(): 469 of 469, by chance 0.4%",
        )
    ]
    document["searched"][3] |= {
        "status": "completed",
        "reason": None,
        "remark": "19,937 of 19,968 unknowns decided, 31 that matter to no word",
    }
    document["searched"][1] |= {
        "status": "over_budget",
        "reason": "it would take about 7 minutes",
        "budget_needed_s": 441.0,
    }
    document["searched"][2] |= {
        "status": "incomplete",
        "reason": "time was up",
        "seeds_tested": 2**30,
        "budget_needed_s": 95.5,
    }
    return document


def _dated(**changes: Any) -> Document:
    return {
        "generator": "mt19937",
        "presets": ["std::mt19937 % m", "PHP mt_rand(0, m - 1)"],
        "bounding": "word % m",
        "session": None,
        "machine": None,
        "offset": 1,
        "skip": 2,
        "noise": 0.002,
        "matches": 499,
        "n": 500,
        "evidence_bits": 4321.0,
        "posterior": 0.99995,
        "reproduce": "std::mt19937 r(20160514); r() % 1000",
        "members": [
            _dated_member("PHP mt_rand(0, m - 1)", "<?php\n$dates = [[20150101, 2]];\n"),
            _dated_member("Math.floor(Math.random() * m)", None),
        ],
        "seeds": [
            {"date": date, "seed": seed, "posterior": 1.0, "matches": 2, "n": 2}
            for date, seed in (("2015-01-01", 20150101), ("2016-05-14", 20160514))
        ],
    } | changes


def seeds_by_date() -> Document:
    """A stream that a rule starts anew on every date."""
    document = recovered_java()
    document["candidates"], document["comparison"], document["findings"] = [], None, []
    document["rule"] = "year*10000+month*100+day"
    document["dated"] = [_dated()]
    for prediction in document["predictions"]:
        prediction["date"] = "2016-05-15"
    return document


SAMPLES: dict[str, Callable[[], Document]] = {
    sample.__name__: sample
    for sample in (
        recovered_java,
        recovered_noisy,
        no_evidence,
        under_powered,
        constant,
        variable_skip,
        several_streams,
        seeds_by_date,
        hostile,
    )
}
