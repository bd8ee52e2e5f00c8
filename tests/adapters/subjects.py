"""The adapters that the common suite runs over, each with its corpus and with what an independent count says of it.

To add an adapter, write a `Subject` for it and put it into `SUBJECTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow import closure as airflow_closure
from adapters.airflow.examples import FOLDERS, airflow_root, dag_files, read_dag_file
from adapters.argo import closure, counts
from adapters.kfp import closure as kfp_closure
from adapters.kfp import counts as kfp_counts
from adapters.tekton import closure as tekton_closure
from adapters.tekton import counts as tekton_counts
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_airflow.plugin import AirflowAdapter
from couler_airflow.plugin import Options as AirflowOptions
from couler_argo.plugin import ArgoAdapter, Options
from couler_kfp.plugin import KfpAdapter
from couler_kfp.plugin import Options as KfpOptions
from couler_plugins.documents import SourceFile, read
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Literal, Node, Workflow, rename_steps, replace, replace_steps
from couler_plugins.plan import Lowered, Plan, Written
from couler_tekton.plugin import Options as TektonOptions
from couler_tekton.plugin import TektonAdapter
from support import ROOT, SHARED, corpus_paths, own_files, sampled

__all__ = [
    "GENERATORS",
    "SUBJECTS",
    "Subject",
    "each_file",
    "each_subject",
    "lift_file",
    "lift_source",
    "lower_and_write",
    "regenerate",
]


@dataclass(frozen=True, eq=False)
class Subject:
    """One adapter under test.

    Attributes:
        adapter: the adapter.
        options: what it lowers with.
        folder: its corpus in the shared folder, which widens our own.
        counted: how many (templates, steps, references) the raw documents hold, counted without the adapter.
        normal: a document with everything removed that generating may spell differently.
        has_fields: whether the object under a path of a document has fields, rather than names as its keys.
        consistent: a workflow with one field of a node set, and what has to follow that (references to a new name);
            None where the field cannot be set there by itself.
        excused: whether the engine has no way to say this one value at this place.
        closed: a workflow without what the adapter declares to follow from other fields.
        tries: how many values each field is set to at each kind of place, and at how many such places.
        invented: values for fields that hold the same in the whole corpus.
        edits_inline: whether a step whose callee is written inside it can be edited by itself.
        generates: whether it writes a workflow that has no origin.
        marks: of all tests that run over it.
    """

    adapter: Adapter
    options: Any
    folder: str
    counted: Callable[[Any], tuple[int, int, int]]
    normal: Callable[[Any], Any]
    consistent: Callable[[Workflow, Node, str, Any], Workflow | None]
    excused: Callable[[Workflow, Node, str, Any], bool]
    closed: Callable[[Workflow], Workflow]
    has_fields: Callable[[tuple[Any, ...]], bool] = lambda path: True
    tries: tuple[int, int] = (16, 12)
    invented: Mapping[tuple[type[Node], str], tuple[Any, ...]] = field(default_factory=dict)
    edits_inline: bool = False
    generates: bool = True
    marks: tuple[pytest.MarkDecorator, ...] = ()

    @property
    def engine(self) -> str:
        return self.adapter.engine

    @property
    def root(self) -> Path:
        """The folder of the shared corpus."""
        return SHARED / self.folder

    def files(self) -> list[Path]:
        """The files of the corpus: our own, and the shared ones where they are."""
        return corpus_paths(self.engine)

    def read(self, path: Path) -> SourceFile:
        """A file of the corpus."""
        return read(path.read_bytes(), path.name)

    def shown(self, path: Path) -> str:
        """What a file of the corpus is called in the names of tests."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else f"own/{path.name}"

    def origin(self, plan: Plan, workflow: Workflow) -> Any:
        """The data that a workflow was lifted from."""
        assert workflow.source is not None
        data = plan.bundle.documents[int(workflow.source[0])].data
        for key in workflow.source[1:]:
            data = data[key]
        return data

    def grouped(self, added: Sequence[Any]) -> list[Any]:
        """Documents without an original, as many as workflows."""
        return list(added)

    def edited(self, workflow: Workflow) -> Workflow:
        """The workflow after a structural edit: every step has another name.

        Raises:
            Unsupported: something reads the names in a way that cannot be rewritten.
        """
        for graph in workflow.graphs:
            workflow = rename_steps(workflow, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
        return workflow

    def lowered(self, plan: Plan) -> tuple[Lowered, dict[int, Any]]:
        """What a plan is lowered to, and its documents by number as they are then."""
        lowered, _ = lower_and_write(self, plan)
        documents = {number: document.data for number, document in enumerate(plan.bundle.documents)}
        appended = enumerate((data for _, data in lowered.appended), len(documents))
        return lowered, documents | dict(lowered.changed) | dict(appended)

    def relifted(self, plan: Plan, workflows: tuple[Workflow, ...]) -> tuple[Workflow, ...]:
        """What a plan of one file holds once these workflows were lowered and lifted again."""
        new = Plan(bundle=plan.bundle, originals=plan.originals, workflows=workflows)
        lowered, written = lower_and_write(self, new)
        for error in lowered.refused.values():
            raise error
        text = written.texts.get(0, plan.bundle.files[0].text)
        return lift_source(self, read(text, plan.bundle.files[0].name)).workflows


class AirflowSubject(Subject):
    """DAGs are changed in place: what was lifted from them is lifted again, and they are put back."""

    @property
    def root(self) -> Path:
        return airflow_root()

    def files(self) -> list[Path]:
        return [*own_files("airflow"), *dag_files()]

    def read(self, path: Path) -> SourceFile:
        return read_dag_file(path)

    def edited(self, workflow: Workflow) -> Workflow:
        """The workflow with a time limit for every step: names are the owner's."""
        (graph,) = workflow.graphs
        limited = {(graph.name, step.name): replace(step, timeout=Literal(value=90)) for step in graph.steps}
        return replace_steps(workflow, limited)

    def lowered(self, plan: Plan) -> tuple[Lowered, dict[int, Any]]:
        assert isinstance(plan.bundle, DagBundle)
        done = commit(plan)
        try:
            return done.lowered, {number: snapshot(live.dag) for number, live in enumerate(plan.bundle.live)}
        finally:
            done.undo()

    def relifted(self, plan: Plan, workflows: tuple[Workflow, ...]) -> tuple[Workflow, ...]:
        assert isinstance(plan.bundle, DagBundle)
        done = commit(Plan(bundle=plan.bundle, originals=plan.originals, workflows=workflows))
        try:
            for error in done.lowered.refused.values():
                raise error
            return tuple(lift_dag(live.dag, number) for number, live in enumerate(plan.bundle.live))
        finally:
            done.undo()


class KfpSubject(Subject):
    """A pipeline may have a platform document behind it."""

    def files(self) -> list[Path]:
        return [*super().files(), *sorted((ROOT / "tests/fixtures/kfp").glob("*.yaml"))]

    def origin(self, plan: Plan, workflow: Workflow) -> Any:
        data = super().origin(plan, workflow)
        assert workflow.source is not None
        follower = plan.bundle.documents[int(workflow.source[0]) + 1 :][:1]
        return [data, *(document.data for document in follower if "platforms" in document.data)]

    def grouped(self, added: Sequence[Any]) -> list[Any]:
        groups: list[Any] = []
        for document in added:
            if "platforms" in document:
                groups[-1].append(document)
            else:
                groups.append([document])
        return groups


ARGO = Subject(
    ArgoAdapter(),
    Options(),
    "corpus/argo",
    counts.counted,
    counts.normal,
    closure.consistent,
    closure.excused,
    closure.closed,
)
AIRFLOW = AirflowSubject(
    AirflowAdapter(),
    AirflowOptions(),
    ", ".join(FOLDERS),
    airflow_closure.counted,
    lambda document: document,
    airflow_closure.consistent,
    airflow_closure.excused,
    airflow_closure.closed,
    invented=airflow_closure.INVENTED,
    edits_inline=True,
    generates=False,
    marks=(pytest.mark.airflow,),
)
KFP = KfpSubject(
    KfpAdapter(),
    KfpOptions(),
    "corpus/kfp",
    kfp_counts.counted,
    kfp_counts.normal,
    kfp_closure.consistent,
    kfp_closure.excused,
    kfp_closure.closed,
    has_fields=kfp_counts.has_fields,
    tries=(8, 6),
    invented=kfp_closure.INVENTED,
    edits_inline=True,
)
TEKTON = Subject(
    TektonAdapter(),
    TektonOptions(api="alpha"),
    "corpus/tekton",
    tekton_counts.counted,
    tekton_counts.normal,
    tekton_closure.consistent,
    tekton_closure.excused,
    tekton_closure.closed,
    has_fields=tekton_counts.has_fields,
    tries=(8, 6),
    invented=tekton_closure.INVENTED,
    edits_inline=True,
)
SUBJECTS = (ARGO, AIRFLOW, KFP, TEKTON)
GENERATORS = tuple(subject for subject in SUBJECTS if subject.generates)
"""The adapters of engines whose workflows can be written down without an original."""


def each_subject(subjects: Sequence[Subject] = SUBJECTS) -> list[Any]:
    """A parameter for every adapter."""
    return [pytest.param(subject, id=subject.engine, marks=subject.marks) for subject in subjects]


def each_file(subjects: Sequence[Subject] = SUBJECTS) -> list[Any]:
    """Return a parameter for every corpus file of every adapter, (subject, path); most shared ones are `slow`."""
    parameters: list[Any] = []
    for subject in subjects:
        each = {
            path: pytest.param(subject, path, id=f"{subject.engine}:{subject.shown(path)}", marks=subject.marks)
            for path in subject.files()
        }
        foreign = [path for path in each if path.is_relative_to(subject.root)]
        parameters += sampled(each.pop(path) for path in foreign)
        parameters += each.values()
    return parameters


@cache
def lift_file(subject: Subject, path: Path) -> Plan:
    """The plan of a corpus file; nothing of it is refused."""
    return lift_source(subject, subject.read(path))


def lift_source(subject: Subject, *files: SourceFile) -> Plan:
    """The plan of files of which nothing is refused."""
    refused: list[Exception] = []
    plan = subject.adapter.lift(subject.adapter.load(files), lambda number, error: refused.append(error))
    assert refused == []
    return plan


def lower_and_write(subject: Subject, plan: Plan) -> tuple[Lowered, Written]:
    """What a plan is lowered to, and its text."""
    lowered = subject.adapter.lower(plan, subject.options)
    return lowered, subject.adapter.dump(lowered)


def regenerate(subject: Subject, workflows: Sequence[Workflow]) -> Iterator[tuple[Any, Workflow]]:
    """For each workflow (without an origin): the document made from it, and what that is lifted to."""
    bundle = subject.adapter.load(())
    plan = Plan(bundle=bundle, originals=(), workflows=tuple(workflows))
    lowered, written = lower_and_write(subject, plan)
    again = lift_source(subject, read(written.added, "generated"))
    grouped = subject.grouped(lowered.added)
    assert len(again.workflows) == len(grouped) == len(workflows)
    yield from zip(grouped, again.workflows, strict=True)
