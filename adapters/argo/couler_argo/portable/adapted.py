"""Workflows of other engines in Argo's terms.

Argo has a kind and names of its own, and attempts and timeouts at what is called. Sources: Argo's docs/variables.md
(`jsonpath`, `asInt`, `asFloat`), docs/conditional-artifacts-parameters.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from couler_argo.homes import with_timeout
from couler_argo.portable.legality import refuse
from couler_argo.support import MAX_NAME
from couler_plugins.engine_kit.legalize.conditions import is_outcome
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.engine_kit.legalize.passes import with_image
from couler_plugins.engine_kit.legalize.python.pods import as_scripts
from couler_plugins.ir import (
    Call,
    Expression,
    FirstOf,
    Graph,
    Handler,
    Literal,
    Native,
    Node,
    Operation,
    Output,
    Reference,
    Retry,
    Step,
    Template,
    Value,
    Workflow,
    call_sites,
    carry_out,
    rebuild,
    rename_steps,
    replace,
    take_name,
)

OTHER = re.compile(r"[^A-Za-z0-9-]+")
MAX_OBJECT_NAME = 63
"""Of a Workflow: its pods have it as a label."""


def adapted(workflow: Workflow, image: str = "") -> Workflow:
    """A workflow of another engine as one that Argo's tables can write.

    Args:
        workflow: it has no origin.
        image: for containers that say none.

    Raises:
        Unsupported: it has something that Argo does otherwise.
    """
    workflow = _in_argos_words(_with_attempts(as_scripts(with_image(workflow, image), "argo")))
    raise_all(
        refuse("Step.arguments", site.step.name, f"passes a structure as {item.name!r}", "pass texts, one by one")
        for site in call_sites(workflow)
        for item in site.step.arguments
        if isinstance(item.value, Native)
    )
    # Pods are called after their templates, and the names of pods have no capitals.
    names = _plain([item.name for item in (*workflow.graphs, *workflow.operations)], str.lower)

    def change(node: Node) -> Node:
        match node:
            case Call():
                return Call(name=names.get(node.name, node.name))
            case Graph() | Operation():
                return replace(node, name=names[node.name])
        return node

    workflow = rebuild(workflow, change)
    for graph in workflow.graphs:
        workflow = rename_steps(workflow, graph.name, _plain([step.name for step in graph.steps]))
    for operation in workflow.operations:
        if any(container.image is None for container in operation.containers):
            hint = "name one for all of these: --to 'argo{image=busybox}'"
            raise refuse(
                "Container.image", operation.name, "runs a command outside of a container, without an image", hint
            )
    name = _object_name(workflow.name)
    is_open = any(port.value is None and port.default is None for port in workflow.parameters)
    kind = workflow.kind if workflow.kind == "CronWorkflow" else "WorkflowTemplate" if is_open else "Workflow"
    handlers = tuple(_exit_handler(handler) for handler in workflow.handlers)
    return replace(workflow, engine="argo", kind=kind, name=name, handlers=handlers)


def _exit_handler(handler: Handler) -> Handler:
    """What runs at the end, under the only names that Argo has for it."""
    if handler.event != "exit":
        return handler
    return replace(handler, step=replace(handler.step, name="exit" if handler.step.arguments else ""))


def _plain(names: Iterable[str], spelt: Callable[[str], str] = str) -> dict[str, str]:
    """A name that Argo takes for each of these, no two alike; those that it takes already stay."""
    names_before: set[str] = set()
    in_order = sorted(names, key=lambda name: (_fits(spelt(name)) != name, name))
    return {name: take_name(_fits(spelt(name)), names_before) for name in in_order}


def _fits(name: str) -> str:
    found = OTHER.sub("-", name).strip("-")[: MAX_NAME - 8] or "step"
    return f"n{found}" if found[0].isdigit() else found  # `depends` takes no name that begins with a digit


def _object_name(name: str) -> str:
    """A name of an object in Kubernetes: lower case, and short enough for a label."""
    return OTHER.sub("-", name.lower()).strip("-")[:MAX_OBJECT_NAME].strip("-")


def _with_attempts(workflow: Workflow) -> Workflow:
    """Attempts and timeouts said of what runs: Argo has them there, other engines at the call."""
    named = {operation.name for operation in workflow.operations}

    def said(step: Step) -> tuple[Retry | None, Value | None] | None:
        attempts = (step.retry, step.timeout)
        return attempts if any(attempts) and getattr(step.call, "name", "") in named else None

    moved, _ = carry_out(
        replace(workflow, library=""),  # all that can call it is in it
        said,
        _with_own,
        suffix=lambda attempts: "timeout" if attempts is not None and attempts[0] is None else "retry",
        bare=lambda step: replace(step, retry=None, timeout=None),
    )
    return replace(moved, operations=tuple(_with_own(item, None) for item in moved.operations))


def _with_own(item: Graph | Operation, attempts: tuple[Retry | None, Value | None] | None) -> Graph | Operation:
    """What runs, with the attempts and the timeout of a call, or else its own, in Argo's terms."""
    retry, timeout = attempts or (None, None)
    retry, timeout = retry or item.retry, timeout or item.timeout
    if retry is not None and retry.native_extra is None:
        retry = replace(retry, native_extra=Native.of({"retryPolicy": "Always"}))  # Argo's own leaves errors out
    return replace(with_timeout(item, timeout), retry=retry)


