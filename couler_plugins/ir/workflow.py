"""Workflows, and their parts: operations (units of work), steps (calls of these) and graphs (closed scopes)."""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

from couler_plugins.ir.needs import Needs
from couler_plugins.ir.ports import Argument, Container, Loop, Output, Port, Retry
from couler_plugins.ir.values import REST, Native, Node, Reference, Scalar, Source, Template, Value


class Directive(Node, frozen=True):
    """A request to an adapter that no lifted field expresses.

    Attributes:
        kind: what is requested, such as `cache`.
        options: the details, sorted by name.
    """

    kind: str
    options: tuple[tuple[str, Scalar], ...] = ()

    def __eq__(self, other: object) -> bool:
        return self._exact() == other._exact() if isinstance(other, Directive) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._exact())

    def _exact(self) -> tuple[object, ...]:
        """All of it, with types: an option `1` is not an option `True`."""
        return (self.kind, tuple((name, type(value), value) for name, value in self.options))


class Call(Node, frozen=True, tag_field="type", tag="call"):
    """A call of a graph or an operation of the same workflow.

    Attributes:
        name: the name of what is called.
    """

    name: str


class External(Node, frozen=True, tag_field="type", tag="external"):
    """A call of something that another workflow (a library of templates) holds.

    Attributes:
        workflow: the library's name.
        name: what is called in it.
        scope: where the library is looked up (`namespace` or `cluster`).
        kind: the kind of the library, where libraries of several kinds may share a name; empty where they cannot.
        version: the version of the library that the call names; empty where it names none.
    """

    workflow: str
    name: str
    scope: OneOf["namespace", "cluster"] = "namespace"
    kind: str = ""
    version: str = ""

    @property
    def label(self) -> str:
        """Return what decisions call it: LIBRARY/NAME, or LIBRARY where its entry is called."""
        return f"{self.workflow}/{self.name}" if self.name else self.workflow

    @property
    def description(self) -> str:
        """Return what it calls, for people: `the Task 'build'`, `'main' of 'library'`."""
        if not self.workflow:
            return "what a resolver or a controller chooses"
        if self.kind or not self.name:
            return f"the {self.kind or 'workflow'} {self.workflow!r}"
        return f"{self.name!r} of {self.workflow!r}"


class Dynamic(Node, frozen=True, tag_field="type", tag="dynamic"):
    """A call whose callee is decided at run time, or one that only the engine understands.

    Attributes:
        target: what the engine says of the callee.
    """

    target: Native


Callee = Call | External | Dynamic


class Step(Node, frozen=True):
    """A call site.

    Attributes:
        name: unique in its graph.
        call: what is called.
        arguments: in the order of the source, parameters before artifacts.
        needs: when it may start (None: at once, or when its stage starts).
        condition: it is skipped where this is false.
        loop: it runs once for each item.
        tolerates: outcomes of this step that do not fail its graph (`failed`, `errored`).
        retry: attempts, where the engine sets them at the call site.
        timeout: the engine's own notation (seconds where it is a number).
        handlers: what runs on its events.
        role: setup and teardown steps frame others and are never optimised away.
        directives: requests to the adapter, sorted by kind.
        native_extra: what else the engine says of it.
        source: where it was read.
    """

    name: str
    call: Callee
    arguments: tuple[Argument, ...] = ()
    needs: Needs | None = None
    condition: Value | None = None
    loop: Loop | None = None
    tolerates: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout: Value | None = None
    handlers: tuple[Handler, ...] = ()
    role: OneOf["normal", "setup", "teardown"] = "normal"
    directives: tuple[Directive, ...] = ()
    native_extra: Native | None = msgspec.field(default=None, name=REST)
    source: Source | None = None


class Handler(Node, frozen=True):
    """A step that runs on an event of a step or of the whole run.

    Attributes:
        step: what runs; its name is the handler's name (empty where the engine gives it none).
        event: `exit` (at the end, whatever the outcome) or `condition` (once the condition holds).
        condition: what has to hold.
    """

    step: Step
    event: OneOf["exit", "condition"] = "exit"
    condition: Value | None = None


