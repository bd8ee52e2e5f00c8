"""Wrappers of what tells the time, or draws by chance: a recorder is told who asks, where that matters."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from couler_plugins.caching.reads.asking import chance_of, clock_of, moment_of, pendulum_of, seed_of
from couler_plugins.caching.reads.dispatch import dispatch, is_observed
from couler_plugins.caching.reads.facts import FactKind
from couler_plugins.caching.reads.recorder import Recorder
from couler_plugins.caching.reads.wrappers import EarlyWrapper, Wrapper


class ClockWrapper(Wrapper):
    """A function that tells the time, or draws by chance: it is told who asks, if that matters."""

    kind: FactKind = "clocks"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_observed() and (asker := self._note(sys._getframe(1), *args, *kwargs.values())):
            dispatch(lambda recorder: recorder.notes.tell(self.kind, asker))
        return self.__wrapped__(*args, **kwargs)


class ChanceWrapper(ClockWrapper):
    """A function that draws by chance."""

    kind: FactKind = "chances"


def wrap_method(original: Any, kind: FactKind, asking: Callable[..., str]) -> Any:
    """Return a method of a class that is told who has it tell the time, or draw by chance."""
    plain = original.__func__ if isinstance(original, classmethod) else original

    @functools.wraps(plain)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_observed() and (asker := asking(sys._getframe(1), *args, *kwargs.values())):
            dispatch(lambda recorder: recorder.notes.tell(kind, asker))
        return plain(self, *args, **kwargs)

    return classmethod(method) if isinstance(original, classmethod) else method


def _note_seed(recorder: Recorder, frame: FrameType, outcome: None, seed: Any = None, *args: Any, **more: Any) -> None:
    if seed is not None or more.get("a") is not None:
        recorder.generators.seed()
    elif asker := seed_of(frame):
        recorder.notes.tell("chances", asker)


def _note_numpy_seed(recorder: Recorder, frame: FrameType, outcome: None, *args: Any, **more: Any) -> None:
    recorder.generators.seed_numpy()  # by chance, it draws that


LATE: Final = frozenset({"numpy.random", "uuid"})
"""Modules that are not loaded for the observer."""
ASKED: Final = frozenset({time.time, time.time_ns, time.localtime, time.gmtime, os.urandom})
METHODS: Final[tuple[tuple[str, str, str, FactKind, Callable[..., str]], ...]] = (
    ("random", "Random", "seed", "chances", seed_of),
    ("pendulum.datetime", "DateTime", "now", "clocks", pendulum_of),
)
WRAPPED: Final[tuple[tuple[str, str, type[Wrapper], Callable[..., Any]], ...]] = (
    *(("time", name, ClockWrapper, clock_of) for name in ("time", "time_ns")),
    *(("time", name, ClockWrapper, moment_of) for name in ("localtime", "gmtime", "ctime", "asctime", "strftime")),
    ("os", "urandom", ChanceWrapper, chance_of),
    ("random", "_urandom", ChanceWrapper, chance_of),
    ("uuid", "uuid1", ChanceWrapper, chance_of),
    ("random", "seed", EarlyWrapper, _note_seed),
    ("numpy.random", "seed", EarlyWrapper, _note_numpy_seed),
)
"""Modules and their functions, and how each is wrapped."""
