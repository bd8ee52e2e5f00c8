"""What moves along when one field of a DAG changes, what Airflow has no words for, and counts of serialized DAGs."""

from __future__ import annotations

import json
from typing import Any

from couler_airflow.homes import HOMES
from couler_airflow.retries import POLICY
from couler_plugins.ir import (
    AnyOf,
    Argument,
    Call,
    Container,
    Directive,
    EnvVar,
    Expression,
    Graph,
    Handler,
    Literal,
    Native,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Workflow,
    conjuncts,
    map_needs,
    needed,
    nodes,
    rebuild,
    references,
    replace,
    replace_callables,
)

__all__ = ["INVENTED", "closed", "consistent", "counted", "excused"]


SOMETHING = Native.of({"x": 1})
BOUND = Literal(value=1)
INVENTED: dict[tuple[type[Node], str], tuple[Any, ...]] = {
    (Workflow, "prefix"): ("x-",),
    (Workflow, "library"): ("namespace",),
    (Workflow, "handlers"): ((Handler(step=Step(name="x", call=Call(name="x"))),),),
    (Graph, "inputs"): ((Port(name="x"),),),
    (Graph, "outputs"): ((Output(name="x"),),),
    (Graph, "memoized"): (SOMETHING,),
    (Graph, "metrics"): (SOMETHING,),
    (Graph, "inline"): (True,),
    (Graph, "native_extra"): (SOMETHING,),
    (Graph, "stages"): ((("x",),),),
    (Graph, "targets"): (("x",),),
    (Operation, "retry"): (Retry(limit=BOUND),),
    (Operation, "timeout"): (BOUND,),
    (Operation, "memoized"): (SOMETHING,),
    (Operation, "locks"): (SOMETHING,),
    (Operation, "metrics"): (SOMETHING,),
    (Operation, "containers"): ((Container(image=Literal(value="busybox")),),),
    (Operation, "daemon"): (True,),
    (Container, "name"): ("x",),
    (Container, "role"): ("init",),
    (Container, "image"): (BOUND,),
    (Container, "command"): ((BOUND,),),
    (Container, "script"): (BOUND,),
    (Container, "env"): ((EnvVar(name="x", value=Literal(value="y")),), (EnvVar(name="x", value=BOUND),)),
    (Container, "requests"): ((("cpu", BOUND),), (("cpu", Literal(value="200m")), ("memory", Literal(value="1Gi")))),
    (Container, "limits"): ((("cpu", BOUND),), ()),
    (Container, "native_extra"): (SOMETHING,),
    (Step, "condition"): (Literal(value="no"),),
    (Step, "handlers"): ((Handler(step=Step(name="x", call=Call(name="x"))),),),
    (Step, "timeout"): (Literal(value=90), Literal(value=0.25)),
    (Step, "tolerates"): (("failed",),),
    (Port, "kind"): ("artifact",),
    (Port, "native_extra"): (SOMETHING,),
    (Output, "kind"): ("artifact",),
    (Output, "value"): (BOUND,),
    (Output, "exported"): (BOUND,),
    (Output, "native_extra"): (SOMETHING,),
    (Argument, "kind"): ("artifact",),
    (Retry, "limit"): (Literal(value=5), Literal(value="5")),
    (Retry, "condition"): (Expression(language=POLICY, parts=('{"__type":"CausePolicy","causes":[]}',)),),
    (Retry, "native_extra"): (SOMETHING,),
}
"""Values of fields that hold the same in all example DAGs."""


def counted(data: Any) -> tuple[int, int, int]:
    """The numbers of graphs and operations, of call sites and of references in a serialized DAG."""
    tasks = len(data["dag"]["tasks"])
    text = json.dumps(data)
    read = sum(map(text.count, ('"xcomref"', "xcom_pull(", "MappedArgument(")))
    return 1 + tasks, 1 + tasks, read + _joined(data) + sum(map(_fields_of_container, data["dag"]["tasks"]))


