"""A folder that lets somebody else check a recovery: what went in, what was fixed before, and all.

`hypotheses.json` stands before the search starts and is not touched again; `MANIFEST.sha256` is
written last, over every other file, in the format of sha256sum.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.generators import CATALOGUE
from seedfleet.generators.compiled import definition_digest
from seedfleet.pipeline.document_parts import (
    count_part,
    history_part,
    prior_part,
    thresholds_part,
    versions_part,
)
from seedfleet.pipeline.recovery_candidates import scope_part
from seedfleet.pipeline.run_folder import write_json, write_text
from seedfleet.recover import planned

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.generators import Preset
    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.recover import Options
    from seedfleet.recover.search import Coverage

__all__ = ["EvidencePackError", "begin_pack", "finish_pack", "pack_problem"]

_FORMAT = "seedfleet.hypotheses/1"
_HYPOTHESES = "hypotheses.json"
_MANIFEST = "MANIFEST.sha256"
_AS_READ = "the file as it was read"
_AS_UNDERSTOOD = "as they were understood; standard input was read"

_README = """\
Evidence pack of a search for the generator behind a history of draws.

  {draws:<18}the draws, {how}
  hypotheses.json   written before the search began: what would be searched and how it would be
                    judged: options, prior, thresholds, every generator with a digest of its
                    definition, and every search with what it covers
  recovery.json     the answer, field by field as docs/recovery.md of Seedfleet describes it
  report.html       the same for a reader; it needs no network
  controls.json     the same searches where the answer is known: shuffled draws, planted seeds
  versions.json     what ran, and on what kind of machine
  MANIFEST.sha256   digests of all these files

Check that nothing was changed since the pack was made, in this folder:

  sha256sum -c MANIFEST.sha256

Check the answer: recovery.json holds, for every way to draw that fits and that its runtime can be
asked for, a complete program with the command that runs it (candidates[0].members); its output is
the draws. To repeat the search, install
the version that versions.json names and run the command of recovery.json on the draws of this pack.
The digest of what was read is history.sha256 of hypotheses.json and of recovery.json.

