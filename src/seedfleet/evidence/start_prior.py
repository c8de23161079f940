"""What the prior stakes on a start: a seed, a state, or a rule that gives every date its seeds.

The table of `prior` says how the stake is shared. Weights are given as odds against, exact
integers: seed spaces are far beyond what floating point counts.
"""

from __future__ import annotations

__all__ = ["FORMULA_SYMBOLS", "formula_odds", "seed_odds", "state_odds", "table_odds"]

FORMULA_SYMBOLS = 31  # that formulas may be written in; one more ends a formula
_SEED_ODDS, _STATE_ODDS, _DATED_ODDS = 2, 4, 4  # one over the share of each kind of start
_RULE_ODDS = 2  # a table or a formula
_WIDE_BITS, _SMALL_BITS = 48, 32  # spaces that are not seeded in full, and what they often get


def seed_odds(seeds: int, seed: int) -> int:
    """Return one over the prior weight of a seed, among all starts of its generator.

    Parameters
    ----------
    seeds
        ``|S|``: canonical seeds of the generator.
    seed
        One of them, from 0 on.
    """
    if seeds <= 2**_WIDE_BITS:
        return _SEED_ODDS * seeds
    return _SEED_ODDS * 2 * (2**_SMALL_BITS if seed < 2**_SMALL_BITS else seeds)


def state_odds(bits: int) -> int:
    """Return one over the prior weight of a state, of ``2**bits`` (`generators.start`)."""
    return _STATE_ODDS << bits


def table_odds() -> int:
    """Return one over the prior weight of a table that gives each date its seeds.

    Nothing is paid for what the table says: it has to have been made without a look at the draws.
    """
    return _DATED_ODDS * _RULE_ODDS


def formula_odds(symbols: int) -> int:
    """Return one over the prior weight of a formula that gives each date its seeds.

    Parameters
    ----------
    symbols
        How many of the FORMULA_SYMBOLS it is written with, at least 1. All formulas, which end
        with a symbol of their own, have one share together (Kraft's inequality), so that whoever
        tries many gains nothing.
    """
    written: int = (FORMULA_SYMBOLS + 1) ** (symbols + 1)
    return _DATED_ODDS * _RULE_ODDS * written
