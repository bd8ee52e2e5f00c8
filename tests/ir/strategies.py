"""Random workflows that are whole: no name is unknown, nothing waits for itself, everything can be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    AllOf,
    AnyOf,
    Argument,
    Axis,
    Bond,
    Call,
    Container,
    Directive,
    EnvVar,
    Expression,
    FirstOf,
    Graph,
    GraphView,
    Handler,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Not,
    Operation,
    Output,
    Port,
    PortKind,
    Reference,
    Region,
    Retry,
    Step,
    Template,
    Value,
    Workflow,
    bonds,
    callables,
)

__all__ = ["moves", "names", "scalars", "values", "workflows"]

ODD = [
    "a",
    "A",
    "a-b",
    "a.b",
    "a b",
    "ü",
    "名",
    "1",
    "-",
    "{{x}}",
    'q"',
    "\\",
    "$(x)",
    "a\nb",
    "true",
    "null",
    "'",
    "steps",
]
names = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4).filter(
    lambda text: text != "*"
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(ODD)
)
OUTCOMES = [("succeeded",), ("skipped", "succeeded"), ("daemoned", "skipped", "succeeded")]
ODD_OUTCOMES = [("failed",), ("errored", "failed", "omitted", "skipped", "succeeded"), ("omitted",), ("skipped",)]


@dataclass
class Surroundings:
    """What the values of a step can refer to."""

    graph: Graph
    before: list[tuple[str, Any]]
    parameters: tuple[Port, ...]
    items: tuple[str, ...] = ()

    def references(self, kind: str) -> list[Reference]:
        found = [Reference(to="input", kind=kind, name=port.name) for port in self.graph.inputs if port.kind == kind]
        found += [
            Reference(to="output", kind=kind, step=step, name=port.name)
            for step, callee in self.before
            for port in callee.outputs
            if port.kind == kind
        ]
        if kind == "parameter":
            found += [Reference(to="parameter", kind=kind, name=port.name) for port in self.parameters]
            found += [Reference(to="item", name=name) for name in self.items]
        return found


@st.composite
def values(draw: st.DrawFn, around: Surroundings, kind: str = "parameter", depth: int = 1) -> Value:
    """A value that can be computed there; constants only where there is nothing to refer to."""
    found = around.references(kind)
    if kind == "artifact" or (found and draw(st.integers(0, 2)) < 2):
        reference = draw(st.sampled_from(found)) if found else Literal(value=draw(scalars))
        if kind == "artifact" or draw(st.booleans()):
            return reference
    literal = Literal(value=draw(scalars))
    if not found or not depth:
        return literal
    some = draw(st.lists(st.sampled_from(found), min_size=1, max_size=2))
    text = draw(st.sampled_from(ODD))
    match draw(st.integers(0, 5)):
        case 0:
            return Template(parts=(text, *some))
        case 1:
            return Expression(language="cel", parts=(text, *some, Template(parts=tuple(some))))
        case 2:
            return FirstOf(values=(*some, literal))
        case 3:
            return Native(parts=('{"k":', *some, "}"))
        case 4:
            return Template(parts=(Expression(language="x", parts=tuple(some)), text))
        case _:
            return literal


@st.composite
def needs_of(draw: st.DrawFn, before: list[str], odd: bool) -> Needs | None:
    if not before:
        return None
    chosen = draw(st.lists(st.sampled_from(before), max_size=3, unique=True))
    outcomes = st.sampled_from(OUTCOMES + ODD_OUTCOMES if odd else OUTCOMES)
    parts: list[Needs] = [Need(step=name, outcomes=draw(outcomes)) for name in chosen]
    if odd and parts and draw(st.integers(0, 3)) == 0:
        parts[0] = Not(need=parts[0])
    if len(parts) < 2:
        return parts[0] if parts else None
    return AnyOf(needs=tuple(parts)) if odd and draw(st.booleans()) else AllOf(needs=tuple(parts))


@st.composite
def operations(draw: st.DrawFn, name: str) -> Operation:
    choices: list[tuple[PortKind, Value | None]]
    choices = [("artifact", None), ("parameter", None), ("parameter", Literal(value=1))]
    chosen = sorted(draw(st.lists(st.sampled_from(choices), max_size=2)), key=lambda item: item[0])
    inputs = tuple(Port(name=f"i{n}", kind=kind, default=default) for n, (kind, default) in enumerate(chosen))
    kinds: list[tuple[PortKind, ...]] = [("parameter",), ("artifact", "parameter")]
    outputs = tuple(Output(name="out", kind=kind) for kind in draw(st.sampled_from(kinds)))
    read = tuple(Reference(to="input", kind=port.kind, name=port.name) for port in inputs)
    container = Container(image=Literal(value="img"), args=read)
    return Operation(name=name, kind="container", inputs=inputs, outputs=outputs, containers=(container,))


@st.composite
def steps(draw: st.DrawFn, name: str, callee: Any, around: Surroundings, odd: bool) -> tuple[Step, Any]:
    """A call of `callee` and, where that is written inside the step, the operation itself."""
    loop = None
    if draw(st.integers(0, 5)) == 0:
        items = st.sampled_from([Native.of([1, 2]), Native.of(["a"])]) | values(around, depth=0)
        axes = [Axis(name=axis, values=draw(items)) for axis in draw(st.sampled_from([("x",), ("x", "y")]))]
        loop = Loop(combine=draw(st.sampled_from(["rows", "product", "zip"])), axes=tuple(axes))
        around = Surroundings(around.graph, around.before, around.parameters, tuple(axis.name for axis in axes))
    passed = [
        Argument(name=port.name, kind=port.kind, value=draw(values(around, port.kind)))
        for port in callee.inputs
        if port.required or draw(st.booleans())
    ]
    outer = Surroundings(around.graph, around.before, around.parameters)
    handlers: tuple[Handler, ...] = ()
    if isinstance(callee, Operation) and not callee.inputs and draw(st.integers(0, 7)) == 0:
        handlers = (Handler(step=Step(name="on exit", call=Call(name=callee.name))),)
    step = Step(
        name=name,
        call=Call(name=callee.name),
        arguments=tuple(sorted(passed, key=lambda item: (item.kind, item.name))),
        needs=draw(needs_of([before for before, _ in around.before], odd)),
        condition=draw(values(outer)) if draw(st.integers(0, 5)) == 0 else None,
        loop=loop,
        tolerates=("failed",) if odd and draw(st.integers(0, 5)) == 0 else (),
        retry=Retry(limit=Literal(value=2)) if draw(st.integers(0, 5)) == 0 else None,
        directives=(Directive(kind="cache", options=(("n", draw(scalars)),)),) if draw(st.integers(0, 7)) == 0 else (),
        handlers=handlers,
    )
    if isinstance(callee, Operation) and not handlers and draw(st.integers(0, 5)) == 0:  # give it one of its own
        read = tuple(draw(st.lists(values(outer), max_size=2)))
        body = (Container(image=Literal(value="img"), args=read, env=(EnvVar(name="E", value=Literal(value="e")),)),)
        inline = Operation(
            name=f"{around.graph.name}/{name}",
            kind="script",
            inputs=callee.inputs,
            outputs=callee.outputs,
            containers=body,
            inline=True,
        )
        return Step(**{**{f: getattr(step, f) for f in step.__struct_fields__}, "call": Call(name=inline.name)}), inline
    return step, None


@st.composite
def graphs(
    draw: st.DrawFn, name: str, callees: list[Any], parameters: tuple[Port, ...], odd: bool, plain: bool
) -> tuple[Graph, list[Operation]]:
    kinds: list[PortKind] = ["artifact", "parameter"]
    chosen = sorted(draw(st.lists(st.sampled_from(kinds), max_size=2)))
    inputs = tuple(Port(name=f"in {n}", kind=kind) for n, kind in enumerate(chosen))
    inner: list[Operation] = []
    graph = Graph(name=name, inputs=inputs, fail_fast=draw(st.sampled_from([None, True, False])))
    made: list[Step] = []
    before: list[tuple[str, Any]] = []
    step_names = draw(st.lists(names, min_size=draw(st.integers(1, 5)), max_size=7, unique=True))
    staged = not plain and len(step_names) > 1 and draw(st.integers(0, 3)) == 0
    cut = draw(st.integers(1, len(step_names) - 1)) if staged else 0
    for number, step_name in enumerate(step_names):
        seen = [] if number < cut else before[:cut] if staged else before
        has_artifacts = any(p.kind == "artifact" for p in inputs) or any(
            port.kind == "artifact" for _, callee in seen for port in callee.outputs
        )
        usable = [item for item in callees if has_artifacts or not any(p.kind == "artifact" for p in item.inputs)]
        callee = draw(st.sampled_from(usable))
        around = Surroundings(graph, seen, parameters)
        step, own = draw(steps(step_name, callee, around, odd))
        if staged:
            step = Step(**{**{f: getattr(step, f) for f in step.__struct_fields__}, "needs": None})
        inner += [own] if own else []
        made.append(step)
        before.append((step_name, callee))
    given_out = [(step, port) for step, item in before for port in item.outputs if draw(st.booleans())]
    outputs = [
        Output(name=f"o{n}", kind=port.kind, value=Reference(to="output", kind=port.kind, step=name, name=port.name))
        for n, (name, port) in enumerate(given_out)
    ]
    final = [] if plain or staged or draw(st.integers(0, 3)) else [step_names[-1]]
    region = Region(name="r", steps=(step_names[0],))
    return Graph(
        name=name,
        inputs=inputs,
        outputs=tuple(sorted(outputs, key=lambda port: (port.kind, port.name))),
        steps=tuple(draw(st.permutations(made))),
        stages=(tuple(step_names[:cut]), tuple(step_names[cut:])) if staged else None,
        finalizers=tuple(final),
        regions=() if plain or draw(st.integers(0, 3)) else (region,),
        fail_fast=graph.fail_fast,
    ), inner


@st.composite
def workflows(draw: st.DrawFn, odd: bool = True, plain: bool = False) -> Workflow:
    """A workflow; `odd` ones wait for failures and skips, `plain` ones have no stages, finalizers and regions."""
    parameters = tuple(
        Port(name=name, value=Literal(value=draw(scalars))) for name in sorted(draw(st.sets(names, max_size=2)))
    )
    made = [draw(operations(f"op {number}")) for number in range(draw(st.integers(1, 3)))]
    source = Operation(name="source", kind="python", outputs=(Output(name="out", kind="artifact"), Output(name="out")))
    ops: list[Operation] = [source, *made]
    done: list[Graph] = []
    for number in reversed(range(draw(st.integers(1, 3)))):
        graph, inner = draw(graphs(f"graph {number}", [*ops[: len(made) + 1], *done], parameters, odd, plain))
        done.append(graph)
        ops += inner
    top = done[-1]
    passed = [Argument(name=port.name, kind=port.kind, value=Literal(value=port.name)) for port in top.inputs]
    return Workflow(
        name=draw(names),
        engine="none",
        kind="test",
        parameters=parameters,
        entry=Step(name="entry", call=Call(name=top.name), arguments=tuple(passed)),
        graphs=tuple(reversed(done)),
        operations=tuple(ops),
    )


@st.composite
def moves(draw: st.DrawFn) -> tuple[Workflow, str, list[str]]:
    """A workflow, one of its graphs, and some of its steps: neighbours more often than not."""
    odd = draw(st.integers(0, 3)) == 0
    workflow = draw(workflows(odd=odd, plain=draw(st.integers(0, 4)) > 0))
    graph = draw(st.sampled_from(workflow.graphs))
    step_names = [step.name for step in graph.steps]
    size = draw(st.integers(min(2, len(step_names)), min(4, len(step_names))))
    chosen = draw(st.lists(st.sampled_from(step_names), min_size=size, max_size=size, unique=True))
    return workflow, graph.name, chosen


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Workflow, str, dict[str, list[str]]]:
    """A workflow, one of its graphs, and which of its steps move into which new graph: along its order, mostly."""
    workflow = draw(workflows(odd=draw(st.integers(0, 3)) == 0, plain=draw(st.integers(0, 4)) > 0))
    graph = draw(st.sampled_from(workflow.graphs))
    names = GraphView(graph, callables(workflow)).order()
    labels = draw(st.lists(st.integers(0, 3), min_size=len(names), max_size=len(names)))
    if draw(st.integers(0, 3)):
        labels = sorted(labels)
    return workflow, graph.name, _parts(names, labels) or {"new graph": names[:1]}


@st.composite
def bonded_partitions(draw: st.DrawFn) -> tuple[Workflow, str, list[Bond], dict[str, list[str]]]:
    """A workflow, one of its graphs, what holds its steps together, and parts that divide none of that."""
    workflow = draw(workflows(plain=draw(st.integers(0, 4)) > 0))
    graph = draw(st.sampled_from(workflow.graphs))
    try:
        found = bonds(workflow, graph.name)
    except Unsupported:
        assume(False)
    names = GraphView(graph, callables(workflow)).order()
    labels = sorted(draw(st.lists(st.integers(1, 4), min_size=len(names), max_size=len(names))))
    for _ in found:
        for bond in found:
            bonded = [labels[names.index(name)] for name in bond.steps]
            labels = [min(bonded) if min(bonded) <= label <= max(bonded) else label for label in labels]
    return workflow, graph.name, found, _parts(names, labels)


def _parts(names: list[str], labels: list[int]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        if label:
            parts.setdefault(f"new graph {label}", []).append(name)
    return parts
