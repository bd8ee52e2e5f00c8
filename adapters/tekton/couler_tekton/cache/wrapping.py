"""A task with a step before its steps that looks its result up, and one after them that keeps it.

A task that is not run (`when`) would leave no results, and all that read them would be skipped as well; so it always
runs, and it is its steps that are skipped. Source: `pkg/entrypoint/entrypointer.go` for when a step is, and for what
becomes of results; `pkg/pod/entrypoint.go` for the names of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from couler_plugins.caching.declarations import declared_places
from couler_plugins.caching.keys import LINEAGE, PREFIX, digest
from couler_plugins.caching.wrapping import RESTRICTED, WORKSPACE, Wrapper, flags
from couler_plugins.documents.mappings import Mapped, without_empty
from couler_plugins.ir import Container, Literal, Native, Operation, Port, Reference, Scalar, Step, replace
from couler_tekton.cache.declared import STORE, annotations_of, entries, mapping_at, rest_of
from couler_tekton.cache.files import files_of, left_out, name_of, outputs_of
from couler_tekton.containers import read_container, write_container
from couler_tekton.variables import Scope, scope_in

RESTORE, SAVE = "couler-restore", "couler-save"
COMMANDS = {RESTORE: "task-restore", SAVE: "task-save"}
HIT = {"input": f"$(steps.{RESTORE}.results.hit)", "operator": "notin", "values": ["true"]}
HOME = "/tekton/home"
"""A folder that Tekton mounts into every step, and that everybody may write to: the root may be read-only
(`implicitVolumeMounts` in `pkg/pod/pod.go`)."""
UNNAMED = "unnamed-{}"
"""What Tekton calls the container of a step without a name, after its number: ours must not change that."""


class WrapSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps of ours are told.

    Attributes:
        wrapper: which store, which image, and so on.
        spec: the spec hash of the task.
        lineage: what its key has to cover of what it comes after.
        max_age: how many seconds a result may be reused for; None for ever.
        limit: how many seconds the store may take before the steps, and after them.
        family: the workflow that its results belong to.
        step: the step in it.
        root: whether the pod is told to run as root.
    """

    wrapper: Wrapper
    spec: str
    lineage: tuple[str, ...] = ()
    max_age: int | None = None
    limit: int
    family: str
    step: str
    root: bool = False


def with_steps(bare: Operation, annotated: Operation, settings: WrapSettings) -> Operation:
    """The task with our steps in it.

    Args:
        bare: the task.
        annotated: the same, with the annotations of the object that it is in.
        settings: what our steps are told.
    """
    mains = _mains(bare)
    names = [one.name or UNNAMED.format(number) for number, one in enumerate(mains)]
    guarded = [_guarded(one, name, scope_in(bare)) for one, name in zip(mains, names, strict=True)]
    careless = [name for name, one in zip(names, mains, strict=True) if rest_of(one).get("onError")]
    looked_at = file_arguments(annotated)
    compared = [f"--unwritten=$(steps.{RESTORE}.results.unwritten)", *looked_at] if _compares(annotated) else []
    outputs = [f"--output={name}={place}" for name, place in outputs_of(annotated).items()]
    codes = [f"--code=$(steps.step-{name}.exitCode.path)" for name in careless]
    said = {"family": settings.family, "step": settings.step, "run": "$(context.taskRun.name)"}
    saving = [*outputs, *(compared or looked_at), *codes, *flags(said), f"--key=$(steps.{RESTORE}.results.key)"]
    first = _step(RESTORE, [*outputs, *_looking(annotated, settings)], settings, place_variables(annotated))
    first |= {"results": [{"name": "hit"}, {"name": "key"}, *([{"name": "unwritten"}] if compared else [])]}
    last = _step(SAVE, saving, settings, place_variables(annotated)) | {"when": [HIT]}
    ours = [read_container(item, "main", Scope()) for item in (first, last)]
    others = [one for one in bare.containers if one.role != "main"]
    return replace(bare, containers=(ours[0], *guarded, ours[1], *others))


def has_steps(operation: Operation) -> bool:
    """Whether there is anything of ours in it."""
    return any(_is_ours(one) or HIT in entries(rest_of(one), "when") for one in _mains(operation))


