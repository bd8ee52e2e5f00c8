"""Steps of a Task with all that others say of them: its stepTemplate, StepActions, and what is known of parameters.

Source: `docs/tasks.md` (stepTemplate), `docs/stepactions.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from couler_plugins.engine_kit.legalize.values import fields, structured
from couler_plugins.ir import Container, Literal, Operation, Output, Reference, Value, replace
from couler_tekton.containers import read_container
from couler_tekton.portable.contents import ALL, Content, Later, Look, at, resolve, resolve_inside
from couler_tekton.portable.values import said
from couler_tekton.variables import scope_in

OF_ACTION = ("ref", "params")
STEPS = "/tmp/tekton-steps"  # noqa: S108  # in a pod of its own
"""Where the files of single steps are."""


def with_steps(operation: Operation, actions: Mapping[str, Operation], look: Look) -> Operation:
    """Return a Task whose steps say all of themselves.

    Args:
        operation: the Task.
        actions: StepActions by name.
        look: what references in the Task stand for.
    """
    rest = fields(operation.native_extra)
    template = rest.pop("stepTemplate", None)
    spelled = said(operation).get("stepTemplate")
    usual = read_container(spelled, "main", scope_in(operation)) if isinstance(spelled, dict) and template else None
    containers = []
    for item in operation.containers:
        merged = _merged(usual, item) if usual is not None and item.role == "main" else item
        containers.append(_of_action(merged, actions, look) or _settled(merged, look))
    return replace(
        operation,
        containers=tuple(containers),
        outputs=tuple(_output(output) for output in operation.outputs),
        native_extra=resolve_inside(structured(rest), look),
    )


def _output(output: Output) -> Output:
    """Return a result of a Task, which may be that of one of its steps."""
    value = output.value
    if isinstance(value, Reference) and value.to == "unknown" and value.name.startswith("steps."):
        _, step, kind, *names = value.name.split(".")
        if kind == "results" and len(names) == 1:
            return replace(output, value=None, path=Literal(value=f"{STEPS}/{step}.{names[0]}"))
    return output


def _merged(usual: Container, item: Container) -> Container:
    """Return a step with what the template says of all of them."""
    rest, own = fields(usual.native_extra), fields(item.native_extra)
    mounts = {one.get("mountPath"): one for one in (*rest.get("volumeMounts", ()), *own.get("volumeMounts", ()))}
    merged = {**_over(rest, own), **({"volumeMounts": list(mounts.values())} if mounts else {})}
    env = {one.name: one for one in (*usual.env, *item.env)}
    return replace(
        item,
        image=item.image or usual.image,
        command=item.command or (() if item.script is not None else usual.command),
        args=item.args or usual.args,
        script=item.script,
        env=tuple(env.values()),
        requests=tuple(sorted({**dict(usual.requests), **dict(item.requests)}.items())),
        limits=tuple(sorted({**dict(usual.limits), **dict(item.limits)}.items())),
        native_extra=structured(merged),
    )


def _over(usual: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with what another one says instead, at any depth."""
    parts = {
        key: _over(usual[key], value) if isinstance(value, dict) and isinstance(usual.get(key), dict) else value
        for key, value in own.items()
    }
    return {**usual, **parts}


def _of_action(item: Container, actions: Mapping[str, Operation], look: Look) -> Container | None:
    """Return a step that refers to a StepAction as what that runs; None where there is none."""
    rest = fields(item.native_extra)
    reference = rest.get("ref")
    action = actions.get(reference["name"]) if isinstance(reference, dict) and reference.keys() == {"name"} else None
    if action is None:
        return None
    contents: dict[str, Content | None] = {}
    passed = {one["name"]: _value(one.get("value"), look) for one in rest.get("params", ())}
    for port in action.inputs:
        default = resolve(port.default, lambda reference: reference)
        value = passed.get(port.name, default)
        contents[port.name] = {**default, **value} if isinstance(value, dict) and isinstance(default, dict) else value

    def inside(reference: Reference) -> Content | None:
        if reference.to != "input":
            return None
        return at(contents.get(reference.name), reference.path)

    (body,) = action.containers
    filled, outer = _settled(body, inside), _settled(replace(item, native_extra=None), look)
    others = {key: content for key, content in rest.items() if key not in OF_ACTION}
    results = said(action).get("results") or [{"name": output.name} for output in action.outputs]
    more = {"results": results} if results else {}
    return replace(
        filled,
        name=item.name,
        role="main",
        env=(*filled.env, *outer.env),
        requests=outer.requests,
        limits=outer.limits,
        native_extra=structured(
            {**fields(filled.native_extra), **more, **fields(resolve_inside(structured(others), look))}
        ),
    )


def _value(value: Any, look: Look) -> Content | None:
    match value:
        case list() | dict():
            return resolve(structured(value), look)
        case str():
            return Literal(value=value)
    return resolve(value, look)


def _settled(item: Container, look: Look) -> Container:
    command, args = tuple(_words(item.command, look)), tuple(_words(item.args, look))
    filled: Container = resolve_inside(replace(item, command=(), args=()), look)
    return replace(filled, command=command, args=args)


def _words(words: tuple[Value, ...], look: Look) -> Iterator[Value]:
    """Yield the words of a command, those of a list in its place; one that only the run knows is marked."""
    for word in words:
        content = look(word) if isinstance(word, Reference) and word.path in ((ALL,), ()) else None
        match content:
            case list():
                yield from content
            case Later(text=Reference() as text, is_list=True):
                yield replace(text, path=(ALL,))
            case _:
                yield resolve_inside(word, look)


def is_spread(word: Value) -> TypeGuard[Reference]:
    """Return whether a word of a command stands for the texts of a list that only the run knows."""
    return isinstance(word, Reference) and word.to in ("input", "parameter") and word.path == (ALL,)
