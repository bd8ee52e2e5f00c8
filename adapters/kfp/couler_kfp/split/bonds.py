"""What only KFP has that holds tasks together when their pipeline is cut, and its root as the IR has to see it.

Two things mean less in KFP than they do in the IR. An optional input that nobody gives is missing in the same way in a
part, which has that input under its name. And a loop over nothing has succeeded for those that wait for it: it is a dag
of its own in the workflow that the backend makes (`argocompiler/dag.go`), whose only task was skipped.
Sources: `pipeline_spec.proto`; `dsl/__init__.py` of kfp (placeholders of the run); `importer_launcher.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_kfp.documents import ROOT
from couler_kfp.split.parts import part_name, type_of
from couler_kfp.structures import write_structure
from couler_plugins.ir import (
    Axis,
    Bond,
    Dynamic,
    Expression,
    Graph,
    Literal,
    Loop,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    callee_of,
    callees_of,
    graph_of,
    inline_callees,
    references,
    replace,
    replace_callables,
    together,
)
from couler_plugins.parallelism.cuts import refuse_parts

LONGEST = 128
"""Characters of the name of a pipeline (`kfp.dsl.utils.validate_pipeline_name`)."""
OF_THE_RUN = ("pipeline_job_", "pipeline_root")
"""What placeholders are called that each part has values of its own for."""
WORKSPACE = "workspace_path"
IN_WORKSPACE = '"downloadToWorkspace":true'
HIDDEN = "couler-hidden"
"""Stands, with its position, for the argument that a loop takes its items from."""
By = Mapping[str, Graph | Operation]


def kfp_bonds(root: Graph, by_name: By) -> list[Bond]:
    """What holds tasks of the root together, beside what the IR knows."""
    return together((*_reading(root, by_name), *_sharing(root, by_name)))


def _reading(root: Graph, by_name: By) -> Iterator[tuple[list[str], str]]:
    """Tasks that read what cannot leave the pipeline of another one."""
    steps = {step.name: step for step in root.steps}
    for step in root.steps:
        for reference in references(step):
            producer = steps.get(reference.step)
            if producer is not None and (reason := _clinging(reference, producer, by_name)):
                yield [step.name, producer.name], reason
        for reference in references(inline_callees(step, by_name)):
            if reference.step in steps:
                yield [step.name, reference.step], f"the platform configuration of {step.name!r} reads it"


def _clinging(reference: Reference, producer: Step, by_name: By) -> str:
    """Why what is read of a step cannot leave its pipeline; empty where it can."""
    output = _declared(reference, producer, by_name)
    if reference.to != "output" or output is None:
        return ""
    definition = {} if output.native_extra is None else write_structure(output.native_extra)
    if reference.kind == "artifact":
        if definition.get("isArtifactList") or producer.loop is not None:
            return f"{reference.name!r} of {producer.name!r} is a list of artifacts, which nothing imports"
        if type_of(output.native_extra) is None:
            return f"{reference.name!r} of {producer.name!r} has no type, under which it could be imported"
    elif producer.loop is not None and definition.get("parameterType") != "LIST":
        return f"{reference.name!r} of {producer.name!r} is gathered by its loop, and not declared as a list"
    return ""


def _declared(reference: Reference, producer: Step, by_name: By) -> Output | None:
    callee = callee_of(producer, by_name)
    declared = callee.outputs if callee is not None else ()
    ports = [item for item in declared if (item.kind, item.name) == (reference.kind, reference.name)]
    return ports[0] if ports else None


def _sharing(root: Graph, by_name: By) -> Iterator[tuple[list[str], str]]:
    """Tasks that use what a run has one of."""
    facts: list[str] = []
    workspace: list[str] = []
    for step in root.steps:
        whole = (step, *callees_of([step], by_name).values())
        read = {item.name for item in references(whole) if item.to == "run"}
        if any(name.startswith(OF_THE_RUN) for name in read):
            facts.append(step.name)
        if uses_workspace(whole):
            workspace.append(step.name)
    yield facts, "they read the name, the id or the times of their run, which each part has its own of"
    yield workspace, "they share the workspace of their run"


def uses_workspace(things: object) -> bool:
    """Whether a step, with what it calls, reads the path of the workspace, or imports something into it."""
    reads = any(item.to == "run" and item.name == WORKSPACE for item in references(things))
    return reads or IN_WORKSPACE in repr(things)


def refuse_undetachable(workflow: Workflow, root: Graph, parts: Mapping[str, object]) -> None:
    """Refuses a pipeline whose parts could not do together what it does.

    Raises:
        Unsupported: the message says why.
    """
    refuse_parts(workflow, root.name, _undetachable(workflow, root, parts))


def _undetachable(workflow: Workflow, root: Graph, parts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    artifacts = {port.name for port in root.inputs if port.kind == "artifact"}
    passed = {item.name for item in references(root.steps) if item.to == "input" and item.kind == "artifact"}
    longest = max((part_name(workflow, part) for part in parts), key=len)
    if clashes := sorted(artifacts & passed):
        reason = f"its input {clashes[0]!r} is an artifact, which a part could not be passed"
        yield reason, "give it the URI as a parameter, and import that"
    if several := [item.name for item in root.outputs if not isinstance(item.value, Reference | None)]:
        reason = f"its output {several[0]!r} is one of several values, which only KFP chooses from"
        yield reason, "let a task choose, and hand out what it returns"
    if any(isinstance(step.call, Dynamic) for step in root.steps):
        yield "a task chooses its component at run time", "split it by hand"
    if len(longest) > LONGEST:
        reason = f"a part would be called {longest!r}, and KFP takes {LONGEST} characters"
        yield reason, "give the pipeline a shorter name"


def plain_root(workflow: Workflow) -> Workflow:
    """The workflow with no optional input of its root, and with loops there whose items are hidden."""
    root = graph_of(workflow, ROOT)
    inputs = tuple(replace(port, optional=False) for port in root.inputs)
    steps = tuple(_hidden(step) for step in root.steps)
    return replace_callables(workflow, {ROOT: replace(root, inputs=inputs, steps=steps)})


def _hidden(step: Step) -> Step:
    """The step with a constant in place of its loop's items, where those are one of its arguments."""
    if step.loop is None or len(step.loop.axes) != 1:
        return step
    (axis,) = step.loop.axes
    at = next((at for at, item in enumerate(step.arguments) if item.value == axis.values), None)
    if at is None or not isinstance(axis.values, Reference):
        return step
    return _with_items(step, step.loop, replace(axis, values=Literal(value=f"{HIDDEN}-{at}")))