def is_whole(operation: Operation) -> bool:
    """Whether our steps are its first and its last one, and all others are skipped where there was a result."""
    mains = _mains(operation)
    names = [one.name for one in mains if _is_ours(one)]
    guarded = all(HIT in entries(rest_of(one), "when") for one in mains[1:])
    return names == [RESTORE, SAVE] == [mains[0].name, mains[-1].name] and guarded


def unwrapped(operation: Operation) -> Operation:
    """The task without our steps, wherever they are in it."""
    if not has_steps(operation):
        return operation
    mains = [one for one in _mains(operation) if not _is_ours(one)]
    others = [one for one in operation.containers if one.role != "main"]
    return replace(
        operation, containers=(*(_free(one, number, scope_in(operation)) for number, one in enumerate(mains)), *others)
    )


def _mains(operation: Operation) -> list[Container]:
    return [one for one in operation.containers if one.role == "main"]


def _is_ours(step: Container) -> bool:
    """Whether it is a step that caching has put there; the name alone may be its owner's."""
    command = [word.value if isinstance(word, Literal) else None for word in step.command]
    return step.name in COMMANDS and command == ["couler", "cache", COMMANDS[step.name]]


def arguments_of(operation: Operation) -> list[str]:
    """What our first step is told."""
    first = next((one for one in _mains(operation) if one.name == RESTORE), None)
    said = write_container(first).get("args") if first is not None else None
    return [str(text) for text in said] if isinstance(said, list) else []


def _guarded(step: Container, name: str, scope: Scope) -> Container:
    """A step that is skipped where there was a result, beside what its owner says of when it runs."""
    rest = rest_of(step)
    return replace(step, name=name, native_extra=scope.rest({**rest, "when": [*entries(rest, "when"), HIT]}))


def _free(step: Container, number: int, scope: Scope) -> Container:
    rest = rest_of(step)
    kept = [item for item in entries(rest, "when") if item != HIT]
    remainder = {key: content for key, content in rest.items() if key != "when"} | ({"when": kept} if kept else {})
    name = "" if step.name == UNNAMED.format(number) else step.name
    return replace(step, name=name, native_extra=scope.rest(remainder))


def _looking(annotated: Operation, settings: WrapSettings) -> list[str]:
    """The arguments that say what the result depends on."""
    lists, files = _lists(annotated), file_arguments(annotated)
    files += [f"--whole={name_of(number)}" for number, file in enumerate(files_of(annotated).written) if not file.path]
    files += ["--unwritten=$(step.results.unwritten.path)"] if _compares(annotated) else []
    counted = [f"--lists={len(lists)}", f"--end={_end(settings.spec)}"] if lists else []
    told_of = {"max-age": "" if settings.max_age is None else f"{settings.max_age}s", "spec": settings.spec}
    ours = ["--hit=$(step.results.hit.path)", "--key=$(step.results.key.path)"]
    values = values_of(annotated, settings.spec, settings.lineage)
    return [*files, *counted, *flags(told_of), *ours, "--", *values]


def file_arguments(annotated: Operation) -> list[str]:
    """The arguments of both steps that say which files and places a task reads, and which are no matter."""
    files, places = files_of(annotated), declared_places(annotations_of(annotated))
    read = [f"--file={file.workspace}/{file.path}={file.native}" for file in files.read]
    read += [f"--place={name}={words}=$(params{_word(name)})" for name, words in places.items()]
    return [*read, *(f"--without={place}" for place in left_out(files))]


def _compares(annotated: Operation) -> bool:
    """Whether a task reads files or places that have to be the same after it."""
    return bool(files_of(annotated).read) or "in" in declared_places(annotations_of(annotated)).values()


def place_variables(annotated: Operation) -> dict[str, list[Mapped]]:
    """The variables of all steps of a task that has places, under the names that our steps give them."""
    places, rest = declared_places(annotations_of(annotated)), rest_of(annotated)
    steps = [write_container(one) for one in _mains(annotated)] if places else []
    holders = [mapping_at(rest, "stepTemplate"), *steps] if places else []
    said = [{**one, "name": f"{PREFIX}{one.get('name')}"} for holder in holders for one in entries(holder, "env")]
    sources = [one for holder in holders for one in entries(holder, "envFrom")]
    sources = [{**one, "prefix": f"{PREFIX}{one.get('prefix', '')}"} for one in sources]
    return {"env": [one for number, one in enumerate(said) if one not in said[:number]], "envFrom": sources}