# Values in Argo's words: CEL, keys of parameters, outputs of what ran, files.

CASTS = {"int": "asInt", "double": "asFloat"}
WORD = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\b(int|double)(?=\()")


def _in_argos_words(workflow: Workflow) -> Workflow:
    """The workflow with those of its values that Argo says otherwise."""

    def change(node: Node) -> Node:
        match node:
            case Expression(language="cel"):
                parts = (piece for part in node.parts for piece in _pieces(part))
                return Expression(language="expr", parts=tuple(parts))
            case Operation():
                return replace(node, outputs=tuple(map(_from_file, node.outputs)))
            case Graph():
                return replace(node, outputs=tuple(map(_chosen, node.outputs)))
            case Template() | Native() if any(isinstance(part, Template) for part in node.parts):
                inner = (part.parts if isinstance(part, Template) else (part,) for part in node.parts)
                return replace(node, parts=tuple(piece for pieces in inner for piece in pieces))
        if isinstance(node, Reference) and is_outcome(node):
            return Reference(to="run", name="workflow", path=("status",))
        return _keyed(node) if isinstance(node, Reference) else node

    return rebuild(workflow, change)


def _pieces(part: str | Reference | Template) -> tuple[str | Reference | Template, ...]:
    """A part of a CEL expression in Argo's language: one that was looked up by a key is an expression by itself."""
    if isinstance(part, Template) and isinstance(part.parts[0], Expression):
        return part.parts[0].parts
    return (_cast(part) if isinstance(part, str) else part,)


def _cast(text: str) -> str:
    return WORD.sub(lambda found: CASTS[found[1]] if found[1] else found[0], text)


def _from_file(output: Output) -> Output:
    """An output parameter of an operation that is read from a file."""
    if output.kind != "parameter" or not isinstance(output.path, Literal):
        return output
    return replace(output, value=Native.of({"path": output.path.value}), path=None)


def _keyed(reference: Reference) -> Node:
    """A key of a parameter that is JSON, as what looks it up; a key of an item is spelled out."""
    if not reference.path or reference.kind != "parameter" or reference.to == "item":
        return reference
    path = "$" + "".join(f"[{json.dumps(key)}]" for key in reference.path)
    whole = replace(reference, path=())
    return Template(parts=(Expression(language="expr", parts=("jsonpath(", whole, f", {_quoted(path)})")),))


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _chosen(output: Output) -> Output:
    """An output that is that of the first step of several that succeeded."""
    if not isinstance(output.value, FirstOf):
        return output
    *others, last = output.value.values
    parts: list[str | Reference | Template] = []
    for value in others:
        if not (isinstance(value, Reference) and value.step):
            return output
        parts += [Reference(to="status", step=value.step, name="status"), " == 'Succeeded' ? ", value, " : "]
    return replace(output, value=Expression(language="expr", parts=(*parts, _reference(last))))


def _reference(value: Value) -> Reference:
    assert isinstance(value, Reference)
    return value
