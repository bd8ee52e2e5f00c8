"""A pipeline made to run in this process, by `kfp.local` and without a network; what goes to a cluster stays as it is.

Components are run with the Python and the packages that are here: what installs `kfp` and others before is left out.
`kfp.local` writes what a task makes into a folder that is called as its component (measured with kfp 2.17.3: tasks that
share one overwrite each other's artifacts), so tasks get components of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from couler_kfp.cache.wrapping import END, MARK
from couler_kfp.structures import mapping
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import fresh_name

EXECUTOR = "kfp.dsl.executor_main"
"""What the commands of components that are Python functions run."""
FILE = re.compile(r"(?!\.\.?$)[^/\0]+")
"""What stays in the folder that it is put into: `kfp.local` makes paths of names as they are."""


def check_runs_here(spec: Mapped, pipeline: str) -> None:
    """Refuses what would not run here, or would leave its folder.

    Raises:
        InvalidInput: a component is none, or has a name that no file can have.
        Unsupported: a component is no Python function, or calls itself.
    """
    components = mapping(spec, "components", ())
    for name in components:
        component = mapping(components, name, ("components",))
        outputs = component.get("outputDefinitions", {})
        for part in (name, *outputs.get("parameters", {}), *outputs.get("artifacts", {})):
            if not FILE.fullmatch(str(part).removeprefix("comp-")):
                message = f"{part!r:.60} of {pipeline!r} would be the name of a file, and cannot"
                raise InvalidInput(message, engine="kfp", hint="give it another name")
        executor = spec.get("deploymentSpec", {}).get("executors", {}).get(component.get("executorLabel"), {})
        container = executor.get("container")
        if container is not None and EXECUTOR not in str(container.get("command")):
            raise _unsupported(name, f"{name!r} of {pipeline!r} runs a container, which needs a cluster")
    try:
        TopologicalSorter({name: set(_called(component)) for name, component in components.items()}).prepare()
    except CycleError as error:
        name = error.args[1][0]
        raise _unsupported(name, f"{name!r} of {pipeline!r} calls itself, and kfp.local never ends that") from error


def _unsupported(component: str, message: str) -> Unsupported:
    hint = "leave --local out"
    return Unsupported(message, engine="kfp", step=component, feature="run --local", hint=hint)


def _called(component: Mapped) -> Iterator[str]:
    """The components that the tasks of a component call."""
    for task in component.get("dag", {}).get("tasks", {}).values():
        yield task["componentRef"]["name"]


def offline(spec: Mapped) -> Mapped:
    """The pipeline with a component for each task, and without installing anything."""
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    bare = {label: _without_pip(executor) for label, executor in executors.items()}
    copied = _Copied(spec.get("components", {}))
    root = copied.with_own(spec["root"])
    deployment = {**spec.get("deploymentSpec", {}), "executors": bare}
    return {**spec, "components": copied.components, "deploymentSpec": deployment, "root": root}


def _without_pip(executor: Mapped) -> Mapped:
    """An executor without the shell around it that KFP's compiler writes to install packages, and without a wrapper."""
    match executor:
        case {"container": {"command": [_, "-c", str(script), *words], **others}} if script.startswith(MARK):
            own = words[words.index(END) + 1 :] if END in words else words
            return _without_pip({**executor, "container": {**others, "command": own}})
        case {"container": {"command": ["sh", "-c", str(script), *command], **others}} if "pip install" in script:
            return {**executor, "container": {**others, "command": command}}
    return executor


class _Copied:
    """The components of a pipeline, with a copy for each task that shares one with others.

    Attributes:
        components: those that tasks call, by name.
    """

    def __init__(self, components: Mapped) -> None:
        self._given = components
        self.components: Mapped = {}

    def with_own(self, component: Mapped) -> Mapped:
        """A component, such as the root, whose tasks call components of their own."""
        if "dag" not in component:
            return component
        tasks = {name: self._task(task) for name, task in component["dag"].get("tasks", {}).items()}
        return {**component, "dag": {**component["dag"], "tasks": tasks}}

    def _task(self, task: Mapped) -> Mapped:
        called = task["componentRef"]["name"]
        # The part of the name that counts as a folder: names that are there at all keep what they are.
        name = called if called not in self.components else fresh_name(called, {*self._given, *self.components})
        self.components[name] = {}
        self.components[name] = self.with_own(self._given[called])
        return {**task, "componentRef": {**task["componentRef"], "name": name}}
