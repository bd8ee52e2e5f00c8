"""What a Task or a Pipeline finds inside: its parameters, in its own terms, and what they are given."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.engine_kit.legalize.values import data_of
from couler_plugins.ir import (
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    Value,
    fresh_name,
    replace,
)
from couler_tekton.portable.contents import Content, Later, Look, Text, at, resolve
from couler_tekton.portable.values import said
from couler_tekton.variables import Scope

PARTS = "-"


def type_of(port: Port | Output) -> str:
    """Return what a parameter or a result holds: a `string`, an `array` or an `object`."""
    rest = said(port)
    default = data_of(port.default) if isinstance(port, Port) and isinstance(port.default, Native) else ""
    usual = "object" if "properties" in rest or isinstance(default, dict) else "string"
    return str(rest.get("type", "array" if isinstance(default, list) else usual))


def as_parameter(reference: Reference) -> Reference | None:
    """Return a reference to a parameter, wherever it is declared; None for all others."""
    if reference.to == "unknown":
        parts = Scope().parts(f"$({reference.name})")
        reference = parts[0] if parts and isinstance(parts[0], Reference) else reference
    return reference if reference.to in ("input", "parameter") else None


class Entered:
    """What a callee finds inside: its parameters, in its own terms, and what they are given.

    Args:
        callee: the Task or the Pipeline.
        passed: what its caller passes; None where nobody knows it.
        around: what names mean around it, if it sees them.
        originals: the values as they stand, for what nobody knows.
    """

    def __init__(
        self,
        callee: Graph | Operation,
        passed: Mapping[str, Content | None],
        around: Look | None,
        originals: Mapping[str, Value],
    ) -> None:
        self.arguments: dict[str, Value] = {}
        self.ports: dict[str, Port] = {}
        self._around = around
        self._held: dict[str, Content] = {}
        implicit = [name for name in passed if around is not None and name not in {port.name for port in callee.inputs}]
        declared = (*callee.inputs, *(Port(name=name) for name in implicit))
        self._defaults = {port.name: port.default for port in declared if isinstance(port.default, Literal)}
        self._declared = {port.name for port in declared}
        self._imported: dict[Reference, Content | None] = {}
        for port in declared:
            self._declare(port, passed, originals)

    def _declare(self, port: Port, passed: Mapping[str, Content | None], originals: Mapping[str, Value]) -> None:
        default = resolve(port.default, lambda reference: reference)
        value = passed.get(port.name, default)
        if value is None and port.name not in passed and self._around is not None:
            value = self._around(Reference(to="input", kind="parameter", name=port.name))
        if default is None and isinstance(value, dict) and self._around is not None:
            default = self._around(Reference(to="input", kind="parameter", name=port.name))
        if isinstance(value, dict) and isinstance(default, dict):
            value = {**default, **value}
        if isinstance(value, Text) and port.name not in originals and default is value:
            self.ports[port.name] = Port(name=port.name, default=value)
            self._held[port.name] = Reference(to="input", kind="parameter", name=port.name)
        elif value is None:
            self.ports[port.name] = Port(name=port.name, default=port.default)
            if port.name in originals:
                self.arguments[port.name] = originals[port.name]
            if type_of(port) == "string" or port.name not in originals:
                self._held[port.name] = Reference(to="input", kind="parameter", name=port.name)
        else:
            self._held[port.name] = self._hand(port.name, value)

    def _hand(self, name: str, value: Content) -> Content:
        """Return what is handed in by its own name, in parts where it has some."""
        match value:
            case Later(text=text):
                return Later(self._argument(name, text), value.is_list)
            case list():
                return [self._part(f"{name}{PARTS}{number}", item) for number, item in enumerate(value)]
            case dict():
                return {key: self._part(f"{name}{PARTS}{key}", item) for key, item in value.items()}
        return self._argument(name, value)

    def _part(self, name: str, value: Value) -> Value:
        return value if isinstance(value, Literal) else self._argument(name, value)

    def _argument(self, name: str, value: Value) -> Reference:
        name = name if name not in self.arguments else fresh_name(name, self.arguments)
        self.arguments[name] = value
        self.ports[name] = Port(name=name, default=self._defaults.get(name))
        return Reference(to="input", kind="parameter", name=name)

    def look(self, reference: Reference) -> Content | None:
        """Return what a reference inside stands for."""
        own = as_parameter(reference)
        if own is not None and own.name in self._declared:
            return at(self._held.get(own.name), own.path)
        if self._around is None or not (own or reference.to == "run" or (reference.to == "output" and reference.step)):
            return None
        whole = replace(own or reference, path=() if own else reference.path, native="")
        if whole not in self._imported:
            value = self._around(whole)
            name = PARTS.join(filter(None, (whole.step, whole.name.replace(".", PARTS), *whole.path))).replace(
                "*", "all"
            )
            name = name if name not in self._declared else fresh_name(name, {*self._declared, *self.arguments})
            self._imported[whole] = None if value is None else self._hand(name, value)
        return at(self._imported[whole], own.path if own else ())
