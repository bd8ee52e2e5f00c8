"""What KFP knows the type of, and other engines take for text.

Sources: `pipeline_spec.proto` (ParameterType), KFP's `metadata/converter.go` (how each type is written as text).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from couler_kfp.portable.launcher import ABSENT
from couler_kfp.structures import write_structure
from couler_plugins.engine_kit.legalize.legality import Legality
from couler_plugins.ir import Graph, Literal, Native, Operation, Output, Port, Reference, Step, Value

__all__ = ["ABSENT", "ONLY_KFP", "Types", "constant_of", "may_be_absent", "refuse", "said_of", "text_of", "type_of"]

ONLY_KFP = Legality(engine="kfp", rules={}, hints={}, usual="take it out, or leave the pipeline to KFP")
refuse = ONLY_KFP.refusal
Definition = Port | Output


def said_of(node: Any) -> dict[str, Any]:
    """Return what a node says that has no field."""
    return {} if node.native_extra is None else write_structure(node.native_extra)


def type_of(definition: Definition) -> str:
    """The type of a parameter; `STRING` where it says none."""
    return str(said_of(definition).get("parameterType", "STRING"))


def may_be_absent(port: Port) -> bool:
    """Whether nothing at all may come in by it."""
    return port.kind == "parameter" and port.optional and port.default is None


def constant_of(value: Value | None) -> Any:
    """A constant as data.

    Raises:
        ValueError: it is none.
    """
    match value:
        case Literal():
            return value.value
        case Native():
            data = value.data
            return data["constant"] if isinstance(data, dict) and data.keys() == {"constant"} else data
    raise ValueError("this is no constant")


def text_of(constant: Any) -> str:
    """A constant as the text of a parameter."""
    if constant is None:
        return ABSENT
    if isinstance(constant, str):
        return constant
    if isinstance(constant, float) and constant.is_integer():
        constant = int(constant)
    return json.dumps(constant, separators=(",", ":"), ensure_ascii=False)


class Types:
    """The types of what a graph's steps can refer to.

    Args:
        graph: the graph.
        callees: the graphs and operations of the workflow, by name.
    """

    def __init__(self, graph: Graph, callees: dict[str, Graph | Operation]) -> None:
        self._inputs = _by_name(graph.inputs)
        self._steps = {step.name: step for step in graph.steps}
        self._callees = callees

    def callee(self, step: Step) -> Graph | Operation:
        """What a step calls."""
        return self._callees[getattr(step.call, "name", "")]

    def step(self, name: str) -> Step:
        """A step of the graph."""
        return self._steps[name]

    def of(self, reference: Reference) -> str:
        """The type of the parameter that is referred to; empty where nobody knows."""
        definition: Definition | None = None
        if reference.to == "input":
            definition = self._inputs.get(reference.name)
        elif reference.to == "output" and reference.step:
            definition = _by_name(self.callee(self._steps[reference.step]).outputs).get(reference.name)
        return "" if definition is None or reference.path else type_of(definition)

    def absent(self, value: Value) -> bool:
        """Whether a value may turn out to be nothing at all."""
        port = self._inputs.get(value.name) if isinstance(value, Reference) and value.to == "input" else None
        return isinstance(port, Port) and may_be_absent(port)


def _by_name(items: Iterable[Definition]) -> dict[str, Definition]:
    return {item.name: item for item in items if item.kind == "parameter"}
