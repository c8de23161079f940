"""What a run says of its history: the verdict, its grounds, and the streams that it names.

Two steps may answer, each for itself: step 0 attacks the draws directly, step 6 weighs the
survivors of the others. The run says whose word leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report import _words
from seedfleet.report._figures import whole
from seedfleet.report._places import alignment_text, known_as
from seedfleet.report.trace.drawn_again import drawn_again
from seedfleet.report.trace.reseeding import distinct_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Answer", "Stream", "answers", "headline", "missed", "part_of", "streams"]

_STATES = {
    "finished": "The run has no answer",
    "incomplete": "The run has no answer yet",
    "interrupted": "The run was interrupted before it had an answer",
}
_ANSWERING = {
    "predict": ("Steps 1 to 6", "the survivors of step 1"),
    "recover": ("Step 0", "all that step 0 searched"),
}


_HANDED = "Step 0 alone, which handed it to steps 1 to 6"


class Answer(NamedTuple):
    """One step's word on the history.

    `document` is what it wrote; `fitted` says on what its evidence rests. Where it was `handed` its
    stream by the other one, which found it, its evidence is no evidence of its own.
    """

    name: str
    document: Mapping[str, Any]
    fitted: str
    handed: bool = False

    @property
    def found(self) -> bool:
        """Whether it names a stream."""
        return self.document["verdict"] in _words.FOUND


class Place(NamedTuple):
    """Where in its stream and in the history a finding stands, as far as steps tell it alike.

    `origin` is None where a session has a stream of its own: steps count its draws differently.
    `skip` is None where it varies: steps may tell its range more or less closely.
    """

    skip: int | None
    offset: int
    whose: frozenset[str]
    origin: int | None


class Stream(NamedTuple):
    """A stream that was found; `reproduce` is None where no one line gives its draws.

    `by_chance` is the share of draws that a stream matches which did not make them.

    `note` says which draws that line gives, or why there is none. `presets` are the names by which
    people know it; `members` are the programs that draw it, by preset. `handed` is as the answer's.
    `jumped` are outputs that it passed beyond its skips, all together, where records are missing.
    """

    source: str
    generator: str
    start: str
    alignment: str
    matches: int
    draws: int
    by_chance: float
    posterior: float
    reproduce: str | None
    place: Place | None = None
    note: str = ""
    presets: tuple[str, ...] = ()
    members: tuple[Mapping[str, Any], ...] = ()
    handed: bool = False
    jumped: int = 0

    def is_same(self, other: Stream) -> bool:
        """Tell whether two findings of two steps are of one stream.

        Steps may name its generator differently; the same start that hits as many of the same
        draws is still the same. One of them may tell of the draws after missing records alone.
        """
        if self.place is None or self.source == other.source:
            return False
        if self._is_end_of(other) or other._is_end_of(self):
            return True
        if (self.start, self.place) != (other.start, other.place):
            return False
        hits = (self.matches, self.draws) == (other.matches, other.draws)
        return hits or self.generator == other.generator

    def _is_end_of(self, whole: Stream) -> bool:
        """Tell whether its draws are the last ones of another, at the same places of a stream."""
        mine, its, before = self.place, whole.place, whole.draws - self.draws
        if mine is None or its is None or mine.skip is None or before <= 0:
            return False
        if (self.generator, self.start) != (whole.generator, whole.start):
            return False
        offset = its.offset + before * (mine.skip + 1) + whole.jumped
        return (mine.skip, mine.offset, mine.whose) == (its.skip, offset, its.whose)

    def also(self, other: Stream) -> Stream:
        """Return this one with what another finding of it adds; that of more draws tells it."""
        if self._is_end_of(other):
            return other.also(self)._replace(source=self._both(other))
        note = self.note if self.reproduce else other.note
        if self.place is not None and self.place.skip is None and other.members:
            note += " The programs on the page drop them along the likeliest path."
        return self._replace(
            source=self._both(other),
            reproduce=self.reproduce or other.reproduce,
            note=note,
            presets=tuple(dict.fromkeys((*self.presets, *other.presets))),
            members=self.members or other.members,
        )

    def _both(self, other: Stream) -> str:
        """Name both sources, its own first."""
        if self.handed or other.handed:
            return _HANDED
        return f"{self.source} and {other.source[:1].lower()}{other.source[1:]}"


def answers(trace: Mapping[str, Any]) -> list[Answer]:
    """Return the answers that there are, the leading one first."""
    documents = trace["documents"]
    said = {
        step: Answer(name, documents[step], fitted, step == "predict" and _is_handed(documents))
        for step, (name, fitted) in _ANSWERING.items()
        if documents[step] is not None
    }
    return [said[step] for step in sorted(said, key=lambda step: step != trace["answered_by"])]


def _is_handed(documents: Mapping[str, Any]) -> bool:
    """Tell whether the stream of the last step is one that step 0 found, and no sieve did."""
    found = (documents["recover"] or {}).get("verdict") in _words.FOUND
    best = next(iter(documents["predict"]["survivors"]), None)
    return found and best is not None and best["from_step_0"]


def headline(trace: Mapping[str, Any]) -> str:
    """Say the outcome in one line, without claiming more than the verdict does."""
    said = answers(trace)
    if not said:
        return _STATES[trace["state"]]
    document = said[0].document
    if "candidates" in document:
        return _words.headline(document)
    candidates = [_as_candidate(survivor) for survivor in document["survivors"][:1]]
    told = {"structure": None, "dated": [], "candidates": candidates}
    return _words.headline({**document, **told})


def missed(trace: Mapping[str, Any]) -> Answer | None:
    """Return the last step's answer where it does not name the stream that the leading one does."""
    said = answers(trace)
    own = next((answer for answer in said if "candidates" not in answer.document), None)
    return own if own is not None and said[0].found and not own.found else None


