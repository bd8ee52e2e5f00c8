"""Scopes of calls, in the order and with the needs that were asked for.

A scope becomes a graph. Names of steps are unique in the whole workflow, so that a reference says which scope it is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from couler_plugins.authoring.conditions import Condition
from couler_plugins.authoring.places import Place
from couler_plugins.engine_kit.legalize.depends import bare_outcomes
from couler_plugins.ir import (
    Loop,
    Need,
    Needs,
    Operation,
    Reference,
    all_of,
    conjuncts,
    map_needs,
    map_references,
    needed,
    references,
    replace,
)

BARE = bare_outcomes(())
"""What a step accepts of those before it: that they succeeded, were skipped, or run beside it by now."""


def after(names: Iterable[str]) -> Needs | None:
    """That all of these steps have ended well, or were skipped."""
    return all_of([Need(step=name, outcomes=BARE) for name in names])


@dataclass
class Call:
    """One step.

    Attributes:
        template: what it was called: calls of one template run the same.
        place: where it was written.
        is_named: whether the user gave it this name.
        name: of the step; made from the template's when it is put into its scope.
        operation: what runs; its values refer to other steps as they were written.
        body: in place of an operation, the scope that runs.
        again: whether the body runs again while this holds of what it gives.
        needs: when it may start.
        conditions: what has to hold, all of it.
        loop: for which items it runs.
        loop_id: how items of this loop are told from those of others.
        gives: what a body hands out, by name.
    """

    template: str
    place: Place
    is_named: bool = False
    name: str = ""
    operation: Operation | None = None
    body: Scope | None = None
    again: Condition | None = None
    needs: Needs | None = None
    conditions: tuple[Condition, ...] = ()
    loop: Loop | None = None
    loop_id: str = ""
    gives: dict[str, Reference] = field(default_factory=dict)

    def reads(self) -> Iterator[Reference]:
        """What it reads of what is around it."""
        yield from (item for item in self._reads() if not self.loop_id or item.step != self.loop_id)

    def _reads(self) -> Iterator[Reference]:
        sides = tuple((condition.left, condition.right) for condition in self.conditions)
        yield from references((self.operation, self.loop, *sides))
        yield from self.inside() if self.body is not None else ()

    def inside(self) -> Iterator[Reference]:
        """What its body reads of what is around it, and what is asked before that runs again."""
        assert self.body is not None
        tested = references((self.again.left, self.again.right)) if self.again is not None else ()
        yield from self.body.reads()
        yield from (item for item in tested if item.step not in self.body.calls)

    def refer(self, change: Callable[[Reference], Reference]) -> None:
        """Lets it, and what is inside of it, refer to other things."""
        self.operation, self.loop = map_references((self.operation, self.loop), change)
        self.conditions = tuple(item.refer(change) for item in self.conditions)
        self.again = None if self.again is None else self.again.refer(change)
        self.gives = {name: change(value) for name, value in self.gives.items()}
        for call in self.body.calls.values() if self.body is not None else ():
            call.refer(change)


@dataclass
class Scope:
    """The calls of one graph.

    Attributes:
        calls: by name, in the order in which they were written.
        by_template: the same by what was called.
        last: the steps that the next one waits for.
        entry: what the next one waits for where there are none of these.
        sources: the steps of the current branch that wait for none of it.
        conditions: what has to hold for any step that is written now.
        is_dag: whether a step that is named again is the same step.
        tested: what the `when` before asked, and what was there before it: another one of the same value runs beside.
        waited: what steps waited for before they were to wait for more, the newest last.
    """

    calls: dict[str, Call] = field(default_factory=dict)
    by_template: dict[str, list[Call]] = field(default_factory=dict)
    last: tuple[str, ...] = ()
    entry: Needs | None = None
    sources: list[str] = field(default_factory=list)
    conditions: tuple[Condition, ...] = ()
    is_dag: bool = False
    tested: tuple[Reference, tuple[str, ...]] | None = None
    waited: list[tuple[Call, Needs | None]] = field(default_factory=list)

    def add(self, call: Call) -> None:
        """Puts a call behind those before it."""
        call.needs = self.waits()
        self.calls[call.name] = call
        self.by_template.setdefault(call.template, []).append(call)
        self._moved(call.name)

    def name_again(self, name: str) -> None:
        """Names a step of a dag again."""
        self.need(name, after(self.last))
        self._moved(name)

    def _moved(self, name: str) -> None:
        if not self.last:
            self.sources.append(name)
        self.last = (name,)
        self.tested = None

    def need(self, name: str, needs: Needs | None) -> None:
        """Lets a step wait for more."""
        call = self.calls[name]
        self.waited.append((call, call.needs))
        call.needs = all_of([*conjuncts(call.needs), *conjuncts(needs)])

    def mark(self) -> Callable[[], None]:
        """Remembers what is there; gives what takes all back that was written since."""
        many = len(self.calls), len(self.waited), len(self.sources)
        state = self.last, self.entry, self.sources, self.conditions, self.is_dag, self.tested

        def back() -> None:
            while len(self.calls) > many[0]:
                _, call = self.calls.popitem()
                self.by_template[call.template].pop()
            while len(self.waited) > many[1]:
                call, call.needs = self.waited.pop()
            self.last, self.entry, self.sources, self.conditions, self.is_dag, self.tested = state
            del self.sources[many[2] :]

        return back

    @contextmanager
    def branch(self, entry: Needs | None = None) -> Iterator[Branch]:
        """What is written inside waits for `entry`, and for nothing else before it."""
        kept = (self.last, self.entry, self.sources, self.tested)
        self.last, self.entry, self.sources, self.tested = (), entry, [], None
        branch = Branch()
        try:
            yield branch
            branch.sources, branch.sinks = tuple(self.sources), self.last
        finally:
            self.last, self.entry, self.sources, self.tested = kept

    def waits(self) -> Needs | None:
        """What the next step waits for."""
        return after(self.last) or self.entry

    def reads(self) -> Iterator[Reference]:
        """What its calls read of what is around it."""
        for call in self.calls.values():
            yield from (item for item in call.reads() if item.step not in self.calls)

    def rename(self, old: str, new: str) -> None:
        """Gives one of its steps another name, wherever it is referred to."""

        def change(reference: Reference) -> Reference:
            return replace(reference, step=new) if reference.step == old else reference

        self.calls = {new if name == old else name: call for name, call in self.calls.items()}
        self.last = tuple(new if name == old else name for name in self.last)
        for call in self.calls.values():
            call.name = new if call.name == old else call.name
            call.needs = call.needs and map_needs(
                call.needs, lambda need: replace(need, step=new) if need.step == old else need
            )
            call.refer(change)

    def names(self) -> Iterator[str]:
        """The names of its steps, and of those inside of them."""
        for call in self.calls.values():
            yield call.name
            yield from call.body.names() if call.body is not None else ()

    def unneeded(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the steps that no other step waits for."""
        waited = {need.step for call in self.calls.values() for need in needed(call.needs)}
        return tuple(name for name in dict.fromkeys(names) if name not in waited)


@dataclass
class Branch:
    """Steps that were written together: those that wait for none of them, those that none waits for, all of them."""

    sources: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
