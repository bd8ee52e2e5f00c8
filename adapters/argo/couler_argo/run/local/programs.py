"""What a script template runs: the interpreter, the source with its tags filled in, and where its outputs are.

Sources: `ScriptTemplate` and `ValueFrom` of `pkg/apis/workflow/v1alpha1`, `CaptureScriptResult` and `SaveParameters` in
`workflow/executor/executor.go`: one newline at the end is cut off, and a result has 256 kB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from couler_argo.run.local.values import data, text
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.hookspecs.local import Look, NotThere, Place, Program
from couler_plugins.ir import Container, Native, Operation, Output, Port, Value

INTERPRETER = re.compile(r"(python(3(\.\d+)?)?|sh|bash|dash)")
MOST_PRINTED = 256 * 1024


def program(operation: Operation, look: Look) -> Program:
    """The program of a script template.

    Raises:
        NotThere: something in it is not there, or nobody here knows how to run it.
    """
    mains = [container for container in operation.containers if container.role == "main"]
    if len(mains) != 1 or mains[0].script is None:
        raise NotThere("it is not one script")
    (main,) = mains
    command = tuple(text(part, look) for part in main.command)
    if not command or not INTERPRETER.fullmatch(PurePosixPath(command[0]).name):
        raise NotThere(
            f"its interpreter is {' '.join(command) or 'the one of its image'!r}, and none that is known here"
        )
    assert main.script is not None
    return Program(
        command=(PurePosixPath(command[0]).name, *command[1:]),
        source=text(main.script, look),
        env=tuple(environment(main, look)),
        **files(operation, look),
    )


def files(operation: Operation, look: Look) -> dict[str, Any]:
    """What a program is given and leaves, and how long it may take: fields of `Program`."""
    return {
        "inputs": {port.name: path(port, look) for port in operation.inputs if port.kind == "artifact"},
        "outputs": tuple(_places(operation, look)),
        "seconds": _limit(operation, look),
        "most_printed": MOST_PRINTED,
    }


def environment(container: Container, look: Look) -> Iterator[tuple[str, str]]:
    """The variables of a container.

    Raises:
        NotThere: one is not known here.
    """
    for variable in container.env:
        if isinstance(variable.value, Native):
            raise NotThere(f"its variable {variable.name!r} comes from a secret, a ConfigMap or the pod")
        yield variable.name, text(variable.value, look)


def _places(operation: Operation, look: Look) -> Iterator[Place]:
    for output in operation.outputs:
        default = None if output.default is None else text(output.default, look)
        optional = output.native_extra is not None and '"optional":true' in str(output.native_extra.parts[0])
        place = path(output, look)
        yield Place(name=output.name, kind=output.kind, path=place, default=default, optional=optional)


def path(port: Port | Output, look: Look) -> str:
    """Where a template finds an input artifact, or leaves an output.

    Raises:
        NotThere: it does not read or write a file there.
    """
    if port.kind == "artifact" and port.path is not None:
        return text(port.path, look).rstrip("/")
    if isinstance(port, Output) and port.kind == "parameter" and isinstance(port.value, Native):
        content = data(port.value, look)
        if isinstance(content, dict) and content.keys() == {"path"}:
            return str(content["path"]).rstrip("/")
    raise NotThere(f"its port {port.name!r} is no file at a path")


def _limit(operation: Operation, look: Look) -> float | None:
    limits = [] if operation.timeout is None else [seconds(operation.timeout, look)]
    if operation.native_extra is not None:
        rest = data(operation.native_extra, look)
        if isinstance(rest, dict) and "activeDeadlineSeconds" in rest:
            limits.append(seconds_of(str(rest["activeDeadlineSeconds"])))
    return min(limits, default=None)


def seconds(value: Value, look: Look) -> float:
    """A duration as Argo writes it: `90`, `5m`, `1h30m`.

    Raises:
        NotThere: it is none.
    """
    return seconds_of(text(value, look))


def seconds_of(written: str) -> float:
    """The same of a text."""
    seconds = go_seconds(f"{written}s" if written.isdigit() else written)
    if seconds is None:
        raise NotThere(f"{written!r:.40} is no duration")
    return seconds