def as_it_was(graph: Graph, root: Graph) -> Graph:
    """A graph whose steps loop over the arguments that they looped over, and whose conditions name those that they did.

    Args:
        graph: some steps of a root, moved.
        root: that root, before anything was hidden in it.
    """
    before = {step.name: step for step in root.steps}
    return replace(graph, steps=tuple(_shown(_spelled(step, before[step.name])) for step in graph.steps))


def _spelled(step: Step, before: Step) -> Step:
    """The step with the inputs named in its condition that were named there: several may be given the same value."""
    match step.condition, before.condition:
        case Expression(parts=parts), Expression(parts=old) if len(parts) == len(old):
            named = tuple(
                replace(part, native=was.native) if isinstance(part, Reference) and isinstance(was, Reference) else part
                for part, was in zip(parts, old, strict=True)
            )
            return replace(step, condition=replace(step.condition, parts=named))
    return step


def _shown(step: Step) -> Step:
    if step.loop is None:
        return step
    (axis,) = step.loop.axes
    match axis.values:
        case Literal(value=str(text)) if text.startswith(HIDDEN):
            value = step.arguments[int(text.rpartition("-")[2])].value
            return _with_items(step, step.loop, replace(axis, values=value))
    return step


def _with_items(step: Step, loop: Loop, axis: Axis) -> Step:
    return replace(step, loop=replace(loop, axes=(axis,)))
