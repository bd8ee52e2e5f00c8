"""Where engines keep the settings of steps: at the call site, or in what it calls.

Optimizers set them at call sites, or on operations, whatever their engine does. `change_steps` and `change_operations`
write each to its home. A value whose home is the operation goes into the operation, or into private copies of it where
its call sites differ (see `ir.copies`). One whose home is the call site goes to all calls that have none of their own.
"""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict
from typing import Literal as OneOf

import msgspec

from couler_plugins.ir.edits import Template, carry_out, map_call_sites, replace_callables
from couler_plugins.ir.settings import PAIRS, SETTINGS, SettableStep, merged
from couler_plugins.ir.values import replace
from couler_plugins.ir.walk import CallSite, call_sites
from couler_plugins.ir.workflow import Call, Operation, Step, Workflow

Settings = tuple[tuple[str, Any], ...]
"""Settings by name, with the values that they are to have."""
OWN = ("retry", "timeout")  # the settings that operations have fields for


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where an engine keeps one setting.

    Attributes:
        at: `step` (the call site), `operation` (what it calls), `both` (either), `workflow` (the object around), or
            `none` (the engine has no such thing).
        native: what the engine calls it.
        note: what limits it, in half a sentence; for `none` the reason.
        get: reads the value of a step or an operation; None for the field of that name. Of a workflow, it returns what
            reads that of a call site.
        put: returns a step or an operation with another value; None for the field of that name. Of a workflow, it takes
            pairs of call sites and values.
        refuse: says why an operation (None: one of another workflow) cannot have it; empty where it can.
        choose: returns the home for one call site, where that depends on its workflow, or on what it calls.
    """

    at: OneOf["step", "operation", "both", "workflow", "none"]
    native: str = ""
    note: str = ""
    get: Function[[Any], Any] | None = None
    put: Function[[Any, Any], Any] | None = None
    refuse: Function[[Operation | None], str] | None = None
    choose: Function[[Workflow, CallSite, Operation | None], Home] | None = None

    def of(self, workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
        """Return the home for one call site."""
        return self.choose(workflow, site, callee) if self.choose is not None else self

    def read(self, setting: str, node: Step | Operation | Workflow) -> Any:
        """Return the value that a node says itself."""
        return getattr(node, setting) if self.get is None else self.get(node)

    def write(self, setting: str, node: Any, value: Any) -> Any:
        """Return the node with another value."""
        return replace(node, **{setting: value}) if self.put is None else self.put(node, value)

    def objection(self, callee: Operation | None) -> str:
        """Return why a call of this operation (None: of another workflow) cannot have it; empty where it can."""
        if self.at == "none":
            return self.note
        if callee is None and self.at == "operation":
            return "what it calls is in another workflow"
        return self.refuse(callee) if self.refuse is not None else ""


Homes = Mapping[str, Home]
"""The home of each of `ir.settings.SETTINGS`."""

UNDECLARED: Homes = {
    name: Home(at="both") if name in OWN else Home(at="none", note="its adapter does not say where it is kept")
    for name in SETTINGS
}
"""The homes where an adapter declares none: attempts and times stay where they are set."""


def undeclared() -> Homes:
    """Return the homes of an adapter that declares none."""
    return UNDECLARED


class Outcome(TypedDict, total=False):
    """What became of a change, as fields of the Decision on it.

    Attributes:
        subject: the call site or operation that it was meant for; empty for the workflow as a whole.
        affects: the operations or call sites that hold it.
        action, reason: where it was not made: nothing, and why.
    """

    subject: str
    affects: tuple[str, ...]
    action: str
    reason: str


class _Asking(Step, frozen=True):
    """A call site, or all of other workflows, with the settings that it asks of the operation that it calls."""

    settings: tuple[Any, ...] = ()


def change_steps(
    workflow: Workflow, homes: Homes | None, change: Function[[SettableStep], SettableStep]
) -> tuple[Workflow, list[Outcome]]:
    """Return `workflow` with its calls of operations and of other workflows changed, and what became of each change.

    An operation that other workflows can call is also shown by itself, as a step of its own name.

    Args:
        workflow: the workflow.
        homes: where its engine keeps settings; None where its adapter does not say.
        change: returns what a call site is to be; the call site itself where nothing is to be done.
    """
    sites = _Sites(workflow, homes or UNDECLARED, change)
    asking = map_call_sites(workflow, sites.changed)
    alone = [item.name for item in workflow.operations if workflow.library and not item.inline]
    outer = {name: sites.changed(CallSite(None, _Asking(name=name, call=Call(name=name)))) for name in alone}
    settled, places = carry_out(
        asking if sites.changes else workflow,
        _asked,
        sites.with_settings,
        suffix=lambda asked: asked[0][0].replace("_", "-"),
        bare=lambda step: Step(*_fields(step)),
        own=lambda item: _asked(outer[item.name]) if item.name in outer else (),
    )
    for home, changes in sites.around.items():
        settled = home.write("", settled, changes)
    decisions = [_done(label, [places[asked]] if asked in places else []) for label, asked in sites.changes]
    return settled, [*sites.objections.values(), *decisions]


class _Sites:
    """Changes call sites one by one.

    Attributes:
        changes: what was changed: labels, each with the operation called and the settings asked of it.
        around: what is to be changed in the workflow as a whole, by the home of the setting.
        objections: what could not be.
    """

    def __init__(self, workflow: Workflow, homes: Homes, change: Function[[SettableStep], SettableStep]) -> None:
        self._workflow = workflow
        self._homes = homes
        self._change = change
        self._operations = {operation.name: operation for operation in workflow.operations}
        self._said = cache(lambda name: self._settings(self._operations[name]))
        self._reader = cache(lambda home: home.read("", workflow))
        self.changes: list[tuple[str, tuple[str, Settings]]] = []
        self.around: dict[Home, list[tuple[CallSite, Any]]] = {}
        self.objections: dict[tuple[str, str], Outcome] = {}

    def changed(self, site: CallSite) -> Step:
        """Return what becomes of a call site."""
        step, name = site.step, _callee(site.step)
        outside = isinstance(step, _Asking)
        callee = self._operations.get(name)
        if callee is None and isinstance(step.call, Call):
            return step
        homes = {name: home.of(self._workflow, site, callee) for name, home in self._homes.items()}
        seen = self._seen(site, callee, homes)
        new = self._change(seen)
        if new == seen:
            return step
        after = replace(Step(*_fields(new)), retry=step.retry, timeout=step.timeout)
        settings: list[tuple[str, Any]] = []
        around = False
        for setting, home in homes.items():
            value = getattr(new, setting)
            if value == getattr(seen, setting) or (outside and home.at == "step"):
                continue
            if objection := home.objection(callee):
                _object(self.objections, site.label, setting, self._homes[setting], objection)
            elif home.at == "operation" or (outside and home.at == "both"):
                settings.append((setting, value))
            elif home.at == "workflow":
                self.around.setdefault(home, []).append((site, value))
                around = True
            else:
                after = home.write(setting, after, value)
        if not settings and not around and (outside or after == step):
            return step
        self.changes.append((site.label, (name, tuple(settings))))
        return _Asking(*(*_fields(after), tuple(settings))) if settings else after

    def with_settings(self, item: Template, settings: Settings) -> Template:
        """Return an operation with the settings that a call site asks for."""
        for setting, value in settings:
            item = self._homes[setting].write(setting, item, value)
        return item

    def _seen(self, site: CallSite, callee: Operation | None, homes: Homes) -> SettableStep:
        """A call site with the settings in force."""
        values = dict(self._said(callee.name)) if callee is not None else {}
        for setting, home in homes.items():
            own = home.read(setting, site.step) if home.at in ("step", "both") else None
            own = self._reader(home)(site) if home.at == "workflow" else own
            if own:
                values[setting] = merged(values.get(setting, ()), own) if setting in PAIRS else own
        graph = "" if site.graph is None else site.graph.name
        return replace(SettableStep(*_fields(site.step)), graph=graph, **values)

    def _settings(self, callee: Operation) -> dict[str, Any]:
        """What an operation says itself."""
        return {name: home.read(name, callee) for name, home in self._homes.items() if home.at in ("operation", "both")}


def change_operations(
    workflow: Workflow, homes: Homes | None, change: Function[[Operation], Operation]
) -> tuple[Workflow, list[Outcome]]:
    """Return `workflow` with its operations changed, and what became of each change.

    Args:
        workflow: the workflow.
        homes: where its engine keeps settings; None where its adapter does not say.
        change: returns what an operation is to be; the operation itself where nothing is to be done.
    """
    homes = homes or UNDECLARED
    changed: dict[str, Template] = {}
    moved: dict[str, Settings] = {}
    objections: dict[tuple[str, str], Outcome] = {}
    reached: set[str] = set()
    for old in workflow.operations:
        seen = replace(old, **{name: homes[name].read(name, old) for name in OWN if homes[name].at == "operation"})
        new = change(seen)
        if new == seen:
            continue
        settings: list[tuple[str, Any]] = []
        for setting in [name for name in OWN if homes[name].at != "both"]:
            home, value = homes[setting], getattr(new, setting)
            new = replace(new, **{setting: getattr(old, setting)})
            if value == getattr(seen, setting):
                continue
            if objection := home.objection(old):
                _object(objections, old.name, setting, home, objection)
            elif home.at == "operation":
                new = home.write(setting, new, value)
            else:
                settings.append((setting, value))
        if new != old:
            changed[old.name] = new
        if settings:
            moved[old.name] = tuple(settings)
    settled = replace_callables(workflow, changed) if changed else workflow
    inline = {name for name, item in changed.items() if item.inline}
    called: dict[str, dict[str, None]] = {}
    for site in call_sites(workflow) if moved or inline else ():
        called.setdefault(_callee(site.step), {})[site.label] = None
    for name in sorted(moved.keys() - called.keys()):
        for setting, _ in moved[name]:
            _object(objections, name, setting, homes[setting], "it is kept at call sites, and nothing here calls this")
    if moved:
        settled, outcomes = change_steps(settled, homes, lambda step: _filled(step, moved.get(_callee(step), ())))
        objections.update({(item["subject"], item["reason"]): item for item in outcomes if "reason" in item})
        reached = {item["subject"] for item in outcomes if "reason" not in item}
    labels = {name: [label for label in called.get(name, ()) if label in reached] for name in moved}
    names = [operation.name for operation in workflow.operations]
    affected = {**labels, **{name: called.get(name, {}) for name in inline}}
    decisions = [_done(name, affected.get(name, ())) for name in names if name in changed or labels.get(name)]
    return settled, [*objections.values(), *decisions]


def _filled(step: SettableStep, settings: Settings) -> SettableStep:
    """A call site with settings that it has none of its own for."""
    return replace(step, **{name: value for name, value in settings if getattr(step, name) is None})


def _done(subject: str, affects: Iterable[str]) -> Outcome:
    return Outcome(subject=subject, affects=tuple(name for name in affects if name != subject))


def _object(objections: dict[tuple[str, str], Outcome], subject: str, setting: str, home: Home, reason: str) -> None:
    """Notes why a setting cannot be set; of one that the engine lacks, once a workflow."""
    subject = "" if home.at == "none" else subject
    outcome = Outcome(subject=subject, action="", reason=f"{setting.replace('_', ' ')} cannot be set: {reason}")
    objections.setdefault((subject, outcome["reason"]), outcome)


def _asked(step: Step) -> Settings:
    return step.settings if isinstance(step, _Asking) else ()


def _callee(step: Step) -> str:
    return step.call.name if isinstance(step.call, Call) else ""


def _fields(step: Step) -> tuple[Any, ...]:
    """The fields of a call site that are those of any step, in their order."""
    return msgspec.structs.astuple(step)[: len(Step.__struct_fields__)]
