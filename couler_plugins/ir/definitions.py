"""Definitions of names: what a reference means where a name is defined in several places, and remarks on that.

What counts, in this order: the namespace, the version that the reference itself names, the same file, the same folder,
the folders around it, and then the scope. Equal objects are one. Of different objects elsewhere none is nearer: another
environment's copy is not what runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

from couler_plugins.documents import FilePlace, Path, Remark
from couler_plugins.documents.mappings import by_key

T = TypeVar("T")


class _Definition(NamedTuple, Generic[T]):
    item: T
    place: FilePlace
    version: str

    @property
    def versions(self) -> frozenset[str]:
        return frozenset(filter(None, (self.version, self.place.version)))


class Definitions(Generic[T]):
    """Objects by name, with where they stand.

    Args:
        same: what two objects have in common that are copies of each other; asked only where a name is there twice.
    """

    def __init__(self, same: Callable[[T], Hashable]) -> None:
        self._same = same
        self._numbers: dict[Hashable, int] = {}
        self._copies: dict[int, int] = {}
        self._named: dict[tuple[Hashable, str | None], list[_Definition[T]]] = {}
        self._nearest: dict[tuple[Hashable, str | None, str], _Nearest[T]] = {}

    def add(self, name: Hashable, namespace: str, item: T, place: FilePlace, version: str = "") -> None:
        """Add an object.

        Args:
            name: its name, with all else that tells it from others (its kind).
            namespace: where it lives; empty where that is decided later.
            item: the object.
            place: where it stands.
            version: the version that it says of itself.
        """
        for seen in (namespace, None):
            self._named.setdefault((name, seen), []).append(_Definition(item, place, version))

    def resolve(self, name: Hashable, namespace: str, place: FilePlace, version: str = "") -> Sequence[T]:
        """Return what a reference means: one object, none, or all that it may mean.

        Args:
            name: as for `add`.
            namespace: that of the object with the reference. Objects there come before those that say none; a
                reference without a namespace sees all.
            place: where the reference stands.
            version: the version that it names. Objects that say another one are not meant.
        """
        for seen in (namespace, "") if namespace else (None,):
            if (name, seen) in self._named:
                if (name, seen, version) not in self._nearest:
                    self._nearest[name, seen, version] = _Nearest(self._of_version(name, seen, version), self._distinct)
                return self._nearest[name, seen, version].to(place)
        return ()

    def duplicates(self) -> Iterator[Sequence[T]]:
        """Yield the different objects that have one name, namespace, scope, version folder and version."""
        for (_, seen), definitions in self._named.items():
            several = definitions if seen is not None and len(definitions) > 1 else ()
            groups = by_key(((one.place.scope, one.version, *one.place.version_folder), one.item) for one in several)
            for group in groups.values():
                if len(distinct := self._distinct(group)) > 1:
                    yield distinct

    def _of_version(self, name: Hashable, seen: str | None, version: str) -> list[_Definition[T]]:
        definitions = self._named[name, seen]
        if not version:
            return definitions
        return [one for one in definitions if version in one.versions] or [
            one for one in definitions if not one.versions
        ]

    def _distinct(self, items: Sequence[T]) -> Sequence[T]:
        """The first of each group of copies."""
        if len(items) < 2:  # the usual case, in which nothing has to be compared
            return items
        firsts: dict[int, T] = {}
        for item in items:
            if id(item) not in self._copies:  # to compare two is costly: each is looked at once
                self._copies[id(item)] = self._numbers.setdefault(self._same(item), len(self._numbers))
            firsts.setdefault(self._copies[id(item)], item)
        return tuple(firsts.values())


class _Nearest(Generic[T]):
    """Definitions of one name, by scope and by the folders that they are below."""

    def __init__(self, definitions: Sequence[_Definition[T]], distinct: Callable[[Sequence[T]], Sequence[T]]) -> None:
        self._distinct = distinct
        self._all = distinct([one.item for one in definitions])
        self._below: dict[tuple[str, tuple[str, ...]], list[T]] = {}
        self._known: dict[tuple[str, tuple[str, ...]], Sequence[T]] = {}
        for one in definitions if len(definitions) > 1 else ():
            for length in _near(one.place):
                self._below.setdefault((one.place.scope, one.place.path[:length]), []).append(one.item)

    def to(self, place: FilePlace) -> Sequence[T]:
        """Return the nearest in the scope of a place, or all that it may mean."""
        for length in range(len(place.path), -1, -1) if self._below else ():
            key = (place.scope, place.path[:length])
            if key in self._below:
                if key not in self._known:
                    self._known[key] = self._distinct(self._below[key])
                return self._known[key]
        return self._all


def _near(place: FilePlace) -> Iterator[int]:
    """How much of a path a reference has to share with a definition: nothing but the scope, or its folder, or more.

    A folder that is called like a version counts as the folder of all below it. That two files are below one of any
    other folders says nothing: `envs/dev` and `envs/prod` are below `envs`.
    """
    yield 0
    folder = len(place.path) - 1
    yield from range(max(1, min(folder, len(place.version_folder) or folder)), len(place.path) + 1)


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
