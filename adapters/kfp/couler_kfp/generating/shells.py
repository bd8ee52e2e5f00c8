"""What runs around a command in its container, in POSIX shell, where KFP has no words for it.

Each is a program of its own that runs the command behind its arguments, as those of `engine_kit.legalize.shell`.
"""

from __future__ import annotations

from collections.abc import Iterable

from couler_plugins.engine_kit.legalize.native_fields import fields_of, raw_text
from couler_plugins.engine_kit.legalize.shell import around
from couler_plugins.engine_kit.legalize.values import words
from couler_plugins.ir import Container, Literal, Operation, Reference, Template, Value, replace

OUTCOME, CODE = "outcome", "exit-code"
"""Outputs of a step that may fail: how it went, in Argo's words, and what its command ended with."""

FETCH = """\
until [ "$1" = -- ]; do
  mkdir -p "$(dirname "$3")" || exit
  if [ "$1" = text ]; then printf %s "$2" > "$3" || exit
  elif [ -d "$2" ]; then mkdir -p "$3" && cp -R "$2/." "$3" || exit
  else cp "$2" "$3" || exit
  fi
  [ -z "$4" ] || chmod "$4" "$3" || exit
  shift 4
done
shift
exec "$@"
"""
"""`sh -c FETCH sh [file PLACE PATH MODE | text TEXT PATH MODE]… -- COMMAND…`: puts files where the command looks."""

SAVE = """\
run() { until [ "$1" = -- ]; do shift 3; done; shift; "$@"; }
run "$@" || exit
until [ "$1" = -- ]; do
  mkdir -p "$(dirname "$2")" || exit
  if [ -d "$1" ]; then mkdir -p "$2" && cp -R "$1/." "$2" || exit
  elif [ -e "$1" ] || [ -z "$3" ]; then cp "$1" "$2" || exit
  else : > "$2" || exit
  fi
  shift 3
done
"""
"""`sh -c SAVE sh [PATH PLACE optional|'']… -- COMMAND…`: runs the command, and takes its files to their places."""

TRY = """\
run() { until [ "$1" = -- ]; do shift; done; shift; "$@"; }
run "$@"; code=$?
[ "$code" = 0 ] && outcome=Succeeded || outcome=Failed
mkdir -p "$(dirname "$1")" "$(dirname "$2")" || exit
printf %s "$outcome" > "$1" && printf %s "$code" > "$2" || exit
[ "$code" = 0 ] && exit
shift 2
until [ "$1" = -- ]; do mkdir -p "$(dirname "$1")" && : >> "$1" || exit; shift; done
"""
"""`sh -c TRY sh OUTCOME CODE [PLACE]… -- COMMAND…`: runs the command, and succeeds whatever becomes of it: its outcome
and its exit code are in these places then, and nothing in those of its outputs where it failed."""

FIRST = """\
first() { n=$1; shift; i=0; for word do shift; [ "$i" -lt "$n" ] && set -- "$@" "$word"; i=$((i+1)); done; "$@"; }
first "$@" || exit
shift "$(($1 + 1))"
exec "$@"
"""
"""`sh -c FIRST sh COUNT COMMAND… OTHER…`: runs a command of so many words, and then the other one."""

THERE = 'mkdir -p "$1" && cd "$1" || exit; shift; exec "$@"'
"""`sh -c THERE sh FOLDER COMMAND…`: runs the command in a folder."""


COMMANDS = {
    "argoproj/argosay:v1": "cowsay",
    "argoproj/argosay:v2": "/argosay",
    "docker/whalesay": "cowsay",
    "docker/whalesay:latest": "cowsay",
    "python:alpine3.6": "python3",
}
"""What images run by themselves that Argo's examples use: its own controller is told so, too.

Source: Argo's `manifests/quick-start/base/overlays/workflow-controller-configmap.yaml` (`images`).
"""


def commanded(container: Container) -> Container:
    """Return a container with the command of its image, where it has none and that is known."""
    command = COMMANDS.get(str(getattr(container.image, "value", "")))
    if container.command or container.script is not None or command is None:
        return container
    return replace(container, command=(Literal(value=command),))


def in_place(container: Container) -> Container:
    """Return a container that sets by itself what KFP does not: variables with parameters in them, and its folder."""
    unknown = [item for item in container.env if isinstance(item.value, (Reference, Template))]
    if unknown:
        pairs = (Template(parts=(f"{item.name}=", *_parts(item.value))) for item in unknown)
        kept = tuple(item for item in container.env if item not in unknown)
        container = replace(container, env=kept, command=(*words("env"), *pairs, *container.command))
    folder = fields_of(container.native_extra).get("workingDir")
    return around(container, THERE, Literal(value=folder)) if folder else container


def _parts(value: Value) -> tuple[str | Reference, ...]:
    return tuple(value.parts) if isinstance(value, Template) else (value,)  # type: ignore[arg-type,return-value]


def in_one(operation: Operation) -> Operation:
    """Return an operation whose init containers run in its main one, before its command, where that is the same."""
    *before, main = sorted(operation.containers, key=lambda item: item.role == "main")
    if not is_chain(operation) or not before:
        return operation
    merged = in_place(main)
    for item in reversed(before):
        first = in_place(item)
        command = (*first.command, *first.args)
        env = [*(other for other in first.env if other not in merged.env), *merged.env]
        merged = around(replace(merged, env=tuple(env)), FIRST, Literal(value=str(len(command))), *command)
    return replace(operation, containers=(merged,))


def is_chain(operation: Operation) -> bool:
    """Return whether the containers run one after another in the same image, with the same in it."""
    containers = operation.containers
    if sum(item.role == "main" for item in containers) != 1 or any(item.role == "sidecar" for item in containers):
        return False
    (main,) = (item for item in containers if item.role == "main")
    own = {item.name: item.value for item in main.env}
    return all(
        item.image == main.image
        and item.command
        and fields_of(item.native_extra).get("volumeMounts") == fields_of(main.native_extra).get("volumeMounts")
        and all(own.get(other.name, other.value) == other.value for other in item.env)
        for item in containers
    )


def fetching(container: Container, operation: Operation) -> Container:
    """Return a container whose artifacts are where its command looks for them."""
    rows: list[Value] = []
    for port in operation.inputs:
        if port.kind == "artifact":
            mode = fields_of(port.native_extra).get("mode")
            text = raw_text(port.origin)
            place = Reference(to="input", kind="artifact", name=port.name, path=("path",))
            source = (*words("file"), place) if text is None else words("text", text)
            assert port.path is not None
            rows += [*source, port.path, *words("" if mode is None else f"{int(mode):o}")]
    return around(container, FETCH, *rows, *words("--")) if rows else container


def saving(container: Container, operation: Operation) -> Container:
    """Return a container that takes its artifacts to where KFP looks for them."""
    rows: list[Value] = []
    for output in operation.outputs:
        if output.kind == "artifact":
            optional = fields_of(output.native_extra).get("optional")
            place = Reference(to="output", kind="artifact", name=output.name, path=("path",))
            assert output.path is not None
            rows += [output.path, place, *words("optional" if optional else "")]
    return around(container, SAVE, *rows, *words("--")) if rows else container


def trying(container: Container, places: Iterable[Value]) -> Container:
    """Return a container that succeeds whatever becomes of its command, and says what became of it."""
    facts = (Reference(to="output", kind="parameter", name=name, path=("output_file",)) for name in (OUTCOME, CODE))
    return around(container, TRY, *facts, *places, *words("--"))
