"""The environment while it is observed: which variables are read, and what they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

from couler_plugins.caching.reads.callers import is_library, level_of, module_of, outer_frame
from couler_plugins.caching.reads.dispatch import dispatch, is_observed
from couler_plugins.caching.reads.probes import variables_value

PREFIXES: Final = {"/networkx/utils/backends.py": "NETWORKX_", "/fsspec/config.py": "FSSPEC", "/tqdm/utils.py": ""}
"""Files of libraries that look at all variables for those with a prefix; that of tqdm is in a local variable."""


class ObservedEnvironment(os._Environ[Any]):
    """The class of `os.environ` while somebody observes: `get`, `in`, `items`, `copy`, … all come down to these."""

    def __getitem__(self, key: Any) -> Any:
        value = self._data.get(self.encodekey(key)) if isinstance(key, (str, bytes)) else None  # type: ignore[attr-defined]
        if is_observed() and level_of(outer_frame()):
            text = None if value is None else os.fsdecode(value)
            name = os.fsdecode(key)
            if name.lstrip("_").startswith(_prefix(outer_frame())):
                dispatch(lambda recorder: recorder.variable(name, text))
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        if is_observed() and level_of(outer_frame()):
            prefix = _prefix(outer_frame())
            names = {os.fsdecode(key) for key in list(self._data)}  # type: ignore[attr-defined]
            names = {name for name in names if name.startswith(prefix)}
            dispatch(
                lambda recorder: recorder.note("variables", prefix, variables_value(names - recorder.changed_variables))
            )
        return super().__iter__()

    def __len__(self) -> int:
        iter(self)
        return super().__len__()

    def __repr__(self) -> str:
        dict(self)
        return super().__repr__()


def _prefix(frame: FrameType | None) -> str:
    """Return how all variables begin that some code takes of the environment."""
    while frame is not None and module_of(frame.f_code.co_filename) in ("_collections_abc", "os"):
        frame = frame.f_back
    if frame is None:
        return ""
    path = frame.f_code.co_filename
    end = next((end for end in PREFIXES if path.endswith(end)), "")
    return str(PREFIXES[end] or frame.f_locals.get("prefix", "")) if end and is_library(path) else ""


def observe_environment() -> None:
    """Record what is read of the environment, whoever has imported it."""
    for environment in (os.environ, os.environb):
        if type(environment) is os._Environ:
            environment.__class__ = ObservedEnvironment


def release_environment() -> None:
    """Undo it."""
    for environment in (os.environ, os.environb):
        if type(environment) is ObservedEnvironment:
            environment.__class__ = os._Environ  # type: ignore[assignment]
