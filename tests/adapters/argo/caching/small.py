"""Small workflows in few lines, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.api import optimize
from couler_plugins.documents import read
from couler_plugins.plan import Decision

__all__ = ["LEAVES", "Made", "made", "workflow"]

LEAVES = """
- name: pure
  metadata: {annotations: {couler.io/cache: pure, couler.io/cache-version: "1", couler.io/max-output-bytes: "64"}}
  inputs: {parameters: [{name: x, default: "0"}]}
  outputs: {parameters: [{name: r, valueFrom: {path: /r}}], artifacts: [{name: o, path: /o}]}
  container: {image: i, args: ["{{inputs.parameters.x}}"]}
- name: eat
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {artifacts: [{name: a, path: /a}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i, command: [eat]}
- name: load
  outputs: {parameters: [{name: r, valueFrom: {path: /r}}], artifacts: [{name: o, path: /o}]}
  container: {image: i, command: [load]}
"""
"""`pure` and `eat` (which takes an artifact) are declared pure; of `load` nothing is said."""


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.strip("\n").splitlines())


def workflow(
    tasks: str, templates: str = "", spec: str = "", *, metadata: str = "generateName: w-", kind: str = "Workflow"
) -> dict[str, Any]:
    """A workflow with a graph `main` of these tasks (or steps, where the text begins with two dashes)."""
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{{metadata}}}\nspec:\n  entrypoint: main\n"
    staged = tasks.strip().startswith("- -")
    inner = "steps:\n" + indented(tasks, 2) if staged else "dag:\n  tasks:\n" + indented(tasks, 2)
    main = "- name: main\n" + indented(inner, 2)
    text = head + indented(spec, 2) + "  templates:\n" + indented(main + LEAVES.strip("\n") + "\n" + templates, 2)
    (document,) = read(text.encode(), "w.yaml").documents
    found: dict[str, Any] = document.data
    return found


class Made:
    """What became of documents that see each other."""

    def __init__(self, documents: Sequence[Mapping[str, Any]], pipeline: str) -> None:
        result = optimize([*map(dict, documents)], pipeline)
        self.documents: list[Any] = list(result.documents)
        self.decisions: Sequence[Decision] = result.decisions
        self.changed = result.changed

    @property
    def rules(self) -> dict[str, str]:
        """For each subject the rule that speaks against it; empty where it is cached."""
        return {item.subject: str(dict(item.figures).get("rule", "")) for item in self.decisions if item.subject}

    def decision(self, subject: str) -> Decision:
        """The decision about one subject."""
        (found,) = (item for item in self.decisions if item.subject == subject)
        return found

    def template(self, name: str, document: int = 0) -> dict[str, Any]:
        """A template as it is now."""
        return next(item for item in self.documents[document]["spec"]["templates"] if item["name"] == name)

    @property
    def memoized(self) -> dict[str, dict[str, Any]]:
        """The memoizations by template."""
        templates = [item for document in self.documents for item in document["spec"]["templates"]]
        return {item["name"]: item["memoize"] for item in templates if "memoize" in item}

    def lineage(self, step: str, graph: str = "main") -> list[str]:
        """The values that a call hands over for what is before it."""
        template = self.template(graph)
        steps = [*template.get("dag", {}).get("tasks", ()), *(x for group in template.get("steps", ()) for x in group)]
        (found,) = (item for item in steps if item["name"] == step)
        parameters = (found.get("arguments") or {}).get("parameters", ())
        return [item["value"] for item in parameters if item["name"].startswith("couler-lineage")]


def made(*documents: Mapping[str, Any], pipeline: str = "cache{via=memoize}") -> Made:
    """What `cache` makes of documents."""
    return Made(documents, pipeline)