def streams(trace: Mapping[str, Any]) -> list[Stream]:
    """Return the streams that answers name; junk is never among them.

    A stream that both name stands there once, with the programs of the one that has them.
    """
    named: list[Stream] = []
    for stream in _named(trace):
        place = next((i for i, first in enumerate(named) if first.is_same(stream)), None)
        if place is None:
            named.append(stream)
        else:
            named[place] = named[place].also(stream)
    return named


def _named(trace: Mapping[str, Any]) -> Iterator[Stream]:
    for answer in answers(trace):
        if answer.found and "candidates" in answer.document:
            yield from _recovered(answer)
        elif answer.found:
            yield from _surviving(answer, trace["history"])


def _as_candidate(survivor: Mapping[str, Any]) -> dict[str, Any]:
    """Return a survivor as sentences about candidates take it."""
    state = survivor.get("state")
    return {
        **survivor,
        "generator": survivor["generator_name"],
        "seed": survivor["seed"] if state is None else None,
        "start_state": None if state is None else [f"{word:#x}" for word in state],
    }


def _surviving(answer: Answer, history: Mapping[str, Any]) -> Iterator[Stream]:
    best = next(iter(answer.document["survivors"]), None)
    if best is None:
        return
    sessions = part_of(answer.document["sessions"], history["sessions"])
    part = {"session": ", ".join(sessions) or None, "machine": None, "segment": None}
    again = drawn_again(best, history["modulus"], sessions)
    yield Stream(
        source=answer.name,
        generator=best["generator_name"],
        start=_words.seed_text(_as_candidate(best)),
        alignment=alignment_text({**best, **part}),
        matches=best["matches"],
        draws=best["draws"],
        by_chance=best["matches_by_chance"],
        posterior=best["posterior"],
        reproduce=again.command,
        place=_place(best, sessions),
        note=again.note,
        handed=answer.handed,
        presets=(best["preset"],),
    )


def part_of(chosen: Sequence[str], every: Sequence[str]) -> tuple[str, ...]:
    """Return the sessions that were chosen; none where they are all that there are."""
    return () if set(chosen) == set(every) else tuple(chosen)


def _place(alignment: Mapping[str, Any], whose: Iterable[str]) -> Place:
    least, most = alignment["skip_min"], alignment["skip_max"]
    part = frozenset(whose)
    return Place(
        least if least == most else None,
        alignment["offset"],
        part,
        None if part else alignment["origin"],
    )


def _recovered(answer: Answer) -> Iterator[Stream]:
    document = answer.document
    dated = _words.by_date(document)
    if dated is not None:
        yield _dated(answer, dated)
        return
    findings, candidates = distinct_findings(document), document["candidates"]
    if len(findings) < 2:
        yield from (_candidate(answer, best) for best in candidates[:1])
    for each in findings if len(findings) > 1 else ():
        stream = _candidate(answer, candidates[each["candidate"]])
        where = f"draws {each['first']} to {each['last']}: {stream.alignment}"
        # A part's own figures: elsewhere in the history another stream is at work.
        yield stream._replace(alignment=where, matches=each["matches"], draws=each["n"])


def _dated(answer: Answer, dated: Mapping[str, Any]) -> Stream:
    return Stream(
        source=answer.name,
        generator=dated["generator"],
        start=f"a seed by date: {answer.document['rule']}",
        alignment=f"skip {dated['skip']}, offset {dated['offset']} on every date",
        matches=dated["matches"],
        draws=dated["n"],
        by_chance=1 / answer.document["history"]["modulus"],
        posterior=dated["posterior"],
        reproduce=dated["reproduce"],
        presets=tuple(dated["presets"]),
        members=tuple(each for each in dated["members"] if each["program"] is not None),
    )


def _candidate(answer: Answer, candidate: Mapping[str, Any]) -> Stream:
    alignment, count = candidate["alignment"], whole(candidate["n"])
    whose = [alignment[kind] for kind in ("session", "machine") if alignment[kind] is not None]
    return Stream(
        source=answer.name,
        generator=candidate["generator"],
        start=_words.seed_text(candidate),
        alignment=alignment_text(candidate["alignment"]),
        matches=candidate["matches"],
        draws=candidate["n"],
        by_chance=candidate["matches_by_chance"],
        posterior=candidate["posterior"],
        reproduce=candidate["reproduce"],
        place=_place(alignment, whose),
        note=f"It begins with draw {alignment['origin']}, and goes on for {count} draws.",
        presets=tuple(known_as(candidate)),
        members=tuple(candidate["members"]),
        jumped=sum(jump["outputs"] for jump in alignment["jumps"]),
    )
