"""Steps that run a Python script in a container."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.steps import Built, StepInput, StepOutput, StepVariable
from couler_plugins.steps.arguments import checked, constants, passed
from couler_plugins.steps.containers import OUTPUTS, container_inputs, operation_of

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
