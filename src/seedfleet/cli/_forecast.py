"""When a run will end, or None while nothing sensible can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Forecast"]

_LEAST_S: Final = 1e-3
_FEWEST_MEASURED: Final = 3  # a mean of fewer says too little


class Forecast:
    """Adds up what is left to do; each job that ends costs O(1).

    Parameters
    ----------
    total
        Jobs that are left, at least 0.
    expected_s
        Seconds by job id, where earlier runs tell; all of these jobs are left.
    """

    def __init__(self, total: int, expected_s: Mapping[str, float] | None = None) -> None:
        self._expected_s = dict(expected_s or {})
        self._expected_left_s = sum(self._expected_s.values())
        self._unknown_left = total - len(self._expected_s)
        self._measured = 0
        self._measured_s = 0.0

    def job_done(self, job_id: str, run_s: float, *, succeeded: bool) -> None:
        """Take a job off what is left; a job that failed says little about how long others take."""
        if job_id in self._expected_s:
            self._expected_left_s -= self._expected_s.pop(job_id)
        else:
            self._unknown_left -= 1
        if succeeded:
            self._measured += 1
            self._measured_s += run_s

    def left_s(self, running: Iterable[tuple[str, float]], slots: int) -> float | None:
        """Estimate the seconds until the last job ends.

        Parameters
        ----------
        running
            Job ids, and the seconds that each has run so far.
        slots
            How many jobs run at once.

        Returns
        -------
        float or None
            At least 0. None without slots, or while jobs without an expectation are left and fewer
            than three have been measured, or when everything that runs has overrun its expectation.
        """
        mean_s = self._measured_s / self._measured if self._measured else 0.0
        if slots < 1 or (self._unknown_left > 0 and self._measured < _FEWEST_MEASURED):
            return None
        work_s = self._expected_left_s + self._unknown_left * mean_s
        longest_s = 0.0
        for job_id, elapsed_s in running:
            expected_s = self._expected_s.get(job_id, mean_s)
            work_s -= min(elapsed_s, expected_s)
            longest_s = max(longest_s, expected_s - elapsed_s)
        left_s = max(work_s / slots, longest_s)
        # What rounding leaves of a sum that came down to nothing is no estimate.
        return left_s if left_s > _LEAST_S else None
