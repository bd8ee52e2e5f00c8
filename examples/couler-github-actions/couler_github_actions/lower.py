"""From a plan back to documents: what changed is carried over into the original, workflows of others are made anew."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import partial
from typing import Any

from couler_github_actions import GENERATED, Options
from couler_github_actions.lift import ENGINE, GRAPH, Mapped, declared, native_of
from couler_github_actions.write import document_of, refuse_beyond, require, text_of
from couler_plugins import ir
from couler_plugins.documents import Path, diff
from couler_plugins.documents.rewriting import same_data
from couler_plugins.errors import CoulerError
from couler_plugins.plan import Decision, Lowered, Plan, TracedEdit

UNITS = {"h": 3600, "m": 60, "s": 1, "": 1}


def lower(plan: Plan, options: Options) -> Lowered:
    """The documents of a plan, and how they differ from the originals; what cannot be written refuses its file."""
    originals = {workflow.source: workflow for workflow in plan.originals}
    changed: dict[int, Any] = {}
    edits: list[TracedEdit] = []
    decisions = list(plan.decisions)
    added: list[Any] = []
    refused: dict[int, Exception] = {}
    for workflow in plan.workflows:
        original = originals.get(workflow.source) if workflow.source is not None else None
        if original is None or original.source is None:
            new, notes = (workflow, []) if workflow.engine == ENGINE else generated(workflow, options.runs_on)
            added.append(document_of(new))
            decisions += notes
        elif workflow is not original:
            number = int(original.source[0])
            try:
                changed[number], traced = _patched(plan, number, original, workflow)
                edits += traced
            except CoulerError as error:
                error.file = error.file or plan.bundle.file_of(number).name
                refused[plan.bundle.file_numbers[number]] = error
    kept = {edit.document for edit in edits if plan.bundle.file_numbers[edit.document] not in refused}
    return Lowered(
        bundle=plan.bundle,
        changed={number: data for number, data in changed.items() if number in kept},
        added=tuple(added),
        edits=tuple(edit for edit in edits if edit.document in kept),
        decisions=tuple(decisions),
        refused=refused,
    )


def _patched(plan: Plan, number: int, original: ir.Workflow, workflow: ir.Workflow) -> tuple[Mapped, list[TracedEdit]]:
    """The document with what changed, and the edits, each with the job and the decision that it belongs to."""
    native = plan.bundle.documents[number].data
    key = "on" if "on" in native else "true"
    before, after = document_of(original, key), document_of(workflow, key)
    names = {step.source: step.name for step in original.graphs[0].steps if step.source is not None}
    jobs: Mapped = {}
    origins: dict[int, Path] = {}
    for step in workflow.graphs[0].steps:
        jobs[step.name] = after[GRAPH][step.name]
        if (old := names.get(step.source or ())) is not None:
            jobs[step.name] = merged(native[GRAPH][old], before[GRAPH][old], jobs[step.name])
            origins[id(jobs[step.name])] = (GRAPH, old)
    others = merged({**native, GRAPH: None}, {**before, GRAPH: None}, {**after, GRAPH: None})
    new = {**others, GRAPH: jobs}
    decisions = plan.decisions_about(number, original.label, workflow.label)
    positions = {name: position for position, item in decisions for name in (item.subject, *item.affects)}
    edits = []
    for edit in diff(native, new, origins):
        path = edit.after or edit.before or ()
        subject = f"{GRAPH}/{path[1]}" if path[:1] == (GRAPH,) and len(path) > 1 else ""
        decision = positions.get(subject, positions.get(""))
        edits.append(TracedEdit(document=number, edit=edit, subject=subject, decision=decision))
    return new, edits


def merged(native: Any, before: Any, after: Any) -> Any:
    """What was read, changed where what is to be written differs from what would have been written for it."""
    if same_data(before, after):
        return native
    match native, before, after:
        case dict(), dict(), dict():
            kept = {key: item for key, item in native.items() if key in after or key not in before}
            old = {key: merged(item, before.get(key), after.get(key)) for key, item in kept.items()}
            return old | {key: item for key, item in after.items() if key not in native}
        case list(), list(), list() if len(native) == len(before) == len(after):
            return list(map(merged, native, before, after))
        case list(), list(), list() if len(native) == len(before):
            return [next((old for old, was in zip(native, before, strict=True) if same_data(was, x)), x) for x in after]
    return after


def generated(workflow: ir.Workflow, runs_on: str) -> tuple[ir.Workflow, list[Decision]]:
    """The workflow in the terms of GitHub Actions, to be started by hand, and what is left out.

    Raises:
        Unsupported: it has something that is not carried; `GENERATED` lists what is.
    """
    notes = []
    if workflow.native_extra is not None and text_of(workflow.native_extra).keys() <= {"metadata"}:
        reason = "GitHub Actions has no labels and no annotations"
        notes = [Decision(optimizer=ENGINE, workflow=workflow.label, action="leave out metadata", reason=reason)]
        workflow = ir.replace(workflow, native_extra=None)
    refuse_beyond(workflow, frozenset(row.feature for row in GENERATED))
    others = [item.step for item in ir.references(workflow) if item.to not in ("input", "item", "parameter")]
    require(not others, "Reference", "".join(others[:1]), "is read by another step", "hand a file on by a store")
    require("${{" not in str(workflow), "Literal", workflow.label, "has ${{ in a text", "write it in another way")
    by_name = ir.callables(workflow)
    start: Any = workflow.entry
    entry: Any = by_name.get(getattr(getattr(start, "call", None), "name", ""))
    hint = "put its step into a graph"
    require(isinstance(entry, ir.Graph), "Workflow.entry", workflow.label, "does not start with a graph", hint)
    given = _inputs(entry, start.arguments)
    steps, operations = [], []
    for step in entry.steps:
        operation: Any = by_name.get(getattr(step.call, "name", ""))
        hint = "make that a workflow of its own"
        require(isinstance(operation, ir.Operation), "Step.call", step.name, "calls what is no operation", hint)
        arguments = tuple(_filled(item, given) for item in step.arguments)
        job = _job(_filled(operation, _inputs(operation, arguments)), f"{GRAPH}/{step.name}", runs_on)
        loop = step.loop or ir.Loop()
        axes = tuple(ir.replace(axis, name=axis.name or "item") for axis in loop.axes)
        is_listed = loop.combine in ("rows", "product") and all(isinstance(axis.values, ir.Native) for axis in axes)
        require(is_listed, "Loop.combine", step.name, "does not loop over lists", "list the items")
        operations.append(ir.map_references(job, partial(_named, [axis.name for axis in axes])))
        steps.append(
            ir.Step(
                name=step.name,
                call=ir.Call(name=job.name),
                needs=ir.all_of([*_needs(step), *_barrier(entry, step)]),
                loop=ir.Loop(combine="product", axes=axes, limit=loop.limit) if step.loop else None,
                timeout=_seconds(step.timeout or operation.timeout),
                tolerates=step.tolerates,
            )
        )
    inputs = {port.name: _declared(port.value or port.default) for port in workflow.parameters}
    triggers = {"workflow_dispatch": {"inputs": inputs} if inputs else {}}
    new = ir.Workflow(
        name=workflow.name or workflow.prefix.rstrip("-"),
        engine=ENGINE,
        kind="Workflow",
        parameters=declared(triggers)[1],
        entry=ir.Step(name=GRAPH, call=ir.Call(name=GRAPH)),
        graphs=(ir.Graph(name=GRAPH, steps=tuple(steps)),),
        operations=tuple(operations),
        native_extra=native_of({"on": triggers}),
    )
    return new, notes


def _declared(default: ir.Value | None) -> Mapped:
    return {"type": "string", **({"default": str(text_of(default))} if default is not None else {"required": True})}


def _seconds(limit: ir.Value | None) -> ir.Value | None:
    """A limit in seconds: other engines have texts such as 1h30m."""
    text = str(limit.value) if isinstance(limit, ir.Literal) else ""
    parts = re.findall(r"(\d+)([hms]|$)", text)
    is_read = text and "".join(map("".join, parts)) == text
    return ir.Literal(value=sum(int(count) * UNITS[unit] for count, unit in parts)) if is_read else limit


def _inputs(item: ir.Graph | ir.Operation, arguments: tuple[ir.Argument, ...]) -> dict[str, ir.Value]:
    """What each input of a callee holds at one call."""
    held = {port.name: port.value or port.default for port in item.inputs}
    held |= {argument.name: argument.value for argument in arguments}
    return {name: value for name, value in held.items() if value is not None}


def _filled(node: Any, given: dict[str, ir.Value]) -> Any:
    """A node with its inputs replaced by what they hold: a job is not given anything."""

    def change(inner: ir.Node) -> ir.Node:
        if isinstance(inner, ir.Template):
            parts: list[Any] = []
            for part in inner.parts:
                text = str(part.value) if isinstance(part, ir.Literal) else part
                parts += part.parts if isinstance(part, ir.Template) else [text]
            is_text = all(isinstance(part, (str, ir.Reference, ir.Expression)) for part in parts)
            require(is_text, "Step.arguments", "", "is given a structure where a text is", "give it a text")
            return ir.Template(parts=tuple(parts))
        if not isinstance(inner, ir.Reference) or inner.to != "input":
            return inner
        is_filled = inner.name in given and not inner.path
        require(is_filled, "Operation.inputs", inner.name, "is an input that nothing fills", "give it a value")
        return given[inner.name]

    return ir.rebuild(node, change)


def _named(axes: list[str], reference: ir.Reference) -> ir.Reference:
    """A reference to the item of a loop, by the name of the axis; of a key of the item, by the path to it."""
    if reference.to != "item" or reference.name in axes or not axes:
        return reference
    path = (reference.name, *reference.path) if reference.name else reference.path
    return ir.replace(reference, name=axes[0], path=path, native="")


def _job(operation: ir.Operation, name: str, runs_on: str) -> ir.Operation:
    """The body of a job: the image is the job's, the command is a script of its one step.

    Words that is only known at run time go by variables, so that no shell reads what is in them.
    """
    is_single = len(operation.containers) == 1
    require(is_single, "Operation.containers", operation.name, "does not run in one container", "give it one")
    (container,) = operation.containers
    is_said = bool(container.command) or container.script is not None
    require(is_said, "Container.command", operation.name, "does not say what it runs", "give it a command")
    words, env = [], list(container.env)
    for value in (*container.command, *container.args):
        if isinstance(value, ir.Literal):
            words.append(shlex.quote(str(value.value)))
        else:
            env.append(ir.EnvVar(name=f"WORD_{len(env) + 1}", value=value))
            words.append(f'"${env[-1].name}"')
    shell = {"shell": " ".join((*words, "{0}"))} if words and container.script is not None else {}
    script = container.script or ir.Literal(value=" ".join(words))
    image = {"container": text_of(container.image)} if container.image is not None else {}
    run = ir.Container(script=script, env=tuple(env), native_extra=native_of(shell))
    rest = native_of({"runs-on": runs_on, **image})
    return ir.Operation(name=name, kind="job", inline=True, containers=(run,), native_extra=rest)


def _needs(step: ir.Step) -> Iterator[ir.Need]:
    for need in ir.conjuncts(step.needs):
        accepted = need.outcomes if isinstance(need, ir.Need) else ()
        is_success = "succeeded" in accepted and not {"errored", "failed"} & set(accepted)
        require(is_success, "Step.needs", step.name, "waits for something else than success", "let it need success")
        yield ir.Need(step=getattr(need, "step", ""))


def _barrier(graph: ir.Graph, step: ir.Step) -> Iterator[ir.Need]:
    """The steps of the stage before, which a step of a stage waits for."""
    stages = graph.stages or ()
    before = next((stages[number - 1] for number, names in enumerate(stages) if number and step.name in names), ())
    return (ir.Need(step=name) for name in before)
