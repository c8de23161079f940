"""Which seeds give these draws: sieves over seed spaces, by back ends that test many at once."""

from seedfleet.sieve.backend import DEFAULT_ROOM, Backend, Hits, TooManyHitsError, one_by_one
from seedfleet.sieve.cpu import CpuBackend
from seedfleet.sieve.local import few_seeds_backend, local_backend
from seedfleet.sieve.question import (
    ConstantSkip,
    Direction,
    Question,
    QuestionError,
    VariableSkip,
)
from seedfleet.sieve.rows import Leg, Rows, Walk, constant_skip_positions
from seedfleet.sieve.sieving import SURVIVOR, Survivors, sieve

__all__ = [
    "DEFAULT_ROOM",
    "SURVIVOR",
    "Backend",
    "ConstantSkip",
    "CpuBackend",
    "Direction",
    "Hits",
    "Leg",
    "Question",
    "QuestionError",
    "Rows",
    "Survivors",
    "TooManyHitsError",
    "VariableSkip",
    "Walk",
    "constant_skip_positions",
    "few_seeds_backend",
    "local_backend",
    "one_by_one",
    "sieve",
]