A pack without {manifest} belongs to a search that was interrupted. The digests show changes;
they do not show who made the pack, or when: sign {manifest}, or publish its digest, for that.
"""


class EvidencePackError(Exception):
    """A pack cannot be written; the message says why."""


def pack_problem(folder: Path) -> str | None:
    """Say why no pack may begin in `folder`; None where it may."""
    if folder.is_dir() and any(folder.iterdir()):
        return f"{folder}: is not empty; an evidence pack begins in a new folder"
    return None


def begin_pack(
    folder: Path, history: History, options: Options, context: RunContext, source: Path | None
) -> None:
    """Write what is fixed before the search: the draws and the hypotheses.

    Parameters
    ----------
    source
        The file that the history was read from; None for standard input, which is not kept: the
        draws are then written as they were understood.

    Raises
    ------
    EvidencePackError
        The file is no longer the one that was read.
    OptionsError
        As `seedfleet.recover.recover` raises it.
    """
    hypotheses = _hypotheses(history, options, context)
    folder.mkdir(parents=True, exist_ok=True)
    name = _write_draws(folder, history, source)
    content = (folder / name).read_bytes()
    hypotheses["inputs"] = [
        {
            "file": name,
            "sha256": _digest(content),
            "size_bytes": len(content),
            "as_read": source is not None,
        }
    ]
    write_json(folder / _HYPOTHESES, hypotheses)


def finish_pack(folder: Path, document: dict[str, Any], page: str) -> None:
    """Write the answer, what it rests on, and last the manifest over all files.

    Parameters
    ----------
    document, page
        The recovery document, and the page made from it.

    Raises
    ------
    EvidencePackError
        The pack was begun, and its beginning is gone.
    """
    try:
        (draws,) = json.loads((folder / _HYPOTHESES).read_text("utf-8"))["inputs"]
    except (OSError, ValueError, KeyError) as error:
        raise EvidencePackError(f"{folder / _HYPOTHESES}: was changed or removed") from error
    write_json(folder / "recovery.json", document)
    write_text(folder / "report.html", page)
    write_json(folder / "controls.json", {"controls": document["controls"]})
    write_json(folder / "versions.json", _versions())
    how = _AS_READ if draws["as_read"] else _AS_UNDERSTOOD
    readme = _README.format(draws=draws["file"], how=how, manifest=_MANIFEST)
    write_text(folder / "README.txt", readme)
    files = [draws["file"], _HYPOTHESES, "README.txt", "controls.json", "recovery.json"]
    files += ["report.html", "versions.json"]
    lines = [f"{_digest((folder / name).read_bytes())}  {name}\n" for name in sorted(files)]
    write_text(folder / _MANIFEST, "".join(lines))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_draws(folder: Path, history: History, source: Path | None) -> str:
    """Copy the file of draws, or write the draws down; return the name."""
    if source is None:
        write_json(folder / "draws.json", _draws_document(history))
        return "draws.json"
    content = source.read_bytes()
    if _digest(content) != history.sha256:
        raise EvidencePackError(f"{history.source}: was changed while it was read")
    suffix = source.suffix if source.suffix[1:].isalnum() else ""
    (folder / f"draws{suffix}").write_bytes(content)
    return f"draws{suffix}"


def _draws_document(history: History) -> Any:
    return [
        {
            "date": None if date is None else date.isoformat(),
            "session": session,
            "machine": machine,
            "draw": int(draw),
        }
        for date, session, machine, draw in zip(
            history.dates, history.sessions, history.machines, history.values, strict=True
        )
    ]


def _hypotheses(history: History, options: Options, context: RunContext) -> dict[str, Any]:
    searches = planned(history, options)
    return {
        "format": _FORMAT,
        "written_utc": datetime.now(UTC).isoformat(timespec="microseconds"),
        "run_id": context.run_id,
        "command": list(context.command),
        "run_seed": options.run_seed,
        "versions": versions_part(),
        "inputs": [],
        "history": history_part(history),
        "options": {
            field.name: _plain(getattr(options, field.name))
            for field in dataclasses.fields(options)
        },
        "prior": prior_part(),
        "thresholds": thresholds_part(),
        "noise_rates": list(NOISE_RATES),
        "catalogue": [_definition(preset) for preset in CATALOGUE],
        "searches": [_planned_search(coverage) for coverage in searches],
    }


def _plain(value: Any) -> Any:
    """Return an option as JSON takes it; a range by its least and greatest member."""
    if isinstance(value, range):
        return [value[0], value[-1]]
    if isinstance(value, frozenset):
        return sorted(value)
    return value


def _definition(preset: Preset) -> dict[str, Any]:
    generator = preset.stream.generator
    return {
        "preset": preset.name,
        "holds_for": preset.holds_for,
        "generator": generator.name,
        "bounding": preset.stream.bounding.name,
        "seeds": [generator.seeds.start, generator.seeds.stop - 1],
        "definition_sha256": definition_digest(preset.stream),
    }


def _planned_search(coverage: Coverage) -> dict[str, Any]:
    return {
        "attack": coverage.attack,
        "streams": [stream.name for stream in coverage.streams],
        "scopes": [scope_part(scope) for scope in coverage.scopes],
        "fitted": [scope.fitted for scope in coverage.scopes],
        "skips": _plain(coverage.skips) if len(coverage.skips) else [],
        "variable_skip": None if coverage.variable_skip is None else list(coverage.variable_skip),
        "offsets": _plain(coverage.offsets),
        "from_states": coverage.from_states,
        "windows": coverage.windows,
        "seed_space": count_part(coverage.space),
        "alignments": coverage.alignments,
        "draws_used": coverage.draws_used,
        "power": {f"{rate:g}": coverage.power(rate) for rate in NOISE_RATES},
        "cost_s": coverage.cost_s,
    }


def _versions() -> dict[str, Any]:
    return {
        **versions_part(),
        "llvmlite": version("llvmlite"),
        "python_implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
