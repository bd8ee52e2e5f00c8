"""Of which types values are that cross from one part to another: a parameter is declared as the result that it is.

Source: `docs/pipelines.md`, "Passing one Task's Results into the Parameters": a result without an index is a string,
`[0]` picks from an array, and a key from an object; `[*]` is a whole array or object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_plugins.ir import Literal, Native, Port, Reference, Step, Workflow, replace
from couler_plugins.plan import Plan
from couler_tekton.mappings import Mapped
from couler_tekton.variables import Scope, write_value

__all__ = ["STRING", "Types", "entire", "port_type", "typed_port"]

STRING: Mapped = {"type": "string"}
KEPT = ("type", "properties")
Key = tuple[str, str]


class Types:
    """The types of the results of steps.

    Args:
        plan: where Tasks are looked up that are referred to.
        workflow: what the steps are in.
        steps: what makes results.
        reads: how they are read, which tells the type where nothing else does.
    """

    def __init__(
        self,
        plan: Plan,
        workflow: Workflow,
        steps: Iterable[Step],
        reads: Iterable[Reference],
    ) -> None:
        self._libraries = plan.libraries
        self._workflow = workflow
        self._steps = {step.name: step for step in steps}
        self._indices: dict[Key, set[str]] = {}
        for reference in reads:
            if reference.to == "output":
                self._indices.setdefault((reference.step, reference.name), set()).add("".join(reference.path[:1]))

    def of(self, step: str, name: str) -> Mapped | None:
        """What declares a parameter that holds a result of a step; None where that cannot be known."""
        if self._steps[step].loop is not None:
            return {"type": "array"}  # gathered from a matrix
        declared = self._declared(self._steps[step], name)
        if declared is not None:
            return declared
        indices = self._indices.get((step, name), {""})
        if indices == {""}:
            return STRING
        return {"type": "array"} if all(index.isdigit() for index in indices) else None

    def _declared(self, step: Step, name: str) -> Mapped | None:
        callee = self._libraries.callee(self._workflow, step)
        for output in callee.outputs if callee is not None else ():
            if output.name == name:
                return _type_in(write_value(output.native_extra) if output.native_extra else {})
        return None


def _type_in(said: Mapped) -> Mapped:
    kept = {key: said[key] for key in KEPT if key in said}
    return {"type": "object" if "properties" in kept else "string", **kept}


def typed_port(name: str, declared: Mapped) -> Port:
    """A parameter that is declared so; a string needs no type."""
    return Port(name=name, native_extra=Scope().rest({} if declared == STRING else declared))


def port_type(port: Port) -> str:
    """The type of a parameter, as Tekton takes it where nothing is said: that of its default, or of its value."""
    said: Any = write_value(port.native_extra) if port.native_extra else {}
    if isinstance(said, dict) and isinstance(said.get("type"), str):
        return str(said["type"])
    if isinstance(said, dict) and "properties" in said:
        return "object"
    match port.default or port.value:
        case Native() | Literal() as content:
            data = write_value(content)
            return "array" if isinstance(data, list) else "object" if isinstance(data, dict) else "string"
    return "string"


def entire(reference: Reference, kind: str) -> Reference:
    """A reference to all of a value of this type."""
    return reference if kind == "string" else replace(reference, path=("*",), native="")
