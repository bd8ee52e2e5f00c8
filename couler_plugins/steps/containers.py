"""Steps that run a command, or a Python script, in a container on any engine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.steps import Built, CatalogueStep, StepInput, StepOutput, StepVariable
from couler_plugins.ir import Container, EnvVar, Literal, Native, Operation, Output, Reference, Template, Value, replace
from couler_plugins.steps.arguments import Constants, checked, constants, passed, ports

OUTPUTS = "/tmp/outputs"  # noqa: S108  # in a container of its own; engines copy from there when it ends
"""The folder in the container where a step leaves its outputs, one file each."""

SECRET = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([a-z0-9][a-z0-9.-]*)/([A-Za-z0-9._-]+)")


class ContainerStep(msgspec.Struct, frozen=True, kw_only=True):
    """A command with an argument `--NAME=VALUE` for each input; it leaves each output in `/tmp/outputs/NAME`.

    Attributes:
        name, description, tags, inputs, outputs: as for every ready-made step.
        command: what runs.
    """

    name: str
    description: str
    tags: tuple[str, ...] = ()
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    command: tuple[str, ...]

    def build(self, arguments: Mapping[str, Any]) -> Built:
        """As for every ready-made step.

        Raises:
            InvalidInput: an argument is missing, unknown or of another type.
        """
        values = checked(self, arguments)
        return Built(operation_of(self, constants(self, values), self.command), *passed(self, values))


def container_step(
    *,
    name: str,
    description: str,
    image: str,
    command: Iterable[str],
    tags: Iterable[str] = (),
    inputs: Iterable[StepInput] = (),
    outputs: Iterable[StepOutput] = (),
) -> ContainerStep:
    """A step that runs a command; `image` and `secrets` are inputs of it as well, and can be given otherwise."""
    return ContainerStep(
        name=name,
        description=description,
        tags=tuple(tags),
        inputs=(*inputs, *container_inputs(image)),
        outputs=tuple(outputs),
        command=tuple(command),
    )


def container_inputs(image: str) -> tuple[StepInput, ...]:
    """The inputs that every step has that runs in a container."""
    return (
        StepInput(name="image", description="The container image that it runs in.", default=image, constant=True),
        StepInput(name="cpu", description="Cores that it asks for; empty: none.", default="", constant=True),
        StepInput(
            name="memory",
            description="Memory that it asks for, and may have at most, such as 2Gi; empty: none.",
            default="",
            constant=True,
        ),
        StepInput(
            name="secrets",
            description="Environment variables from Kubernetes Secrets, each as VARIABLE=secret/key.",
            type="list",
            default=(),
            constant=True,
        ),
    )


def operation_of(step: CatalogueStep, shape: Constants, command: Iterable[str], args: Iterable[str] = ()) -> Operation:
    """The operation of a step that is a command.

    Args:
        step: the step.
        shape: what shapes it.
        command: what runs.
        args: what it is given before the inputs.
    """
    needs = {name: Literal(value=shape[name]) for name in ("cpu", "memory") if shape[name]}
    container = Container(
        image=Literal(value=shape["image"]),
        command=tuple(Literal(value=word) for word in command),
        args=(*(Literal(value=word) for word in args), *flags(step.inputs)),
        env=environment(step.name, shape["secrets"]),
        requests=tuple(needs.items()),
        limits=tuple((name, amount) for name, amount in needs.items() if name == "memory"),
    )
    return Operation(
        name=step.name,
        kind="container",
        containers=(container,),
        inputs=ports(step),
        outputs=tuple(Output(name=item.name, path=Literal(value=f"{OUTPUTS}/{item.name}")) for item in step.outputs),
    )


def flags(inputs: Iterable[StepInput]) -> Iterable[Value]:
    """An argument of the command line for each input that a run can change."""
    return (
        Template(parts=(f"--{item.name}=", Reference(to="input", kind="parameter", name=item.name)))
        for item in inputs
        if not item.constant
    )


def environment(step: str, secrets: Iterable[str]) -> tuple[EnvVar, ...]:
    """Variables that hold keys of Secrets.

    Raises:
        InvalidInput: a text is not of the form that `secret_keys` reads.
    """
    return tuple(EnvVar(name=name, value=Native.of(source)) for name, source in secret_keys(step, secrets).items())


def secret_keys(step: str, secrets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Where variables come from, in Kubernetes' words, from texts such as `DATABASE_URL=warehouse/url`.

    Raises:
        InvalidInput: a text is not of that form.
    """
    result: dict[str, dict[str, Any]] = {}
    for text in secrets:
        match = SECRET.fullmatch(str(text))
        if match is None:
            message = f"the input 'secrets' of the step {step!r} holds {text!r:.60}"
            raise InvalidInput(message, step=step, hint="write VARIABLE=secret/key")
        variable, secret, key = match.groups()
        result[variable] = {"valueFrom": {"secretKeyRef": {"key": key, "name": secret}}}
    return result


