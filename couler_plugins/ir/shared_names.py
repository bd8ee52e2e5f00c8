"""What lint says where several objects have one name: one remark a name, however many refer to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

from couler_plugins.documents import Path, Remark
from couler_plugins.ir.definitions import Definitions

__all__ = ["AMBIGUOUS", "SharedNames", "Subject"]

T = TypeVar("T")
AMBIGUOUS = "ambiguous-reference"
MOST = 12
"""How many places one remark lists."""


class Subject(NamedTuple):
    """An object, for a remark.

    Attributes:
        name: what it is called, with its kind (`Task 'build'`).
        document: the number of its document.
        path: where its name stands in the document.
        place: its file and line, and its version if it says one.
        referable: whether others refer to it by name; nothing refers to a run.
    """

    name: str
    document: int
    path: Path
    place: str
    referable: bool = True


class SharedNames(Generic[T]):
    """Names that several objects have, and references that may mean any of them.

    Args:
        definitions: the objects.
        subject: describes one of them.
    """

    def __init__(self, definitions: Definitions[T], subject: Callable[[T], Subject]) -> None:
        self._subject = subject
        self._repeated = {frozenset(map(id, group)): group for group in definitions.duplicates()}
        self._unclear: dict[frozenset[int], tuple[Sequence[T], dict[tuple[int, Path], None]]] = {}

    def add(self, candidates: Sequence[T], document: int, path: Path) -> None:
        """Note a reference that may mean any of some objects.

        Args:
            candidates: the objects.
            document: the number of the document with the reference.
            path: where the reference stands in it.
        """
        key = frozenset(map(id, candidates))
        if key not in self._repeated:  # else it is said of the objects
            self._unclear.setdefault(key, (candidates, {}))[1][document, path] = None

    def remarks(self, severity: Literal["error", "warning"], code: str) -> Iterator[Remark]:
        """Yield a remark for each name that is used twice, of this severity and code, and for each unclear one."""
        for group in self._repeated.values():
            subjects = [self._subject(item) for item in group]
            if not subjects[0].referable:  # samples repeat such names: the same words for all make one finding
                kind = subjects[0].name.partition(" ")[0]
                message, hint = f"several different {kind}s have this name", "rename them, or use generateName"
                yield from (Remark(item.document, item.path, severity, code, message, hint) for item in subjects)
                continue
            message = f"there are {len(group)} different definitions of the {subjects[0].name}: {_places(subjects)}"
            several = len({subject.place.rpartition("/")[0] for subject in subjects}) == len(subjects)
            hint = "keep one of them" + ("; if each folder is deployed by itself, see --scope-depth" if several else "")
            yield Remark(subjects[1].document, subjects[1].path, severity, code, message, hint)
        for candidates, references in self._unclear.values():
            subjects = [self._subject(item) for item in candidates]
            document, path = next(iter(references))
            count = f"{len(references)} references" if len(references) > 1 else "this reference"
            message = f"{count} to the {subjects[0].name} may mean any of {len(subjects)}: {_places(subjects)}"
            hint = "give only the files of the one that is meant, to have this checked"
            yield Remark(document, path, "note", AMBIGUOUS, message, hint)


def _places(subjects: Sequence[Subject]) -> str:
    more = f", and {len(subjects) - MOST} more" if len(subjects) > MOST else ""
    return ", ".join(subject.place for subject in subjects[:MOST]) + more
