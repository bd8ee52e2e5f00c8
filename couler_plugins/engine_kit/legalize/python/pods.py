"""Functions of Python as scripts in containers, for engines that run nothing else.

Each parameter is a variable of the environment, and each output a file. Values are never written into the program.
"""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.engine_kit.legalize.python.functions import (
    FUTURE,
    Function,
    Kind,
    function_of,
    module_of,
    passed,
    text_of,
    typed_by,
    untouched,
)
from couler_plugins.engine_kit.legalize.python.runtime import (
    NOT_PASSED,
    in_pod,
    safe_value,
    sheltered,
    typed,
    typed_value,
)
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    EnvVar,
    Graph,
    Literal,
    Loop,
    Native,
    Operation,
    Port,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    references,
    replace,
)

FOLDER = "/tmp/couler"  # noqa: S108  # in a container of its own
VARIABLE = "COULER_INPUT_"
INSTALL = """\
import subprocess, sys
subprocess.check_call([sys.executable, *"-m pip install --quiet --disable-pip-version-check".split(), *{packages!r}])
"""


def as_scripts(workflow: Workflow, engine: str) -> Workflow:
    """The workflow with scripts in place of its functions; the same where it has none.

    A text that the engine would change is passed to a function in an alphabet that no engine touches. Functions give
    such texts like that as well, if nothing but functions runs in the workflow.

    Args:
        workflow: the workflow.
        engine: which is to run it.

    Raises:
        InvalidInput: a constant that is passed to a function is not of its parameter's kind.
        Unsupported: what all runs of a loop gave is passed to more than a function.
    """
    functions = {item.name: found for item in workflow.operations if (found := function_of(item))}
    return _Scripts(workflow, functions, engine).written() if functions else workflow


class _Scripts:
    def __init__(self, workflow: Workflow, functions: Mapping[str, Function], engine: str) -> None:
        self._workflow = workflow
        self._functions = functions
        self._engine = engine
        self._shelter = len(functions) == len(workflow.operations)

    def written(self) -> Workflow:
        workflow = self._workflow
        entry = workflow.entry
        return replace(
            workflow,
            operations=tuple(map(self._operation, workflow.operations)),
            graphs=tuple(map(self._graph, workflow.graphs)),
            entry=None if entry is None else self._step(entry, {}),
            handlers=tuple(replace(item, step=self._step(item.step, {})) for item in workflow.handlers),
        )

    def _operation(self, operation: Operation) -> Operation:
        function = self._functions.get(operation.name)
        return operation if function is None else script_of(operation, function, shelter=self._shelter)

    def _function(self, step: Step) -> Function | None:
        return self._functions.get(step.call.name) if isinstance(step.call, Call) else None

    def _graph(self, graph: Graph) -> Graph:
        looped = {step.name: found for step in graph.steps if step.loop and (found := self._function(step))}
        entry = self._workflow.entry
        if entry is None or entry.call != Call(name=graph.name):
            for output in graph.outputs:
                self._refuse_gathered(graph.name, output.value, looped)
        return replace(graph, steps=tuple(self._step(step, looped) for step in graph.steps))

    def _step(self, step: Step, looped: Mapping[str, Function]) -> Step:
        """The call, with what it passes to a function; `looped` are the functions of steps beside it that loop."""
        handlers = tuple(replace(item, step=self._step(item.step, looped)) for item in step.handlers)
        step = replace(step, handlers=handlers)
        function = self._function(step)
        if function is None:
            for argument in step.arguments:
                self._refuse_gathered(step.name, argument.value, looped)
            return step
        kinds = {item.name: item.kind for item in function.inputs}
        arguments = tuple(
            replace(item, value=_passed(item.value, kinds.get(item.name, "text"), step.name, item.name, looped))
            for item in step.arguments
        )
        return replace(step, arguments=arguments, loop=_sheltered_items(step.loop))

    def _refuse_gathered(self, name: str, value: Value | None, looped: Mapping[str, Function]) -> None:
        for item in references(value):
            if item.to == "output" and item.step in looped and looped[item.step].kind(item.name) not in STRUCTURED:
                reason = f"{name!r} hands on what all runs of {item.step!r} gave, which arrives as a list of texts"
                hint = f"pass it to a function beside {item.step!r}"
                raise Unsupported(reason, engine=self._engine, step=name, feature="Step.loop", hint=hint)


STRUCTURED = ("text", "list", "dict")
"""Kinds whose values are the same in the list of what all runs of a loop gave: of others, their texts are in it."""


def _passed(value: Value, kind: Kind, step: str, name: str, looped: Mapping[str, Function]) -> Value:
    """What is passed to a parameter."""
    match value:
        case Literal() | Native(parts=(str(),)):
            data = passed(value, kind, step, name)
            return Literal(value=NOT_PASSED if data is None else text_of(safe_value(data)))
        case Reference(to="output", step=other) if other in looped:
            return Template(parts=(f"couler:list:{looped[other].kind(value.name)}:", value))
    return value


def _sheltered_items(loop: Loop | None) -> Loop | None:
    """The loop of a function over constants."""
    if loop is None or loop.combine == "sequence":
        return loop
    axes = tuple(
        replace(axis, values=Native.of(safe_value(axis.values.data)))
        if isinstance(axis.values, Native) and not any(references(axis.values))
        else axis
        for axis in loop.axes
    )
    return replace(loop, axes=axes)


def script_of(operation: Operation, function: Function, *, shelter: bool = False) -> Operation:
    """An operation that is a function, as a script; see `runtime.in_pod`."""
    (container,) = operation.containers
    variables = {item.name: f"{VARIABLE}{item.name}" for item in function.inputs}
    files = {name: f"{FOLDER}/{name}" for name, _ in function.outputs}
    call = f"in_pod({typed_by(function)}({function.name}), {variables!r}, {files!r}, shelter={shelter!r})\n"
    program = f"{module_of(function, typed_value, typed, sheltered, safe_value, in_pod)}\n\n{call}"
    if function.packages:
        installed = FUTURE + INSTALL.format(packages=list(function.packages))  # it has to be the first statement
        program = installed + program.removeprefix(FUTURE)
    passed = (EnvVar(variables[name], Reference(to="input", kind="parameter", name=name)) for name in variables)
    return replace(
        operation,
        kind="script",
        inputs=tuple(_port(port) for port in operation.inputs),
        outputs=tuple(replace(item, path=Literal(value=files[item.name])) for item in operation.outputs),
        containers=(
            replace(
                container,
                command=(Literal(value="python3"),),
                script=Literal(value=untouched(program)),
                env=(*container.env, *passed),
            ),
        ),
        native_extra=None,
    )


def _port(port: Port) -> Port:
    if port.default is None and port.optional:
        return Port(name=port.name, default=Literal(value=NOT_PASSED))
    if isinstance(port.default, Literal):
        return Port(name=port.name, default=Literal(value=text_of(safe_value(port.default.value))))
    return port