def _joined(data: Any) -> int:
    """How many values more than one the references read that are lists of others, zipped."""
    if isinstance(data, dict):
        own = len(data["args"]) - 1 if data.get("type") == "zip" else 0
        return own + sum(map(_joined, data.values()))
    return sum(map(_joined, data)) if isinstance(data, list) else 0


CONTAINERS = {
    "BashOperator": ("bash_command",),
    "DockerOperator": ("image", "entrypoint", "command"),
    "KubernetesPodOperator": ("image", "cmds", "arguments"),
}
"""The fields of operators that a container is made of."""
VARIABLES = ("env", "environment", "env_vars")


def _fields_of_container(task: Any) -> int:
    """How many values of an operator its container is made of: texts, items of lists, and variables."""
    fields = task["__var"]
    values = {"bash_command": "", **fields, **(fields.get("partial_kwargs") or {})}
    expanded = (fields.get("expand_input") or {}).get("value") or {}
    values |= dict.fromkeys(expanded.get("__var") or () if expanded.get("__type") == "dict" else (), "each item")
    names = CONTAINERS.get(fields.get("task_type"), ())
    plain = [name for name in names if name == "image" and "{" not in str(values.get(name, "{"))]
    kept = [name for name in names if name not in plain or values[name] == "each item"]
    own = [values[name] for name in kept if name in values]
    variables = [_unknown(values[name]) for name in VARIABLES if kept and name in values]
    return sum(variables) + sum(
        1 if isinstance(value, str) else len(value.get("__var", value) if isinstance(value, dict) else value or ())
        for value in own
    )


def _unknown(variables: Any) -> int:
    """How many variables are no plain texts."""
    held = variables.get("__var", variables) if isinstance(variables, dict) else variables
    if not isinstance(held, (dict, list)):
        return 0
    texts = held.values() if isinstance(held, dict) else [item["value"] for item in held]
    return sum(not isinstance(text, str) or "xcom_pull(" in text for text in texts)


