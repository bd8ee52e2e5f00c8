"""The adapter under test with its documents, and the way there and back through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from couler_plugins.documents import SourceFile, read
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Adapter, Optimizer, hookimpl
from couler_plugins.ir import Node, Workflow, rebuild, rename_steps, replace
from couler_plugins.options.config import Config
from couler_plugins.plan import Lowered, Plan, Written
from couler_plugins.plugins import Plugins, load_plugins
from couler_plugins.testing.setting import set_field, without_derived

__all__ = ["Subject", "lift_file", "lift_source", "lower_and_write", "regenerate"]


def _same(document: Any) -> Any:
    return document


def _always(path: tuple[Any, ...]) -> bool:
    return True


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """One adapter under test. An adapter and a folder are enough; the rest is for engines with rules of their own.

    Attributes:
        adapter: the adapter.
        folder: documents of the engine, which all of them together show each feature that the adapter claims.
        options: the options that it lowers with; None for the adapter's defaults.
        pipeline: the optimizers that laws 5 and 6 run; they should change something.
        generates: whether it writes a workflow of its own engine that has no origin.
        counted: the numbers of callables, call sites and references in a document, counted without the adapter.
        normal: a document without what generating may spell differently.
        has_fields: whether the object under a path of a document has fields, rather than names as its keys.
        consistent: a workflow with one field of a node set, and with what has to follow it (references to a new
            name); it returns None where the field cannot be set by itself. None sets what stays whole by that.
        excused: whether the engine has no way to say one value at one place, so that lowering may refuse it; None
            where the notes of the adapter's table say which features have such limits.
        closed: a workflow without what follows from other fields; None leaves out what the adapter calls derived.
        tries: how many values each field is set to at each kind of place, and at how many such places.
        invented: values for fields that hold the same in all documents.
        edits_inline: whether a step whose callee is written inside of it can be edited by itself.
    """

    adapter: Adapter
    folder: Path = Path()
    options: Any = None
    pipeline: str | Sequence[Optimizer] = "dedupe,prune"
    generates: bool = True
    counted: Callable[[Any], tuple[int, int, int]] | None = None
    normal: Callable[[Any], Any] = _same
    has_fields: Callable[[tuple[Any, ...]], bool] = _always
    consistent: Callable[[Workflow, Node, str, Any], Workflow | None] | None = None
    excused: Callable[[Workflow, Node, str, Any], bool] | None = None
    closed: Callable[[Workflow], Workflow] | None = None
    tries: tuple[int, int] = (8, 6)
    invented: Mapping[tuple[type[Node], str], tuple[Any, ...]] = field(default_factory=dict)
    edits_inline: bool = True

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return self.adapter.engine

    def files(self) -> list[Path]:
        """Return the files with documents, in order."""
        suffixes = {".yaml", ".yml", ".json", self.adapter.suffix}
        return sorted(path for path in self.folder.rglob("*") if path.suffix in suffixes)

    def shown(self, path: Path) -> str:
        """Return the name of a file in the names of tests."""
        return path.relative_to(self.folder).as_posix()

    def read(self, path: Path) -> SourceFile:
        """Read a file."""
        return read(path.read_bytes(), path.name)

    def plugins(self) -> Plugins:
        """Return the plugins of this environment, and the adapter where it is not installed."""
        installed = load_plugins(Config())
        if self.engine in installed.adapters:
            return installed

        @hookimpl
        def couler_adapters() -> list[Adapter]:
            return [self.adapter]

        own = ModuleType(self.engine)
        own.couler_adapters = couler_adapters  # type: ignore[attr-defined]  # it is made here
        return load_plugins(Config(), more={self.engine: own})

    def support(self) -> dict[str, str]:
        """Return what the adapter says of each feature that it names."""
        return {capability.feature: capability.support for capability in self.adapter.capabilities}

    def refuses(self, node_type: type[Node], name: str) -> bool:
        """Return whether the adapter has no way to say a field; one that its table does not name counts as such."""
        return self.support().get(f"{node_type.__name__}.{name}", "refused") == "refused"

    def excuses(self, workflow: Workflow, node: Node, name: str, value: Any) -> bool:
        """Return whether lowering may refuse a value of a field that the engine has."""
        if self.excused is not None:
            return self.excused(workflow, node, name, value)
        feature = f"{type(node).__name__}.{name}"
        return any(capability.note for capability in self.adapter.capabilities if capability.feature == feature)

    def with_field(self, workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
        """Return a workflow with one field of a node set, and with what has to follow; None where that is no way."""
        if self.consistent is not None:
            return self.consistent(workflow, node, name, value)
        if self.refuses(type(node), name):  # whether it is whole does not matter
            return rebuild(workflow, lambda item: replace(item, **{name: value}) if item is node else item)
        return set_field(workflow, node, name, value)

    def essence(self, workflow: Workflow) -> Workflow:
        """Return a workflow without what follows from other fields."""
        return self.closed(workflow) if self.closed is not None else without_derived(workflow, self.support())

    def origin(self, plan: Plan, workflow: Workflow) -> Any:
        """Return the data that a workflow was lifted from."""
        assert workflow.source is not None
        data = plan.bundle.documents[int(workflow.source[0])].data
        for key in workflow.source[1:]:
            data = data[key]
        return data

    def grouped(self, added: Sequence[Any]) -> list[Any]:
        """Return documents without an original, as many groups of them as workflows."""
        return list(added)

    def edited(self, workflow: Workflow) -> Workflow:
        """Return the workflow after a structural edit: every step has another name.

        Raises:
            Unsupported: something reads the names in a way that cannot be rewritten.
        """
        for graph in workflow.graphs:
            workflow = rename_steps(workflow, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
        return workflow

    def edits(self, workflow: Workflow) -> Iterator[Workflow | Unsupported]:
        """Yield the workflow after each of the edits that determinism is judged by, or why it is refused."""
        try:
            yield self.edited(workflow)
        except Unsupported as error:
            yield error

    def lowered(self, plan: Plan) -> tuple[Lowered, dict[int, Any]]:
        """Lower a plan; return its documents by number as they are then, too."""
        lowered, _ = lower_and_write(self, plan)
        documents = {number: document.data for number, document in enumerate(plan.bundle.documents)}
        appended = enumerate((data for _, data in lowered.appended), len(documents))
        return lowered, documents | dict(lowered.changed) | dict(appended)

    def relifted(self, plan: Plan, workflows: tuple[Workflow, ...]) -> tuple[Workflow, ...]:
        """Return what a plan of one file holds once these workflows were lowered and lifted again."""
        new = Plan(bundle=plan.bundle, originals=plan.originals, workflows=workflows)
        lowered, written = lower_and_write(self, new)
        for error in lowered.refused.values():
            raise error
        text = written.texts.get(0, plan.bundle.files[0].text)
        return lift_source(self, read(text, plan.bundle.files[0].name)).workflows


@cache
def lift_file(subject: Subject, path: Path) -> Plan:
    """Return the plan of a file; nothing of it is refused."""
    return lift_source(subject, subject.read(path))


def lift_source(subject: Subject, *files: SourceFile) -> Plan:
    """Return the plan of files of which nothing is refused."""
    refused: list[Exception] = []
    plan = subject.adapter.lift(subject.adapter.load(files), lambda number, error: refused.append(error))
    assert refused == []
    return plan


def lower_and_write(subject: Subject, plan: Plan) -> tuple[Lowered, Written]:
    """Return what a plan is lowered to, and its text."""
    options = subject.adapter.options() if subject.options is None else subject.options
    lowered = subject.adapter.lower(plan, options)
    return lowered, subject.adapter.dump(lowered)


def regenerate(subject: Subject, workflows: Sequence[Workflow]) -> Iterator[tuple[Any, Workflow]]:
    """For each workflow (without an origin), yield the document made from it, and what that is lifted to."""
    bundle = subject.adapter.load(())
    plan = Plan(bundle=bundle, originals=(), workflows=tuple(workflows))
    lowered, written = lower_and_write(subject, plan)
    again = lift_source(subject, read(written.added, "generated"))
    grouped = subject.grouped(lowered.added)
    assert len(again.workflows) == len(grouped) == len(workflows)
    yield from zip(grouped, again.workflows, strict=True)
