"""Find the modules of generators, ours and the user's, and check what they offer."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedfleet.errors import CatalogueError
from seedfleet.generators import families
from seedfleet.generators.definition import Preset, Stream
from seedfleet.generators.faults import OWN_FOLDER, fault_in, problem_of_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

__all__ = ["MAX_PRESETS", "SEARCH_SUFFIXES", "Found", "discover"]

MAX_PRESETS = 64  # the prior over presets has so many slots (`evidence.prior`)
SEARCH_SUFFIXES = ("_hybrid", "_reverse", "_hybrid_reverse")

_SLUG = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Found:
    """A preset and the module that defines it."""

    preset: Preset
    family: ModuleType

    @property
    def file(self) -> str:
        """The module's file, as problems name it."""
        return str(self.family.__file__)


def discover(folders: Sequence[str]) -> tuple[Found, ...]:
    """Import every module in `folders`, and return its presets in the order of the modules' names.

    Parameters
    ----------
    folders
        Where the package `families` looks: its own folder, and those of the user.

    Raises
    ------
    CatalogueError
        A folder is missing, a module of the user's fails, or what is found does not fit together.
    """
    problems = [f"{each}: is no folder" for each in folders if not Path(each).is_dir()]
    found: list[Found] = []
    for folder, name in sorted(_modules(folders, problems), key=lambda each: each[1]):
        module = _imported(folder, name, problems)
        if module is not None:
            found += _presets(module, problems)
    problems += _clashes(found)
    if len(found) > MAX_PRESETS:
        text = f"there are {len(found)} presets, and the prior has room for {MAX_PRESETS}"
        problems.append(f"{found[MAX_PRESETS].file}: {text}")
    if problems:
        raise CatalogueError(problems)
    return tuple(found)


def _modules(folders: Iterable[str], problems: list[str]) -> Iterable[tuple[str, str]]:
    """Yield folder and name of each module; the import system would see but the first of a name."""
    seen: dict[str, str] = {}
    for folder in folders:
        for module in pkgutil.iter_modules([folder]):
            if module.name in seen:
                file = Path(folder) / f"{module.name}.py"
                problems.append(f"{file}: there is a {module.name}.py in {seen[module.name]}")
            else:
                seen[module.name] = folder
                yield folder, module.name


def _imported(folder: str, name: str, problems: list[str]) -> ModuleType | None:
    qualified = f"{families.__name__}.{name}"
    if Path(folder) == OWN_FOLDER:
        return importlib.import_module(qualified)
    try:
        return importlib.import_module(qualified)
    except Exception as error:  # noqa: BLE001 - a user's file may raise anything
        problems.append(_told(error, Path(folder) / f"{name}.py"))
        return None


def _told(error: Exception, file: Path) -> str:
    return fault_in(error, [str(file.parent)]) or f"{file}: {type(error).__name__}: {error}"


def _presets(module: ModuleType, problems: list[str]) -> list[Found]:
    offered = getattr(module, "PRESETS", ())
    if not isinstance(offered, tuple | list):
        kind = type(offered).__name__
        problems.append(f"{module.__file__}: PRESETS is a {kind}, not a tuple of Preset")
        return []
    found = []
    for index, each in enumerate(offered):
        wrong = _wrong_with(each)
        if wrong is not None:
            problems.append(f"{module.__file__}: PRESETS[{index}] {wrong}")
        elif _passes_trial(each, module, problems):
            found.append(Found(each, module))
    return found


def _passes_trial(preset: Preset, module: ModuleType, problems: list[str]) -> bool:
    """Draw from a preset of the user's own; tests do so for ours."""
    file = Path(str(module.__file__))
    if file.parent == OWN_FOLDER:
        return True
    try:
        wrong = problem_of_trial(preset.stream)
    except Exception as error:  # noqa: BLE001 - a user's functions may raise anything
        problems.append(_told(error, file))
        return False
    if wrong is not None:
        problems.append(f"{file}: {preset.slug} {wrong}")
    return wrong is None


def _wrong_with(offered: object) -> str | None:
    if not isinstance(offered, Preset):
        return f"is a {type(offered).__name__}, not a Preset"
    slug: object = offered.slug
    if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
        return f"has the slug {slug!r}; one is made of a-z, 0-9 and _"
    if not isinstance(offered.stream, Stream):
        return f"({offered.slug}) has a {type(offered.stream).__name__} for its stream"
    try:
        offered.line(1, 1000)
    except (AttributeError, IndexError, KeyError, ValueError) as error:
        return f"({offered.slug}) has a code line that cannot be filled in: {error!r}"
    return None


def _clashes(found: Sequence[Found]) -> Iterable[str]:
    """Say which names are taken twice: of presets, of what searches are called, of streams."""
    by_slug = {each.preset.slug: each for each in reversed(found)}
    for each in found:
        first = by_slug[each.preset.slug]
        if first is not each:
            yield f"{each.file}: there is a preset {first.preset.slug} already, in {first.file}"
        for suffix in SEARCH_SUFFIXES:
            other = by_slug.get(each.preset.slug + suffix)
            if other is not None:
                slug = other.preset.slug
                yield f"{other.file}: {slug} is the name of a search of {each.preset.slug}"
    yield from _two_of_a_name(found, "generator", lambda each: each.preset.stream.generator)
    yield from _two_of_a_name(found, "stream", lambda each: each.preset.stream)


def _two_of_a_name(
    found: Iterable[Found], kind: str, part: Callable[[Found], object]
) -> Iterable[str]:
    first: dict[str, object] = {}
    for each in found:
        thing = part(each)
        name: str = thing.name  # type: ignore[attr-defined]
        if first.setdefault(name, thing) != thing:
            yield f"{each.file}: there is another {kind} of the name {name}"