def consistent(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
    """The workflow with one field set, and with what has to follow."""
    if node is workflow:
        return _whole(workflow, name, value)
    if node is workflow.entry and name in ("needs", "tolerates", "directives", "retry", "timeout"):
        return None  # that is the DAG as a whole
    match node, name:
        case Operation(), "containers" | "native_extra":
            setting = "requests" if name == "containers" else "labels"
            if HOMES[setting].objection(node):
                return None
            value = getattr(HOMES[setting].write(setting, node, (("a", Literal(value="1")),)), name)
        case Step(), "needs":
            value = _waiting(workflow.graphs[0], node, value)
        case Step(), "directives":
            value = (Directive(kind="cache"),) if value else ()
        case Graph(), "steps":
            value = _slower(node, len(value))
    return None if value == getattr(node, name) else _set(workflow, node, name, value)


def _whole(workflow: Workflow, name: str, value: Any) -> Workflow | None:
    if name == "graphs":
        graph = replace(workflow.graphs[0], parallelism=Literal(value=len(value) + 100))
        return replace(workflow, graphs=(graph,))
    if name == "operations":
        pairs = (("a", Literal(value=str(len(value)))),)
        own = [item for item in workflow.operations if not HOMES["env"].objection(item)]
        changed = {item.name: HOMES["env"].write("env", item, pairs) for item in own}
        return replace_callables(workflow, changed) if changed else None
    return replace(workflow, **{name: value})


def _set(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow:
    return rebuild(workflow, lambda item: replace(node, **{name: value}) if item is node else item)


def _slower(graph: Graph, number: int) -> tuple[Step, ...]:
    return tuple(replace(step, timeout=Literal(value=number + 1)) for step in graph.steps)


def _waiting(graph: Graph, step: Step, value: Any) -> Any:
    """What steps of another DAG wait for, said of the steps before this one."""
    place = next(number for number, item in enumerate(graph.steps) if item is step)
    own = [item.name for item in graph.steps[:place]]
    names = list(dict.fromkeys(need.step for need in needed(value)))
    after = {item.name for item in graph.steps if step.name in (need.step for need in needed(item.needs))}
    if len(names) > len(own) or after.intersection(own):
        return step.needs
    renamed = dict(zip(sorted(names), sorted(own[: len(names)]), strict=True))
    return value and map_needs(value, lambda need: replace(need, step=renamed[need.step]))


def excused(workflow: Workflow, node: Node, name: str, value: Any) -> bool:
    """Whether Airflow has no way to say this one value at this place."""
    graph = workflow.graphs[0]
    match node, name:
        case Container(), "env" | "requests" | "limits":
            owner = next(item for item in workflow.operations if any(own is node for own in item.containers))
            values = [item.value if isinstance(item, EnvVar) else item[1] for item in value]
            return bool(HOMES[name].objection(owner)) or not all(_is_text(item, name) for item in values)
        case Container(), "image":
            return not isinstance(node.image, Literal) or not _is_text(value, "env")
        case Step(), "timeout":
            return not _is_number(value)
        case Step(), "tolerates":
            return node.role != "teardown"
        case Step(), "directives":
            operation = next(item for item in workflow.operations if item.name == f"task/{node.name}")
            plain = json.dumps([str(part) for part in operation.native_extra.parts]) if operation.native_extra else ""
            pure = "_PythonDecoratedOperator" in plain or "PythonOperator" in plain.replace("BranchPython", "")
            return bool(node.directives) or node.role != "normal" or "outlets" in plain or not pure
        case Step(), "needs":
            return node.role == "teardown" or _is_bound(graph, node, _waiting(graph, node, value))
        case Graph(), "timeout":
            return not _is_number(value)
        case Graph(), "parallelism":
            return value is None
        case Graph(), "fail_fast":
            return value is None or any(not _is_default(step) for step in graph.steps)
        case Retry(), "limit":
            return not _is_number(value)
        case Retry(), "condition":
            return not isinstance(value, Expression) or value.language != POLICY
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, Literal) and isinstance(value.value, int)


def _is_text(value: Any, name: str) -> bool:
    return isinstance(value, Literal) and isinstance(value.value, str if name == "env" else (str, int))


def _is_default(step: Step) -> bool:
    usual = all(need.outcomes == ("succeeded",) for need in needed(step.needs))
    return usual and not any(isinstance(part, AnyOf) for part in conjuncts(step.needs))


def _is_bound(graph: Graph, step: Step, value: Any) -> bool:
    """Whether an edge would go that something else depends on, a cycle come, or a setup be followed by another rule."""
    gone = {need.step for need in needed(step.needs)} - {need.step for need in needed(value)}
    read = {reference.step for reference in references((step.arguments, step.loop))}
    setups = {item.name for item in graph.steps if item.role == "setup"}
    new = {need.step for need in needed(value)}
    return bool(gone & read or new & setups or graph.regions or _cycle(graph, step, new))


def _cycle(graph: Graph, step: Step, new: set[str]) -> bool:
    before = {item.name: {need.step for need in needed(item.needs)} for item in graph.steps} | {step.name: set()}
    pending, seen = list(new), set(new)
    while pending:
        for name in before[pending.pop()] - seen:
            seen.add(name)
            pending.append(name)
    return step.name in seen


def closed(workflow: Workflow) -> Workflow:
    """All of it but what a task is handed of what is set on its pod: some of these fields are rendered by Airflow."""
    assert not any(isinstance(item, Native) and item.parts == () for item in nodes(workflow))
    assert not any(isinstance(item, Reference) and item.to == "unknown" for item in nodes(workflow))
    return rebuild(workflow, _without_settings)


def _without_settings(node: Node) -> Node:
    if not isinstance(node, Step):
        return node
    return replace(node, arguments=tuple(item for item in node.arguments if item.name not in RENDERED))


RENDERED = (*VARIABLES, "annotations", "container_resources", "image", "labels", "node_selector")
