"""The `cache` directive as a wrapper around a template's command, for results that Argo's own memoization cannot keep.

An init container restores the result, a small launcher stands before the command and skips it where there was one, and
a sidecar keeps what the command has made; `fetching` adds an init container. Only these know the store and what gives
access to it; the launcher needs nothing of the image that it runs in. It is how Argo's own `argoexec emissary` and
Tekton's `entrypoint` come into foreign images: copied into an `emptyDir` by a container that runs before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from couler_argo.cache.fetching import with_texts, without_texts
from couler_argo.cache.material import repeats_inputs
from couler_argo.cache.wrappable import (
    FETCH,
    FOLDER,
    KEY_FOLDER,
    KEY_MOUNT,
    KEY_VOLUME,
    MOUNT,
    OURS,
    PRINTED,
    RESTORE,
    SAVE,
    VOLUME,
    inputs_of,
    later,
    limit_of,
    main_of,
    path_of,
    place_in_launcher,
    sooner,
    wrapper_objection,
)
from couler_argo.documents import rest_of
from couler_argo.references import native, value
from couler_argo.spelling import write
from couler_plugins.caching.keys import PREFIX
from couler_plugins.caching.wrapping import RESTRICTED, flags
from couler_plugins.documents.mappings import entries
from couler_plugins.ir import Container, Literal, Operation, replace

LAUNCHER = (f"{FOLDER}/busybox", "sh", f"{FOLDER}/launch")
END = "--"
AMOUNTS, NOTHING = ("cpu", "memory"), "none"
OF_STEP = ("contents", "datasets", "places", "printed")
OPTIONS = (*OF_STEP, "cpu", "image", "max-age", "memory", "namespace", "secret", "security", "store", "timeout")
"""What a wrapper can be told: see `couler_plugins.caching.wrapping.Wrapper`. The key covers the `contents` of input
artifacts, and what is `printed` is kept, where these are `yes`; `datasets` are the artifacts that we fetch, and
`places` are as `places_text` writes them."""
COMMANDS = {FETCH: "pod-fetch", RESTORE: "pod-restore", SAVE: "pod-save"}
YES, RESULT = "yes", "result"
PLACE = "--place="

DEADLINE = "$(ARGO_DEADLINE)"
"""Argo tells every container when its workflow is to have ended, and Kubernetes puts variables into arguments."""


def places_text(places: Mapping[str, str]) -> str:
    """Return places as an option: what is done at each, by the input that names it."""
    return ";".join(f"{name}={words}" for name, words in places.items())


def with_wrapper(item: Operation, key: str, family: str, options: Mapping[str, Any]) -> Operation:
    """The template with its command wrapped; `wrapper_objection` has none against it.

    Args:
        item: the template.
        key: the key of its result, as Argo completes it.
        family: what results of this workflow and of its later versions have in common.
        options: those in `OPTIONS`.
    """
    main = main_of(item)
    assert main is not None
    limit = limit_of(item, int(options["timeout"]))
    options = {**options, "timeout": str(limit)}
    computed = [output for output in item.outputs if not repeats_inputs(output)]
    names = [f"{output.kind}-{output.name}" for output in computed]
    inputs = (inputs_of(item, {}) or {}) if options["contents"] else {}
    paths = [place_in_launcher(str(path_of(output)), inputs.values()) for output in computed]
    if options["printed"]:
        names, paths = [*names, RESULT], [*paths, PRINTED]
    outputs = [f"{name}={path}" for name, path in zip(names, paths, strict=True)]
    command = [*LAUNCHER, str(limit), *outputs, END]
    wrapped = replace(main, command=(*map(value, command), *main.command), native_extra=_with_mount(main))
    containers = tuple(wrapped if one is main else one for one in item.containers)
    rest = rest_of(item)
    by_content = options["contents"] or "in" in re.findall(r"\w+", options["places"])
    volumes = [VOLUME, *([KEY_VOLUME] if by_content else [])]
    rest["volumes"] = [*entries(rest, "volumes"), *({"name": name, "emptyDir": {}} for name in volumes)]
    restoring = {"max-age": options["max-age"]}
    saving = {"family": family, "step": item.name, "run": "{{workflow.name}}"}
    if by_content:
        saving["key-folder"] = restoring["key-folder"] = KEY_FOLDER
    item, fetched = with_texts(item, options["datasets"])
    ours = (
        *([_container(FETCH, "init", {}, fetched, options, main, inputs)] if fetched else []),
        _container(RESTORE, "init", {**restoring, "key": key}, names, options, main, inputs),
        _container(SAVE, "sidecar", {**saving, "key": key}, names, options, main),
    )
    return later(replace(item, containers=(*containers, *ours), native_extra=native(rest)), limit)


def unwrapped(item: Operation) -> tuple[Operation, str, str, dict[str, str]] | None:
    """The template without its wrapper, the key, the family, and the options; None where it has no wrapper of ours."""
    main = main_of(item)
    ours = [one for one in item.containers if one.name in COMMANDS]
    names = [one.name for one in ours]
    if main is None or names not in ([RESTORE, SAVE], [FETCH, RESTORE, SAVE]):
        return None
    said = _said(ours[-2])
    texts = [one.value if isinstance(one, Literal) else None for one in main.command]
    if tuple(texts[: len(LAUNCHER)]) != LAUNCHER or END not in texts or "key" not in said:
        return None
    limit = str(texts[len(LAUNCHER)])
    if not limit.isdecimal():
        return None
    rest = rest_of(item)
    rest["volumes"] = [one for one in entries(rest, "volumes") if one.get("name") not in OURS]
    bare_main = replace(main, command=main.command[texts.index(END) + 1 :], native_extra=_without_mount(main))
    containers = tuple(bare_main if one is main else one for one in item.containers if one not in ours)
    fetched, datasets = without_texts(item) if FETCH in names else (item, "")
    bare = sooner(
        replace(fetched, containers=containers, native_extra=_native(_without_empty(rest, "volumes"))), int(limit)
    )
    key, family = said["key"], _said(ours[-1]).get("family", "")
    said |= {"timeout": limit, "image": str(write(ours[-2].image)) if ours[-2].image is not None else ""}
    options = {name: said.get(name, "") for name in OPTIONS} | _around(ours[-2])
    options["datasets"] = datasets
    options["contents"] = YES if "input" in said else ""
    options["places"] = ";".join("=".join(text.split("=")[1:3]) for text in _texts(ours[-2]) if text.startswith(PLACE))
    options["printed"] = YES if f"{RESULT}={PRINTED}" in texts[: texts.index(END)] else ""
    # What somebody has changed by hand is theirs.
    if wrapper_objection(bare, {}) is not None or with_wrapper(bare, key, family, options) != item:
        return None
    return bare, key, family, options


def _container(
    name: str,
    role: Any,
    own: Mapping[str, Any],
    names: list[str],
    options: Mapping[str, Any],
    main: Container,
    inputs: Mapping[str, str] = MappingProxyType({}),
) -> Container:
    read = [f"--input={port}={path}" for port, path in inputs.items() if name == RESTORE]
    places = [text.partition("=") for text in options["places"].split(";") if text and name != FETCH]
    read += [f"{PLACE}{port}={words}={{{{inputs.parameters.{port}}}}}" for port, _, words in places]
    said = {**{option: options[option] for option in ("store", "namespace", "timeout")}, "deadline": DEADLINE, **own}
    own_mounts = [KEY_MOUNT] if "key-folder" in own else []
    rest: dict[str, Any] = {"volumeMounts": [MOUNT, *own_mounts]}
    if inputs or places:  # with what the main container has, our folder as well
        rest = {"volumeMounts": own_mounts} if own_mounts else {}
        rest["mirrorVolumeMounts"] = True
    env_from: list[dict[str, Any]] = [{"secretRef": {"name": options["secret"]}}] if options["secret"] else []
    if places:
        env_from += [{**one, "prefix": f"{PREFIX}{one.get('prefix', '')}"} for one in entries(rest_of(main), "envFrom")]
    if env_from:
        rest["envFrom"] = env_from
    amounts = tuple((kind, value(options[kind])) for kind in AMOUNTS if options[kind] != NOTHING)
    if options["security"] == "restricted":
        rest["securityContext"] = RESTRICTED
    return Container(
        name=name,
        role=role,
        image=value(options["image"]),
        command=tuple(map(value, ("couler", "cache", COMMANDS[name], FOLDER))),
        args=tuple(map(value, (*flags(said), *read, END, *names))),
        env=tuple(replace(one, name=f"{PREFIX}{one.name}") for one in main.env) if places else (),
        requests=amounts,
        limits=amounts,  # the same, so that a pod of the class `Guaranteed` stays one
        native_extra=native(rest),
    )


def _said(container: Container) -> dict[str, str]:
    """What the options of a container of ours say."""
    pairs = (text.removeprefix("--").partition("=") for text in _texts(container) if text.startswith("--"))
    return {name: text for name, _, text in pairs}


def _texts(container: Container) -> list[str]:
    texts = [str(write(one)) for one in container.args]
    return texts[: texts.index(END)] if END in texts else texts


def _around(container: Container) -> dict[str, str]:
    """The options that are not arguments of a container of ours."""
    rest = rest_of(container)
    amounts = {kind: str(write(amount)) for kind, amount in container.limits}
    amounts_of = {kind: amounts.get(kind, NOTHING) for kind in AMOUNTS}
    amounts_of["security"] = "restricted" if "securityContext" in rest else "inherit"
    match rest:
        case {"envFrom": [{"secretRef": {"name": str(name)}, **more}, *_]} if not more:
            amounts_of["secret"] = name
    return amounts_of


def _with_mount(main: Container) -> Any:
    rest = rest_of(main)
    return native({**rest, "volumeMounts": [*entries(rest, "volumeMounts"), MOUNT]})


def _without_mount(main: Container) -> Any:
    rest = rest_of(main)
    rest["volumeMounts"] = [one for one in entries(rest, "volumeMounts") if one != MOUNT]
    return _native(_without_empty(rest, "volumeMounts"))


def _without_empty(rest: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: content for name, content in rest.items() if name != key or content}


def _native(rest: dict[str, Any]) -> Any:
    return native(rest) if rest else None
