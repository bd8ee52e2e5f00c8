"""Workflows as documents of GitHub Actions, made from nothing but the IR."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec

from couler_github_actions import CAPABILITIES
from couler_github_actions.lift import BRACES, DOCKER, ENGINE, GRAPH, LANGUAGE, Mapped, declared, outcomes_with
from couler_plugins import ir
from couler_plugins.errors import Unsupported

CARRIED = frozenset(capability.feature for capability in CAPABILITIES)
TYPED = (ir.Workflow, ir.Callable, ir.Step, ir.Container, ir.Port, ir.Output, ir.Argument, ir.Loop)
PLAIN = re.compile(r"[A-Za-z_][\w-]*")


def document_of(workflow: ir.Workflow, key: str = "on") -> Mapped:
    """A workflow as a document; its triggers stand under the key.

    Raises:
        Unsupported: GitHub Actions cannot say what it is to be.
    """
    refuse_beyond(workflow, CARRIED)
    graph, by_name = workflow.graphs[0], ir.callables(workflow)
    called = {graph.name, *(step.call.name for step in graph.steps if isinstance(step.call, ir.Call))}
    require(by_name.keys() == called, "Workflow.operations", workflow.label, "has jobs that nothing calls")
    rest = text_of(workflow.native_extra) if workflow.native_extra is not None else {}
    triggers = rest.pop("on", None)
    is_declared = declared(triggers) == (workflow.library, workflow.parameters)
    require(is_declared, "Workflow.parameters", workflow.label, "has other inputs than its triggers say")
    if graph.outputs:
        hint = "give it the trigger workflow_call, as a mapping"
        call: Any = triggers.get("workflow_call", ...) if isinstance(triggers, dict) else ...
        require(call is not ..., "Graph.outputs", workflow.label, "is called by no other workflow", hint)
        outputs = {item.name: _output(item) for item in graph.outputs}
        triggers = {**triggers, "workflow_call": {**(call or {}), "outputs": outputs}}
    require(bool(graph.steps), "Graph.steps", workflow.label, "has no job", "give it one")
    jobs = {step.name: _job(step, by_name) for step in graph.steps}
    require(len(jobs) == len(graph.steps), "Step.name", workflow.label, "has two jobs of one name")
    return {**rest, **({"name": workflow.name} if workflow.name else {}), key: triggers, GRAPH: jobs}


def refuse_beyond(workflow: ir.Workflow, carried: frozenset[str]) -> None:
    """Raises `Unsupported` where a field is set that is none of these features."""
    for node in ir.nodes(workflow):
        for feature, field, default in _fields(type(node)) if isinstance(node, TYPED) else ():
            is_carried = feature in carried or getattr(node, field) == default
            require(is_carried, feature, getattr(node, "name", ""), f"has {field}, which has no place there")


@cache
def _fields(kind: Any) -> list[tuple[str, str, Any]]:
    fields = msgspec.structs.fields(kind)
    return [(f"{kind.__name__}.{field.name}", field.name, field.default) for field in fields if field.name != "source"]


def require(holds: bool, feature: str, name: str, reason: str, hint: str = "leave it to an engine that can") -> None:
    """Raises `Unsupported` for what GitHub Actions cannot say."""
    if not holds:
        raise Unsupported(f"{name or 'it'} {reason}", engine=ENGINE, step=name or None, feature=feature, hint=hint)


def _job(step: ir.Step, by_name: dict[str, Any]) -> Mapped:
    job: Mapped = text_of(step.native_extra) if step.native_extra is not None else {}
    own = not isinstance(step.call, ir.External)
    is_called = not own or job.keys() <= {"strategy"}
    require(is_called, "Step.native_extra", step.name, "has fields that its operation holds")
    needs = [need for need in ir.conjuncts(step.needs) if isinstance(need, ir.Need)]
    is_usual = all(isinstance(need, ir.Need) for need in ir.conjuncts(step.needs))
    is_usual &= all(need.outcomes == outcomes_with(step.condition) for need in needs)
    reason, hint = "waits for outcomes that its condition does not ask for", "ask in the condition: always()"
    require(is_usual, "Step.needs", step.name, reason, hint)
    if needs:
        job["needs"] = [need.step for need in needs]
    if step.condition is not None:
        text = text_of(step.condition)
        whole = BRACES.fullmatch(text) if isinstance(text, str) else None
        job["if"] = whole[1].strip() if whole else text
    if step.tolerates:
        require(own and step.tolerates == ("failed",), "Step.tolerates", step.name, "tolerates more than GitHub can")
        job["continue-on-error"] = True
    if step.timeout is not None:
        require(own, "Step.timeout", step.name, "calls another workflow, whose jobs have limits of their own")
        seconds = step.timeout.value if isinstance(step.timeout, ir.Literal) else None
        whole_minutes = seconds is None or (type(seconds) is int and seconds % 60 == 0)
        reason, hint = f"has a limit of {seconds}, and jobs have whole minutes", "give it in seconds"
        require(whole_minutes, "Step.timeout", step.name, reason, hint)
        job["timeout-minutes"] = seconds // 60 if isinstance(seconds, int) else text_of(step.timeout)
    if step.loop is not None:
        job["strategy"] = {**job.get("strategy", {}), **_strategy(step.loop, step.name)}
    arguments = {item.name: text_of(item.value) for item in step.arguments}
    if isinstance(step.call, ir.External):
        require(step.call.kind == "workflow", "Step.call", step.name, "calls what is no workflow")
        return {**job, "uses": step.call.workflow, **({"with": arguments} if arguments else {})}
    body: Any = by_name.get(getattr(step.call, "name", ""))
    require(not arguments, "Step.arguments", step.name, "passes arguments to steps of its own")
    hint = "put what it calls into a reusable workflow"
    require(isinstance(body, ir.Operation), "Step.call", step.name, "calls neither a job nor another workflow", hint)
    return {**_body(body), **job}


def _strategy(loop: ir.Loop, name: str) -> Mapped:
    matrix: Any = {axis.name: text_of(axis.values) for axis in loop.axes}
    require("" not in matrix or len(loop.axes) == 1, "Loop.axes", name, "has a matrix beside axes")
    matrix = matrix.get("", matrix)
    require(bool(matrix) and loop.combine == "product", "Loop.combine", name, "does not combine each item with each")
    return {"matrix": matrix, **({"max-parallel": text_of(loop.limit)} if loop.limit is not None else {})}


def _output(item: ir.Output) -> Mapped:
    rest = text_of(item.native_extra) if item.native_extra is not None else {}
    return {**rest, "value": text_of(item.value, GRAPH)} if item.value is not None else rest


def _body(operation: ir.Operation) -> Mapped:
    job: Mapped = text_of(operation.native_extra) if operation.native_extra is not None else {}
    for item in operation.outputs:
        require(item.native_extra is None, "Output.native_extra", item.name, "says more than a value")
        require(item.value is not None, "Output.value", item.name, "has no value")
        job.setdefault("outputs", {})[item.name] = text_of(item.value or ir.Literal(value=None))
    return {**job, "steps": [_container(item) for item in operation.containers]}


def _container(item: ir.Container) -> Mapped:
    require(item.image is None or item.script is None, "Container.image", item.name, "has an image beside a script")
    written: Mapped = text_of(item.native_extra) if item.native_extra is not None else {}
    written |= {"id": item.name} if item.name else {}
    if item.image is not None:
        written["uses"] = f"{DOCKER}{text_of(item.image)}"
    if item.script is not None:
        written["run"] = text_of(item.script)
    if item.env:
        written["env"] = {variable.name: text_of(variable.value) for variable in item.env}
    return written


def text_of(value: ir.Value | None, context: str = "needs") -> Any:
    """A value as it is written; `context` is what jobs are called by there.

    Raises:
        Unsupported: GitHub Actions has no expression for it.
    """
    match value:
        case ir.Literal():
            return value.value
        case ir.Reference():
            return value.native if "{" in value.native else f"${{{{ {_bare(value, context)} }}}}"
        case ir.Expression(language=language, parts=parts) if language == LANGUAGE:
            return "${{" + "".join(part if isinstance(part, str) else _bare(part, context) for part in parts) + "}}"
        case ir.Template(parts=parts) | ir.Native(parts=parts):
            text = "".join(part if isinstance(part, str) else text_of(part, context) for part in parts)
            return text if isinstance(value, ir.Template) else json.loads(text)
    raise Unsupported("it is in another language", engine=ENGINE, feature="Expression", hint="compute it in a job")


def _bare(part: ir.Reference | ir.Template, context: str) -> str:
    """A reference inside of an expression."""
    reference = part if isinstance(part, ir.Reference) else ir.Reference(to="unknown")
    if reference.native:
        whole = BRACES.fullmatch(reference.native)
        return whole[1].strip() if whole else reference.native
    step, name = _words(reference.step), _words(reference.name)
    match reference.to:
        case "output" if step:
            return f"{context}{step}.outputs{name}"
        case "status" if step:
            facts = _words(*reference.name.split(".")) if name else ""
            return context if reference.step == ir.ANY_STEP else f"{context}{step}{facts}"
        case "item":
            return f"matrix{_words(reference.name, *reference.path)}"
        case "parameter" | "secret":
            return f"{'inputs' if reference.to == 'parameter' else 'secrets'}{name}"
        case "run":
            return reference.name
    reason, hint = f"reads the {reference.to} {reference.name!r}, which is nothing there", "read something else"
    raise Unsupported(f"it {reason}", engine=ENGINE, step=reference.step or None, feature="Reference", hint=hint)


def _words(*names: str) -> str:
    return "".join(f".{name}" if PLAIN.fullmatch(name) else f"['{name}']" for name in names if name)
