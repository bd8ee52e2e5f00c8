"""Where engines keep the settings of steps: at the call site, or in what it calls.

Optimizers set them at call sites, or on operations, whatever their engine does. `change_steps` and `change_operations`
write each to its home. A value whose home is the operation goes into the operation, or into private copies of it where
its call sites differ (see `ir.copies`). One whose home is the call site goes to all calls that have none of their own.
"""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict
from typing import Literal as OneOf

import msgspec

from couler_plugins.ir.base import replace
from couler_plugins.ir.copies import Template, carry_out
from couler_plugins.ir.edits import map_call_sites, replace_callables
from couler_plugins.ir.settings import PAIRS, SETTINGS, SettableStep, merged
from couler_plugins.ir.walk import CallSite, call_sites
from couler_plugins.ir.workflow import Call, External, Operation, Step, Workflow

__all__ = ["UNDECLARED", "Home", "Homes", "Outcome", "change_operations", "change_steps"]

Settings = tuple[tuple[str, Any], ...]
"""Settings by name, with the values that they are to have."""
OWN = ("retry", "timeout")
"""The settings that operations have fields for."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where an engine keeps one setting.

    Attributes:
        at: `step` (the call site), `operation` (what it calls), `both` (either), or `none` (the engine has no such
            thing).
        native: what the engine calls it.
        note: what limits it, in half a sentence; for `none` the reason.
        get: reads the value of a step or an operation; None for the field of that name.
        put: returns a step or an operation with another value; None for the field of that name.
        refuse: says why an operation (None: one of another workflow) cannot have it; empty where it can.
    """

    at: OneOf["step", "operation", "both", "none"]
    native: str = ""
    note: str = ""
    get: Function[[Any], Any] | None = None
    put: Function[[Any, Any], Any] | None = None
    refuse: Function[[Operation | None], str] | None = None

    def read(self, setting: str, node: Step | Operation) -> Any:
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
    """A call site with the settings that it asks of the operation that it calls."""

    asked: tuple[Any, ...] = ()


def change_steps(
    workflow: Workflow, homes: Homes | None, change: Function[[SettableStep], SettableStep]
) -> tuple[Workflow, list[Outcome]]:
    """Return `workflow` with its calls of operations and of other workflows changed, and what became of each change.

    Args:
        workflow: the workflow.
        homes: where its engine keeps settings; None where its adapter does not say.
        change: returns what a call site is to be; the call site itself where nothing is to be done.
    """
    sites = _Sites(workflow, homes or UNDECLARED, change)
    asking = map_call_sites(workflow, sites.changed)
    settled, places = carry_out(
        asking if sites.changes else workflow,
        lambda step: step.asked if isinstance(step, _Asking) else (),
        sites.with_settings,
        suffix=lambda asked: asked[0][0].replace("_", "-"),
        bare=lambda step: Step(*_fields(step)),
    )
    made = [_done(label, [places[asked]] if asked in places else []) for label, asked in sites.changes]
    return settled, [*sites.objections.values(), *made]


