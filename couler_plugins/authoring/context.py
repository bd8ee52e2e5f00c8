"""Which workflow is being written: that of the block around, or, outside of any, one of this thread or task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from couler_plugins.authoring.recording import Recorder
from couler_plugins.errors import InvalidInput

__all__ = ["implicit", "recorder", "recording", "reset"]


@dataclass(frozen=True)
class Current:
    """A recorder, and whose it is: a copy of a context does not make it another's."""

    recorder: Recorder
    owner: tuple[int, object]
    in_block: bool


CURRENT: ContextVar[Current | None] = ContextVar("couler_workflow", default=None)


def recorder() -> Recorder:
    """The workflow that is being written; a new one of its own where there is none."""
    current = CURRENT.get()
    if current is None or current.owner != _owner():
        current = Current(Recorder(), _owner(), in_block=False)
        CURRENT.set(current)
    return current.recorder


@contextmanager
def recording(into: Recorder) -> Iterator[None]:
    """What is called inside goes into this workflow.

    Raises:
        InvalidInput: another workflow is being written in a block around this one.
    """
    current = CURRENT.get()
    if current is not None and current.in_block and current.owner == _owner():
        raise InvalidInput("a workflow is written inside another one", hint="write them one after the other")
    token = CURRENT.set(Current(into, _owner(), in_block=True))
    try:
        yield
    finally:
        CURRENT.reset(token)


def implicit() -> Recorder:
    """The workflow of the calls outside of any block.

    Raises:
        InvalidInput: this is called inside a block, or nothing was written.
    """
    current = CURRENT.get()
    if current is None or current.owner != _owner() or not current.recorder.main.calls:
        hint = "call run_container or its like before, or give the workflow"
        raise InvalidInput("no workflow was written in this thread", hint=hint)
    if current.in_block:
        raise InvalidInput("the workflow of this block is not finished", hint="run it after the block")
    return current.recorder


def reset() -> None:
    """Forgets what was called outside of any block, in this thread or task."""
    current = CURRENT.get()
    if current is not None and not current.in_block:
        CURRENT.set(None)


def _owner() -> tuple[int, object]:
    try:
        return threading.get_ident(), asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return threading.get_ident(), None
