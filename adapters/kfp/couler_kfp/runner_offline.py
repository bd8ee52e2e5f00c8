"""A pipeline made to run in this process, by `kfp.local` and without a network; what goes to a cluster stays as it is.

Components are run with the Python and the packages that are here: what installs `kfp` and others before is left out.
`kfp.local` writes what a task makes into a folder that is called as its component (measured with kfp 2.17.3: tasks that
share one overwrite each other's artifacts), so tasks get components of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_kfp.mappings import Mapped
from couler_plugins.errors import Unsupported
from couler_plugins.ir import fresh_name

__all__ = ["offline", "refuse_containers"]

EXECUTOR = "kfp.dsl.executor_main"
"""What the commands of components that are Python functions run."""


def refuse_containers(spec: Mapped, pipeline: str) -> None:
    """Refuses a pipeline with components that are no Python functions.

    Raises:
        Unsupported: it names the first of them.
    """
    for name, component in spec.get("components", {}).items():
        executor = spec.get("deploymentSpec", {}).get("executors", {}).get(component.get("executorLabel"), {})
        container = executor.get("container")
        if container is not None and EXECUTOR not in str(container.get("command")):
            raise Unsupported(
                f"{name!r} of {pipeline!r} runs a container, which needs a cluster",
                engine="kfp",
                step=name,
                feature="run --local",
                hint="leave --local out",
            )


def offline(spec: Mapped) -> Mapped:
    """The pipeline with a component for each task, and without installing anything."""
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    bare = {label: _without_pip(executor) for label, executor in executors.items()}
    copied = _Copied(spec.get("components", {}))
    root = copied.of_root(spec["root"])
    deployment = {**spec.get("deploymentSpec", {}), "executors": bare}
    return {**spec, "components": copied.components, "deploymentSpec": deployment, "root": root}


def _without_pip(executor: Mapped) -> Mapped:
    """An executor without the shell around it that KFP's compiler writes to install packages."""
    match executor:
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

    def of_root(self, root: Mapped) -> Mapped:
        """The root, whose tasks call components of their own."""
        return self._with_own(root)

    def _with_own(self, component: Mapped) -> Mapped:
        if "dag" not in component:
            return component
        tasks = {name: self._task(task) for name, task in component["dag"].get("tasks", {}).items()}
        return {**component, "dag": {**component["dag"], "tasks": tasks}}

    def _task(self, task: Mapped) -> Mapped:
        called = task["componentRef"]["name"]
        # The part of the name that counts as a folder: names that are there at all keep what they are.
        name = called if called not in self.components else fresh_name(called, self._taken())
        self.components[name] = {}
        self.components[name] = self._with_own(self._given[called])
        return {**task, "componentRef": {**task["componentRef"], "name": name}}

    def _taken(self) -> set[str]:
        return set(self._names())

    def _names(self) -> Iterator[Any]:
        yield from self._given
        yield from self.components
