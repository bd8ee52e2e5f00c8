"""Why steps cannot be parts of one script: their containers, what they leave there, and what they hand on."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from couler_argo.documents import rest_of
from couler_argo.fuse.leftovers import SHELLS, leaves_nothing, leaves_processes
from couler_argo.fuse.rules import (
    container_refusals,
    is_at,
    main_container,
    mounts_of,
    place_of,
    places_of,
    stays_inside,
)
from couler_argo.fuse.settling import is_text, own_value
from couler_argo.ports import LOCATIONS
from couler_argo.run.local.programs import INTERPRETER
from couler_argo.spelling import write
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.engine_kit.wiring import Wiring, wire
from couler_plugins.hookspecs.fusing import Member, Place, Refusal
from couler_plugins.ir import (
    Container,
    Expression,
    Literal,
    Output,
    Port,
    Reference,
    Value,
    nodes,
    references,
)

TEMPORARY = "/tmp"  # noqa: S108  # of the container
VARIABLE = re.compile(
    r"(?!(?:BASH\w*|COMP_\w+|DIRSTACK|EPOCH\w+|E?UID|FUNCNAME|GROUPS|HISTCMD|HOSTTYPE|IFS|LINENO|MACHTYPE|OLDPWD|OPT\w+|"
    r"OSTYPE|PIPESTATUS|POSIXLY_CORRECT|PPID|PS\d|PWD|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM|_|couler_\w*)\Z)[A-Za-z_]\w*"
)
"""Variables that a shell passes on as it got them: its own ones are others."""
SYSTEM = frozenset({"", "/bin", "/usr/bin", "/usr/local/bin"})
"""Where the programs of an image are; others may be on a volume."""


class Launcher(NamedTuple):
    """What runs the parts of a script.

    Attributes:
        word: how a template of the image calls it.
        is_shell: whether it is a shell, and not Python.
    """

    word: str
    is_shell: bool


def launcher_of(mains: Iterable[Container], others: Iterable[str]) -> Launcher | None:
    """Return what surely is in an image: a shell, or else Python; None where nobody has seen either.

    Args:
        mains: the containers of a chain, which have one image.
        others: the programs that other templates call in this image.
    """
    words = [str(main.command[0].value) for main in mains if main.command and isinstance(main.command[0], Literal)]
    words += [word for word in others if posixpath.dirname(word) in SYSTEM]
    programs = [word for word in words if INTERPRETER.fullmatch(posixpath.basename(word))]
    programs.sort(key=lambda word: posixpath.basename(word) not in SHELLS)
    return Launcher(programs[0], posixpath.basename(programs[0]) in SHELLS) if programs else None


def script_refusals(members: Sequence[Member], following: Member, others: Iterable[str]) -> Iterator[Refusal]:
    """Yield every reason why a step cannot be the last part of one script.

    Args:
        members: the parts in front of it.
        following: the step.
        others: as in `launcher_of`.
    """
    mains = [main_container(member) for member in (*members, following)]
    yield from container_refusals(members[0], following)
    yield from _environment_refusals(mains, following.step.name)
    if launcher_of(mains, others) is None:
        yield Refusal("shell", "nobody has seen a shell or Python in its image", remedy="run a step of it by `sh -c`")
    if mapping_at(rest_of(mains[0]), "securityContext").get("readOnlyRootFilesystem"):
        yield Refusal("read-only", "its container cannot write files")
    before = members[-1].step.name
    if leaves_processes(mains[-2]):
        yield Refusal("processes", f"{before!r} starts something that may run beside it")
    wiring = wire([*members, following])
    for member, main in zip(members, mains, strict=False):
        files = {
            (member.step.name, port.kind, port.name) for port in member.operation.inputs if port.kind == "artifact"
        }
        if files - wiring.inner.keys() or not leaves_nothing(main, places_of(member.operation)):
            reason = f"it would find the files that {member.step.name!r} leaves in its container"
            yield Refusal("files", reason, word="files")
            break
    for output in following.operation.outputs:
        text = own_value(output)
        read = {(following.step.name, item.kind, item.name) for item in references(text)} & wiring.inner.keys()
        values = [wiring.inner[place] for place in read]
        whole = isinstance(text, Reference) and [getattr(value, "kind", "") for value in values] == ["parameter"]
        if values and not whole:
            yield Refusal("value", f"its {output.name!r} is made of what a step of its pod gives")
    yield from _handed_refusals(members, following, wiring)
    yield from _place_refusals(members, following, wiring)


def is_shared(mains: Sequence[Container]) -> bool:
    """Tell whether containers have one environment, whatever their inputs are."""
    return all(main.env == mains[0].env for main in mains) and not any(
        item.to in ("input", "output") for item in references(mains[0].env)
    )


def _environment_refusals(mains: Sequence[Container], name: str) -> Iterator[Refusal]:
    first, main, shares = mains[0], mains[-1], is_shared(mains)
    for item in dict.fromkeys((*first.env, *main.env)):
        if not VARIABLE.fullmatch(item.name):
            yield Refusal("environment", f"a shell cannot pass on its variable {item.name!r}", remedy="rename it")
    if shares:
        return
    own, others = ([item for item in one.env if not is_text(item.value)] for one in (main, first))
    if own != others or any(item.to in ("input", "output") for item in references(tuple(item.value for item in own))):
        yield Refusal("environment", f"what Kubernetes looks up for the environment of {name!r} is something else")
    native_names = {item.name for item in own}
    for item in filter(lambda item: is_text(item.value), (*first.env, *main.env)):
        if item.name in native_names or "$(" in json.dumps(write(item.value)):
            yield Refusal("environment", f"only Kubernetes can make its variable {item.name!r}")


def _handed_refusals(members: Sequence[Member], following: Member, wiring: Wiring) -> Iterator[Refusal]:
    outputs: dict[Place, Output] = {
        (member.step.name, item.kind, item.name): item
        for member in members
        for item in member.operation.outputs
        if own_value(item) is None
    }
    steps = {member.step.name for member in members}
    main = main_container(following)
    artifacts = {port.name: port for port in following.operation.inputs if port.kind == "artifact"}
    for (step, kind, name), value in wiring.inner.items():
        if step != following.step.name:
            continue
        read = [item for item in references(value) if item.step in steps]
        is_there = all(item.kind == "result" or (item.step, item.kind, item.name) in outputs for item in read)
        if not is_there or not all(stays_inside(item, kind) for item in read):
            yield Refusal("value", f"its {kind} {name!r} is something of a step that only Argo knows")
        elif kind == "artifact":
            yield from _artifact_refusals(artifacts[name], value, outputs)
        elif any(isinstance(node, Expression) and {*references(node)} & {*read} for node in nodes(value)):
            yield Refusal("value", f"its parameter {name!r} is computed of what a step of its pod gives")
        elif any(
            item.name == name and item.kind == kind
            for node in nodes((main.command, main.args, main.script, main.env))
            if isinstance(node, Expression)
            for item in references(node)
        ):
            yield Refusal("value", f"it computes with its parameter {name!r} before its pod starts")
        elif any(
            not isinstance(outputs[place].default, Literal | None)
            for place in map(place_read, read)
            if place in outputs
        ):
            yield Refusal("value", f"the default of what it gets as {name!r} is not known beforehand")


def _artifact_refusals(port: Port, value: Value, outputs: Mapping[Place, Output]) -> Iterator[Refusal]:
    if not isinstance(value, Reference):
        yield Refusal("artifact", f"its artifact {port.name!r} is a part of another one")
        return
    rest = rest_of(outputs[value.step, value.kind, value.name])
    packed = mapping_at(rest, "archive").keys() - {"tar"} or rest.keys() - {"archive", *LOCATIONS}
    if packed or port.native_extra is not None or port.optional:
        yield Refusal("artifact", f"its artifact {port.name!r} is packed, missing or changed on its way")


def _place_refusals(members: Sequence[Member], following: Member, wiring: Wiring) -> Iterator[Refusal]:
    """Yield what of the files of a step would be in the way of others in one container."""
    chain = (*members, following)
    last = following.step.name
    outside: list[tuple[str, str]] = []
    inside: list[tuple[str, str]] = []
    for member in chain:
        for port in member.operation.inputs:
            if port.kind == "artifact":
                is_handed = (member.step.name, port.kind, port.name) in wiring.inner
                (inside if is_handed else outside).append((member.step.name, str(place_of(port))))
    leaves = [(member.step.name, path) for member in chain for path in places_of(member.operation)]
    for number, (step, path) in enumerate(outside):
        own = [other for name, other in leaves if not name == step == last]
        others = [*own, *(other for _, other in (*inside, *outside[:number], *outside[number + 1 :]))]
        if is_at(path, others) or any(is_at(other, [path]) for other in others):
            yield Refusal("place", f"the artifact of {step!r} at {path} is in the way of another one")
    mounts = mounts_of(main_container(following))
    for step, path in (*inside, *((name, path) for name, path in leaves if name != last)):
        if is_at(path, mounts) or any(is_at(mount, [path]) for mount in mounts):
            yield Refusal("place", f"a volume is mounted where {step!r} has {path}")
    context = mapping_at(rest_of(main_container(following)), "securityContext")
    is_root = {**mapping_at(rest_of(following.operation), "securityContext"), **context}.get("runAsUser") == 0
    folders = {posixpath.dirname(path) for _, path in leaves}
    for _, path in inside:
        if not (is_root or is_at(path, [TEMPORARY]) or posixpath.dirname(path) in folders):
            yield Refusal("place", f"nobody knows whether its user may write {path}", remedy="read it below /tmp")


def place_read(reference: Reference) -> Place:
    """Return the output of a step that a reference reads."""
    return (reference.step, reference.kind, reference.name)
