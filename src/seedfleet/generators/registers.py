"""Registers: the states of many seeds in one array, register after register.

With constant distances between them the compiler sees by itself that registers do not overlap, so
that loops over lanes vectorise.
"""

from __future__ import annotations

from typing import Any

__all__ = ["CHUNK", "LOADS", "STORES"]

CHUNK = 1024  # the states of one register stay in the first-level cache


def _load_1(states: Any, lane: Any) -> Any:
    return states[lane]


def _load_2(states: Any, lane: Any) -> Any:
    return states[lane], states[CHUNK + lane]


def _load_3(states: Any, lane: Any) -> Any:
    return states[lane], states[CHUNK + lane], states[2 * CHUNK + lane]


def _load_4(states: Any, lane: Any) -> Any:
    return (*_load_3(states, lane), states[3 * CHUNK + lane])


def _load_5(states: Any, lane: Any) -> Any:
    return (*_load_4(states, lane), states[4 * CHUNK + lane])


def _load_6(states: Any, lane: Any) -> Any:
    return (*_load_5(states, lane), states[5 * CHUNK + lane])


def _store_1(states: Any, lane: Any, state: Any) -> None:
    states[lane] = state


def _store_2(states: Any, lane: Any, state: Any) -> None:
    states[lane], states[CHUNK + lane] = state[0], state[1]


def _store_3(states: Any, lane: Any, state: Any) -> None:
    _store_2(states, lane, state)
    states[2 * CHUNK + lane] = state[2]


def _store_4(states: Any, lane: Any, state: Any) -> None:
    _store_3(states, lane, state)
    states[3 * CHUNK + lane] = state[3]


def _store_5(states: Any, lane: Any, state: Any) -> None:
    _store_4(states, lane, state)
    states[4 * CHUNK + lane] = state[4]


def _store_6(states: Any, lane: Any, state: Any) -> None:
    _store_5(states, lane, state)
    states[5 * CHUNK + lane] = state[5]


# By registers, less one.
LOADS = (_load_1, _load_2, _load_3, _load_4, _load_5, _load_6)
STORES = (_store_1, _store_2, _store_3, _store_4, _store_5, _store_6)