class _Sites:
    """Changes call sites one by one.

    Attributes:
        changes: what was changed: labels, each with the operation called and the settings asked of it.
        objections: what could not be.
    """

    def __init__(self, workflow: Workflow, homes: Homes, change: Function[[SettableStep], SettableStep]) -> None:
        self._homes = homes
        self._change = change
        self._operations = {operation.name: operation for operation in workflow.operations}
        self._said: dict[str, dict[str, Any]] = {}
        self.changes: list[tuple[str, tuple[str, Settings]]] = []
        self.objections: dict[tuple[str, str], Outcome] = {}

    def changed(self, site: CallSite) -> Step:
        """Return what becomes of a call site."""
        step, name = site.step, _callee(site.step)
        callee = self._operations.get(name)
        if callee is None and not isinstance(step.call, External):
            return step
        seen = self._seen(step, callee)
        new = self._change(seen)
        if new == seen:
            return step
        after = replace(Step(*_fields(new)), retry=step.retry, timeout=step.timeout)
        asked: list[tuple[str, Any]] = []
        for setting in SETTINGS:
            home, value = self._homes[setting], getattr(new, setting)
            if value == getattr(seen, setting):
                continue
            if objection := home.objection(callee):
                _object(self.objections, site.label, setting, home, objection)
            elif home.at == "operation":
                asked.append((setting, value))
            else:
                after = home.write(setting, after, value)
        if not asked and after == step:
            return step
        self.changes.append((site.label, (name, tuple(asked))))
        return _Asking(*(*_fields(after), tuple(asked))) if asked else after

    def with_settings(self, item: Template, asked: Settings) -> Template:
        """Return an operation with the settings that a call site asks for."""
        for setting, value in asked:
            item = self._homes[setting].write(setting, item, value)
        return item

    def _seen(self, step: Step, callee: Operation | None) -> SettableStep:
        """A call site with the settings in force."""
        values = dict(self._settings(callee)) if callee is not None else {}
        for setting, home in self._homes.items():
            own = home.read(setting, step) if home.at in ("step", "both") else None
            if own:
                values[setting] = merged(values.get(setting, ()), own) if setting in PAIRS else own
        return replace(SettableStep(*_fields(step)), **values)

    def _settings(self, callee: Operation) -> dict[str, Any]:
        """What an operation says itself."""
        if callee.name not in self._said:
            homes = self._homes.items()
            said = {name: home.read(name, callee) for name, home in homes if home.at in ("operation", "both")}
            self._said[callee.name] = said
        return self._said[callee.name]


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
    for old in workflow.operations:
        said = {name: homes[name].read(name, old) for name in OWN if homes[name].at == "operation"}
        seen = replace(old, **said)
        new = change(seen)
        if new == seen:
            continue
        asked: list[tuple[str, Any]] = []
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
                asked.append((setting, value))
        if new != old:
            changed[old.name] = new
        if asked:
            moved[old.name] = tuple(asked)
    settled, labels = _moved(replace_callables(workflow, changed) if changed else workflow, homes, moved)
    inline = {name for name, item in changed.items() if item.inline}
    called: dict[str, dict[str, None]] = {}
    for site in call_sites(workflow) if moved or inline else ():
        called.setdefault(_callee(site.step), {})[site.label] = None
    for name in sorted(moved.keys() - called.keys()):
        for setting, _ in moved[name]:
            _object(objections, name, setting, homes[setting], "it is kept at call sites, and nothing here calls this")
    names = [operation.name for operation in workflow.operations]
    affected = {**labels, **{name: called.get(name, {}) for name in inline}}
    made = [_done(name, affected.get(name, ())) for name in names if name in changed or name in labels]
    return settled, [*objections.values(), *made]


def _moved(
    workflow: Workflow, homes: Homes, moved: Mapping[str, Settings]
) -> tuple[Workflow, dict[str, dict[str, None]]]:
    """Settings of operations at the calls that have none of their own, and the labels of these calls."""
    labels: dict[str, dict[str, None]] = {}

    def reached(site: CallSite) -> Step:
        step, name = site.step, _callee(site.step)
        for setting, value in moved.get(name, ()):
            if homes[setting].read(setting, step) is None:
                step = homes[setting].write(setting, step, value)
                labels.setdefault(name, {})[site.label] = None
        return step

    return (map_call_sites(workflow, reached) if moved else workflow), labels


def _done(subject: str, affects: Iterable[str]) -> Outcome:
    return Outcome(subject=subject, affects=tuple(name for name in affects if name != subject))


def _object(objections: dict[tuple[str, str], Outcome], subject: str, setting: str, home: Home, reason: str) -> None:
    """Notes why a setting cannot be set; of one that the engine lacks, once a workflow."""
    subject = "" if home.at == "none" else subject
    outcome = Outcome(subject=subject, action="", reason=f"{setting.replace('_', ' ')} cannot be set: {reason}")
    objections.setdefault((subject, setting), outcome)


def _callee(step: Step) -> str:
    return step.call.name if isinstance(step.call, Call) else ""


def _fields(step: Step) -> tuple[Any, ...]:
    """The fields of a call site that are those of any step, in their order."""
    return msgspec.structs.astuple(step)[: len(Step.__struct_fields__)]
