"""What only KFP has that holds tasks together when their pipeline is cut, beside what the IR knows.

Sources: `pipeline_spec.proto`; `dsl/__init__.py` of kfp (placeholders of the run); `importer_launcher.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_kfp.split.call_graph import callee_of, reached
from couler_kfp.split.parts import part_name, type_of
from couler_kfp.structures import write_structure
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Bond,
    Dynamic,
    Graph,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    inline_callees,
    references,
)

__all__ = ["kfp_bonds", "refuse_undetachable"]

LONGEST = 128
"""Characters of the name of a pipeline (`kfp.dsl.utils.validate_pipeline_name`)."""
OF_THE_RUN = ("pipeline_job_", "pipeline_root")
"""What placeholders are called that each part has values of its own for."""
WORKSPACE = "workspace_path"
By = Mapping[str, Graph | Operation]


def kfp_bonds(root: Graph, by_name: By) -> Iterator[Bond]:
    """What holds tasks of the root together, beside what the IR knows."""
    steps = {step.name: step for step in root.steps}
    for step in root.steps:
        for reference in references(step):
            producer = steps.get(reference.step)
            if producer is not None and producer is not step and (reason := _clinging(reference, producer, by_name)):
                yield Bond((step.name, producer.name), reason)
        for callee in inline_callees(step, by_name):
            for reference in references(callee):
                if reference.step in steps and reference.step != step.name:
                    yield Bond((step.name, reference.step), f"the platform configuration of {step.name!r} reads it")
    yield from _sharing(root, by_name)


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


def _sharing(root: Graph, by_name: By) -> Iterator[Bond]:
    """Tasks that use what a run has one of."""
    facts: list[str] = []
    workspace: list[str] = []
    for step in root.steps:
        read = {item.name for item in references((step, tuple(reached(by_name, [step]).values()))) if item.to == "run"}
        if any(name.startswith(OF_THE_RUN) for name in read):
            facts.append(step.name)
        if WORKSPACE in read or _fills_workspace(step, by_name):
            workspace.append(step.name)
    if len(facts) > 1:
        yield Bond(tuple(facts), "they read the name, the id or the times of their run, which each part has its own of")
    if len(workspace) > 1:
        yield Bond(tuple(workspace), "they share the workspace of their run")


def _fills_workspace(step: Step, by_name: By) -> bool:
    """Whether a step imports something into the workspace."""
    return any(
        item.kind == "importer"
        and item.native_extra is not None
        and '"downloadToWorkspace":true' in str(item.native_extra.parts[0])
        for item in reached(by_name, [step]).values()
        if isinstance(item, Operation)
    )


def refuse_undetachable(workflow: Workflow, root: Graph, parts: Mapping[str, object]) -> None:
    """Refuses a pipeline whose parts could not do together what it does.

    Raises:
        Unsupported: the message says why.
    """
    artifacts = {port.name for port in root.inputs if port.kind == "artifact"}
    passed = {item.name for item in references(root.steps) if item.to == "input" and item.kind == "artifact"}
    longest = max((part_name(workflow, part) for part in parts), key=len)
    reason = hint = ""
    if clashes := sorted(artifacts & passed):
        reason = f"its input {clashes[0]!r} is an artifact, which a part could not be passed"
        hint = "give it the URI as a parameter, and import that"
    elif several := [item.name for item in root.outputs if not isinstance(item.value, Reference | None)]:
        reason = f"its output {several[0]!r} is one of several values, which only KFP chooses from"
        hint = "let a task choose, and hand out what it returns"
    elif any(isinstance(step.call, Dynamic) for step in root.steps):
        reason, hint = "a task chooses its component at run time", "split it by hand"
    elif len(longest) > LONGEST:
        reason = f"a part would be called {longest!r}, and KFP takes {LONGEST} characters"
        hint = "give the pipeline a shorter name"
    if reason:
        raise Unsupported(f"{workflow.label} cannot be split: {reason}", engine="kfp", step=root.name, hint=hint)
