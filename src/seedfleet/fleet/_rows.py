"""A list that is a value: changing one item makes a new list that shares nearly all of the old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Rows"]

_T = TypeVar("_T")
_WIDTH = 256  # a change copies one row and the list of rows: about 650 pointers for 100,000 items


class Rows(Generic[_T]):
    """An immutable sequence of fixed length with changes in O(sqrt(n)).

    Parameters
    ----------
    rows
        Its items in rows of equal width, the last of which may be shorter.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: tuple[tuple[_T, ...], ...]) -> None:
        self._rows = rows

    @classmethod
    def filled(cls, item: _T, length: int) -> Rows[_T]:
        """Make a sequence of `length` times the same item."""
        full, rest = divmod(length, _WIDTH)
        return cls(((item,) * _WIDTH,) * full + (((item,) * rest,) if rest else ()))

    def put(self, index: int, item: _T) -> Rows[_T]:
        """Return the sequence with another item at `index`, which must be in `[0, len)`."""
        major, minor = divmod(index, _WIDTH)
        row = self._rows[major]
        row = (*row[:minor], item, *row[minor + 1 :])
        return Rows((*self._rows[:major], row, *self._rows[major + 1 :]))

    def __getitem__(self, index: int) -> _T:
        return self._rows[index // _WIDTH][index % _WIDTH]

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    def __iter__(self) -> Iterator[_T]:
        for row in self._rows:
            yield from row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self._rows == other._rows

    def __hash__(self) -> int:
        return hash(self._rows)
