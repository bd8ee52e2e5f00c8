"""A command around the command of a component: it looks the result up by content, and runs what follows it on a miss.

KFP starts a pod for each task that its own cache does not have. Its launcher fetches the input artifacts there, fills
placeholders in, runs the command, and reads the outputs afterwards; so all that a wrapper needs is around the command.
The program comes from the image of the step, or from an init container, which a backend knows since
https://github.com/kubeflow/pipelines/pull/13651 (July 2026), and earlier ones leave out. Where it is not there, the
command runs as before. Sources: `launcher_v2.go` (`compileCmdAndArgs`), `driver/k8s.go`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from couler_kfp.cache.objections import SCHEDULING
from couler_kfp.cache.programs import programs
from couler_kfp.components import label_of, write_operation
from couler_kfp.structures import rest_of, write_structure
from couler_kfp.texts import text
from couler_plugins.caching.keys import SALT, spec_hash
from couler_plugins.caching.wrapping import Wrapper, flags
from couler_plugins.documents.mappings import Mapped, entries, mapping_at, without
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Container, Literal, Operation, replace

MARK = "# couler cache component-run\n"
"""How the scripts before our own words begin: by it they are known again."""
SHELL = """%sif "$0" cache component-run --help >/dev/null 2>&1; then exec "$0" cache component-run "$@"; fi
echo "couler: $0 cannot be run here, and nothing is cached" >&2
while [ "$1" != -- ]; do shift; done; shift; exec "$@"
"""
PYTHON = """%simport os, subprocess, sys
program, words = sys.argv[1], sys.argv[2:]
null = open(os.devnull, "w")
try:
    there = not subprocess.call([program, "cache", "component-run", "--help"], stdout=null, stderr=null)
except OSError:
    there = False
