"""What is recorded while a workflow is written, and which workflow that is."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from couler_plugins.authoring.conditions import Condition
from couler_plugins.authoring.places import check_call, shown
from couler_plugins.authoring.scoped_reference import Giver
from couler_plugins.authoring.scopes import Call, Scope
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Reference, map_references, replace


def signature(call: Call, names: dict[str, str] | None = None) -> tuple[Any, ...]:
    """What a call is, whatever its steps are called: two calls with equal ones do the same."""
    names = dict(names or {})
    if call.loop_id:
        names[call.loop_id] = f"#{len(names)}"
    for name in call.body.calls if call.body is not None else ():
        names[name] = f"#{len(names)}"

    def change(reference: Reference) -> Reference:
        return replace(reference, step=names[reference.step]) if reference.step in names else reference

    def conditions(asked: Iterable[Condition]) -> tuple[Any, ...]:
        return tuple((item.operator, map_references((item.left, item.right), change)) for item in asked)

    return (
        call.template,
        map_references((call.operation, call.loop), change),
        conditions(call.conditions),
        conditions([call.again] if call.again is not None else []),
        [(signature(inner, names), inner.needs) for inner in call.body.calls.values()] if call.body is not None else [],
    )


class Recorder:
    """One workflow while it is written.

    Args:
        name: the workflow's; empty for the calls outside of any block.
    """

    def __init__(self, name: str = "") -> None:
        self.giver = Giver(name)
        self.main = Scope()
        self.scope = self.main
        self.handlers: list[tuple[str, Scope]] = []
        self.volumes: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.parameters: dict[str, None] = {}
        self._names: dict[str, None] = {}
        self._numbers: dict[str, int] = {}
        self._loops = 0
        self._written = 0
        self._depth = 0

    def add(self, call: Call) -> Call:
        """Puts a step into the scope that is written; in a dag, one that is named again is the one that is there.

        Raises:
            InvalidInput: a step of this name does something else, or it reads what is not of this workflow.
        """
        scope = self.scope
        self._written += 1
        call.conditions = (*scope.conditions, *call.conditions)
        call.refer(self.giver.take)
        for other in scope.by_template.get(call.template, ()) if scope.is_dag else ():
            if signature(other) == signature(call):
                for name in call.body.names() if call.body is not None else ():
                    self.release(name)
                scope.name_again(other.name)
                return other
            if call.is_named:
                message = f"two steps of one dag are called {call.name or call.template!r}, and they differ"
                hint = f"the other one is in {other.place.file}:{other.place.line}: give one another step_name"
                raise InvalidInput(message, file=call.place.file, line=call.place.line, step=call.template, hint=hint)
        call.name = self.step_name(call.template)
        scope.add(call)
        return call

    def step_name(self, wanted: str) -> str:
        """A name that no step of this workflow has, as near to the wanted one as possible."""
        name = wanted
        while name in self._names:
            self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            name = f"{wanted}-{self._numbers[wanted]}"
        self._names[name] = None
        return name

    def release(self, name: str) -> None:
        """Gives a name back."""
        self._names.pop(name, None)
        self._numbers.clear()  # the numbers are looked for again

    def volume_names(self) -> set[str]:
        """What steps can mount."""
        return {item["name"] for item in self.volumes} | {item["metadata"]["name"] for item in self.claims}

    def loop_id(self) -> str:
        """A mark for the items of one loop."""
        self._loops += 1
        return f"loop-{self._loops}"

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All that is written inside stays, or nothing of it where that fails."""
        back, handed_out = self.scope.mark(), self.giver.mark()
        grown: tuple[Any, ...] = (self._names, self.parameters, self.handlers, self.volumes, self.claims)
        many = [len(items) for items in grown]
        self._depth += 1
        try:
            yield
        except BaseException:
            back()
            self.giver.forget(handed_out)
            self._numbers.clear()
            for items, count in zip(grown, many, strict=True):
                while len(items) > count:
                    items.popitem() if isinstance(items, dict) else items.pop()
            raise
        finally:
            self._depth -= 1
            if not self._depth:
                self.scope.waited.clear()

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """What is written inside belongs to another scope."""
        kept, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = kept

    def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Calls what a user gave; what it returns.

        Raises:
            InvalidInput: it is no function, takes other arguments, or writes no step.
        """
        if not callable(function):
            hint = "give the function itself, or a lambda that calls it: lambda: job('A')"
            raise InvalidInput(f"{shown(function)} is no function", hint=hint)
        check_call(function, *arguments, **named)
        before = self._written
        result = function(*arguments, **named)
        if self._written == before:
            if isinstance(result, Coroutine):
                result.close()
            hint = "let it call run_container, or its like; what is async, or yields, has not run when it is called"
            raise InvalidInput(f"{getattr(function, '__name__', shown(function))} creates no step", hint=hint)
        return result


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
