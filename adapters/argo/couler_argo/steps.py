"""Call sites: tasks of a dag, steps of a steps template, hooks and exit handlers.

Source: `pkg/apis/workflow/v1alpha1` (DAGTask, WorkflowStep, LifecycleHook, TemplateRef, ContinueOn, Sequence).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_argo.codec import Codec, Context, Field, present_fields, scalar
from couler_argo.ports import ARGUMENTS
from couler_argo.references import expression, native, value
from couler_argo.spelling import write, write_expression, write_native
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.legalize.depends import parse_depends, write_depends
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import (
    AllOf,
    Axis,
    Call,
    Callee,
    Dynamic,
    External,
    Handler,
    Loop,
    Native,
    Need,
    Needs,
    Step,
    conjuncts,
    needed,
)

NOTHING = Dynamic(target=Native.of({}))
"""The callee of a call site that names none; Argo refuses it, and we pass it through."""

TOLERATED = {"error": "errored", "failed": "failed"}
CALLEE = ("template", "templateRef", "inline")


def _read_callee(mapping: Mapped, context: Context) -> tuple[Callee | None, Mapped]:
    """What a call site calls, by name, in another workflow, or written on the spot."""
    remainder = present_fields(mapping, CALLEE)
    content = {key: remainder.pop(key) for key, callee in tuple(remainder.items()) if callee not in (None, "")}
    match content:
        case {"template": str(name)} if len(content) == 1 and "{{" not in name:
            return Call(name=name), remainder
        case {"inline": dict(template)} if len(content) == 1 and context.lift_inline is not None:
            return Call(name=context.lift_inline(template)), remainder
        case {"templateRef": {"name": str(workflow), "template": str(name), **others}} if len(content) == 1:
            call = external(workflow, name, others)
            if call is not None:
                return call, remainder
    return Dynamic(target=native(content)), remainder


def external(workflow: str, name: str, others: Mapping[Any, Any]) -> External | None:
    """A call into another workflow; None where only the run knows which, or where the reference says more.

    Args:
        workflow: the other workflow's name.
        name: the template's name.
        others: what else the reference says.
    """
    if "{{" in workflow + name or others.keys() - {"clusterScope"}:
        return None
    match others.get("clusterScope", False):
        case True:
            return External(workflow=workflow, name=name, scope="cluster")
        case False:
            return External(workflow=workflow, name=name)
    return None


def _write_callee(callee: Callee, context: Context) -> Mapped:
    """The keys of a call site that say what it calls."""
    match callee:
        case Call():
            inline = context.write_inline(callee.name)
            return {"template": callee.name} if inline is None else {"inline": inline}
        case External():
            cluster = {"clusterScope": True} if callee.scope == "cluster" else {}
            return {"templateRef": {"name": callee.workflow, "template": callee.name, **cluster}}
    return dict(write_native(callee.target, context.scope))


def _read_needs(mapping: Mapped, context: Context) -> tuple[Needs | None, Mapped]:
    remainder = present_fields(mapping, ("depends", "dependencies"))
    depends, listed = remainder.get("depends"), remainder.get("dependencies")
    if depends not in (None, "") and not isinstance(depends, str):
        raise InvalidInput("depends is not a string", hint="write it as names, &&, ||, ! and brackets")
    if listed is not None and not (isinstance(listed, list) and all(isinstance(name, str) for name in listed)):
        raise InvalidInput("dependencies is not a list of names", hint="give the names of tasks, n and y in quotes")
    if depends:
        del remainder["depends"]
        return parse_depends(depends, context.bare), remainder
    if listed:
        del remainder["dependencies"]
        needs = tuple(Need(step=name, outcomes=context.bare(name)) for name in listed)
        return needs[0] if len(needs) == 1 else AllOf(needs=needs), remainder
    return None, remainder


def _write_needs(needs: Needs, context: Context) -> Mapped:
    if context.listed:
        return {"dependencies": [need.step for part in conjuncts(needs) for need in needed(part)]}
    return {"depends": write_depends(needs, context.bare)}


def _read_tolerated(mapping: Mapped, context: Context) -> tuple[tuple[str, ...] | None, Mapped]:
    tolerated = tuple(outcome for key, outcome in TOLERATED.items() if mapping.get(key) is True)
    return tolerated or None, {
        key: content for key, content in present_fields(mapping, TOLERATED).items() if content is not True
    }


def _write_tolerated(outcomes: tuple[str, ...], context: Context) -> Mapped:
    return {key: True for key, outcome in TOLERATED.items() if outcome in outcomes}


def _read_loop(mapping: Mapped, context: Context) -> tuple[Loop | None, Mapped]:
    remainder = present_fields(mapping, ("withItems", "withParam", "withSequence"))
    if isinstance(remainder.get("withItems"), list) and remainder["withItems"]:
        return Loop(axes=(Axis(name="item", values=native(remainder.pop("withItems"))),)), remainder
    if isinstance(remainder.get("withParam"), str):
        return Loop(axes=(Axis(name="item", values=value(remainder.pop("withParam"))),)), remainder
    if isinstance(remainder.get("withSequence"), dict):
        return Loop(
            combine="sequence", axes=(Axis(name="item", values=native(remainder.pop("withSequence"))),)
        ), remainder
    return None, remainder


def _write_loop(loop: Loop, context: Context) -> Mapped:
    values = loop.axes[0].values
    if loop.combine == "sequence":
        return {"withSequence": write(values, context.scope)}
    return {"withItems" if isinstance(values, Native) else "withParam": write(values, context.scope)}


def _read_hooks(mapping: Mapped, context: Context) -> tuple[tuple[Handler, ...] | None, Mapped]:
    hooks, on_exit = mapping.get("hooks"), mapping.get("onExit")
    handlers: list[Handler] = []
    remainder: Mapped = {}
    if isinstance(on_exit, str) and on_exit:
        handlers.append(
            Handler(step=Step(name="", call=_read_callee({"template": on_exit}, context)[0] or Call(name="")))
        )
    elif "onExit" in mapping:
        remainder["onExit"] = on_exit
    if isinstance(hooks, dict) and hooks and all(isinstance(hook, dict) and hook for hook in hooks.values()):
        handlers.extend(_handler(name, hook, context) for name, hook in hooks.items())
    elif "hooks" in mapping:
        remainder["hooks"] = hooks
    return tuple(handlers) or None, remainder


def _handler(name: str, hook: Mapped, context: Context) -> Handler:
    condition = hook.get("expression")
    others = {key: content for key, content in hook.items() if key != "expression"}
    step = Step(**{"name": name, "call": NOTHING, **HOOK.lift(others if isinstance(condition, str) else hook, context)})
    return Handler(
        step=step,
        event="exit" if name == "exit" else "condition",
        condition=expression(condition) if isinstance(condition, str) else None,
    )


def _write_hooks(handlers: tuple[Handler, ...], context: Context) -> Mapped:
    written: Mapped = {}
    hooks: Mapped = {}
    for handler in handlers:
        step, name = handler.step, handler.step.name
        if name in hooks or (not name and written) or (handler.event == "exit") is not (name in ("", "exit")):
            raise _no_hook(f"{name!r}: a hook has a name of its own, and exactly the one called exit runs at the end")
        if name:
            condition = (
                {} if handler.condition is None else {"expression": write_expression(handler.condition, context.scope)}
            )
            hooks[name] = {**condition, **HOOK.write(step, context)}
        elif isinstance(step.call, Call) and handler == Handler(step=Step(name="", call=step.call)):
            written["onExit"] = step.call.name
        else:
            raise _no_hook("onExit takes the name of a template and nothing else")
    return {"hooks": hooks, **written} if hooks else written


def _no_hook(reason: str) -> Unsupported:
    return Unsupported(reason, engine="argo", feature="Step.handlers", hint="use a hook with another name")


def _callee() -> Field:
    return Field("call", CALLEE, _read_callee, _write_callee)


HOOK = Codec(_callee(), nested={"arguments": ARGUMENTS}, beside=("name",))
HOOKS = Field("handlers", ("hooks", "onExit"), _read_hooks, _write_hooks)
STEP = Codec(
    Field("name", ("name",), lambda mapping, context: (mapping["name"], {}), lambda node, context: {"name": node}),
    _callee(),
    Field("needs", ("depends", "dependencies"), _read_needs, _write_needs),
    scalar("condition", "when"),
    Field("loop", ("withItems", "withParam", "withSequence"), _read_loop, _write_loop),
    HOOKS,
    nested={
        "arguments": ARGUMENTS,
        "continueOn": Codec(Field("tolerates", tuple(TOLERATED), _read_tolerated, _write_tolerated)),
    },
)