words = [program, "cache", "component-run"] + words if there else words[words.index("--") + 1 :]
os.execvp(words[0], words)
"""
SCRIPTS = (
    (re.compile(r"(?:/\S*/)?(?:ba|da|a)?sh"), SHELL % MARK),
    (re.compile(r"(?:/\S*/)?python[\d.]*"), PYTHON % MARK),
)
"""By what a command begins with, which is then in its image: the script that stands before ours."""
END = "--"
VOLUME, FOLDER = "couler-program", "/couler-program"
SECRET = "COULER_SECRET_"  # noqa: S105  # variables that the program hides from the command
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
"""The entries of a Secret that give access to a store; each may be missing."""
OURS: dict[str, Callable[[Mapped], bool]] = {
    "emptyDirMounts": lambda item: item.get("volumeName") == VOLUME,
    "initContainers": lambda item: item.get("name") == VOLUME,
    "secretAsEnv": lambda item: any(str(one.get("envVar")).startswith(SECRET) for one in entries(item, "keyToEnv")),
}
IDENTITY = re.compile(r"\{\{\$(?:\}\}|\.inputs\.artifacts\[[^]]*\]\.uri)")
"""Placeholders by which a command is told of the address of an input artifact."""
DYNAMIC = frozenset({"locals", "vars", "globals", "eval", "exec"})
PLAIN = frozenset({"path", "metadata"})
"""What a Python component may read of an input artifact that its key covers by content."""


def content_of(operation: Operation) -> Mapped:
    """What a component, its executor and its configuration are, as far as a result depends on them."""
    component, body = write_operation(operation)
    container = body.executor.get("container", {})
    inputs = component.get("inputDefinitions", {})
    parameters = {key: item for key, item in inputs.get("parameters", {}).items() if not key.startswith(SALT)}
    platforms = {
        name: without(config, *SCHEDULING) if isinstance(config, dict) else config
        for name, config in body.platforms.items()
    }
    unsalted = {**without(component, "executorLabel"), "inputDefinitions": {**inputs, "parameters": parameters}}
    return {
        "component": unsalted,
        "executor": {**body.executor, **({"container": without(container, "resources")} if container else {})},
        "platforms": {name: config for name, config in platforms.items() if config},
    }


def wrapper_objection(operation: Operation) -> Objection | None:
    """Return why the command of a component cannot be wrapped; None where it can."""
    component, body = write_operation(operation)
    script = [_script(container) for container in operation.containers]
    if operation.kind != "container" or script in ([], [None]):
        reason = "its command begins with neither a shell nor Python, and its image may have none"
        return Objection("no-shell", reason, "storage", """sh -c 'exec "$0" "$@"' before it, if the image has sh""")
    for side in ("inputDefinitions", "outputDefinitions"):
        for name, definition in mapping_at(component, side, "artifacts").items():
            if isinstance(definition, dict) and definition.get("isArtifactList"):
                return Objection("artifact-list", f"{name!r} is a list of artifacts, which has no path", "storage")
    collides = VOLUME in str(body.platforms)
    return Objection("taken", f"its configuration has {VOLUME} in it", "storage") if collides else None


def wrapped(operation: Operation, wrapper: Wrapper, family: str) -> Operation:
    """Return the operation with its command wrapped, which `wrapper_objection` has nothing against.

    Args:
        operation: without a wrapper.
        wrapper: what it is told.
        family: what results of this pipeline and of its later versions have in common.
    """
    (container,) = operation.containers
    script = _script(container)
    assert script is not None
    which = {"store": wrapper.store, "namespace": wrapper.namespace, "timeout": str(wrapper.timeout)}
    step = label_of(operation).removeprefix("exec-")
    said = flags({**which, "spec": spec_hash(content_of(operation)), "family": family, "step": step})
    said += ["--executor-input={{$}}", *(["--identity"] if _reads_identity(operation) else [])]
    for side, ports in (("input", operation.inputs), ("output", operation.outputs)):
        names = sorted(port.name for port in ports if port.kind == "artifact")
        said += [f"--{side}={name}={{{{$.{side}s.artifacts['{name}'].path}}}}" for name in names]
    first = container.command[0] if container.command else container.args[0]
    words = [text(word) for word in ("-c", script, wrapper.program or f"{FOLDER}/couler", *said, END)]
    command = (first, *words, *container.command)
    return _configured(replace(operation, containers=(replace(container, command=command),)), wrapper)


def unwrapped(operation: Operation) -> Operation:
    """Return the operation without a wrapper; the same object where it has none."""
    if not is_wrapped(operation):
        return operation
    (container,) = operation.containers
    ends = [number for number, word in enumerate(container.command) if word == Literal(value=END)]
    own = container.command[ends[0] + 1 :] if ends else container.command
    rest = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    config = {key: content for key, content in mapping_at(rest, "platforms", "kubernetes").items() if key not in OURS}
    for key, is_ours in OURS.items():
        kept = [item for item in entries(mapping_at(rest, "platforms", "kubernetes"), key) if not is_ours(item)]
        config |= {key: kept} if kept else {}
    bare = replace(operation, containers=(replace(container, command=own),))
    return _with_config(bare, config)


def is_wrapped(operation: Operation) -> bool:
    """Return whether there is a wrapper of ours around its command."""
    words = [word for container in operation.containers for word in container.command[2:3]]
    return any(isinstance(word, Literal) and str(word.value).startswith(MARK) for word in words)


def is_stale(operation: Operation) -> bool:
    """Return whether a wrapped component is another one than its wrapper was made for."""
    words = operation.containers[0].command if is_wrapped(operation) else ()
    return bool(words) and Literal(value=f"--spec={spec_hash(content_of(unwrapped(operation)))}") not in words


def _script(container: Container) -> str | None:
    """The script for the interpreter that a command begins with; None where it begins with none."""
    first = [str(word.value) for word in (*container.command, *container.args)[:1] if isinstance(word, Literal)]
    return next((script for pattern, script in SCRIPTS if first and pattern.fullmatch(first[0])), None)


def _configured(operation: Operation, wrapper: Wrapper) -> Operation:
    """The operation with what brings the program and the secret into its pod."""
    added: dict[str, list[Any]] = {}
    if not wrapper.program:
        amounts = {kind: getattr(wrapper, kind) for kind in ("cpu", "memory") if getattr(wrapper, kind) != "none"}
        init: dict[str, Any] = {
            "name": VOLUME,
            "image": wrapper.image,
            "command": ["couler", "cache", "component-program", FOLDER],
            "volumeMounts": [{"volumeName": VOLUME, "mountPath": FOLDER}],
        }
        resources = {"resources": {"requests": amounts, "limits": amounts}} if amounts else {}
        added = {"emptyDirMounts": [{"volumeName": VOLUME, "mountPath": FOLDER}], "initContainers": [init | resources]}
    if wrapper.secret:
        pairs = [{"secretKey": key, "envVar": f"{SECRET}{key}"} for key in KEYS]
        constant = {"runtimeValue": {"constant": wrapper.secret}}
        item = {"keyToEnv": pairs, "optional": True, "secretName": wrapper.secret, "secretNameParameter": constant}
        added["secretAsEnv"] = [item]
    rest = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    config = mapping_at(rest, "platforms", "kubernetes")
    return _with_config(operation, {**config, **{key: [*entries(config, key), *items] for key, items in added.items()}})


def _with_config(operation: Operation, config: Mapped) -> Operation:
    rest = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    platforms = without(rest.get("platforms", {}), "kubernetes") | ({"kubernetes": config} if config else {})
    return replace(
        operation, native_extra=rest_of(without(rest, "platforms") | ({"platforms": platforms} if platforms else {}))
    )


def _reads_identity(operation: Operation) -> bool:
    """Whether a component may read the names and addresses of its input artifacts, which differ from run to run."""
    names = {port.name for port in operation.inputs if port.kind == "artifact"}
    container = write_operation(operation)[1].executor["container"]
    runs = programs(container)
    if not runs.is_function:
        return any(IDENTITY.search(str(word)) for key in ("command", "args") for word in container.get(key, ()))
    try:
        tree = ast.parse(runs.texts[0])
    except (SyntaxError, ValueError):
        return True
    plain = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in PLAIN}
    # The key covers which of its optional inputs it has: `if data is None`.
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    plain |= {id(one.left) for one in compared if [ast.unparse(other) for other in one.comparators] == ["None"]}
    paths = {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and node.annotation is not None and "InputPath" in ast.unparse(node.annotation)
    }
    suspects = (names - paths) | DYNAMIC
    return any(isinstance(node, ast.Name) and node.id in suspects and id(node) not in plain for node in ast.walk(tree))
