"""Passes that say of operations, and of what they are values, what KFP has words for, before anything is looked at."""

from __future__ import annotations

from collections.abc import Mapping

from couler_kfp.generating.loops import unrolled
from couler_kfp.generating.pods import with_pods
from couler_kfp.generating.shells import commanded, in_one
from couler_kfp.generating.sources import with_sources
from couler_plugins.engine_kit.legalize.kubectl import managed
from couler_plugins.engine_kit.legalize.passes import with_image, with_paths
from couler_plugins.engine_kit.legalize.rules import KINDS, usual
from couler_plugins.engine_kit.legalize.values import together
from couler_plugins.ir import (
    Argument,
    Literal,
    Operation,
    Port,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    call_sites,
    map_steps,
    references,
    replace,
    take_name,
)


def prepared(workflow: Workflow, image: str, kubectl: str) -> Workflow:
    """Return a workflow whose loops, pods, containers and artifacts are in KFP's terms, as far as they can be.

    Args:
        workflow: it has no origin.
        image: for containers that say none.
        kubectl: the image for what is done by kubectl; empty where there is none.
    """
    operations = tuple(managed(item, kubectl) for item in workflow.operations)
    whole = with_sources(with_pods(unrolled(with_image(replace(workflow, operations=operations), image), image)))
    whole = replace(whole, operations=tuple(map(_contained, whole.operations)))
    return _with_images(_without_absent(whole))


def _contained(operation: Operation) -> Operation:
    """Return an operation of one container, which reads paths as texts, and runs a command that is known."""
    if operation.kind not in KINDS or not operation.containers:
        return operation
    return in_one(replace(operation, containers=tuple(map(commanded, with_paths(operation).containers))))


def _without_absent(workflow: Workflow) -> Workflow:
    """Return a workflow without inputs for artifacts that may stay empty, and that nobody passes."""
    passed = {
        (getattr(site.step.call, "name", ""), item.name)
        for site in call_sites(workflow)
        for item in site.step.arguments
        if item.kind == "artifact"
    }

    def changed(operation: Operation) -> Operation:
        kept = tuple(
            port
            for port in operation.inputs
            if not (port.kind == "artifact" and port.optional and not port.origin)
            or (operation.name, port.name) in passed
        )
        return operation if kept == operation.inputs else replace(operation, inputs=kept)

    return replace(workflow, operations=tuple(map(changed, workflow.operations)))


def _with_images(workflow: Workflow) -> Workflow:
    """Return a workflow whose images are inputs as a whole where they are put together of inputs."""
    images: dict[str, tuple[str, Template, Mapping[str, Value | None]]] = {}

    def changed(operation: Operation) -> Operation:
        templates = {item.image for item in operation.containers if isinstance(item.image, Template)}
        if len(templates) != 1:
            return operation
        (image,) = templates
        if not all(_is_input(item) for item in references(image)):
            return operation
        names = {port.name for port in operation.inputs}
        name = take_name("image", names)
        images[operation.name] = name, image, {port.name: usual(port) for port in operation.inputs}
        read = Reference(to="input", kind="parameter", name=name)
        containers = tuple(replace(item, image=read) if item.image == image else item for item in operation.containers)
        parameters = [port for port in operation.inputs if port.kind == "parameter"]
        artifacts = [port for port in operation.inputs if port.kind == "artifact"]
        return replace(operation, containers=containers, inputs=(*parameters, Port(name=name), *artifacts))

    def passed(step: Step) -> Step:
        image_read = images.get(getattr(step.call, "name", ""))
        if image_read is None:
            return step
        name, image, defaults = image_read
        values = {**defaults, **{item.name: item.value for item in step.arguments if item.kind == "parameter"}}
        value = _filled(image, values)
        return step if value is None else replace(step, arguments=(*step.arguments, Argument(name=name, value=value)))

    operations = tuple(map(changed, workflow.operations))
    return map_steps(replace(workflow, operations=operations), passed) if images else workflow


def _is_input(reference: Reference) -> bool:
    return reference.to == "input" and reference.kind == "parameter" and not reference.path


def _filled(template: Template, values: Mapping[str, Value | None]) -> Value | None:
    """Return a text with what is passed in place of the inputs that it reads; None where that is no text."""
    pieces = [values.get(part.name) if isinstance(part, Reference) else part for part in template.parts]
    fits = all(isinstance(piece, (str, Literal, Reference, Template)) for piece in pieces)
    return together(pieces) if fits else None
