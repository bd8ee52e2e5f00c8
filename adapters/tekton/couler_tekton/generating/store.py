"""Artifacts of other engines in a claim: each run has a folder there, with one for each of its tasks.

A task copies what it takes from there before its command runs, and what it gives to there behind it, by a few lines of
POSIX shell, which need `sh`, `cp`, `mkdir`, `dirname` and `chmod` in the image.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from couler_plugins.engine_kit.legalize.native_fields import raw_text
from couler_plugins.engine_kit.legalize.shell import around
from couler_plugins.engine_kit.legalize.values import fields, structured, words
from couler_plugins.ir import (
    Container,
    Literal,
    Native,
    Operation,
    Reference,
    Template,
    Value,
    replace,
)

STORE = "store"
"""The workspace that the claim is bound to."""
RUN, TASK_RUN = (Reference(to="run", name=f"context.{name}.name") for name in ("pipelineRun", "taskRun"))
FILES = """\
store=$1; shift
run() { until [ "$1" = -- ]; do shift 4; done; shift; "$@"; }
copy() {
  [ -e "$1" ] || [ -z "$3" ] || return 0
  if [ -d "$1" ]; then mkdir -p "$2" && cp -R "$1/." "$2"; else mkdir -p "$(dirname "$2")" && cp "$1" "$2"; fi
}
each() {
  side=$1; shift
  until [ "$1" = -- ]; do
    case $side$1 in
      in*in) copy "$store/$2" "$3" "" ;;
      in*maybe) copy "$store/$2" "$3" maybe ;;
      in*text) mkdir -p "$(dirname "$3")" && printf %s "$2" > "$3" ;;
      out*out) copy "$3" "$store/$2" "$4" ;;
    esac || exit
    [ "$side$1" = inout ] || [ "$side" = out ] || [ -z "$4" ] || chmod "$4" "$3" || exit
    shift 4
  done
}
each in "$@"
run "$@" || exit
each out "$@"
"""
"""`sh -c FILES sh STORE [KIND PLACE PATH MODE]… -- COMMAND…`: fetches files, runs the command, and keeps files."""


class File(NamedTuple):
    """A file that a task takes, or gives.

    Attributes:
        kind: `in`, `maybe` where it may be missing, `text` where its content is known, or `out`.
        place: where it is in the store, or its content.
        path: where it is in the container.
        mode: how it may be used; of what a task gives, anything where it may be missing.
    """

    kind: str
    place: Value
    path: Value
    mode: str = ""


def key_of(name: str) -> str:
    """Return what an artifact is called among values: parameters may have the same name."""
    return f"artifact:{name}"


def place_of(task: str, name: str, *, is_looped: bool) -> Template:
    """Return where an artifact of a task is kept."""
    own: tuple[Any, ...] = ("/", TASK_RUN, f"/{name}") if is_looped else (f"/{task}/{name}",)
    return Template(parts=(RUN, *own))


def files_of(operation: Operation, passed: Mapping[str, Value], task: str, *, is_looped: bool) -> list[File]:
    """Return the files that a task takes and gives."""
    files: list[File] = []
    for port in operation.inputs:
        if port.kind != "artifact" or port.path is None:
            continue
        mode = fields(port.native_extra).get("mode")
        text, place = raw_text(port.origin), passed.get(key_of(port.name))
        said = "" if mode is None else f"{int(mode):o}"
        if place is not None:
            files.append(File("maybe" if port.optional else "in", place, port.path, said))
        elif text is not None:
            files.append(File("text", Literal(value=text), port.path, said))
    for output in operation.outputs:
        if output.kind == "artifact" and output.path is not None:
            is_optional = bool(fields(output.native_extra).get("optional"))
            place = place_of(task, output.name, is_looped=is_looped)
            files.append(File("out", place, output.path, "optional" if is_optional else ""))
    return files


def with_files(container: Container, files: list[File]) -> tuple[Container, dict[str, Value]]:
    """Return a container that fetches and keeps files, and what it is given for that."""
    if not files:
        return container, {}
    passed: dict[str, Value] = {}
    rows: list[Value] = []
    for number, file in enumerate(files):
        name = f"file-{number}"
        passed[name] = file.place
        place = Reference(to="input", kind="parameter", name=name)
        rows += [Literal(value=file.kind), place, file.path, Literal(value=file.mode)]
    return around(container, FILES, *words(f"$(workspaces.{STORE}.path)"), *rows, *words("--")), passed


def bound(claim: str) -> list[Mapping[str, Any]]:
    """Return how a run binds the store."""
    return [{"name": STORE, "persistentVolumeClaim": {"claimName": claim}}]


def claimed(operation: Operation, claims: Collection[str]) -> set[str]:
    """Return those of the claims of a run that an operation mounts."""
    mounts = (one for item in operation.containers for one in fields(item.native_extra).get("volumeMounts", ()))
    return {one["name"] for one in mounts if one.get("name") in claims}


def with_claims(container: Container, claims: Collection[str]) -> Container:
    """Return a container that mounts claims of a run by the workspaces that are bound to them."""
    rest = fields(container.native_extra)
    mounts = rest.get("volumeMounts", [])
    if not any(one.get("name") in claims for one in mounts):
        return container
    mounted = [
        {**one, "name": f"$(workspaces.{one['name']}.volume)"} if one.get("name") in claims else one for one in mounts
    ]
    return replace(container, native_extra=structured({**rest, "volumeMounts": mounted}))


def of_step(names: Iterable[str]) -> Native | None:
    """Return what a task of a pipeline says of its workspaces."""
    items = [{"name": name, "workspace": name} for name in names]
    return Native.of({"workspaces": items}) if items else None
