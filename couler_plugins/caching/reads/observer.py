"""The observer of Python code: what it reads and does while it runs, in all threads of the process.

It runs in the Python of a step as well, and needs nothing beside the standard library.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import os
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from couler_plugins.caching.reads import arrow, databases, natives
from couler_plugins.caching.reads.callers import is_library
from couler_plugins.caching.reads.clocks import ASKED, LATE, METHODS, wrap_method
from couler_plugins.caching.reads.clocks import WRAPPED as WRAPPED_CLOCKS
from couler_plugins.caching.reads.digests import LARGEST, Unusable
from couler_plugins.caching.reads.dispatch import active, dispatch, forget, guard, is_observed, unobserved
from couler_plugins.caching.reads.environment import observe_environment, release_environment
from couler_plugins.caching.reads.events import HANDLERS
from couler_plugins.caching.reads.facts import Facts
from couler_plugins.caching.reads.kinds import Kind
from couler_plugins.caching.reads.paths import PathRules
from couler_plugins.caching.reads.recorder import Recorder
from couler_plugins.caching.reads.wrappers import WRAPPED, EarlyWrapper, MethodWrapper, Wrapper


class Sight:
    """What was seen, once the code has ended.

    Attributes:
        values: what all that the code has read was like, by kind and name; None where nobody can tell what that was.
        reason: why nobody can; empty where all is known.
        facts: what it did beside reading.
        created: the real paths of what it has made or given another content, wherever it is; all that is inside counts.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[Kind, str], str] | None = None
        self.reason = "the code has not ended"
        self.facts = Facts()
        self.created: frozenset[str] = frozenset()


@contextlib.contextmanager
def watch(
    seen: Sight,
    temporary: Iterable[Path],
    outputs: Iterable[Path],
    ignored: Iterable[Path],
    largest: int = LARGEST,
    logs: Iterable[Path] = (),
) -> Iterator[None]:
    """Watch all that this process does inside, also in other threads; the arguments are those of `observe`.

    Args:
        seen: it is filled in when the code ends.
        temporary: folders for temporary files.
        outputs: files and folders that the code may write.
        ignored: files and folders that do not count.
        largest: how many bytes a file may have that the code reads.
        logs: files and folders that do not count for what writes logs.
    """
    with unobserved():
        recorder = Recorder(PathRules(temporary, outputs, ignored, logs), largest)
        _start(recorder)
    try:
        yield
    except BaseException:
        seen.reason = "the code has failed"
        raise
    else:
        with unobserved():
            _stop(recorder)
            _finish(seen, recorder)
    finally:
        _stop(recorder)


def _finish(seen: Sight, recorder: Recorder) -> None:
    seen.reason = ""
    try:
        if _unfollowed:
            recorder.fail(f"this version has no {min(_unfollowed)}: nobody can follow it")
        for name in recorder.generators.drawn():
            recorder.notes.tell_without_place("chances", name)
        seen.facts = recorder.notes.facts()
        seen.created = recorder.rules.created
        seen.values = recorder.values()
    except Unusable as error:
        seen.reason = str(error)
    except (OSError, ValueError, RuntimeError) as error:
        seen.reason = f"its reads cannot be determined: {type(error).__name__}"


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    """The one hook of the process: none can be removed, so it is idle while nobody observes."""
    if not active.recorders or guard.is_set:
        return
    handler = HANDLERS.get(event)
    if handler is not None:
        dispatch(lambda recorder: handler(recorder, arguments))


OURS = ("couler_airflow", "couler_plugins")
"""What does nothing for a task while that is observed."""

_lock = threading.Lock()
_patches: list[tuple[dict[str, Any], str, Wrapper]] = []
_methods: list[tuple[type, str, Any, Any]] = []
"""Classes, the names of methods, what is in their place, and what was there before."""
HOLDERS = ("posix", "aiofiles.os")
"""Modules of libraries that have the functions by a name of their own, or in what they have made of them."""
CALLS = (*arrow.CALLS, *databases.CALLS, *natives.CALLS)
_late = {*(name for name, *_ in CALLS), *(name for name, *_ in METHODS)}
"""Modules whose functions are wrapped where they are loaded, or once they are."""
_unfollowed: set[str] = set()
"""What such a module lacks, in the version that is installed."""
_is_hooked = False
_libraries: set[str] = set()
"""The names of modules of libraries that were met: of two thousand, nobody asks for the file each time."""

ASKED_IDS = frozenset(map(id, ASKED))
HELD = ("time", "_time", "time_ns", "_time_ns", "now", "clock", "localtime", "gmtime", "urandom", "_urandom")
"""What libraries call them; to look at all that they hold takes ten milliseconds in each process."""
_askers: list[tuple[dict[str, Any], str]] = []
"""Where libraries have functions that ask for the time or draw by chance by a name of their own."""


def _start(recorder: Recorder) -> None:
    global _is_hooked  # noqa: PLW0603  # there is one hook
    with _lock:
        if not _is_hooked:
            sys.addaudithook(_hook)
            os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_forget)
            _is_hooked = True
        if not active.recorders:
            _patch()
        active.recorders = (*active.recorders, recorder)


