"""Workflows of other engines in Argo's terms, and Argo's in theirs.

Argo has a kind and names of its own, and attempts and timeouts at what is called. Sources: Argo's docs/variables.md
(`jsonpath`, `asInt`, `asFloat`), docs/conditional-artifacts-parameters.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from couler_argo.documents import without_records
from couler_argo.homes import with_timeout
from couler_argo.support import MAX_NAME
from couler_plugins.engine_kit.legalize.conditions import is_outcome, outcome
from couler_plugins.engine_kit.legalize.legality import Legality, Rule, Site, raise_all
from couler_plugins.engine_kit.legalize.native_fields import without_nulls
from couler_plugins.engine_kit.legalize.passes import with_image
from couler_plugins.engine_kit.legalize.python.pods import as_scripts
from couler_plugins.ir import (
    Bundle,
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
    map_references,
    nodes,
    rebuild,
    references,
    rename_steps,
    replace,
    take_name,
)
from couler_plugins.plan import Decision

OTHER = re.compile(r"[^A-Za-z0-9-]+")
ESCAPED = re.compile(r"\\\\")
"""A backslash in JSON: there is something that was escaped."""
MAX_OBJECT_NAME = 63
"""Of a Workflow: its pods have it as a label."""


def _loops_over_escapes(site: Site) -> bool:
    """Return whether items of a step stand there otherwise than Argo passes them on."""
    structures = (node for node in nodes(site.node.loop) if isinstance(node, Native))
    return any(ESCAPED.search("".join(part for part in node.parts if isinstance(part, str))) for node in structures)


def _read_at_once(site: Site) -> str:
    """Return what is read as one text of JSON: Argo gives inputs and parameters so, and nobody else does."""
    own = {port.name for port in site.workflow.parameters}
    for item in references(site.node):
        whole = item.to == "parameter" and item.name == "json" and "json" not in own
        if whole or (item.to == "input" and not item.name):
            return item.native
    return ""


AT_ONCE = Rule("Reference", "reads {}: all of them at once", _read_at_once, "read them one by one")
OF_ARGO = Legality(
    engine="argo",
    rules={
        Step: (
            Rule(
                "Loop.axes",
                "loops over texts that Argo passes on with escapes",
                _loops_over_escapes,
                "leave quotes, backslashes and newlines out of the items",
            ),
        ),
        Graph: (AT_ONCE,),
        Operation: (AT_ONCE,),
    },
    hints={},
    usual="leave this to an engine that has it",
)
refuse = OF_ARGO.refusal


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
    kind = workflow.kind if workflow.kind == "CronWorkflow" else "Workflow"
    handlers = tuple(_exit_handler(handler) for handler in workflow.handlers)
    return replace(workflow, engine="argo", kind=kind, name=name, handlers=handlers)


def _exit_handler(handler: Handler) -> Handler:
    """What runs at the end, under the only names that Argo has for it."""
    if handler.event != "exit":
        return handler
    return replace(handler, step=replace(handler.step, name="exit" if handler.step.arguments else ""))


def portable(workflow: Workflow, bundle: Bundle) -> tuple[Workflow, tuple[Decision, ...]]:
    """A workflow of Argo, for other engines. Nothing in it changes what it means.

    Raises:
        Unsupported: it loops over items that Argo passes on otherwise than they stand there: `Item.String` takes the
            quotes off an item's JSON, and leaves what was escaped in it as it is. Or it reads all parameters at once.
    """
    workflow = without_nulls(workflow)
    raise_all(OF_ARGO.refusals(workflow))
    workflow = without_records(map_references(workflow, _as_outcome))
    return replace(workflow, operations=tuple(map(_with_paths, workflow.operations))), ()


def _as_outcome(reference: Reference) -> Reference:
    """How the run went, in words that other engines know."""
    place = (reference.to, reference.name, reference.path)
    return outcome() if place == ("run", "workflow", ("status",)) else reference


def _with_paths(operation: Operation) -> Operation:
    """The operation with the files of its output parameters as their paths, where that is all that is said of them."""
    return replace(operation, outputs=tuple(map(_with_path, operation.outputs)))


def _with_path(output: Output) -> Output:
    if output.kind != "parameter" or not isinstance(output.value, Native) or any(references(output.value)):
        return output
    data = output.value.data
    if not isinstance(data, dict) or data.keys() != {"path"} or not isinstance(data["path"], str):
        return output
    return replace(output, value=None, path=Literal(value=data["path"]))


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
