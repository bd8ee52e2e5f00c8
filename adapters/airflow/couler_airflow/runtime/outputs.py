"""Outputs of a run of a task: what of them it has written itself, how they are kept and put back."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from couler_airflow.runtime.store import Store
from couler_plugins.caching.artifacts import Hit, Meta
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.dataplane.contents import State, state_of
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.caching.dataplane.fresh_outputs import OutputLocks
from couler_plugins.caching.dataplane.kept_outputs import KeptOutput, kept_outputs, named_contents, put_back
from couler_plugins.caching.dataplane.placing import Placement
from couler_plugins.errors import CoulerError

UNSEEN = frozenset({"files", "programs"})
"""What lets a task write unseen, if its owner allows it: whatever has changed is its own then."""

LONGEST = 1024
"""Characters that are told of a path."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NotInPlace(Exception):
    """Outputs are not as they were kept, and cannot be put back."""


class Outputs:
    """The outputs of one run of a task; use it in a `with`.

    Args:
        paths: the files and folders that it makes, absolute.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        self._places = [_real(path) for path in self.paths]
        self._locks = OutputLocks()
        self._shared: list[Path] | None = None  # those that others make, once that has been asked
        self._before: dict[str, State] = {}
        self._missing: frozenset[str] = frozenset()
        self._objection = ""

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *error: object) -> None:
        self._locks.close()

    def begin(self) -> None:
        """Look at what is there before the task runs."""
        try:
            self._lock()
            folders = {folder for place in self._places for folder in place.parents}
            self._missing = frozenset(str(folder) for folder in folders if not os.path.lexists(folder))
            self._before = {str(place): state_of(place) for place in self._places}
        except Exception as error:  # noqa: BLE001  # the task runs all the same
            self._objection = f"its outputs cannot be looked at: {reason_of(error)}"

    def holds(self, path: str) -> bool:
        """Tell whether a path is an output, or inside of one."""
        real = _real(path)
        return any(real.is_relative_to(place) for place in self._places)

    def covers(self, path: str) -> bool:
        """Tell whether putting the outputs back makes what is at a path: also folders that were made for them alone."""
        if self.holds(path):
            return True
        if path not in self._missing or not os.path.isdir(path) or os.path.islink(path):  # noqa: PTH112, PTH114
            return False
        return all(self.covers(f"{path}/{name}") for name in os.listdir(path))  # noqa: PTH208

    def reasons(self, created: Collection[str], allow: Iterable[str]) -> Iterator[str]:
        """Return why the outputs are not what the task has made.

        Args:
            created: what it was seen to make or write, with all that is inside.
            allow: what its owner allows.
        """
        if reason := self._objection or self._disturbance():
            yield reason
            return
        unseen = bool(UNSEEN.intersection(allow))
        for path, place in zip(self.paths, self._places, strict=True):
            try:
                if reason := self._reason(place, created, unseen=unseen):
                    yield reason.format(path)
            except OSError as error:
                yield f"its output {path} cannot be looked at: {reason_of(error)}"

    def _reason(self, place: Path, created: Collection[str], *, unseen: bool) -> str:
        """Return why an output is not what the task has made, with a gap for its path."""
        if place.is_symlink():
            return "its output {} is a link"
        after, before = state_of(place), self._before[str(place)]
        if not after:
            return "it has not made its output {}"
        if any(path.is_relative_to(place) for path in _open_paths()):
            return "its output {} is still open, and may not be whole"
        own = {
            name for name, status in after.items() if _is_in(name, created) or (unseen and before.get(name) != status)
        }
        if not own and not any(Path(path).is_relative_to(place) for path in created):
            return "it has not written its output {}"
        inner = sorted(name for name in after if name.startswith(f"{place}/"))
        foreign = (name for name in inner if name not in own and not stat.S_ISDIR(after[name].kind))
        if name := next(foreign, ""):
            return _gap(place, name, "which it has not written: empty it first, or name files")
        # What is restored in a folder has the permissions of any new file.
        private = (name for name in inner if not os.lstat(name).st_mode & OTHERS)
        if place.lstat().st_mode & OTHERS and (name := next(private, "")):
            return _gap(place, name, "which only its owner may read: name that file, or close the folder to others")
        return ""

    def keep(self, store: Store, key: str, meta: Meta) -> tuple[KeptOutput, ...]:
        """Keep what the outputs are like now, and return that.

        Raises:
            Uncacheable: they cannot be kept.
            OSError: they cannot be looked at.
        """
        if not self.paths:
            return ()
        paths = tuple(path.encode(errors="backslashreplace").decode()[:LONGEST] for path in self.paths)
        kept = store.keep_beside(key, lambda: named_contents(self._places), replace(meta, paths=paths))
        reason = kept if isinstance(kept, str) else self._disturbance()
        if isinstance(kept, str) or reason:
            raise Uncacheable(f"its outputs are not kept: {reason}", rule="outputs")
        return kept_outputs(kept, self._places)

    def put_back(self, store: Store, key: str, kept: tuple[KeptOutput, ...]) -> list[str]:
        """Put back what is not as it was kept, and return the paths of that.

        Raises:
            NotInPlace: that cannot be done; nothing has changed.
        """
        if len(kept) != len(self.paths):
            raise NotInPlace("it was kept with other outputs")

        def fetch(write: Callable[[Hit], None], placement: Placement) -> None:
            self._lock()  # whoever makes the same now is told
            store.fetch(key, write, placement)

        try:
            places = put_back(kept, self._places, fetch)
        except (CoulerError, OSError) as error:
            raise NotInPlace(reason_of(error)) from error
        return [path for path, place in zip(self.paths, self._places, strict=True) if place in places]

    def _lock(self) -> None:
        if self._shared is None:
            self._shared = self._locks.take(self._places)

    def _disturbance(self) -> str:
        names = ", ".join(map(str, self._shared or self._locks.disturbed()))
        return f"another run makes {names} at the same time" if names else ""


def _real(path: str) -> Path:
    """Return where something is, whatever it leads to itself."""
    folder, _, name = path.rpartition("/")
    return Path(os.path.realpath(folder or "/"), name)


def _gap(place: Path, name: str, what: str) -> str:
    inner = str(Path(name).relative_to(place)).replace("{", "{{").replace("}", "}}")
    return f"its output {{}} holds {inner!r}, {what}"


def _open_paths() -> Iterator[Path]:
    """Return what this process has open, where the system tells."""
    links = Path("/proc/self/fd")
    for link in list(links.iterdir()) if links.is_dir() else ():
        with contextlib.suppress(OSError):  # that of the listing itself, or one that another thread has closed
            yield link.readlink()


def _is_in(name: str, made: Collection[str]) -> bool:
    return name in made or any(str(folder) in made for folder in Path(name).parents)
