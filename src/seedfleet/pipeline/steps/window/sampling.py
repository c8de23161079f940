"""How a study comes to its configurations: sampled within the bounds, after some that are set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from math import log2
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.pipeline.steps.window.configuration import Configuration, SkipLaw
from seedfleet.sieve import few_seeds_backend, sieve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import optuna

    from seedfleet.pipeline.steps.window.bounds import Interval, SearchBounds
    from seedfleet.pipeline.steps.window.ground import Ground, Part

__all__ = ["Sampler"]

_LATEST_VARIABLE = 128  # where a window may begin at the latest: paths spread from the origin on
_SET_WINDOW, _SET_THRESHOLD, _SET_SKIP = 96, 0.5, 8
# Where a draw tells so few bits of a variable skip, a window of medium size does not tell a seed.
_FEW_BITS, _LONG_WINDOW = 2.0, 256
_SAMPLED, _FOLLOWED = 128, 150  # wrong seeds, and survivors of a variable skip, likewise
_RANKED = 2000  # chance survivors that are worth a ranking, and no burden


@dataclass(frozen=True)
class Sampler:
    """Turns trials of a study into configurations.

    Attributes
    ----------
    ground
        What is sieved.
    bounds
        Cut to what its draws have room for.
    """

    ground: Ground
    bounds: SearchBounds

    def sampled(self, trial: optuna.Trial) -> Configuration:
        """Sample every coordinate."""
        bounds = self.bounds
        labels = [_label(part) for part in self.ground.parts]
        part = self.ground.parts[labels.index(trial.suggest_categorical("sessions", labels))]
        law = SkipLaw(trial.suggest_categorical("skip_law", [law.value for law in self.laws]))
        size = trial.suggest_int("window_size", *self._sizes(part), log=True)
        start = trial.suggest_int("offset", *self._starts(part, law, size))
        least = trial.suggest_int("skip_min", *self._least(law))
        more = 1 if law is SkipLaw.VARIABLE else 0
        most = trial.suggest_int(
            "skip_max", max(least + more, int(bounds.skip_max.low)), int(bounds.skip_max.high)
        )
        shares = (
            trial.suggest_float(f"{name}_threshold", interval.low, interval.high)
            for name, interval in (
                ("forward", bounds.forward_threshold),
                ("reverse", bounds.reverse_threshold),
            )
        )
        return Configuration(part.sessions, law, start, size, least, most, *shares)

    @property
    def laws(self) -> list[SkipLaw]:
        """The skip laws that any family is asked, and that the bounds have room for."""
        asked = {law for family in self.ground.families for law in family.laws}
        varies = self.bounds.skip_max.high > self.bounds.skip_min.low
        room = {SkipLaw.CONSTANT: True, SkipLaw.VARIABLE: varies}
        return [law for law in SkipLaw if law in asked and room[law]]

    def parameters(self, configuration: Configuration) -> dict[str, Any]:
        """Return a configuration as the parameters of a trial, to be tried as it stands."""
        part = self.ground.part(configuration.sessions)
        return {
            "sessions": _label(part),
            "skip_law": configuration.law.value,
            "window_size": configuration.window_size,
            "offset": configuration.window_start,
            "skip_min": configuration.skip_min,
            "skip_max": configuration.skip_max,
            "forward_threshold": configuration.forward_threshold,
            "reverse_threshold": configuration.reverse_threshold,
        }

    def set_ones(self, most: int | None = None) -> Iterator[Configuration]:
        """Yield what every study tries first: wide families, windows of medium size.

        For each choice of sessions and each law one with a medium threshold, which noise does not
        fail, and then one whose thresholds chance just passes, so that there is something to rank.
        The laws take turns, so that none waits for the others to be through. Of few values a draw,
        a variable skip is tried on a long window as well.

        Parameters
        ----------
        most
            Yield no more than so many.
        """
        return islice(self._set_ones(), most)

    def _set_ones(self) -> Iterator[Configuration]:
        asked = [(part, law) for part in self.ground.parts for law in self.laws]
        for part, law in asked:
            yield self.first_look(part, law)
        for part, law in asked:
            wide = self.first_look(part, law)
            yield self._passing(wide) if law is SkipLaw.CONSTANT else self._followed(wide)
        for part, law in asked:
            long = self._long(part, law)
            if long is not None:
                yield self._followed(long)

    def untried(self, tried: Iterable[Configuration]) -> list[str]:
        """Say which choices of sessions no trial was of, under each law."""
        seen = {(each.sessions, each.law) for each in tried}
        remarks = []
        for law in self.laws:
            parts = self.ground.parts
            left = [_label(part) for part in parts if (part.sessions, law) not in seen]
            if left:
                whose = f" of {', '.join(left)}" if len(left) < len(parts) else ""
                remarks.append(f"No trial had a {law.value} skip{whose}.")
        return remarks

    def first_look(self, part: Part, law: SkipLaw) -> Configuration:
        """Return a configuration that finds most of what there is to find."""
        bounds, (low, high) = self.bounds, self._sizes(part)
        size = max(low, min(high, _SET_WINDOW))
        least = int(bounds.skip_min.low)
        most = int(bounds.skip_max.high)
        if law is SkipLaw.VARIABLE:
            most = max(least + 1, int(bounds.skip_max.low), min(most, least + _SET_SKIP))
        return Configuration(
            part.sessions,
            law,
            self._starts(part, law, size)[0],
            size,
            least,
            most,
            _within(bounds.forward_threshold, _SET_THRESHOLD),
            _within(bounds.reverse_threshold, _SET_THRESHOLD),
        )

    def _long(self, part: Part, law: SkipLaw) -> Configuration | None:
        """Return a long window for a variable skip of which a draw tells little, else None."""
        wide = self.first_look(part, law)
        gaps = wide.skip_max - wide.skip_min + 1
        size = min(self._sizes(part)[1], _LONG_WINDOW)
        tells = log2(self.ground.modulus / gaps) >= _FEW_BITS
        if law is SkipLaw.CONSTANT or tells or size <= wide.window_size:
            return None
        start = self._starts(part, law, size)[0]
        return replace(wide, window_start=start, window_size=size)

    def with_constant_skips(
        self, configuration: Configuration, preset: str
    ) -> Configuration | None:
        """Return constant skips in the same window; None where this generator is asked none."""
        family = next(each for each in self.ground.families if each.preset == preset)
        if SkipLaw.CONSTANT not in family.laws:
            return None
        return replace(
            self.first_look(self.ground.part(configuration.sessions), SkipLaw.CONSTANT),
            window_start=configuration.window_start,
            window_size=configuration.window_size,
        )

    def populated(self, configuration: Configuration) -> Configuration:
        """Return the same with thresholds so low that some wrong seeds pass too, but not too many.

        Thresholds that are lower already stay.
        """
        by_law = {SkipLaw.CONSTANT: self._passing, SkipLaw.VARIABLE: self._followed}
        lower = by_law[configuration.law](configuration)
        return replace(
            configuration,
            **{
                name: min(getattr(configuration, name), getattr(lower, name))
                for name in ("forward_threshold", "reverse_threshold")
            },
        )

    def _passing(self, wide: Configuration) -> Configuration:
        """Return the same with the least thresholds that pass no more than are worth ranking."""
        for needed in range(1, wide.window_size // 2 + 1):
            share = needed / ((wide.window_size + 1) // 2)
            lower = replace(
                wide,
                forward_threshold=_within(self.bounds.forward_threshold, share),
                reverse_threshold=_within(self.bounds.reverse_threshold, share),
            )
            searches = [
                self.ground.planned(family, lower)
                for family in self.ground.families
                if lower.law in family.laws
            ]
            if (
                sum(chance_of(each.question).expected_pairs(each.seed_count) for each in searches)
                <= _RANKED
            ):
                return lower
        return wide

    def _followed(self, wide: Configuration) -> Configuration:
        """Return the same with thresholds that few wrong seeds pass along the best of their paths.

        How many matches these come to is found out on some seeds, all of which are let through.
        """
        family = next(each for each in self.ground.families if wide.law in each.laws)
        search = self.ground.planned(family, wide)
        seeds = search.seeds[:_SAMPLED]
        everything = replace(search.question, forward_threshold=0.0, reverse_threshold=0.0)
        table = sieve(everything, seeds, backend=few_seeds_backend()).table
        share = min(1.0, _FOLLOWED / search.seed_count) ** 0.5  # of each part, for that of both

        def threshold(interval: Interval, name: str, draws: int) -> float:
            matches = np.quantile(table[f"{name}_matches"], 1 - share)
            return _within(interval, float(matches) / draws)

        forward, reverse = search.question.forward, search.question.reverse
        return replace(
            wide,
            forward_threshold=threshold(self.bounds.forward_threshold, "forward", len(forward)),
            reverse_threshold=threshold(self.bounds.reverse_threshold, "reverse", len(reverse)),
        )

    def _sizes(self, part: Part) -> tuple[int, int]:
        room = len(part.draws) - self.ground.judged
        cut = self.bounds.window_size.clipped(room)
        return int(cut.low), int(cut.high)

    def _starts(self, part: Part, law: SkipLaw, size: int) -> tuple[int, int]:
        latest = len(part.draws) - self.ground.judged - size
        if law is SkipLaw.VARIABLE:
            latest = min(latest, max(_LATEST_VARIABLE, int(self.bounds.offset.low)))
        cut = self.bounds.offset.clipped(latest)
        return int(cut.low), int(cut.high)

    def _least(self, law: SkipLaw) -> tuple[int, int]:
        most = int(self.bounds.skip_max.high) - (1 if law is SkipLaw.VARIABLE else 0)
        cut = self.bounds.skip_min.clipped(most)
        return int(cut.low), int(cut.high)


def _label(part: Part) -> str:
    return " + ".join(part.sessions) or "all"


def _within(interval: Interval, wanted: float) -> float:
    return min(max(wanted, interval.low), interval.high)
