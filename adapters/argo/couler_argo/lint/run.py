"""What is known while one object is checked as a workflow that could run, and what `{{…}}` stand for in it."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Iterator

from couler_argo.lint.arguments import Arguments, as_text
from couler_argo.lint.holders import Holder, Shelf
from couler_argo.lint.report import Report, is_parameter
from couler_plugins.documents import Mapped, Path

CHECKED = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
"""Argo looks at variables that begin so; all others are left to whatever runs."""

LATER = (
    "outputs.",
    "workflow.creationTimestamp",
    "workflow.scheduledTime",
    "workflow.duration",
    "tasks.name",
    "steps.name",
    "node.name",
)
"""Variables that are known only when something runs."""

GENERAL = (
    "name",
    "namespace",
    "mainEntrypoint",
    "serviceAccountName",
    "uid",
    "annotations",
    "annotations.json",
    "labels",
    "labels.json",
    "status",
)
STANDIN = re.compile(r"__argo__internal__placeholder-(\d+)")


class Run:
    """The checks of one object.

    Args:
        shelf: all objects of the bundle.
        home: the object.
        report: gets what is wrong with it.

    Attributes:
        library: whether it is a workflow template, whose parameters may come from whoever uses it.
        variables: the values, or stand-ins for them, of what can be referred to anywhere.
        seen: the templates that have been checked, by their object and name; inline ones share a name.
        places: the templates that have been visited, by their object and place.
        any_artifact: whether the name of some global output artifact is known only when it runs.
        brought: templates of other objects that were called by reference, with their places. In a workflow, Argo finds
            them by their plain names from then on.
    """

    def __init__(self, shelf: Shelf, home: Holder, report: Report) -> None:
        self.shelf = shelf
        self.home = home
        self.report = report
        report.shown = self.shown
        self.library = bool(home.manifest.library)
        self.variables: dict[str, str] = {}
        self.seen: set[tuple[int, str]] = set()
        self.places: set[tuple[int, Path]] = set()
        self.any_artifact = False
        self.brought: dict[str, tuple[Mapped, Path]] = {}
        self._standins: dict[str, str] = {}
        for name in GENERAL:
            self.define(f"workflow.{name}")

    def define(self, name: str, value: str | None = None) -> None:
        """Makes something known everywhere from now on."""
        self.variables[name] = self.standin(name) if value is None else value

    def standin(self, name: str) -> str:
        """What stands for a value that is not known here, spelled as Argo spells it: it is no name of anything."""
        return self._standins.setdefault(name, f"__argo__internal__placeholder-{len(self._standins)}")

    def shown(self, text: str) -> str:
        """A text with tags again in the place of what stands for them."""
        names = list(self._standins)
        return STANDIN.sub(lambda match: "{{" + names[int(match[1])] + "}}", text)

    def is_standin(self, text: str) -> bool:
        return text.startswith("__argo__internal__placeholder-")

    def publish(self, outputs: Mapped, scope: Scope) -> None:
        """Makes global outputs of a step known, to what comes after it."""
        for plural in ("parameters", "artifacts"):
            for port in outputs.get(plural, ()):
                if name := port.get("globalName"):
                    if is_parameter(name):
                        scope.any.add(f"workflow.outputs.{plural}.")
                    else:
                        self.define(f"workflow.outputs.{plural}.{name}")

    def values(self, template: Mapped, arguments: Arguments | None) -> Callable[[str], str | None]:
        """What each tag of a template stands for when it is called with arguments; None for made-up ones."""
        values = {"inputs.parameters": self.standin("inputs.parameters")}
        for name in local_names(template):
            values[name] = self.standin(name)
        for item in template.get("inputs", {}).get("parameters", ()):
            name = item.get("name", "")
            if arguments is None:
                values[f"inputs.parameters.{name}"] = self.standin(f"inputs.parameters.{name}")
                continue
            passed = arguments.parameters.get(name)
            own = item.get("value", item.get("default"))
            value = own if passed is None else passed.get("value")
            if value is not None:
                values[f"inputs.parameters.{name}"] = as_text(value)
        return ChainMap(values, self.variables).get


def local_names(template: Mapped) -> Iterator[str]:
    """Variables that a template has besides its inputs."""
    if any(kind in template for kind in ("container", "containerSet", "script", "resource", "data")):
        yield "pod.name"
    if "retryStrategy" in template:
        yield "retries"
        yield from (f"lastRetry.{name}" for name in ("exitCode", "status", "duration", "message"))


class Scope:
    """What can be referred to inside one template.

    Attributes:
        names: the variables.
        any: beginnings of variables of which any may exist.
        open: steps and tasks (`steps.a`) of which nothing is known.
    """

    def __init__(self, run: Run, names: Iterable[str] = ()) -> None:
        self.run = run
        self.names = set(names)
        self.any: set[str] = set()
        self.open: set[str] = set()

    def knows(self, tag: str, beside: Collection[str] = (), any_item: bool = False) -> bool:
        """Whether Argo can tell what a variable stands for; `beside` are more variables."""
        return (
            not tag.startswith(CHECKED)
            or any(tag in names for names in (self.names, beside, self.run.variables))
            or tag.startswith((*LATER, *self.any))
            or (any_item and tag.startswith("item."))
            or (self.run.any_artifact and tag.startswith("workflow.outputs.artifacts."))
            or (self.run.library and tag.startswith("workflow.parameters"))
            or (bool(self.open) and ".".join(tag.split(".", 2)[:2]) in self.open)
        )


def calls_of(template: Mapped, path: Path) -> Iterator[tuple[Mapped, Path]]:
    """The tasks and steps of a template, each with its place."""
    for number, task in enumerate(template.get("dag", {}).get("tasks", ())):
        yield task, (*path, "dag", "tasks", number)
    for group, steps in enumerate(template.get("steps", ())):
        for number, step in enumerate(steps):
            yield step, (*path, "steps", group, number)


def named(template: Mapped) -> str:
    """A template, to begin a message with."""
    return f"template {template['name']!r}" if template.get("name") else "an inline template"