def values_of(annotated: Operation, spec: str, lineage: Sequence[str]) -> list[str]:
    """The values that a key is made of, as arguments of the first step.

    Args:
        annotated: the task.
        spec: its spec hash.
        lineage: what the key has to cover of what the task comes after.
    """
    values = _around("$(context.taskRun.namespace)", lineage)
    for port in _sorted(annotated):
        if isinstance(port.value, Reference):  # a result of another task that it reads
            values.append(f"{port.name}=$({port.name})")
        else:
            values += [f"{text}=$(params{text})" for text in _texts(port)]
    for name in _lists(annotated):
        values += [f"$(params{_word(name)}[*])", _end(spec)]
    return values


def constant_values(annotated: Operation, step: Step, namespace: str, lineage: Sequence[Scalar]) -> list[str] | None:
    """The values that a key is made of, where all of them are constants; None where one is not, or a file counts.

    Args:
        annotated: the task.
        step: the call.
        namespace: where it runs.
        lineage: what the key has to cover of what the task comes after.
    """
    arguments = {item.name: item.value for item in step.arguments}
    values = _around(namespace, lineage)
    for port in _sorted(annotated):
        content = arguments.get(port.name, port.default)
        if kind_of(port) != "string" or not isinstance(content, Literal) or not isinstance(content.value, str):
            return None
        values.append(f"{_word(port.name)}={content.value}")
    places = ",".join(declared_places(annotations_of(annotated)).values()).split(",")
    return None if files_of(annotated).read or "in" in places else values


def _around(namespace: str, lineage: Sequence[Scalar]) -> list[str]:
    return [f"namespace={namespace}", *(f"{LINEAGE}={text}" for text in lineage)]


def _lists(operation: Operation) -> list[str]:
    return [port.name for port in _sorted(operation) if kind_of(port) == "array"]


def _end(spec: str) -> str:
    """What follows the last item of a list: no text that somebody would pass by chance."""
    return digest(["end", spec])


def _sorted(operation: Operation) -> list[Port]:
    return sorted(operation.inputs, key=lambda port: port.name)


def kind_of(port: Port) -> str:
    """The type of a parameter, by what is said of it, or else by its default."""
    rest, default = rest_of(port), port.default
    guessed = "object" if "properties" in rest else "string"
    if isinstance(default, Native):
        guessed = "array" if str(default.parts[0]).startswith("[") else "object"
    return str(rest.get("type") or guessed)


def _texts(port: Port) -> list[str]:
    """The variables that a parameter is read by, each a text; those of an object by its keys."""
    kind = kind_of(port)
    if kind == "object":
        return [_word(port.name) + _word(key) for key in sorted(rest_of(port).get("properties") or {})]
    return [] if kind == "array" else [_word(port.name)]


def _word(name: str) -> str:
    return f'["{name}"]' if "." in name else f".{name}"


def _step(
    name: str, arguments: list[str], settings: WrapSettings, variables: Mapping[str, list[Mapped]]
) -> dict[str, Any]:
    wrapper = settings.wrapper
    store, index = wrapper.store, ""
    if store.startswith(WORKSPACE):
        folder = store.removeprefix(WORKSPACE).partition("/")[2]
        store, index = f"$(workspaces.{STORE}.path)" + (f"/{folder}" if folder else ""), "none"
    which = {"store": store, "index": index, "namespace": wrapper.namespace, "timeout": str(settings.limit)}
    amounts = {kind: getattr(wrapper, kind) for kind in ("cpu", "memory")}
    amounts = {kind: amount for kind, amount in amounts.items() if amount != "none"}
    sources = [{"secretRef": {"name": wrapper.secret}}] if wrapper.secret else []
    step = {
        "name": name,
        "image": wrapper.image,
        "command": ["couler", "cache", COMMANDS[name]],
        "args": [*flags(which), *arguments],
        "env": [{"name": "TMPDIR", "value": HOME}, *variables["env"]],
        "onError": "continue",
        "computeResources": {"requests": amounts, "limits": amounts} if amounts else None,
        "envFrom": [*sources, *variables["envFrom"]],
        "securityContext": RESTRICTED if wrapper.security == "restricted" and not settings.root else None,
    }
    return without_empty(step)
