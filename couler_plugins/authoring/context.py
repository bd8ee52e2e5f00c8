"""Which workflow is being written: that of the block around, or, outside of any, one of this thread or task."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from couler_plugins.authoring.recording import Recorder
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Reference

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Current:
    """A recorder, and whose it is: a copy of a context does not make it another's."""

    recorder: Recorder
    owner: tuple[int, object]
    in_block: bool


CURRENT: ContextVar[Current | None] = ContextVar("couler_workflow", default=None)
BLOCKS: set[Current] = set()
"""The blocks that are open, of all threads: a new thread does not know which one it was started in."""


def recorder() -> Recorder:
    """The workflow that is being written; a new one of its own where there is none.

    Raises:
        InvalidInput: the thread or task was (or may have been) started in a block, whose workflow is written elsewhere.
    """
    current = CURRENT.get()
    if current is None or current.owner != _owner():
        if (block := _block_elsewhere(current)) is not None:
            message = f"this is called in another thread or task than the block of the workflow {block.giver.name!r}"
            hint = "call it in the block itself, in the order of the workflow; or open a block of its own in the thread"
            raise InvalidInput(message, hint=hint)
        current = Current(Recorder(), _owner(), in_block=False)
        CURRENT.set(current)
    return current.recorder


def _block_elsewhere(current: Current | None) -> Recorder | None:
    """The block that a call was meant for, which is not that of this thread or task.

    Where the context was copied (tasks, `asyncio.to_thread`), it says so. A bare thread has nothing of who started it
    (and those of a pool are older than the block that they work for): while any other thread is in a block, a call
    could be meant for that. The main thread was started by nobody.
    """
    if current is not None and current.in_block:
        return current.recorder
    if threading.current_thread() is threading.main_thread():
        return None
    here = threading.get_ident()
    return next((block.recorder for block in tuple(BLOCKS) if block.owner[0] != here), None)


@contextmanager
def recording(into: Recorder) -> Iterator[None]:
    """What is called inside goes into this workflow.

    Raises:
        InvalidInput: another workflow is being written in a block around this one.
    """
    current = CURRENT.get()
    if current is not None and current.in_block and current.owner == _owner():
        raise InvalidInput("a workflow is written inside another one", hint="write them one after the other")
    block = Current(into, _owner(), in_block=True)
    token = CURRENT.set(block)
    BLOCKS.add(block)
    try:
        yield
    finally:
        BLOCKS.discard(block)
        CURRENT.reset(token)


def whole(function: Callable[P, T]) -> Callable[P, T]:
    """Lets a call write all that it is to write, or, where it fails, nothing: an error may be caught around it."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        with recorder().whole():
            return function(*args, **kwargs)

    return called


def in_block(reference: Reference) -> Reference:
    """The reference as one of the workflow of this block; outside of any it says nothing but names."""
    current = CURRENT.get()
    is_here = current is not None and current.in_block and current.owner == _owner()
    return current.recorder.giver.give(reference) if current is not None and is_here else reference


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
