"""The steps themselves: containers, scripts and Kubernetes' own resources."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from couler_plugins.authoring.artifacts import Artifact, ArtifactValue
from couler_plugins.authoring.checks import checked_name
from couler_plugins.authoring.functions import function_operation
from couler_plugins.authoring.operations import Common, main_container, operation_of
from couler_plugins.authoring.places import PACKAGE, place, said_where, shown
from couler_plugins.authoring.recording import in_block, recorder
from couler_plugins.authoring.resources import job_operation
from couler_plugins.authoring.scopes import Call
from couler_plugins.authoring.secrets import Secret, VolumeMount
from couler_plugins.authoring.values import Returned, RunValue, as_value, check_no_mark
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Operation, Reference, replace


@said_where
def run_container(
    image: str,
    command: str | list[str] | None = None,
    args: Any = None,
    output: Artifact | list[Artifact] | None = None,
    input: Any = None,  # noqa: A002  # the paper's name for it
    env: Mapping[str, Any] | None = None,
    secret: Secret | list[Secret] | None = None,
    resources: Mapping[str, Any] | None = None,
    timeout: int | None = None,
    retry: int | None = None,
    step_name: str | None = None,
    image_pull_policy: str | None = None,
    daemon: bool = False,
    volume_mounts: list[VolumeMount] | None = None,
    working_dir: str | None = None,
    node_selector: Mapping[str, str] | None = None,
    env_from: list[Mapping[str, Any]] | None = None,
) -> Returned:
    """A step that runs a container.

    Args:
        image: the image.
        command: the program; some engines cannot do without one.
        args: its arguments: texts, numbers, and what other steps returned.
        output: what it leaves.
        input: artifacts that it takes: declared ones, and those that other steps returned.
        env: its environment.
        secret: keys of Secrets, which it has in its environment, too.
        resources: what it needs, such as `{"cpu": 1, "memory": "2Gi"}`; `requests` and `limits` tell these apart.
        timeout: seconds that it may take.
        retry: how often it is tried again after a failure.
        step_name: what to call it; the name of the function around unless given. Steps of one name run the same.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`.
        daemon: whether it keeps running beside the steps after it.
        volume_mounts: where it sees volumes.
        working_dir: the folder that it starts in.
        node_selector: labels of the nodes that it may run on.
        env_from: ConfigMaps and Secrets whose keys it has in its environment, in Kubernetes' words.

    Returns:
        What it gives: its outputs, or what it prints.

    Raises:
        InvalidInput: an argument makes no sense.
    """
    common = Common(
        image, output, input, env, secret, resources, timeout, retry, image_pull_policy, daemon, volume_mounts,
        working_dir, node_selector, env_from,
    )  # fmt: skip
    return written_step(step_name, operation_of("container", common, main_container(common, command, args), args))


@said_where
def run_script(
    image: str | None = None,
    command: str | list[str] | None = None,
    source: Callable[..., Any] | str | None = None,
    args: Any = None,
    output: Artifact | list[Artifact] | None = None,
    input: Any = None,  # noqa: A002  # as in run_container
    env: Mapping[str, Any] | None = None,
    secret: Secret | list[Secret] | None = None,
    resources: Mapping[str, Any] | None = None,
    timeout: int | None = None,
    retry: int | None = None,
    step_name: str | None = None,
    image_pull_policy: str | None = None,
    daemon: bool = False,
    volume_mounts: list[VolumeMount] | None = None,
    working_dir: str | None = None,
    node_selector: Mapping[str, str] | None = None,
    env_from: list[Mapping[str, Any]] | None = None,
    packages: Sequence[str] = (),
    outputs: Mapping[str, str] | None = None,
) -> Returned:
    """A step that runs a program given as text, or a Python function.

    A text gives what it prints. So does a function that takes and returns nothing. Any other gives what it returns,
    with the types that it declares; engines that run Python run it as such.

    Args:
        image: the image, with the interpreter in it; functions have one of Python unless given.
        command: the interpreter of a text, or of a function that only prints.
        source: the program, or the function, whose source is taken as it stands. It may use what it imports itself,
            and nothing else from around it.
        args: what the function is called with, in order or (a mapping) by name. A text takes values in itself:
            f"echo {value}".
        output, input, env, secret, resources, timeout, retry, image_pull_policy, daemon, volume_mounts, working_dir,
            node_selector, env_from: as for `run_container`.
        step_name: what to call it; the function's name, or that of the function around, unless given.
        packages: what pip installs before a function runs.
        outputs: the types of what a function gives by name, where it returns a mapping and does not declare that.

    Raises:
        InvalidInput: there is no source, or it cannot run by itself.
    """
    common = Common(
        image, output, input, env, secret, resources, timeout, retry, image_pull_policy, daemon, volume_mounts,
        working_dir, node_selector, env_from,
    )  # fmt: skip
    if source is None or (isinstance(source, str) and not source):
        raise InvalidInput("a script needs a source", hint="give source=")
    if not callable(source):
        if args is not None:
            hint = 'put them into the text: source=f"echo {value}"'
            raise InvalidInput("a program given as text takes no args", hint=hint)
        if image is None:
            raise InvalidInput("a program given as text needs an image", hint="give image=")
        if packages or outputs:
            hint = "they are of functions: give source= one, or install packages in the text"
            raise InvalidInput("a program given as text takes no packages, and declares outputs by output=", hint=hint)
        container = replace(main_container(common, command or "sh", None), script=as_value(source, "source"))
        return written_step(step_name, operation_of("script", common, container, None))
    operation = function_operation(source, common, command, args, packages, outputs)
    name = _spelt(source.__name__) if step_name is None else step_name
    return written_step(name, operation, is_named=step_name is not None)


@said_where
def run_job(
    manifest: str | Mapping[str, Any],
    success_condition: str = "",
    failure_condition: str = "",
    timeout: int | None = None,
    retry: int | None = None,
    step_name: str | None = None,
    action: str = "create",
    set_owner_reference: bool = True,
) -> Returned:
    """A step that hands a resource to Kubernetes, and waits until a condition of it holds.

    Args:
        manifest: the resource, as YAML or as a mapping; texts in it may hold what other steps returned.
        success_condition: when it has succeeded, such as `status.succeeded > 0`; at once unless given.
        failure_condition: when it has failed.
        timeout, retry, step_name: as for `run_container`.
        action: `create`, `apply`, `get`, `patch`, `replace` or `delete`.
        set_owner_reference: whether the resource goes when the workflow does.

    Returns:
        `job-name` (the default), `job-id` and `job-obj` of the resource.

    Raises:
        InvalidInput: the manifest is none, or the action is unknown.
    """
    operation = job_operation(
        manifest, action, (success_condition, failure_condition), set_owner_reference, timeout, retry
    )
    return written_step(step_name, operation)


@said_where
def get_step_output(step: str, name: str = "", kind: str = "parameter") -> RunValue:
    """What a step gives, by the step's name; it may be written later.

    Args:
        step: its name.
        name: which output; what it prints unless given.
        kind: `parameter` or `artifact`.
    """
    if kind not in ("parameter", "artifact"):
        raise InvalidInput(f"the kind of an output is {shown(kind)}", hint="give parameter or artifact")
    _checked(step)
    if name != "":
        checked_name(name, "the name of an output", "give a text, or nothing for what the step prints")
    reference = Reference(to="output", step=step, name=name, kind=kind) if name else _printed(step)
    return RunValue(in_block(reference))


def _printed(step: str) -> Reference:
    return Reference(to="output", step=step, name="result", kind="result")


def written_step(step_name: str | None, operation: Operation, is_named: bool | None = None) -> Returned:
    """Writes a step, whatever it runs, and gives what it returns.

    Args:
        step_name: what to call it; the function around unless given.
        operation: what runs; what its inputs hold is passed.
        is_named: whether the user gave it this name; where there is one, unless said.
    """
    named = step_name is not None if is_named is None else is_named
    name = _checked(_function_around() if step_name is None else step_name)
    check_no_mark(operation, name)
    work = recorder()
    call = work.add(Call(name, place(), is_named=named, operation=operation))
    outputs: dict[str, RunValue] = {}
    for output in operation.outputs:
        reference = work.giver.give(Reference(to="output", step=call.name, name=output.name, kind=output.kind))
        path = str(getattr(output.path, "value", ""))
        outputs[output.name] = ArtifactValue(reference, path) if output.kind == "artifact" else RunValue(reference)
    return Returned(call.name, outputs, RunValue(work.giver.give(_printed(call.name))))


def _checked(name: Any) -> str:
    hint = "use letters, digits and dashes"
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or "/" in name:
        raise InvalidInput(f"{shown(name)} is no name of a step", hint=hint)
    return checked_name(name, "the name of a step", hint)


def _function_around() -> str:
    """The name of the user's function that writes the step, in an engine's spelling."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(PACKAGE) or frame.f_code.co_name == "<lambda>"
    ):
        frame = frame.f_back
    name = frame.f_code.co_name
    return "step" if name.startswith("<") else _spelt(name)


def _spelt(name: str) -> str:
    return name.strip("_").replace("_", "-") or "step"