def _stop(recorder: Recorder) -> None:
    with _lock:
        active.recorders = tuple(one for one in active.recorders if one is not recorder)
        if not active.recorders:
            _restore()


def _forget() -> None:
    """Observe no more, in a process that was forked: what it does is not seen by the one that asks."""
    _lock.release()
    forget()
    _restore()


def _patch() -> None:
    """Put wrappers in place, also where code of no library has the functions by a name of its own."""
    wrappers: dict[int, Wrapper] = {}
    for name, function, wrap, note in (*WRAPPED, *WRAPPED_CLOCKS):
        if name in LATE and name not in sys.modules:
            continue
        try:
            module = importlib.import_module(name)
        except ImportError:  # a Python without SQLite
            continue
        original = getattr(module, function)
        wrappers[id(original)] = wrap(original, note, name)
        _replace(vars(module), function, wrappers[id(original)])
    for name in _late:
        if (loaded := sys.modules.get(name)) is not None:
            wrappers |= _patch_late(loaded)
    for module in (*learn_libraries(), *filter(None, map(sys.modules.get, HOLDERS))):
        for name, value in list(vars(module).items()):
            if id(value) in wrappers:
                _replace(vars(module), name, wrappers[id(value)])
            for cell in getattr(value, "__closure__", None) or () if module.__name__ in HOLDERS else ():
                if id(cell.cell_contents) in wrappers:
                    cell.cell_contents = wrappers[id(cell.cell_contents)]  # it stays, and is idle when nobody observes
    for namespace, name in _askers:
        if (wrapper := wrappers.get(id(namespace.get(name)))) is not None:
            _replace(namespace, name, wrapper)
    observe_environment()
    sys.meta_path.insert(0, LateFinder)
    sys.meta_path.append(LackFinder)


def _wrap_method(original: Any, note: Callable[..., None], module: str) -> Any:
    if isinstance(original, classmethod):
        return classmethod(EarlyWrapper(original.__func__, note, module))
    return MethodWrapper(original, note, module)


def _patch_late(module: types.ModuleType) -> dict[int, Wrapper]:
    """Put the wrappers of a module in place that nobody loads for it, and return those of functions by their ids."""
    wrappers: dict[int, Wrapper] = {}
    owner: Any
    for name, kind, method, fact, asker in METHODS:
        if name == module.__name__:
            owner = getattr(module, kind)
            original = vars(owner)[method]
            setattr(owner, method, wrap_method(original, fact, asker))
            _methods.append((owner, method, vars(owner)[method], original))
    for name, path, note in CALLS:
        if name != module.__name__:
            continue
        holder, _, last = path.rpartition(".")
        owner = getattr(module, holder, None) if holder else module
        original = vars(owner).get(last) if owner is not None else None
        if original is None:
            _unfollowed.add(f"{name}.{path}")
        elif holder:
            placed = _wrap_method(original, note, name)
            setattr(owner, last, placed)
            _methods.append((owner, last, placed, original))
        else:
            wrappers[id(original)] = EarlyWrapper(original, note, name)
            _replace(vars(module), last, wrappers[id(original)])
    return wrappers


def learn_libraries() -> list[types.ModuleType]:
    """Return the loaded modules that are of no library. The others are remembered, also by processes forked later."""
    own = []
    for name, module in [item for item in list(sys.modules.items()) if item[0] not in _libraries]:
        if name.partition(".")[0] in OURS or not (file := getattr(module, "__file__", None)):
            continue
        if is_library(file):
            _libraries.add(name)
            _askers.extend((vars(module), key) for key in HELD if id(vars(module).get(key)) in ASKED_IDS)
        else:
            own.append(module)
    return own


def _replace(namespace: dict[str, Any], name: str, wrapper: Wrapper) -> None:
    namespace[name] = wrapper
    _patches.append((namespace, name, wrapper))


def _restore() -> None:
    """Undo it, but for what somebody else has replaced meanwhile."""
    for namespace, name, wrapper in _patches:
        if namespace.get(name) is wrapper:
            namespace[name] = wrapper.__wrapped__
    _patches.clear()
    for owner, name, placed, original in _methods:
        if vars(owner).get(name) is placed:
            setattr(owner, name, original)
    _methods.clear()
    release_environment()
    for finder in (LateFinder, LackFinder):
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)


class LateFinder:
    """The first finder of modules: it has those wrapped that are wrapped once they are loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """Return where such a module is; all others are left to other finders."""
        if name not in _late or not is_observed():
            return None
        with unobserved():
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return None
        load = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            del loader.exec_module
            load(module)
            with _lock:
                if active.recorders:
                    _patch_late(module)

        loader.exec_module = exec_module
        return spec


class LackFinder:
    """The last finder of modules: it is asked for those that there are not."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Note that a module was not found."""
        if is_observed():
            dispatch(lambda recorder: recorder.lack(name, path))
