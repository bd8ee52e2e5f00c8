"""What a task is given: constants, outputs of other tasks, inputs of the graph around it, the final status of a task.

Source: `pipeline_spec.proto` (TaskInputsSpec). Texts of a task (conditions, constants, iterators) refer to the task's
own inputs; here each of these stands for what the task is given there, so that the edges of the graph can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from couler_kfp.structures import mapping, plain, structure, write_structure
from couler_kfp.support import unsupported
from couler_kfp.texts import Own, constant_text, spell, write_text
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, by_key, without
from couler_plugins.ir import Argument, Literal, Native, PortKind, Reference, Value, replace

SECTIONS: tuple[tuple[str, PortKind], ...] = (("parameters", "parameter"), ("artifacts", "artifact"))
OUTPUTS = {
    "parameter": ("taskOutputParameter", "outputParameterKey"),
    "artifact": ("taskOutputArtifact", "outputArtifactKey"),
}
INPUTS = {"parameter": "componentInputParameter", "artifact": "componentInputArtifact"}
SELECTOR = re.compile(r'parseJson\(string_value\)((?:\["[^"\\]+"\])+)\Z')
FINAL_STATUS = "finalStatus"


class Given:
    """The arguments of one task, looked up both ways.

    Args:
        arguments: what the task is given.
        step: the task's name.
    """

    def __init__(self, arguments: Iterable[Argument], step: str) -> None:
        self._step = step
        read = [(argument, argument.value) for argument in arguments if isinstance(argument.value, Reference)]
        self._by_name: dict[tuple[str, str], Reference] = {(item.kind, item.name): value for item, value in read}
        self._names = by_key((value, argument) for argument, value in read)

    def own(self, reference: Reference) -> Reference:
        """What stands behind an input of the task; `unknown` where that is no reference."""
        port = None if reference.path else self._by_name.get((reference.kind, reference.name))
        if port is None:
            return Reference(to="unknown", name=reference.native, native=reference.native)
        return replace(port, native=reference.native)

    def name_of(self, reference: Reference, kind: PortKind = "parameter") -> str:
        """The input that stands for a reference: the one that its spelling names, or the first.

        Raises:
            Unsupported: the task is not given that.
        """
        names = [argument.name for argument in self._names.get(reference, ()) if argument.kind == kind]
        if not names:
            what = f"{reference.name} of {reference.step}" if reference.step else reference.name
            hint = "pass it as an argument as well"
            raise unsupported("Step.arguments", self._step, f"reads {what}, which it is not given", hint)
        return next((name for name in names if _spells(reference.native, name)), names[0])

    def spelled(self, reference: Reference) -> str:
        """A reference as a placeholder in a constant."""
        return self._spelled(reference, "{{{{$.inputs.parameters['{}']}}}}")

    def spelled_in_condition(self, reference: Reference) -> str:
        """A reference as CEL spells it."""
        return self._spelled(reference, "inputs.parameter_values['{}']")

    def _spelled(self, reference: Reference, form: str) -> str:
        if reference.to in ("unknown", "run"):
            return spell(reference)
        name = self.name_of(reference)
        return reference.native if _spells(reference.native, name) else form.format(name)


def _spells(native: str, name: str) -> bool:
    """Whether a spelling names this input."""
    return native == name or f"'{name}'" in native or f'"{name}"' in native


def is_item(value: Value) -> bool:
    """Whether this is the item of the loop, as a whole."""
    return isinstance(value, Reference) and value.to == "item" and not value.path


def read_arguments(
    task: Mapped, path: Path, items: tuple[Argument, ...], step: str
) -> tuple[tuple[Argument, ...], Mapped, Given]:
    """What a task is given, what else its `inputs` say, and how its texts refer to that.

    Args:
        task: the task.
        path: where it is.
        items: what its iterator gives it.
        step: its name.
    """
    section = mapping(task, "inputs", path)
    entries = [
        (kind, name, mapping(section[key], name, (*path, "inputs", key)))
        for key, kind in SECTIONS
        for name in mapping(section, key, (*path, "inputs"))
    ]
    sources = [(kind, name, spec, _source(spec, kind)) for kind, name, spec in entries]
    plainly = [Argument(name=name, kind=kind, value=value) for kind, name, _, value in sources if value is not None]
    call_inputs = Given((*plainly, *items), step)
    arguments = [
        Argument(name=name, kind=kind, value=_constant(spec, call_inputs.own) if value is None else value)
        for kind, name, spec, value in sources
    ]
    whole = [
        argument for kind in ("parameter", "artifact") for argument in (*arguments, *items) if argument.kind == kind
    ]
    return tuple(whole), without(section, "parameters", "artifacts"), call_inputs


def _source(spec: Mapped, kind: PortKind) -> Reference | None:
    """Where an input comes from; None for a constant, and for what we cannot read."""
    key, output = OUTPUTS[kind]
    path: tuple[str, ...] = ()
    if "parameterExpressionSelector" in spec:
        selector = SELECTOR.match(str(spec["parameterExpressionSelector"]))
        if selector is None:
            return None
        path = tuple(re.findall(r'"([^"]+)"', selector[1]))
    match without(spec, "parameterExpressionSelector"):
        case {"taskFinalStatus": {"producerTask": str(step), **others}, **more} if not others and not more and not path:
            return Reference(to="status", step=step, name=FINAL_STATUS)
        case {**whole} if whole.keys() == {INPUTS[kind]} and isinstance(whole[INPUTS[kind]], str):
            return Reference(to="input", kind=kind, name=whole[INPUTS[kind]], path=path)
        case {**whole} if whole.keys() == {key}:
            match whole[key]:
                case {"producerTask": str(step), **others} if others.keys() == {output}:
                    return Reference(to="output", step=step, kind=kind, name=str(others[output]), path=path)
    return None


def _constant(spec: Mapped, own: Own) -> Value:
    match spec:
        case {"runtimeValue": {"constant": content, **others}, **more} if not others and not more:
            if isinstance(content, str):
                return constant_text(content, own)
            if isinstance(content, (dict, list)):
                return structure({"constant": content}, own, names=False)
            return plain(content)
    return structure(spec, own)


def write_arguments(arguments: tuple[Argument, ...], call_inputs: Given) -> Mapped:
    """The `inputs` of a task, without those that its iterator gives it.

    Raises:
        Unsupported: KFP cannot pass such a value.
    """
    written: Mapped = {}
    for key, kind in SECTIONS:
        for argument in arguments:
            if argument.kind != kind or is_item(argument.value):
                continue
            entries = written.setdefault(key, {})
            if argument.name in entries:
                raise unsupported("Argument.name", argument.name, "is passed twice")
            entries[argument.name] = _write(argument, call_inputs)
    return written


def _write(argument: Argument, call_inputs: Given) -> Mapped:
    value, kind = argument.value, argument.kind
    if isinstance(value, Native):
        is_constant = str(value.parts[0]).startswith('{"constant":')
        content: Mapped = write_structure(value, call_inputs.spelled, names=not is_constant)
        return {"runtimeValue": content} if is_constant else content
    if not isinstance(value, Reference) or value.to == "unknown":
        if kind == "artifact":
            raise unsupported("Argument.value", argument.name, "is an artifact, and cannot be a constant", "import it")
        if isinstance(value, Literal) and not isinstance(value.value, str):
            return {"runtimeValue": {"constant": value.value}}
        return {"runtimeValue": {"constant": write_text(value, call_inputs.spelled)}}
    return _write_source(value, argument)


def _write_source(value: Reference, argument: Argument) -> Mapped:
    """The input that a reference is passed by.

    Raises:
        Unsupported: KFP has none for it.
    """
    kind = argument.kind
    selector = {}
    if value.path:
        if kind == "artifact" or any('"' in part or "\\" in part for part in value.path):
            raise unsupported("Argument.value", argument.name, "selects a part in a way that KFP has no words for")
        keys = "".join(f'["{part}"]' for part in value.path)
        selector = {"parameterExpressionSelector": f"parseJson(string_value){keys}"}
    match value:
        case Reference(to="output", step=step) if step and value.kind == kind:
            key, output = OUTPUTS[kind]
            return {key: {output: value.name, "producerTask": step}, **selector}
        case Reference(to="input") if value.kind == kind:
            return {INPUTS[kind]: value.name, **selector}
        case Reference(to="status", step=step, name="finalStatus") if kind == "parameter" and not value.path:
            return {"taskFinalStatus": {"producerTask": step}}
    raise unsupported("Argument.value", argument.name, f"is a reference to a {value.to}, which KFP cannot pass")
