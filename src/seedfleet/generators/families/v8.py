"""Math.random of V8, the engine of Node.js and Chrome: xorshift128+ served backwards.

State
    Two 64-bit words, and how many words of their block of 64 have been served. V8 makes 64 words
    at a time and serves the last one first; so a step goes one word backwards, but 127 forwards
    from the first word of a block, and 64 from the seed.
Seeding
    ``--random-seed``, a 32-bit signed number: both words are MurmurHash3's 64-bit finaliser, of the
    seed and of its complement. Seed 0 asks V8 for a seed of its own and is left out.
Compatibility guarantee
    None. Until V8 13.4 the high 52 bits of the first word count, from 13.5 on the high 53, from
    14.4 on the high 53 of the sum of both words. Checked with Node.js 12, 20, 22 and 23, with 24
    and 25, and with 26; where V8 changed in between is told by its commits e0609ce60ac and
    0596ead5b04.
Source
    Vigna, "Further scramblings of Marsaglia's xorshift generators", Journal of Computational and
    Applied Mathematics 315, 2017 (shifts 23, 17, 26). The finaliser is Appleby's fmix64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint64

from seedfleet.generators.algebra import LinearState
from seedfleet.generators.boundings import FLOOR_52, FLOOR_53
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.stepped_words import stepped_words

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PRESETS", "V8_SUM", "V8_WORD"]

_BLOCK = uint64(64)


def _hash(number: Any) -> Any:
    number = uint64((number ^ (number >> uint64(33))) * uint64(0xFF51AFD7ED558CCD))
    number = uint64((number ^ (number >> uint64(33))) * uint64(0xC4CEB9FE1A85EC53))
    return uint64(number ^ (number >> uint64(33)))


def _seeded(seed: Any) -> Any:
    """Return the two words for a seed."""
    extended = uint64(seed) & uint64(0xFFFFFFFF)
    # Copies of the sign: a subtraction takes no branch in loops over many seeds.
    sign = uint64(0) - (extended >> uint64(31))
    extended = uint64(extended | (sign << uint64(32)))
    return _hash(extended), _hash(uint64(extended ^ uint64(0xFFFFFFFFFFFFFFFF)))


def _forwards(first: Any, second: Any) -> Any:
    mixed = uint64(first ^ (first << uint64(23)))
    mixed = uint64(mixed ^ (mixed >> uint64(17)))
    return second, uint64(mixed ^ second ^ (second >> uint64(26)))


def _backwards(first: Any, second: Any) -> Any:
    mixed = uint64(second ^ first ^ (first >> uint64(26)))
    mixed = uint64(mixed ^ (mixed >> uint64(17)) ^ (mixed >> uint64(34)) ^ (mixed >> uint64(51)))
    return uint64(mixed ^ (mixed << uint64(23)) ^ (mixed << uint64(46))), first


def _seed_state(seed: Any) -> Any:
    first, second = _seeded(seed)
    return first, second, uint64(0)


def _step(state: Any) -> Any:
    first, second, served = state
    if uint64(0) < served < _BLOCK:
        first, second = _backwards(first, second)
        return first, second, uint64(served + uint64(1))
    # To the last word of the next block: from the seed, or from the first word of this one.
    words = _BLOCK if served == uint64(0) else _BLOCK + _BLOCK - uint64(1)
    for _word in range(words):
        first, second = _forwards(first, second)
    return first, second, uint64(1)


def _unhash(number: int) -> int:
    """Undo `_hash`, on Python integers: shifts by more than half a word undo themselves."""
    for multiplier in (0xC4CEB9FE1A85EC53, 0xFF51AFD7ED558CCD):
        number = (number ^ (number >> 33)) * pow(multiplier, -1, 2**64) % 2**64
    return number ^ (number >> 33)


def _seed_of_state(state: tuple[int, ...]) -> int | None:
    first, second = uint64(state[0]), uint64(state[1])
    # From the end of one block the next is 127 words on; from a seed its first block is 64 on.
    for _word in range(int(_BLOCK) - 1):
        first, second = _forwards(first, second)
    seed = _unhash(int(first)) % 2**32
    with np.errstate(over="ignore"):
        seeded = _seed_state(uint64(seed))
    return seed if seed != 0 and seeded[:2] == (first, second) else None


def _output_word(state: Any) -> Any:
    return state[0]


def _output_sum(state: Any) -> Any:
    return uint64(state[0] + state[1])


def _output_carryless(state: Any) -> Any:
    return uint64(state[0] ^ state[1])


def _forwards_pair(pair: Any) -> Any:
    return _forwards(pair[0], pair[1])


def _turns(position: Any) -> Any:
    """Return how many words forwards from the seed a word is: blocks are served backwards."""
    block = int(_BLOCK)
    return (position // block + 1) * block - position % block


def _shown_word(pair: Any, _position: Any) -> Any:
    return _output_word(pair)


def _shown_sum(pair: Any, _position: Any) -> Any:
    return _output_sum(pair)


def _generator(name: str, output: Any, shown: Any, *, carryless: Any = None) -> Generator:
    return Generator(
        name=name,
        seeds=range(1, 2**32),
        seed_modulus=2**32,
        seed_bits=32,
        seed_state=_seed_state,
        step=_step,
        output=output,
        output_bits=64,
        state_width=134,  # two words, and where in their block of 64 the next one stands
        linear=LinearState(
            words=2,
            controls=(64,),  # between two blocks: all 64 words of the one before have been served
            cycle=64,
            seed_of_state=_seed_of_state,
            carryless=carryless,
        ),
        early=stepped_words(_seeded, _forwards_pair, _turns, shown, registers=2),
    )


V8_WORD = _generator("V8 xorshift128", _output_word, _shown_word)
V8_SUM = _generator("V8 xorshift128+", _output_sum, _shown_sum, carryless=_output_carryless)

_STATE = """\
// Math.random as V8 computes it, from a state on: 64 words at a time, the last one first.
let [first, second, served] = [%s];
const word = (number) => BigInt.asUintN(64, number);
function forwards() {
    const mixed = word(first ^ (first << 23n));
    [first, second] = [second, mixed ^ (mixed >> 17n) ^ second ^ (second >> 26n)];
}
function backwards() {
    let mixed = second ^ first ^ (first >> 26n);
    mixed ^= (mixed >> 17n) ^ (mixed >> 34n) ^ (mixed >> 51n);
    [first, second] = [word(mixed ^ (mixed << 23n) ^ (mixed << 46n)), first];
}
Math.random = () => {
    if (0 < served && served < 64) backwards();
    else for (let left = served === 0 ? 64 : 127; left > 0; left--) forwards();
    served = (served %% 64) + 1;
    return Number(%s) / 2 ** %d;
};
"""


def _setting(number: str, bits: int) -> Callable[[tuple[int, ...]], str]:
    """Return what writes code that takes the place of V8's own, since no V8 takes a state.

    Parameters
    ----------
    number, bits
        The expression in that code of the `bits` bits that count.
    """

    def set_state(words: tuple[int, ...]) -> str:
        first, second, served = words
        return _STATE % (f"0x{first:x}n, 0x{second:x}n, {served}", number, bits)

    return set_state


_CODE = "node --random-seed={seed}; Math.floor(Math.random() * {m})"

PRESETS = (
    Preset(
        "v8_math_random",
        "Math.floor(Math.random() * m), V8 to 13.4",
        "V8 7.1 to 13.4: Node.js 12 to 23, Chrome 71 to 134",
        Stream(V8_WORD, FLOOR_52),
        _CODE,
        "javascript",
        _setting("first >> 12n", 52),
    ),
    Preset(
        "v8_math_random_53",
        "Math.floor(Math.random() * m), V8 13.5 to 14.3",
        "V8 13.5 to 14.3: Node.js 24 and 25, Chrome 135 to 143",
        Stream(V8_WORD, FLOOR_53),
        _CODE,
        "javascript",
        _setting("first >> 11n", 53),
    ),
    Preset(
        "v8_math_random_sum",
        "Math.floor(Math.random() * m), V8 14.4 and later",
        "V8 14.4 and later: Node.js 26, Chrome 144",
        Stream(V8_SUM, FLOOR_53),
        _CODE,
        "javascript",
        _setting("word(first + second) >> 11n", 53),
    ),
)
