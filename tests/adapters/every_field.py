"""One workflow with a place for each field of the IR, and another value for each: for tables of what is carried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    Directive,
    EnvVar,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Need,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Region,
    Retry,
    Step,
    Workflow,
    rebuild,
    replace,
)

Fit = Callable[[Node], Node]
__all__ = ["HANDLER", "VALUES", "WHOLE", "changed"]

ONE, TWO, SOMETHING = Literal(value="1"), Literal(value="2"), Native.of({"x": 1})
PATH = Literal(value="/tmp/o")
LISTED = Loop(axes=(Axis(name="item", values=Native.of(["i", "j"])),))
ENDS = ("errored", "failed", "skipped", "succeeded")
OUTPUT = Output(name="o", path=PATH)
MAIN = Container(image=ONE, command=(ONE,), args=(Reference(to="input", kind="parameter", name="x"),))
INIT = Container(name="init", role="init", image=ONE, command=(ONE,))
POD = Operation(
    name="pod",
    kind="container",
    inputs=(Port(name="x", default=ONE),),
    outputs=(OUTPUT,),
    containers=(MAIN, INIT),
    retry=Retry(limit=ONE),
)
OTHER = Operation(name="other", kind="container", containers=(replace(MAIN, args=()),))
READ = Reference(to="output", kind="parameter", step="inner", name="p")
INNER = Graph(
    name="inner",
    inputs=(Port(name="y"),),
    outputs=(Output(name="p", value=Reference(to="output", kind="parameter", step="a", name="o")),),
    steps=(Step(name="a", call=Call(name="pod")),),
)
GRAPH = Graph(
    name="main",
    steps=(
        Step(name="inner", call=Call(name="inner"), arguments=(Argument(name="y", value=ONE),)),
        Step(name="b", call=Call(name="pod"), arguments=(Argument(name="x", value=READ),), needs=Need(step="inner")),
        Step(name="c", call=Call(name="other"), loop=LISTED),
        Step(name="d", call=Call(name="other")),
        Step(name="e", call=Call(name="other"), needs=Need(step="d", outcomes=ENDS)),
    ),
)
WHOLE = Workflow(
    name="w",
    engine="toy",
    kind="Toy",
    parameters=(Port(name="q", value=ONE),),
    entry=Step(name="entry", call=Call(name="main")),
    graphs=(GRAPH, INNER),
    operations=(POD, OTHER),
)
HANDLER = Handler(step=Step(name="h", call=Call(name="other")))
SECOND = Step(name="f", call=Call(name="other"))

VALUES: dict[str, tuple[Node, Any]] = {
    "Workflow.name": (WHOLE, "v"),
    "Workflow.prefix": (WHOLE, "v-"),
    "Workflow.namespace": (WHOLE, "n"),
    "Workflow.engine": (WHOLE, "tin"),
    "Workflow.kind": (WHOLE, "Tin"),
    "Workflow.library": (WHOLE, "namespace"),
    "Workflow.parameters": (WHOLE, (Port(name="r"),)),
    "Workflow.entry": (WHOLE, Step(name="entry", call=Call(name="other"))),
    "Workflow.handlers": (WHOLE, (HANDLER,)),
    "Workflow.graphs": (WHOLE, (replace(GRAPH, steps=GRAPH.steps[:3]), INNER)),
    "Workflow.operations": (WHOLE, (POD, replace(OTHER, timeout=ONE))),
    "Workflow.native_extra": (WHOLE, Native.of({"spec": {"parallelism": 3}})),
    "Graph.name": (INNER, "renamed"),
    "Graph.inputs": (INNER, ()),
    "Graph.outputs": (INNER, (Output(name="p", value=TWO),)),
    "Graph.retry": (INNER, Retry(limit=ONE)),
    "Graph.timeout": (INNER, ONE),
    "Graph.memoized": (INNER, SOMETHING),
    "Graph.locks": (INNER, SOMETHING),
    "Graph.metrics": (INNER, SOMETHING),
    "Graph.inline": (INNER, True),
    "Graph.steps": (GRAPH, (*GRAPH.steps, SECOND)),
    "Graph.stages": (replace(INNER, steps=(*INNER.steps, SECOND)), (("a",), ("f",))),
    "Graph.targets": (GRAPH, ("d",)),
    "Graph.fail_fast": (GRAPH, False),
    "Graph.parallelism": (GRAPH, Literal(value=3)),
    "Graph.finalizers": (GRAPH, ("d",)),
    "Graph.regions": (GRAPH, (Region(name="r", steps=("d",)),)),
    "Graph.native_extra": (GRAPH, SOMETHING),
    "Operation.name": (POD, "renamed"),
    "Operation.kind": (POD, "script"),
    "Operation.inputs": (POD, (Port(name="x", default=TWO),)),
    "Operation.outputs": (POD, (OUTPUT, Output(name="u", path=PATH))),
    "Operation.retry": (POD, None),
    "Operation.timeout": (OTHER, Literal(value="5m")),
    "Operation.memoized": (POD, SOMETHING),
    "Operation.locks": (POD, SOMETHING),
    "Operation.metrics": (POD, SOMETHING),
    "Operation.inline": (POD, True),
    "Operation.containers": (POD, (MAIN,)),
    "Operation.daemon": (POD, True),
    "Operation.directives": (POD, (Directive(kind="cache"),)),
    "Operation.native_extra": (POD, Native.of({"nodeSelector": {"a": "b"}})),
    "Step.name": (GRAPH.steps[3], "renamed"),
    "Step.call": (GRAPH.steps[4], Call(name="pod")),
    "Step.arguments": (GRAPH.steps[1], (Argument(name="x", value=TWO),)),
    "Step.needs": (GRAPH.steps[4], None),
    "Step.condition": (GRAPH.steps[3], Literal(value="a == b")),
    "Step.loop": (GRAPH.steps[3], LISTED),
    "Step.tolerates": (GRAPH.steps[3], ("failed",)),
    "Step.handlers": (GRAPH.steps[3], (HANDLER,)),
    "Step.directives": (GRAPH.steps[3], (Directive(kind="cache"),)),
    "Step.retry": (GRAPH.steps[3], Retry(limit=ONE)),
    "Step.timeout": (GRAPH.steps[3], Literal(value="5m")),
    "Step.role": (GRAPH.steps[3], "setup"),
    "Step.native_extra": (GRAPH.steps[3], SOMETHING),
    "Container.name": (INIT, "renamed"),
    "Container.role": (INIT, "main"),
    "Container.image": (MAIN, TWO),
    "Container.command": (MAIN, (ONE, TWO)),
    "Container.args": (MAIN, (TWO,)),
    "Container.script": (MAIN, TWO),
    "Container.env": (MAIN, (EnvVar(name="E", value=ONE),)),
    "Container.requests": (MAIN, (("cpu", ONE),)),
    "Container.limits": (MAIN, (("cpu", ONE),)),
    "Container.native_extra": (MAIN, Native.of({"workingDir": "/"})),
    "Port.name": (WHOLE.parameters[0], "r"),
    "Port.kind": (POD.inputs[0], "artifact"),
    "Port.value": (WHOLE.parameters[0], TWO),
    "Port.default": (POD.inputs[0], TWO),
    "Port.origin": (POD.inputs[0], SOMETHING),
    "Port.optional": (POD.inputs[0], True),
    "Port.path": (POD.inputs[0], ONE),
    "Port.native_extra": (WHOLE.parameters[0], Native.of({"description": "d"})),
    "Output.name": (OUTPUT, "renamed"),
    "Output.kind": (OUTPUT, "artifact"),
    "Output.value": (INNER.outputs[0], TWO),
    "Output.default": (OUTPUT, ONE),
    "Output.path": (OUTPUT, ONE),
    "Output.exported": (OUTPUT, ONE),
    "Output.native_extra": (OUTPUT, SOMETHING),
    "Argument.name": (GRAPH.steps[1].arguments[0], "z"),
    "Argument.kind": (GRAPH.steps[1].arguments[0], "artifact"),
    "Argument.value": (GRAPH.steps[1].arguments[0], TWO),
    "Retry.limit": (Retry(limit=ONE), TWO),
    "Retry.delay": (Retry(limit=ONE), Literal(value=3)),
    "Retry.factor": (Retry(limit=ONE), Literal(value=2)),
    "Retry.max_delay": (Retry(limit=ONE), Literal(value=9)),
    "Retry.condition": (Retry(limit=ONE), ONE),
    "Retry.native_extra": (Retry(limit=ONE), Native.of({"backoff": {"duration": "5"}})),
    "Loop.combine": (LISTED, "product"),
    "Loop.axes": (LISTED, (Axis(name="item", values=Native.of(["k"])),)),
    "Loop.limit": (LISTED, ONE),
    "Loop.includes": (LISTED, (SOMETHING,)),
    "Handler.step": (HANDLER, SECOND),
    "Handler.event": (HANDLER, "condition"),
    "Handler.condition": (HANDLER, ONE),
}


def changed(feature: str, fit: Fit = lambda node: node) -> Workflow:
    """The workflow with one field set.

    Args:
        feature: the field.
        fit: what the nodes of the workflow have to be so that an engine carries it at all.
    """
    node, value = VALUES[feature]
    node, whole = rebuild(node, fit), rebuild(WHOLE, fit)
    value = rebuild(value, fit) if isinstance(value, (Node, tuple)) else value
    name = feature.split(".")[1]
    if feature.startswith("Handler."):
        whole = replace(whole, handlers=(rebuild(HANDLER, fit),))
    if feature == "Graph.stages":
        whole = replace(whole, graphs=(rebuild(GRAPH, fit), node))
    if feature in ("Retry.factor", "Retry.max_delay"):  # which say nothing of no delay, or of one that is constant
        factor = Literal(value=2) if feature == "Retry.max_delay" else None
        delayed = replace(node, delay=Literal(value=3), factor=factor)
        whole = rebuild(whole, lambda item: delayed if item == node else item)
        node = delayed
    if feature == "Workflow.prefix":
        whole = node = replace(whole, name="")
    if feature.endswith(".name") and isinstance(node, (Graph, Operation)):
        calls: dict[str, Any] = {node.name: value}
        whole = rebuild(
            whole, lambda item: Call(name=calls.get(item.name, item.name)) if isinstance(item, Call) else item
        )
        node = next(item for item in (*whole.graphs, *whole.operations) if item.name == node.name)
    if feature == "Step.name":
        whole = rebuild(
            whole, lambda item: replace(item, step=value) if isinstance(item, Need) and item.step == "d" else item
        )
    if feature == "Output.name":
        whole = rebuild(
            whole, lambda item: replace(item, name=value) if isinstance(item, Reference) and item.name == "o" else item
        )
    return rebuild(whole, lambda item: replace(item, **{name: value}) if item == node else item)
