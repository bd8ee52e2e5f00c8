"""What runs at the end and reads how the run went: KFP tells a task the final status of the one that it waits for.

A step of shell before it takes that status for a word of Argo's, which its texts and conditions are about.
"""

from __future__ import annotations

from couler_plugins.engine_kit.legalize.conditions import is_outcome
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    map_references,
    references,
    replace,
    take_name,
)

STATUS, OUTCOME = "final-status", "outcome"
ASK = """\
case "$1" in *SUCCEEDED*|*COMPLETE*|*CACHED*) outcome=Succeeded;; *) outcome=Failed;; esac
printf %s "$outcome" > /tmp/couler-outcome
"""
TYPE = Native.of({"parameterType": "TASK_FINAL_STATUS"})


def with_outcome(workflow: Workflow, image: str) -> tuple[Workflow, str]:
    """Return a workflow that reads a parameter in place of its outcome, and the name of that; empty where none does.

    Args:
        workflow: the workflow.
        image: with a shell; empty where there is none.
    """
    if not image or not any(map(is_outcome, references((workflow.handlers, workflow.graphs, workflow.operations)))):
        return workflow, ""
    names = {port.name for port in workflow.parameters}
    names |= {port.name for item in callables(workflow).values() for port in item.inputs}
    name = take_name(OUTCOME, names)

    def read(reference: Reference) -> Reference:
        return Reference(to="parameter", kind="parameter", name=name) if is_outcome(reference) else reference

    handlers = tuple(replace(item, step=map_references(item.step, read)) for item in workflow.handlers)
    graphs = tuple(replace(graph, steps=map_references(graph.steps, read)) for graph in workflow.graphs)
    operations = tuple(replace(item, containers=map_references(item.containers, read)) for item in workflow.operations)
    return replace(workflow, handlers=handlers, graphs=graphs, operations=operations), name


def with_status(workflow: Workflow, outcome: str, image: str) -> Workflow:
    """Return a workflow whose handlers ask for its outcome themselves.

    Args:
        workflow: its parameters are passed down.
        outcome: the parameter in place of the outcome.
        image: with a shell.
    """
    names = set(callables(workflow))
    graphs: list[Graph] = []
    ask = take_name("ask-outcome", names)

    def changed(step: Step) -> Step:
        if not any(_is_parameter(item, outcome) for item in references(step)):
            return step
        name = take_name(f"exit-{getattr(step.call, 'name', '')}", names)
        word = Reference(to="output", kind="parameter", step="ask", name=OUTCOME)
        status = Reference(to="input", kind="parameter", name=STATUS)
        others = [item for item in references(step.arguments) if item.to == "parameter" and item.name != outcome]
        ports = tuple(dict.fromkeys(Port(name=item.name) for item in others))

        def read(reference: Reference) -> Reference:
            if _is_parameter(reference, outcome):
                return word
            return replace(reference, to="input") if reference.to == "parameter" else reference

        inner = map_references(replace(step, name="run", handlers=()), read)
        asking = Step(name="ask", call=Call(name=ask), arguments=(Argument(name=STATUS, value=status),))
        graphs.append(Graph(name=name, inputs=(Port(name=STATUS), *ports), steps=(asking, inner)))
        values = {port.name: Reference(to="parameter", kind="parameter", name=port.name) for port in ports}
        passed = (Argument(name=key, value=value) for key, value in ((STATUS, status), *values.items()))
        return Step(name=step.name, call=Call(name=name), arguments=tuple(passed))

    handlers = tuple(replace(item, step=changed(item.step)) for item in workflow.handlers)
    if not graphs:
        return workflow
    command = tuple(Literal(value=text) for text in ("sh", "-c", ASK, "sh"))
    args = (Reference(to="input", kind="parameter", name=STATUS),)
    container = Container(image=Literal(value=image), command=command, args=args)
    output = Output(name=OUTCOME, path=Literal(value="/tmp/couler-outcome"))  # noqa: S108  # in a container of its own
    operation = Operation(
        name=ask, kind="container", inputs=(Port(name=STATUS),), outputs=(output,), containers=(container,)
    )
    return replace(
        workflow,
        handlers=handlers,
        graphs=(*workflow.graphs, *graphs),
        operations=(*workflow.operations, operation),
    )


def _is_parameter(reference: Reference, name: str) -> bool:
    return reference.to == "parameter" and reference.name == name


def told_status(item: Graph | Operation, first: str) -> Graph | Operation:
    """Return a component of KFP with the type of a final status, and with that of the first task where it is passed."""
    inputs = tuple(replace(port, native_extra=TYPE) if port.name == STATUS else port for port in item.inputs)
    changed = replace(item, inputs=inputs) if inputs != item.inputs else item
    if not isinstance(changed, Graph) or any(port.name == STATUS for port in changed.inputs):
        return changed

    def read(reference: Reference) -> Reference:
        is_status = reference.to == "input" and reference.name == STATUS
        return Reference(to="status", step=first, name="finalStatus") if is_status else reference

    return replace(changed, steps=map_references(changed.steps, read))
