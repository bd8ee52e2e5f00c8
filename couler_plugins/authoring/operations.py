"""What containers and scripts have in common, as an operation of the IR; its values refer to steps as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from couler_plugins.authoring.artifacts import Artifact, ArtifactValue
from couler_plugins.authoring.checks import (
    checked_flag,
    checked_image,
    checked_json,
    checked_labels,
    checked_mapping,
    checked_one_of,
    checked_quantity,
    checked_resource,
    checked_text,
    checked_whole,
)
from couler_plugins.authoring.places import shown
from couler_plugins.authoring.secrets import Secret, VolumeMount
from couler_plugins.authoring.values import Returned, RunValue, as_value, listed
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Container, EnvVar, Literal, Native, Operation, Output, Port, Retry, Value

AMOUNTS = 'resources={"cpu": 1, "memory": "1Gi"}'
POLICIES = ("Always", "IfNotPresent", "Never")
SOURCES = 'env_from=[{"configMapRef": {"name": "settings"}}]'


class Common(NamedTuple):
    """The arguments that `run_container` and `run_script` share, as they were given."""

    image: str | None
    output: Any
    input: Any
    env: Mapping[str, Any] | None
    secret: Secret | list[Secret] | None
    resources: Mapping[str, Any] | None
    timeout: int | None
    retry: int | None
    image_pull_policy: str | None
    daemon: bool
    volume_mounts: list[VolumeMount] | None
    working_dir: str | None
    node_selector: Mapping[str, str] | None
    env_from: list[Mapping[str, Any]] | None


def main_container(common: Common, command: Any, args: Any) -> Container:
    """The container, its values as they were given."""
    policy, folder = common.image_pull_policy, common.working_dir
    sources = [checked_mapping(item, "env_from", SOURCES) for item in listed(common.env_from)]
    rest = {
        "imagePullPolicy": None if policy is None else checked_one_of(policy, "image_pull_policy", POLICIES),
        "workingDir": None if folder is None else checked_text(folder, "working_dir", "give a folder in the container"),
        "volumeMounts": [_mount(item) for item in listed(common.volume_mounts)],
        "envFrom": checked_json(sources, "env_from", SOURCES),
    }
    said = {key: value for key, value in rest.items() if value}
    requests, bounds = _resources(common.resources)
    return Container(
        image=Literal(value=_image(common.image)),
        command=_command(command),
        args=tuple(_argument(item) for item in listed(args)),
        env=_variables(common.env, common.secret),
        requests=requests,
        limits=bounds,
        native_extra=Native.of(said) if said else None,
    )


def operation_of(kind: str, common: Common, container: Container, args: Any) -> Operation:
    """The operation around a container; artifacts among the arguments are taken as inputs."""
    artifacts = [item for item in listed(args) if _artifact(item) is not None] + listed(common.input)
    ports = tuple(dict.fromkeys(map(_port, artifacts)))
    outputs = tuple(map(_output, listed(common.output)))
    _check_apart("inputs", [port.name for port in ports])
    _check_apart("outputs", [output.name for output in outputs])
    retry, timeout = limits(common.timeout, common.retry)
    nodes = checked_labels(common.node_selector, "node_selector", 'node_selector={"disk": "ssd"}')
    return Operation(
        name="",
        kind=kind,
        inputs=ports,
        outputs=outputs,
        containers=(container,),
        daemon=checked_flag(common.daemon, "daemon"),
        retry=retry,
        timeout=timeout,
        native_extra=Native.of({"nodeSelector": nodes}) if nodes else None,
    )


def limits(timeout: int | None, retry: int | None) -> tuple[Retry | None, Value | None]:
    """How often something is tried again, and how long it may take, in seconds."""
    return (
        None if retry is None else Retry(limit=Literal(value=checked_whole(retry, "retry"))),
        None if timeout is None else Literal(value=checked_whole(timeout, "timeout")),
    )


def _image(value: Any) -> str:
    if isinstance(value, str) and not isinstance(as_value(value, "the image"), Literal):
        raise InvalidInput("the image depends on the run", hint="pass what the run knows in args or env")
    return checked_image(value)


def _check_apart(what: str, names: list[str]) -> None:
    """Two of one name would be one: the first would be gone."""
    if twice := [name for name in names if names.count(name) > 1]:
        hint = "give artifacts names of their own: create_local_artifact(path, name=…)"
        raise InvalidInput(f"two {what} are called {shown(twice[0])}", hint=hint)


def _command(value: Any) -> tuple[Literal, ...]:
    """The program; one text is one program, and no shell cuts it into words."""
    if isinstance(value, str) and len(words := value.split()) > 1:
        message = f"the command {shown(value)} is a single text, and no program has that name"
        raise InvalidInput(message, hint=f"give its words: command=[{', '.join(map(shown, words))}]"[:200])
    return tuple(_constant(item, "command") for item in listed(value))


def _constant(content: Any, what: str) -> Literal:
    value = as_value(content, what)
    if not isinstance(value, Literal):
        raise InvalidInput(f"the {what} depends on the run", hint="pass what the run knows in args or env")
    return value


def _argument(item: Any) -> Value:
    artifact = _artifact(item)
    return Literal(value=artifact.path) if artifact is not None else as_value(item, "an argument")


def _artifact(item: Any) -> ArtifactValue | Artifact | None:
    """What is taken as a file."""
    if isinstance(item, Returned) and isinstance(first := next(iter(item)), ArtifactValue):
        return first
    return item if isinstance(item, (Artifact, ArtifactValue)) else None


def _port(item: Any) -> Port:
    artifact = _artifact(item)
    match artifact:
        case ArtifactValue():
            return Port(
                name=artifact.reference.name,
                kind="artifact",
                value=artifact.reference,
                path=Literal(value=artifact.path),
            )
        case Artifact(kind="artifact", location=tuple(location)):
            return Port(
                name=artifact.name, kind="artifact", origin=Native.of(dict(location)), path=Literal(value=artifact.path)
            )
        case Artifact():
            hint = "pass the result of a step, or declare its place (create_s3_artifact)"
            raise InvalidInput(f"the input {artifact.name!r} has no source", hint=hint)
    if isinstance(item, RunValue) and item.reference.kind == "artifact":
        message = f"the step {item.reference.step!r} does not say where it writes the artifact {item.reference.name!r}"
        raise InvalidInput(message, hint="pass the result of the step: a name alone does not say the place")
    what = "a parameter" if isinstance(item, RunValue) else shown(item)
    raise InvalidInput(f"{what} is no artifact", hint="pass texts in args")


def _output(item: Any) -> Output:
    if not isinstance(item, Artifact):
        raise InvalidInput(f"{shown(item)} is no output", hint="declare one: create_parameter_artifact(path)")
    if item.is_input:
        raise InvalidInput(f"{item.name!r} can only be an input", hint="give it as input=")
    return Output(
        name=item.name,
        kind=item.kind,
        path=Literal(value=item.path),
        exported=Literal(value=item.name) if item.is_global else None,
        native_extra=Native.of(dict(item.location)) if item.location else None,
    )


def _environment(env: Mapping[str, Any] | None) -> tuple[EnvVar, ...]:
    checked = checked_mapping(env, "env", 'env={"LEVEL": "debug"}')
    if wrong := [name for name in checked if "=" in name]:
        raise InvalidInput(f"{shown(wrong[0])} is no name of a variable", hint='env={"LEVEL": "debug"}')
    return tuple(EnvVar(name=name, value=as_value(value, f"env {shown(name)}")) for name, value in checked.items())


def _variables(env: Mapping[str, Any] | None, secrets: Any) -> tuple[EnvVar, ...]:
    variables = (*_environment(env), *_secrets(secrets))
    names = [item.name for item in variables]
    if twice := [name for name in names if names.count(name) > 1]:
        hint = "name the variables of a Secret: obtain_secret(name, {'VARIABLE': 'key'})"
        raise InvalidInput(f"the variable {shown(twice[0])} is given twice, by env and secret", hint=hint)
    return variables


def _secrets(secrets: Any) -> tuple[EnvVar, ...]:
    variables: list[EnvVar] = []
    for secret in listed(secrets):
        if not isinstance(secret, Secret):
            raise InvalidInput(f"{shown(secret)} is no Secret", hint="refer to one: obtain_secret(name, keys)")
        for variable, key in secret.keys:
            source = {"valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}}}
            variables.append(EnvVar(name=variable, value=Native.of(source)))
    return tuple(variables)


def _resources(resources: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Requests and limits; both are the same where they are not told apart."""
    checked = checked_mapping(resources, "resources", AMOUNTS)
    parts = tuple(checked_mapping(checked.pop(name, None), name, AMOUNTS) for name in ("requests", "limits"))
    if any(parts) and checked:
        raise InvalidInput(
            f"resources hold {shown(min(checked))} beside requests and limits", hint="put it into one of them"
        )
    requests, bounds = (
        tuple(
            (checked_resource(name), Literal(value=checked_quantity(amount, f"the amount of {name}")))
            for name, amount in sorted((part or checked).items())
        )
        for part in parts
    )
    return requests, bounds


def _mount(mount: Any) -> dict[str, Any]:
    if not isinstance(mount, VolumeMount):
        raise InvalidInput(f"{shown(mount)} is no VolumeMount", hint='volume_mounts=[VolumeMount("data", "/data")]')
    return {
        "name": mount.name,
        "mountPath": mount.mount_path,
        **({"readOnly": True} if mount.read_only else {}),
    }