def as_script(operation: Operation) -> Operation:
    """Return a step that runs a program of Python as a script, which `couler run --local` runs without containers.

    Its inputs reach the program by variables. Packages are those of the machine. Other steps stay as they are.
    """
    (container,) = operation.containers or (Container(),)
    command = [str(word.value) for word in container.command if isinstance(word, Literal)]
    if "python3" not in command[:1] and INSTALL not in command:
        return operation
    names = {f"COULER_INPUT_{number}": port.name for number, port in enumerate(operation.inputs)}
    flags_text = ", ".join(f'f"--{name}={{os.environ[{variable!r}]}}"' for variable, name in names.items())
    start = f'import os\nimport sys\n\nsys.argv[1:] = ["--outputs={OUTPUTS}", {flags_text}]\n'
    variables = (
        EnvVar(name=variable, value=Reference(to="input", kind="parameter", name=name))
        for variable, name in names.items()
    )
    script = replace(
        container,
        command=(Literal(value="python3"),),
        args=(),
        script=Literal(value=start + command[-1]),
        env=(*container.env, *variables),
    )
    return replace(operation, kind="script", containers=(script,))


PYTHON_IMAGE = "python:3.12-slim"

SCRIPTS = Path(__file__).parent / "scripts"
SHARED = "couler_plugins.steps.scripts"

INSTALL = """\
set -f; python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore $1 >&2 &&
shift && exec python3 -c "$@"
"""
"""`sh -c INSTALL sh PACKAGES PROGRAM ARGUMENT…`: has pip install packages, then runs the program."""


class ScriptStep(msgspec.Struct, frozen=True, kw_only=True):
    """A Python script with an argument `--NAME=VALUE` for each input, and `--outputs=FOLDER` for what it gives.

    The text of the script goes into the workflow, its arguments never into the text.

    Attributes:
        name, description, tags, inputs, outputs: as for every ready-made step.
        variables: what it reads of its environment.
        script: the file, read when the step is used.
    """

    name: str
    description: str
    tags: tuple[str, ...] = ()
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    variables: tuple[StepVariable, ...] = ()
    script: Path

    def build(self, arguments: Mapping[str, Any]) -> Built:
        """As for every ready-made step.

        Raises:
            InvalidInput: an argument is missing, unknown or of another type.
        """
        values = checked(self, arguments)
        shape = constants(self, values)
        packages = _packages(self.name, shape["packages"])
        start = ("sh", "-c", INSTALL, "sh", packages) if packages else ("python3", "-c")
        command = (*start, program(self.script))
        return Built(operation_of(self, shape, command, [f"--outputs={OUTPUTS}"]), *passed(self, values))


def script_step(
    *,
    name: str,
    description: str,
    script: Path,
    packages: Iterable[str] = (),
    image: str = PYTHON_IMAGE,
    tags: Iterable[str] = (),
    inputs: Iterable[StepInput] = (),
    outputs: Iterable[StepOutput] = (),
    variables: Iterable[StepVariable] = (),
) -> ScriptStep:
    """A step that runs a script; `image`, `packages` and `secrets` are inputs of it as well.

    Args:
        packages: what pip installs whenever the container starts, which takes a network and time; whoever has an image
            with all of it gives that as `image`, and no packages.
    """
    own = StepInput(
        name="packages",
        description="What pip installs into the container when it starts; none where the image has all of it.",
        type="list",
        default=tuple(packages),
        constant=True,
    )
    return ScriptStep(
        name=name,
        description=description,
        tags=tuple(tags),
        inputs=(*inputs, *container_inputs(image), own),
        outputs=tuple(outputs),
        variables=tuple(variables),
        script=script,
    )


@cache
def program(script: Path) -> str:
    """The text of a script, with that of the modules of ours that it imports in place of the imports."""
    return _whole(script, set())


def _whole(script: Path, seen: set[Path]) -> str:
    """The text of a script, without the modules that are in the program already."""
    text = script.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{SHARED}."):
            module = SCRIPTS / f"{node.module.removeprefix(f'{SHARED}.')}.py"
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            lines[first:last] = ["" if module in seen else _whole(module, seen), *[""] * (last - first - 1)]
            seen.add(module)
    return "".join(lines)


def _packages(step: str, packages: Iterable[Any]) -> str:
    for package in packages:
        if not isinstance(package, str) or not package or any(char.isspace() for char in package):
            message = f"the input 'packages' of the step {step!r} holds {package!r:.60}"
            raise InvalidInput(message, step=step, hint="name each as pip does, without spaces: pandas>=2,<3")
    return " ".join(packages)
