"""What runs, as components of one container: commands that write their outputs to the paths that KFP chooses, and
functions of Python as the lightweight components that KFP's own SDK compiles such functions to.

Sources: `kfp.dsl.placeholders`, `kubernetes_executor_config.proto` (secretAsEnv, configMapAsEnv, podMetadata),
`kfp.dsl.component_factory` (the commands), `kfp.dsl.executor` (how a function is called, what it may give).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from couler_kfp.generating.pods import configured
from couler_kfp.generating.shells import CODE, OUTCOME, fetching, in_place, saving, trying
from couler_kfp.generating.values import default_of, exact, type_of
from couler_plugins.engine_kit.legalize.python.functions import (
    Function,
    Parameter,
    module_of,
    text_of,
    typed_by,
    untouched,
)
from couler_plugins.engine_kit.legalize.python.runtime import safe_value, sheltered, typed, typed_value
from couler_plugins.engine_kit.legalize.rules import usual
from couler_plugins.engine_kit.legalize.shell import keeping, scripted
from couler_plugins.ir import Literal, Native, Operation, Output, Port, Reference, Value, replace

ARTIFACT = Native.of({"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}})
"""What KFP says of a file or a folder that it knows nothing else of."""
KFP = "kfp==2.17.3"
"""What runs the function in its image."""
INSTALL = """
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip
fi

{packages}PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location {kfp} && "$0" "$@"
"""
RUN = """\
program_path=$(mktemp -d)

printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py" "$@"
"""


def text_port(port: Port) -> Port:
    """Return an input that takes a text."""
    value = usual(port)
    default = Literal(value=text_of(value.value)) if isinstance(value, Literal) else None
    return Port(name=port.name, default=default, native_extra=type_of("text"))


def component_of(operation: Operation, name: str, *, is_printed: bool) -> Operation:
    """Return an operation as a component.

    Args:
        operation: what runs.
        name: of the component.
        is_printed: whether somebody reads what it prints.
    """
    container, platform = configured(operation)
    files = tuple(output for output in operation.outputs if output.kind == "parameter" and _is_file(output))
    container = saving(fetching(in_place(scripted(container)), operation), operation)
    container, names = keeping(replace(operation, outputs=files), container, _place, is_printed=is_printed)
    if len(files) < sum(output.kind == "parameter" for output in operation.outputs):
        container = trying(container, [*map(_place, names), *_artifact_places(operation)])
        names = (*names, OUTCOME, CODE)
    return Operation(
        name=name,
        kind="container",
        inputs=tuple(port_of(port) for port in operation.inputs if port.origin is None),
        outputs=(
            *(Output(name=output, native_extra=type_of("text")) for output in names),
            *(artifact_output(output.name) for output in operation.outputs if output.kind == "artifact"),
        ),
        containers=(replace(container, name="", native_extra=None),),
        native_extra=Native.of({"platforms": {"kubernetes": platform}}) if platform else None,
    )


def port_of(port: Port) -> Port:
    """Return an input that takes a text, or an artifact."""
    if port.kind == "artifact":
        return Port(name=port.name, kind="artifact", native_extra=ARTIFACT)
    return text_port(port)


def artifact_output(name: str, value: Value | None = None) -> Output:
    """Return an output that is an artifact."""
    return Output(name=name, kind="artifact", value=value, native_extra=ARTIFACT)


def _is_file(output: Output) -> bool:
    return not (output.name in (OUTCOME, CODE) and output.path == Literal(value=""))


def _artifact_places(operation: Operation) -> Iterator[Value]:
    for output in operation.outputs:
        if output.kind == "artifact":
            yield Reference(to="output", kind="artifact", name=output.name, path=("path",))


def _place(output: str) -> Value:
    return Reference(to="output", kind="parameter", name=output, path=("output_file",))


def output_of(function: Function, name: str) -> str:
    """Return what KFP calls an output of a function: the only one has no name of its own."""
    return "Output" if [output for output, _ in function.outputs] == ["result"] else name


def function_component(operation: Operation, function: Function, name: str, *, shelter: bool) -> Operation:
    """Return a function as a component.

    Args:
        operation: what runs it.
        function: the function.
        name: of the component.
        shelter: whether texts that an engine might change are given in an alphabet that none does.

    Raises:
        Unsupported: KFP would round one of its defaults.
    """
    container, platform = configured(operation)
    executor_input = Reference(to="run", name="executor_input", native="{{$}}")
    texts = (Literal(value="--executor_input"), executor_input)
    named = (Literal(value="--function_to_execute"), Literal(value=function.name))
    container = replace(container, name="", script=None, command=_command(function, shelter), args=(*texts, *named))
    return Operation(
        name=name,
        kind="container",
        inputs=tuple(_port(item, operation.name) for item in function.inputs),
        outputs=tuple(
            Output(name=output_of(function, output), native_extra=type_of(kind)) for output, kind in function.outputs
        ),
        containers=(container,),
        native_extra=Native.of({"platforms": {"kubernetes": platform}}) if platform else None,
    )


def _port(item: Parameter, holder: str) -> Port:
    default = None if item.default is None else default_of(exact(item.default, holder))
    # `kfp.local` (2.17.3) fails where nothing is passed to a NUMBER_INTEGER; on the wire both are doubles.
    kind = "float" if item.kind == "int" and item.optional and default is None else item.kind
    return Port(name=item.name, default=default, optional=item.optional, native_extra=type_of(kind))


def _command(function: Function, shelter: bool) -> tuple[Value, ...]:
    packages = " ".join(map(shlex.quote, function.packages))
    first = f"python3 -m pip install --quiet --no-warn-script-location {packages} && " if packages else ""
    kfp = f"{KFP} --no-deps 'typing-extensions>=3.7.4,<5; python_version<\"3.9\"'"
    install = INSTALL.format(packages=first, kfp=kfp)
    outputs = {output_of(function, output): kind for output, kind in function.outputs}
    kinds = {item.name: item.kind for item in function.inputs}
    call = f"as_component({kinds!r}, {outputs!r}, shelter={shelter!r})({typed_by(function)}({function.name}))"
    source = module_of(function, typed_value, typed, sheltered, safe_value, as_component)
    program = untouched(f"{source}\n\n{function.name} = {call}\n")
    return tuple(Literal(value=text) for text in ("sh", "-c", install, "sh", "-ec", RUN, program))


def as_component(
    inputs: Mapping[str, str], outputs: Mapping[str, str], shelter: bool
) -> Callable[[Callable[..., Any]], Any]:
    """Makes a typed function one that KFP's executor takes for a component.

    Args:
        inputs: kinds of its parameters.
        outputs: kinds of what it gives; `Output` alone for one value.
        shelter: whether texts that an engine might change are given in an alphabet that none does.
    """
    import inspect
    from typing import NamedTuple

    kinds: Any = {"text": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}

    def check(value: Any) -> None:
        if isinstance(value, (list, dict)):
            for item in value.values() if isinstance(value, dict) else value:
                check(item)
        elif isinstance(value, int) and abs(value) > 2**53:
            raise ValueError(f"KFP would round {value}: give it as a text")

    def decorated(function: Callable[..., Any]) -> Any:
        def plain(name: str, value: Any) -> Any:
            """A value of a list that goes into a text: whole numbers in there are doubles to KFP."""
            whole = inputs[name] == "text" and isinstance(value, float) and value.is_integer()
            return int(value) if whole else value

        def call(**values_passed: Any) -> Any:
            product = function(**{name: plain(name, value) for name, value in values_passed.items()})
            values = product if list(outputs) != ["Output"] else {"Output": product}
            check(values)
            results = tuple(safe_value(values[name]) if shelter else values[name] for name in outputs)
            return results or None

        component: Any = call
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kinds[kind])
            for name, kind in inputs.items()
        ]
        returned = NamedTuple("Outputs", [(name, kinds[kind]) for name, kind in outputs.items()]) if outputs else None
        component.__signature__ = inspect.Signature(parameters, return_annotation=returned)
        return component

    return decorated