class Region(Node, frozen=True):
    """A named, possibly looped subset of a graph's steps that stays open to the rest of the graph.

    Attributes:
        name: its name.
        steps: the names of the steps in it.
        parent: the region that it is in, if any.
        loop: it runs once for each item.
    """

    name: str
    steps: tuple[str, ...]
    parent: str | None = None
    loop: Loop | None = None


class Callable(Node, frozen=True):
    """What graphs and operations have in common.

    Attributes:
        name: unique among the graphs and operations of a workflow.
        inputs, outputs: in the order of the source, parameters before artifacts.
        retry, timeout: as for a step.
        memoized: how its owner already caches it natively (optimizers leave that alone).
        locks: mutexes and semaphores that it takes.
        metrics: what it reports; two that report differently, or under two names, are not the same.
        inline: whether it is written at its only call site instead of under its name.
        native_extra: what else the engine says of it.
        source: where it was read.
    """

    name: str
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Output, ...] = ()
    retry: Retry | None = None
    timeout: Value | None = None
    memoized: Native | None = None
    locks: Native | None = None
    metrics: Native | None = None
    inline: bool = False
    native_extra: Native | None = msgspec.field(default=None, name=REST)
    source: Source | None = None


class Operation(Callable, frozen=True, kw_only=True):
    """A unit of work that steps call: a container, a script, a Python function.

    Attributes:
        kind: `container`, `script`, `python`, `gate`, or an engine's own kind, whose body is then in `native_extra`.
        containers: in their order.
        daemon: whether it keeps running beside the steps after it.
        directives: requests to the adapter that hold for every call without directives of its own, also for calls from
            other workflows; sorted by kind.
    """

    kind: str
    containers: tuple[Container, ...] = ()
    daemon: bool = False
    directives: tuple[Directive, ...] = ()


class Graph(Callable, frozen=True):
    """A closed scope of steps: values enter by its inputs and leave by its outputs.

    Attributes:
        steps: in the order in which they were written.
        stages: names of steps in groups that run one after another (each a barrier); None where only needs count.
        finalizers: names of steps that run after all others, whatever the outcome.
        regions: named subsets.
        targets: the only steps that are wanted (empty: all): names, or a value where only the run knows. Their order
            is that in which the engine looks at steps.
        fail_fast: whether the first failure keeps further steps from starting (None: the engine's default).
        parallelism: how many steps may run at a time.
    """

    steps: tuple[Step, ...] = ()
    stages: tuple[tuple[str, ...], ...] | None = None
    finalizers: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    targets: tuple[str | Reference | Template, ...] = ()
    fail_fast: bool | None = None
    parallelism: Value | None = None

    @property
    def wants_all(self) -> bool:
        """Return whether targets, if any, name all steps: then they say no more than an order."""
        return not self.targets or {step.name for step in self.steps} == {*self.targets}


class Workflow(Node, frozen=True, kw_only=True):
    """One workflow, or one library of graphs and operations.

    Attributes:
        name: its name, empty where the engine is to make one from the prefix.
        prefix: what a generated name starts with.
        namespace: where it lives, empty where that is decided when it is submitted.
        engine: the adapter that lifted it.
        kind: the engine's own kind.
        library: where others can call what is in it from (`namespace` or `cluster`); empty for one that just runs.
        parameters: what a run can be given.
        entry: the call that a run starts with; None in a pure library.
        handlers: what runs on events of the whole run.
        graphs, operations: by name, in the order in which they were written.
        native_extra: what else the engine says of it.
        source: where it was read.
    """

    name: str = ""
    prefix: str = ""
    namespace: str = ""
    engine: str
    kind: str
    library: OneOf["", "namespace", "cluster"] = ""
    parameters: tuple[Port, ...] = ()
    entry: Step | None = None
    handlers: tuple[Handler, ...] = ()
    graphs: tuple[Graph, ...] = ()
    operations: tuple[Operation, ...] = ()
    native_extra: Native | None = msgspec.field(default=None, name=REST)
    source: Source | None = None

    @property
    def label(self) -> str:
        """Return the name of the workflow for messages."""
        return self.name or (f"{self.prefix}*" if self.prefix else "(unnamed)")
