"""What a workflow reads of its run, as parameters that the pipeline passes down.

Source: `backend/src/v2/driver/resolve.go`: a constant that is nothing but one of these placeholders is filled in.
"""

from __future__ import annotations

from couler_plugins.ir import (
    Argument,
    Reference,
    Step,
    Template,
    Workflow,
    callables,
    map_references,
    replace,
    take_name,
)

FACTS: dict[tuple[str, ...], str] = {
    ("workflow", "name"): "pipeline_job_name",
    ("workflow", "uid"): "pipeline_job_uuid",
    ("workflow", "creationTimestamp"): "pipeline_job_create_time_utc",
    ("workflow", "scheduledTime"): "pipeline_job_schedule_time_utc",
}
"""KFP's names of facts of a run, by those of Argo, whose other adapters say them so."""


def with_facts(workflow: Workflow) -> tuple[Workflow, dict[str, str]]:
    """Return a workflow that reads parameters in place of facts of its run, and the facts by these parameters."""
    names = {port.name for port in workflow.parameters}
    names |= {port.name for item in callables(workflow).values() for port in item.inputs}
    parameters: dict[str, str] = {}

    def read(reference: Reference) -> Reference:
        fact = FACTS.get((reference.name, *reference.path)) if reference.to == "run" else None
        if fact is None:
            return reference
        if fact not in parameters:
            parameters[fact] = take_name("-".join(fact.split("_")), names)
        return Reference(to="parameter", kind="parameter", name=parameters[fact])

    def inside(step: Step) -> Step:
        return replace(
            step, arguments=map_references(step.arguments, read), condition=map_references(step.condition, read)
        )

    changed = replace(
        workflow,
        entry=None if workflow.entry is None else inside(workflow.entry),
        handlers=tuple(replace(item, step=inside(item.step)) for item in workflow.handlers),
        graphs=tuple(replace(graph, steps=tuple(map(inside, graph.steps))) for graph in workflow.graphs),
        operations=tuple(
            replace(item, containers=map_references(item.containers, read)) for item in workflow.operations
        ),
    )
    return (changed, {name: fact for fact, name in parameters.items()}) if parameters else (workflow, {})


def with_placeholders(step: Step, facts: dict[str, str]) -> Step:
    """Return a call of the pipeline itself that passes facts of the run by KFP's placeholders for them."""

    def filled(argument: Argument) -> Argument:
        value = argument.value
        if isinstance(value, Reference) and value.to == "parameter" and value.name in facts:
            return replace(argument, value=Template(parts=(Reference(to="run", name=facts[value.name]),)))
        return argument

    return replace(step, arguments=tuple(map(filled, step.arguments)))
